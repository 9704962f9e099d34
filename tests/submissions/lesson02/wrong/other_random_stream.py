# expect: failed test_dropout_mask another-mask
# based-on: solution
# dropout_kernel takes its numbers from tl.rand4x, four for each offset: another sequence.
# A new seed in every step of a training loop must not compile a new kernel.
@triton.jit(do_not_specialize=["seed"])
def dropout_kernel(y_ptr, x_ptr, p, scale, seed, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    _, second, _, _ = tl.rand4x(seed, offsets)
    keep = second >= p
    # A choice and not a product: 0 * inf would be NaN.
    tl.store(y_ptr + offsets, tl.where(keep, scale * x, 0.0), mask=mask)  # 4 more
