# expect: passed
# based-on: solution
# Each lane keeps a maximum and a sum of its own; they are brought together at the end of a row.
BLOCK = 2048  # logits of one row that a forward program holds at a time


@triton.jit
def token_logprob_kernel(
    logprob_ptr,
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
    row = tl.program_id(0).to(tl.int64)
    sequence, position = row // n_positions, row % n_positions
    logits_ptr += sequence * sequence_stride + position * position_stride

    if tl.load(mask_ptr + row):
        # The GPU computes exp2. The factor of exp is folded into the subtraction, one operation
        # for both: the arithmetic is then hidden behind the loads.
        maxima = tl.full([BLOCK], -2.0e38, tl.float32)
        totals = tl.zeros([BLOCK], tl.float32)
        for start in range(0, n_vocabulary, BLOCK):
            columns = start + tl.arange(0, BLOCK)  # [BLOCK]
            x = tl.load(logits_ptr + columns, mask=columns < n_vocabulary, other=-float("inf"))
            x = x.to(tl.float32)  # 2 bytes an element in bf16, the only large read
            difference = x - maxima
            smaller = tl.exp(-tl.abs(difference))  # of the two exponentials one is 1
            totals = tl.where(difference > 0, totals * smaller + 1.0, totals + smaller)
            maxima = tl.maximum(maxima, x)
        maximum = tl.max(maxima, axis=0)
        lse = maximum + tl.log(tl.sum(totals * tl.exp(maxima - maximum), axis=0))
        x_token = tl.load(logits_ptr + tl.load(tokens_ptr + row)).to(tl.float32)
        tl.store(lse_ptr + row, lse)
        tl.store(logprob_ptr + row, x_token - lse)
    else:
        tl.store(logprob_ptr + row, 0.0)
