# expect: failed test_softmax_long_any_length block-by-itself
# based-on: solution
# Each block of a long row is normalised by itself, as if it were a row.
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

    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(x_ptr + columns, mask=mask, other=-float("inf")).to(tl.float32)
        exponentials = tl.exp(x - tl.max(x, axis=0))
        tl.store(y_ptr + columns, exponentials / tl.sum(exponentials, axis=0), mask=mask)
