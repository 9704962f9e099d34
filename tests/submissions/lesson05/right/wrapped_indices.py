# expect: passed
# based-on: solution
# Rows and columns wrap around for the loads, so that only k needs a mask; the store is masked.
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
    k = tl.arange(0, BLOCK_K).to(tl.int64)
    a_ptrs = a_ptr + (rows % M)[:, None] * a_row_stride + k[None, :] * a_k_stride
    b_ptrs = b_ptr + k[:, None] * b_k_stride + (columns % N)[None, :] * b_column_stride
    sums = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for start in range(0, K, BLOCK_K):
        in_k = k < K - start  # false only in the last step, and only where K is no multiple
        a = tl.load(a_ptrs, mask=in_k[None, :], other=0.0)
        b = tl.load(b_ptrs, mask=in_k[:, None], other=0.0)
        sums = tl.dot(a, b, sums)
        a_ptrs += tl.cast(a_k_stride, tl.int64) * BLOCK_K
        b_ptrs += tl.cast(b_k_stride, tl.int64) * BLOCK_K
    return sums
