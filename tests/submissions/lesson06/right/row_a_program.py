# expect: passed
# based-on: solution
# The backward pass has a program for each row, which loops over it; chosen and rejected answers
# go through the policy as one batch.
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
    row = tl.program_id(0).to(tl.int64)
    sequence = row // n_positions
    x_ptr = logits_ptr + sequence * sequence_stride + row % n_positions * position_stride
    counted = tl.load(mask_ptr + row)
    token = tl.load(tokens_ptr + row)
    lse = tl.where(counted, tl.load(lse_ptr + row, mask=counted), 0.0)
    dout = tl.where(counted, tl.load(dout_ptr + sequence), 0.0)
    for start in range(0, n_vocabulary, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        inside = columns < n_vocabulary
        x = tl.load(x_ptr + columns, mask=inside & counted, other=-float("inf")).to(tl.float32)
        p = tl.exp(x - lse)
        dx = tl.where(columns == token, dout * (1.0 - p), -dout * p)
        tl.store(dlogits_ptr + row * n_vocabulary + columns, dx, mask=inside)


class SequenceLogprob(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        n_sequences, n_positions, n_vocabulary = logits.shape
        logprob = torch.empty(n_sequences, n_positions, dtype=torch.float32, device=logits.device)
        lse = torch.empty_like(logprob)
        out = torch.empty(n_sequences, dtype=torch.float32, device=logits.device)
        token_logprob_kernel[(n_sequences * n_positions,)](
            logprob,
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
        sum_positions_kernel[(n_sequences,)](out, logprob, n_positions, BLOCK=SEQUENCE_BLOCK)
        ctx.save_for_backward(logits, tokens, mask, lse)
        return out

    @staticmethod
    def backward(ctx: Any, dout: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        logits, tokens, mask, lse = ctx.saved_tensors
        n_sequences, n_positions, n_vocabulary = logits.shape
        dlogits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
        logprob_backward_kernel[(n_sequences * n_positions,)](
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


def tune_step(
    policy: Policy, optimizer: Optimizer, batch: PreferenceBatch, beta: float
) -> torch.Tensor:
    tokens = torch.cat([batch.chosen, batch.rejected])
    mask = torch.cat([batch.chosen_mask, batch.rejected_mask])
    optimizer.zero_grad()
    chosen_lp, rejected_lp = sequence_logprob(policy(tokens), tokens, mask).chunk(2)
    with torch.no_grad():
        ref_chosen_lp, ref_rejected_lp = sequence_logprob(
            policy.reference(tokens), tokens, mask
        ).chunk(2)
    loss, _, _ = preference_loss(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp, beta)
    loss.backward()
    optimizer.step()
    return loss.detach()
