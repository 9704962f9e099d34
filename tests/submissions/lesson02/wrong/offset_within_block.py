# expect: failed test_dropout_mask mask-repeats
# based-on: solution
# tl.rand gets offsets that start at 0 in each block: all blocks have the same mask.
# A new seed in every step of a training loop must not compile a new kernel.
@triton.jit(do_not_specialize=["seed"])
def dropout_kernel(y_ptr, x_ptr, p, scale, seed, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    keep = tl.rand(seed, tl.arange(0, BLOCK)) >= p  # [BLOCK], from arithmetic alone
    # A choice and not a product: 0 * inf would be NaN.
    tl.store(y_ptr + offsets, tl.where(keep, scale * x, 0.0), mask=mask)  # 4 more
