# expect: failed test_softmax_any_shape unexpected-nan cpu
# expect: failed test_softmax_any_shape padding-counts gpu
# based-on: solution
# The load names no other=, so lanes behind the end of a row hold anything.
@triton.jit
def softmax_kernel(
    y_ptr,
    x_ptr,
    n_rows,
    n_columns,
    y_row_stride,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    # 4 bytes an element in fp32. exp(-inf) is 0, so lanes without an element add nothing.
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)

    exponentials = tl.exp(x - tl.max(x, axis=1)[:, None])
    y = exponentials / tl.sum(exponentials, axis=1)[:, None]

    y_offsets = rows[:, None] * y_row_stride + columns[None, :]
    tl.store(y_ptr + y_offsets, y, mask=mask)  # 4 more, and that is all
