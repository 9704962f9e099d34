# expect: failed test_matmul_whole_tiles wrong-dtype
# based-on: solution
# matmul returns fp32, the type of the sums, instead of the type of a.
def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=torch.float32, device=a.device)
    if c.numel() == 0:
        return c  # nothing to compute
    grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N))
    matmul_kernel[grid](
        c, a, b, M, N, K, *a.stride(), *b.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return c
