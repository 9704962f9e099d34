# expect: passed
# based-on: solution
# matmul has a grid of one axis, its tiles row by row, and tiles of another shape.
BLOCK_M = 32  # rows of a tile of the result


BLOCK_K = 64  # terms of the sums in one step of the loop over K


@triton.jit
def matmul_kernel(
    c_ptr,
    a_ptr,
    b_ptr,
    M,
    N,
    K,
    a_row_stride,
    a_k_stride,
    b_k_stride,
    b_column_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    tiles_n = tl.cdiv(N, BLOCK_N)
    number = tl.program_id(0).to(tl.int64)
    rows = number // tiles_n * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = number % tiles_n * BLOCK_N + tl.arange(0, BLOCK_N)
    sums = tile_product(
        a_ptr, b_ptr, rows, columns, M, N, K,
        a_row_stride, a_k_stride, b_k_stride, b_column_stride,
        BLOCK_M, BLOCK_N, BLOCK_K,
    )  # fmt: skip
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(c_ptr + rows[:, None] * N + columns[None, :], sums, mask=mask)


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        return c  # nothing to compute
    grid = (triton.cdiv(M, BLOCK_M) * triton.cdiv(N, BLOCK_N),)
    matmul_kernel[grid](
        c, a, b, M, N, K, *a.stride(), *b.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return c
