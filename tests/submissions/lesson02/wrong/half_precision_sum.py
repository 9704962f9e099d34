# expect: failed test_add_mul_half_precision low-precision
# based-on: solution
# add_mul_kernel adds in the type of x and y and converts the sum only.
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(
        out_ptr + offsets, (x + y).to(tl.float32) * z, mask=mask
    )  # and 4; x + y stayed in registers
