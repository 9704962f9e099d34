# expect: failed test_add_any_length operand-used-twice
# based-on: solution
# A copied line: add_kernel loads y from the pointer to x.
@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z
