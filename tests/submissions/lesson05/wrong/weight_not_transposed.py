# expect: failed test_linear_gelu_any_size weight-not-transposed
# based-on: solution
# linear_gelu_kernel passes the strides of w in the order of its dimensions: w is not transposed.
@triton.jit
def linear_gelu_kernel(
    y_ptr,
    x_ptr,
    w_ptr,
    bias_ptr,
    M,
    N,
    K,
    x_row_stride,
    x_k_stride,
    w_row_stride,
    w_k_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(1).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)
    sums = tile_product(
        x_ptr, w_ptr, rows, columns, M, N, K,
        x_row_stride, x_k_stride, w_row_stride, w_k_stride,
        BLOCK_M, BLOCK_N, BLOCK_K,
    )  # fmt: skip
    bias = tl.load(bias_ptr + columns, mask=columns < N, other=0.0).to(tl.float32)
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(y_ptr + rows[:, None] * N + columns[None, :], gelu(sums + bias[None, :]), mask=mask)
