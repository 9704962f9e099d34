# expect: failed test_add_any_length missing-program-offset
# based-on: solution
# Every program of add_kernel works on the first block: the program id is not used.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z
