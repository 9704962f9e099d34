# expect: failed test_logprob_any_vocabulary wrong-value|inaccurate cpu
# expect: failed test_logprob_any_vocabulary inaccurate gpu
# based-on: solution
# token_logprob_kernel keeps the sum as it is when a block brings a larger maximum.
BLOCK = 256  # logits of one row that a forward program holds at a time


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
        maximum = -2.0e38  # finite, so that -inf - maximum is no NaN
        total = 0.0  # of exp(x_j - maximum)
        for start in range(0, n_vocabulary, BLOCK):
            columns = start + tl.arange(0, BLOCK)  # [BLOCK]
            x = tl.load(logits_ptr + columns, mask=columns < n_vocabulary, other=-float("inf"))
            x = x.to(tl.float32)  # 2 bytes an element in bf16, the only large read
            larger = tl.maximum(maximum, tl.max(x, axis=0))
            exponentials = tl.exp2(x * LOG2_E - larger * LOG2_E)  # [BLOCK]
            total = total + tl.sum(exponentials, axis=0)
            maximum = larger
        lse = maximum + tl.log(total)
        x_token = tl.load(logits_ptr + tl.load(tokens_ptr + row)).to(tl.float32)
        tl.store(lse_ptr + row, lse)
        tl.store(logprob_ptr + row, x_token - lse)
    else:
        tl.store(logprob_ptr + row, 0.0)
