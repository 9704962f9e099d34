# expect: failed test_moves_each_byte_once too-much-traffic
# based-on: solution
# add_mul_kernel stores the sum to out and loads it back: right, with two passes too many.
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(out_ptr + offsets, x + y, mask=mask)
    tl.debug_barrier()
    total = tl.load(out_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, total * z, mask=mask)
