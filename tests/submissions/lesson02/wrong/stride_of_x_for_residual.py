# expect: failed test_bias_gelu_residual_any_stride wrong-row-stride cpu
# expect: crashed test_bias_gelu_residual_any_stride illegal-memory-access gpu
# based-on: solution
# The residual is loaded with the row stride of x.
@triton.jit
def bias_gelu_residual_kernel(
    out_ptr,
    x_ptr,
    bias_ptr,
    residual_ptr,
    n_rows,
    n_columns,
    x_row_stride,
    residual_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    tile = tl.program_id(0)
    tiles_across = tl.cdiv(n_columns, BLOCK_N)
    above, left = tile // tiles_across, tile % tiles_across
    rows = above.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = left * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    bias = tl.load(bias_ptr + columns, mask=columns < n_columns).to(tl.float32)  # [BLOCK_N]
    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)  # 2 bytes an element in bf16
    residual_offsets = rows[:, None] * x_row_stride + columns[None, :]
    residual = tl.load(residual_ptr + residual_offsets, mask=mask).to(tl.float32)  # 2 more

    out = gelu_tanh(x + bias[None, :]) + residual  # all of it in registers
    out_offsets = rows[:, None] * n_columns + columns[None, :]
    tl.store(out_ptr + out_offsets, out, mask=mask)  # and 2
