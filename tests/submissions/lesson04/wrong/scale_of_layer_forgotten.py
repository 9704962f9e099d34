# expect: failed test_linear_any_size scale-forgotten
# based-on: solution
# linear_w8a16_kernel stores the sums without their scales.
@triton.jit
def linear_w8a16_kernel(
    y_ptr,
    x_ptr,
    w_ptr,
    scale_ptr,
    M,
    N,
    K,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    n = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)  # outputs: rows of w
    if BLOCK_M == 1:  # known when the kernel is compiled: only one of the two is in it
        sums = sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N, BLOCK_K)
    else:
        sums = sums_of_rows(x_ptr, w_ptr, n, M, N, K, x_row_stride, BLOCK_M, BLOCK_N, BLOCK_K)

    scale = tl.load(scale_ptr + n, mask=n < N)
    m = tl.arange(0, BLOCK_M)
    mask = (m[:, None] < M) & (n[None, :] < N)
    tl.store(y_ptr + m[:, None] * N + n[None, :], sums, mask=mask)
