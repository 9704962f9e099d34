# expect: failed test_dropout_mask mask-inverted
# based-on: solution
# dropout_kernel keeps a share of p and drops the rest.
# A new seed in every step of a training loop must not compile a new kernel.
@triton.jit(do_not_specialize=["seed"])
def dropout_kernel(y_ptr, x_ptr, p, scale, seed, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    keep = tl.rand(seed, offsets) < p  # [BLOCK], from arithmetic alone
    # A choice and not a product: 0 * inf would be NaN.
    tl.store(y_ptr + offsets, tl.where(keep, scale * x, 0.0), mask=mask)  # 4 more
