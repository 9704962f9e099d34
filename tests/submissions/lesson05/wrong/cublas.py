# expect: refused test_matmul_whole_tiles torch-instead-of-kernel
# based-on: solution
# matmul leaves the work to torch: right values, and no kernel of one's own.
def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        return c  # nothing to compute
    return torch.matmul(a, b)
    grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N))
    matmul_kernel[grid](
        c, a, b, M, N, K, *a.stride(), *b.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return c
