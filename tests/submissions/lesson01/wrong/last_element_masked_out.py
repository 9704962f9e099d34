# expect: failed test_add_any_length tail-not-written
# based-on: solution
# The mask of add_kernel is offsets < n - 1: the last element is never written.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n - 1
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z
