# expect: failed test_cross_entropy_reads_logits_twice too-much-traffic
# based-on: solution
# The gradient is read and written once more, though the upstream gradient is 1.
@triton.jit
def scale_kernel(gradient_ptr, factor_ptr, n_columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    gradient_ptr += row * n_columns
    factor = tl.load(factor_ptr)
    if True:
        for start in range(0, n_columns, BLOCK):
            columns = start + tl.arange(0, BLOCK)
            mask = columns < n_columns
            gradient = tl.load(gradient_ptr + columns, mask=mask).to(tl.float32)
            tl.store(gradient_ptr + columns, gradient * factor, mask=mask)
