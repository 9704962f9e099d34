# expect: failed test_logprob_peak_memory too-much-memory gpu
# based-on: solution
# sequence_logprob converts all logits to fp32 first: right, and three times the memory.
def sequence_logprob(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    check_sequences(logits, tokens, mask)
    if tokens.numel() == 0:
        return logits.new_zeros(tokens.shape[0], dtype=torch.float32)  # sums over nothing
    return SequenceLogprob.apply(logits.float(), tokens.contiguous(), mask.contiguous())
