# expect: failed test_matmul_any_size rows-not-written
# based-on: solution
# The grid of matmul is counted by floor division: partly filled tiles get no program.
def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        return c  # nothing to compute
    grid = (max(M // BLOCK_M, 1), max(N // BLOCK_N, 1))
    matmul_kernel[grid](
        c, a, b, M, N, K, *a.stride(), *b.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return c
