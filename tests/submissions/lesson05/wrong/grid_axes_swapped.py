# expect: failed test_matmul_whole_tiles rows-not-written
# based-on: solution
# matmul_kernel takes rows from axis 1 of the grid and columns from axis 0.
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
    rows = tl.program_id(1).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    sums = tile_product(
        a_ptr, b_ptr, rows, columns, M, N, K,
        a_row_stride, a_k_stride, b_k_stride, b_column_stride,
        BLOCK_M, BLOCK_N, BLOCK_K,
    )  # fmt: skip
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(c_ptr + rows[:, None] * N + columns[None, :], sums, mask=mask)
