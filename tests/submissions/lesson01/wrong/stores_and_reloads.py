# expect: failed test_moves_each_byte_once too-much-traffic
# based-on: solution
# saxpy_kernel stores a * x to z and loads it back to add y: right, with two passes too many.
@triton.jit
def saxpy_kernel(z_ptr, a, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(z_ptr + offsets, a * x, mask=mask)
    scaled = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(z_ptr + offsets, scaled + y, mask=mask)
