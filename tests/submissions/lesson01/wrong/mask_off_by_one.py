# expect: failed test_saxpy_any_length wrong-mask
# based-on: solution
# The mask of saxpy_kernel is offsets <= n: one element too many.
@triton.jit
def saxpy_kernel(z_ptr, a, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets <= n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(z_ptr + offsets, a * x + y, mask=mask)  # rounded once, to the type of z
