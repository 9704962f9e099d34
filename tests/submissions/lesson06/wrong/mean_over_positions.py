# expect: failed test_logprob_any_vocabulary mean-instead-of-sum
# based-on: solution
# sequence_logprob returns the mean over the counted positions, as a loss of pretraining has it.
def sequence_logprob(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    check_sequences(logits, tokens, mask)
    if tokens.numel() == 0:
        return logits.new_zeros(tokens.shape[0], dtype=torch.float32)  # sums over nothing
    total = SequenceLogprob.apply(logits, tokens.contiguous(), mask.contiguous())
    return total / mask.sum(-1)
