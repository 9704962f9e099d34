# expect: failed test_tune_step reference-differentiated
# based-on: solution
# tune_step runs the reference with gradients recorded: right, but its logits are kept for nothing.
def tune_step(
    policy: Policy, optimizer: Optimizer, batch: PreferenceBatch, beta: float
) -> torch.Tensor:
    optimizer.zero_grad()
    chosen_lp = sequence_logprob(policy(batch.chosen), batch.chosen, batch.chosen_mask)
    rejected_lp = sequence_logprob(policy(batch.rejected), batch.rejected, batch.rejected_mask)
    with torch.enable_grad():
        ref_chosen_lp = sequence_logprob(
            policy.reference(batch.chosen), batch.chosen, batch.chosen_mask
        )
        ref_rejected_lp = sequence_logprob(
            policy.reference(batch.rejected), batch.rejected, batch.rejected_mask
        )
    loss, _, _ = preference_loss(chosen_lp, rejected_lp, ref_chosen_lp, ref_rejected_lp, beta)
    loss.backward()
    optimizer.step()
    return loss.detach()
