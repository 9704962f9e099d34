# expect: failed test_add_mul_any_length missing-store-mask
# based-on: solution
# The loads of add_mul_kernel are masked, the store is not: it writes beyond the end of out.
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(out_ptr + offsets, (x + y) * z)  # and 4; x + y stayed in registers
