# expect: passed
# based-on: solution
# softmax_long_kernel keeps a maximum and a sum in each lane and joins them after the walk;
# both walks go forwards, in blocks of 4096.
LONG_BLOCK = 4096  # elements of a long row that are worked on at a time


@triton.jit
def softmax_long_kernel(
    y_ptr,
    x_ptr,
    n_columns,
    y_row_stride,
    x_row_stride,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * x_row_stride
    y_ptr += row * y_row_stride

    lane_max = tl.full([BLOCK], LOWEST, tl.float32)
    lane_sum = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        x = tl.load(x_ptr + columns, mask=columns < n_columns, other=-float("inf")).to(tl.float32)
        new_max = tl.where(x > lane_max, x, lane_max)
        lane_sum = lane_sum * tl.exp(lane_max - new_max) + tl.exp(x - new_max)
        lane_max = new_max
    row_max = tl.max(lane_max, axis=0)
    row_sum = tl.sum(lane_sum * tl.exp(lane_max - row_max), axis=0)

    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(x_ptr + columns, mask=mask).to(tl.float32)  # 4 again
        tl.store(y_ptr + columns, tl.exp(x - row_max) / row_sum, mask=mask)  # and 4
