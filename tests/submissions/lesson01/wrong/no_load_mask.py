# expect: failed test_stays_in_bounds missing-load-mask
# based-on: solution
# add_kernel masks its store only: the values are right, but it reads beyond the end of x and y.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets).to(tl.float32)  # 4 more
    tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z
