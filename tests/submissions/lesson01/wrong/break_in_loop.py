# expect: failed test_add_any_length does-not-compile
# based-on: solution
# Leaves a loop with break: the interpreter can do that, the compiler cannot.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    for part in range(0, BLOCK, 256):
        offsets = start + part + tl.arange(0, 256)
        if start + part >= n:
            break
        mask = offsets < n
        x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
        y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
        tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z
