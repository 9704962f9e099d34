# expect: failed test_matmul_large_sums wrong-value
# based-on: solution
# matmul_w8a8_kernel adds in fp32, which holds integers up to 2^24 only.
@triton.jit
def matmul_w8a8_kernel(
    c_ptr,
    a_matrix,
    b_matrix,
    a_scale_ptr,
    b_scale_ptr,
    M,
    N,
    K,
    a_row_stride,
    b_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    DESCRIPTORS: tl.constexpr,
):
    tile_row, tile_column = tile_of_program(M, N, BLOCK_M, BLOCK_N, GROUP_M)
    first_row = tile_row * BLOCK_M  # of the tile of c, and of the rows of a that it needs
    first_column = tile_column * BLOCK_N  # of the tile of c, and the first row of b it needs

    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for first_k in range(0, K, BLOCK_K):
        a = load_tile(
            a_matrix, first_row, first_k, M, K, a_row_stride, BLOCK_M, BLOCK_K, DESCRIPTORS
        )
        b = load_tile(
            b_matrix, first_column, first_k, N, K, b_row_stride, BLOCK_N, BLOCK_K, DESCRIPTORS
        )
        # The matrix product of the two tiles on the tensor cores, added to the sums so far.
        sums = tl.dot(a.to(tl.float16), b.to(tl.float16).T, sums)

    rows = first_row.to(tl.int64) + tl.arange(0, BLOCK_M)
    columns = first_column + tl.arange(0, BLOCK_N)
    a_scale = tl.load(a_scale_ptr + rows, mask=rows < M)
    b_scale = tl.load(b_scale_ptr + columns, mask=columns < N)

    c = sums.to(tl.float32) * a_scale[:, None] * b_scale[None, :]
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(c_ptr + rows[:, None] * N + columns[None, :], c, mask=mask)
