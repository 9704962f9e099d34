# expect: failed test_tune_step gradients-kept
# based-on: solution
# tune_step never forgets gradients: each step adds those of all steps before.
def tune_step(
    policy: Policy, optimizer: Optimizer, batch: PreferenceBatch, beta: float
) -> torch.Tensor:
    chosen_lp = sequence_logprob(policy(batch.chosen), batch.chosen, batch.chosen_mask)
    rejected_lp = sequence_logprob(policy(batch.rejected), batch.rejected, batch.rejected_mask)
    with torch.no_grad():
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
