# expect: failed test_softmax_long_any_length padding-counts
# based-on: solution
# The first walk loads lanes behind the end of the row as 0.
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

    row_max = LOWEST
    row_sum = 0.0
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        # 4 bytes an element in fp32
        x = tl.load(x_ptr + columns, mask=columns < n_columns, other=0.0).to(tl.float32)
        new_max = tl.maximum(row_max, tl.max(x, axis=0))
        row_sum = row_sum * tl.exp(row_max - new_max) + tl.sum(tl.exp(x - new_max), axis=0)
        row_max = new_max

    # Backwards, since the end of the row is what the cache still holds of it.
    last = (n_columns - 1) // BLOCK * BLOCK
    for behind in range(0, n_columns, BLOCK):
        columns = last - behind + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(x_ptr + columns, mask=mask).to(tl.float32)  # 4 again
        tl.store(y_ptr + columns, tl.exp(x - row_max) / row_sum, mask=mask)  # and 4
