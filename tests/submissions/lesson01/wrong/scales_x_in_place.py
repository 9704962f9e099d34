# expect: failed test_saxpy_any_length input-modified
# based-on: solution
# saxpy_kernel keeps its intermediate result a * x in x.
@triton.jit
def saxpy_kernel(z_ptr, a, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(x_ptr + offsets, a * x, mask=mask)
    tl.store(z_ptr + offsets, a * x + y, mask=mask)  # rounded once, to the type of z
