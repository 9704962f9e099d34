# expect: passed
# based-on: solution
# Masked positions return at once, others add to the result by an atomic; no second kernel is
# launched.
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

    if not tl.load(mask_ptr + row):
        return
    if True:
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
            total = total * tl.exp(maximum - larger) + tl.sum(exponentials, axis=0)
            maximum = larger
        lse = maximum + tl.log(total)
        x_token = tl.load(logits_ptr + tl.load(tokens_ptr + row)).to(tl.float32)
        tl.store(lse_ptr + row, lse)
        tl.atomic_add(logprob_ptr + sequence, x_token - lse)


class SequenceLogprob(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        n_sequences, n_positions, n_vocabulary = logits.shape
        lse = torch.empty(n_sequences, n_positions, dtype=torch.float32, device=logits.device)
        out = torch.zeros(n_sequences, dtype=torch.float32, device=logits.device)
        token_logprob_kernel[(n_sequences * n_positions,)](
            out,
            lse,
            logits,
            tokens,
            mask,
            n_positions,
            n_vocabulary,
            logits.stride(0),
            logits.stride(1),
            BLOCK=BLOCK,
            num_warps=WARPS,
        )
        ctx.save_for_backward(logits, tokens, mask, lse)
        return out

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        logits, tokens, mask, lse = ctx.saved_tensors
        n_sequences, n_positions, n_vocabulary = logits.shape
        dlogits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        n_blocks = triton.cdiv(n_vocabulary, BACKWARD_BLOCK)
        logprob_backward_kernel[(n_sequences * n_positions * n_blocks,)](
            dlogits,
            dout.contiguous(),  # all elements of an expanded gradient are one
            lse,
            logits,
            tokens,
            mask,
            n_positions,
            n_vocabulary,
            logits.stride(0),
            logits.stride(1),
            BLOCK=BACKWARD_BLOCK,
            num_warps=BACKWARD_WARPS,
        )
        return dlogits, None, None
