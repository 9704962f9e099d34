# expect: failed test_logprob_any_vocabulary shifted-tokens
# based-on: solution
# sequence_logprob lets row t tell of token t + 1, as code that feeds a model's output straight in does.
def sequence_logprob(
    logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    check_sequences(logits, tokens, mask)
    if tokens.numel() == 0:
        return logits.new_zeros(tokens.shape[0], dtype=torch.float32)  # sums over nothing
    return SequenceLogprob.apply(
        logits[:, :-1], tokens[:, 1:].contiguous(), mask[:, 1:].contiguous()
    )
