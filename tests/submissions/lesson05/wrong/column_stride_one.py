# expect: failed test_matmul_any_strides strides-ignored cpu
# expect: crashed test_matmul_any_strides illegal-memory-access gpu
# based-on: solution
# Neighbours along a row of b are taken for neighbours in memory: a transposed b comes out wrong.
@triton.jit
def tile_product(
    a_ptr,
    b_ptr,
    rows,
    columns,
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
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + rows[:, None] * a_row_stride + k[None, :] * a_k_stride
    b_ptrs = b_ptr + k[:, None] * b_k_stride + columns[None, :]
    sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, K, BLOCK_K):
        in_k = k < K - start  # false only in the last step, and only where K is no multiple
        a = tl.load(a_ptrs, mask=(rows[:, None] < M) & in_k[None, :], other=0.0)
        b = tl.load(b_ptrs, mask=in_k[:, None] & (columns[None, :] < N), other=0.0)
        sums = tl.dot(a, b, sums)
        a_ptrs += BLOCK_K * a_k_stride
        b_ptrs += BLOCK_K * b_k_stride
    return sums
