# expect: failed test_linear_precision wrong-value
# based-on: solution
# sums_of_one_row and sums_of_rows add in the type of x.
@triton.jit
def sums_of_rows(
    x_ptr,
    w_ptr,
    n,
    M,
    N,
    K,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    m = tl.arange(0, BLOCK_M)
    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=x_ptr.dtype.element_ty)
    for first_k in range(0, K, BLOCK_K):
        k = first_k + tl.arange(0, BLOCK_K)
        x_mask = (m[:, None] < M) & (k[None, :] < K)
        x = tl.load(x_ptr + m[:, None] * x_row_stride + k[None, :], mask=x_mask, other=0.0)
        w_mask = (n[:, None] < N) & (k[None, :] < K)
        w = tl.load(w_ptr + n[:, None] * K + k[None, :], mask=w_mask, other=0)
        sums = tl.dot(x, int_to_fp32(w).to(x.dtype).T).to(x.dtype) + sums
    return sums
