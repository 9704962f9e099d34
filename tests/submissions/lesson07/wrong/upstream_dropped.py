# expect: failed test_cross_entropy_gradient upstream-dropped
# based-on: solution
# scale_kernel multiplies where the factor is 1, instead of where it is not.
@triton.jit
def scale_kernel(gradient_ptr, factor_ptr, n_columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    gradient_ptr += row * n_columns
    factor = tl.load(factor_ptr)
    if factor == 1.0:
        for start in range(0, n_columns, BLOCK):
            columns = start + tl.arange(0, BLOCK)
            mask = columns < n_columns
            gradient = tl.load(gradient_ptr + columns, mask=mask).to(tl.float32)
            tl.store(gradient_ptr + columns, gradient * factor, mask=mask)
