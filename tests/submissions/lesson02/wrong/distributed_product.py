# expect: failed test_add_mul_any_length distributed
# based-on: solution
# add_mul_kernel multiplies out, x * z + y * z, which rounds once more.
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(out_ptr + offsets, x * z + y * z, mask=mask)  # and 4; x + y stayed in registers
