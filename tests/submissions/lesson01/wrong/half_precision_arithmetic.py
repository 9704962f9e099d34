# expect: failed test_saxpy_half_precision low-precision
# based-on: solution
# saxpy_kernel takes a as a compile-time number and computes in the type of x and y.
@triton.jit
def saxpy_kernel(z_ptr, a: tl.constexpr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(z_ptr + offsets, a * x + y, mask=mask)  # rounded once, to the type of z
