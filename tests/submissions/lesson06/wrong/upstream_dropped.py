# expect: failed test_logprob_gradient upstream-dropped
# based-on: solution
# logprob_backward_kernel leaves out the gradient from above: right only where that is 1.
@triton.jit
def logprob_backward_kernel(
    dlogits_ptr,
    dout_ptr,
    lse_ptr,
    logits_ptr,
    tokens_ptr,
    mask_ptr,
    n_positions,
    n_vocabulary,
    sequence_stride,
    position_stride,
    BLOCK: tl.constexpr,
):
    n_blocks = tl.cdiv(n_vocabulary, BLOCK)
    row = (tl.program_id(0) // n_blocks).to(tl.int64)
    sequence, position = row // n_positions, row % n_positions
    columns = tl.program_id(0) % n_blocks * BLOCK + tl.arange(0, BLOCK)  # [BLOCK]
    inside = columns < n_vocabulary

    dx = tl.zeros([BLOCK], tl.float32)
    if tl.load(mask_ptr + row):
        logits_ptr += sequence * sequence_stride + position * position_stride
        x = tl.load(logits_ptr + columns, mask=inside, other=-float("inf")).to(tl.float32)
        p = tl.exp(x - tl.load(lse_ptr + row))  # 0 behind the end of the row
        hit = columns == tl.load(tokens_ptr + row)
        dx = tl.where(hit, 1.0, 0.0) - p
    tl.store(dlogits_ptr + row * n_vocabulary + columns, dx, mask=inside)
