# expect: failed test_quantize_any_size magnitude-forgotten
# based-on: solution
# The scale comes from the largest element, not from the largest magnitude.
@triton.jit
def quantize_rowwise_kernel(q_ptr, scale_ptr, x_ptr, n_columns, x_row_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    x = tl.load(x_ptr + row * x_row_stride + columns, mask=mask, other=0.0).to(tl.float32)

    largest = tl.max(x, axis=0)
    scale = tl.where(largest == 0.0, 1.0, tl.div_rn(largest, 127.0))

    codes = round_half_to_even(divide_by_one_number(x, scale))
    codes = tl.minimum(tl.maximum(codes, -127.0), 127.0)
    tl.store(q_ptr + row * n_columns + columns, codes.to(tl.int8), mask=mask)
    tl.store(scale_ptr + row, scale)
