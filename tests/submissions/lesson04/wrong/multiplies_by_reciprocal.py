# expect: failed test_quantize_ties multiplied-by-reciprocal cpu
# expect: failed test_quantize_ties wrong-value gpu
# based-on: solution
# quantize_rowwise_kernel multiplies by 127 / largest instead of dividing by the scale.
@triton.jit
def quantize_rowwise_kernel(q_ptr, scale_ptr, x_ptr, n_columns, x_row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    x = tl.load(x_ptr + row * x_row_stride + columns, mask=mask, other=0.0).to(tl.float32)

    largest = tl.max(tl.abs(x), axis=0)
    scale = tl.where(largest == 0.0, 1.0, tl.div_rn(largest, 127.0))

    factor = tl.where(largest == 0.0, 0.0, tl.div_rn(127.0, largest))
    codes = round_half_to_even(x * factor)
    codes = tl.minimum(tl.maximum(codes, -127.0), 127.0)
    tl.store(q_ptr + row * n_columns + columns, codes.to(tl.int8), mask=mask)
    tl.store(scale_ptr + row, scale)
