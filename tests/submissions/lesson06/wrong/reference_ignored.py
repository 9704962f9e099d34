# expect: failed test_preference_loss reference-ignored
# based-on: solution
# preference_loss_kernel compares the answers under the policy alone.
@triton.jit
def preference_loss_kernel(
    loss_ptr,
    chosen_reward_ptr,
    rejected_reward_ptr,
    chosen_ptr,
    rejected_ptr,
    ref_chosen_ptr,
    ref_rejected_ptr,
    beta,
    n_pairs,
    BLOCK: tl.constexpr,
):
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_pairs, BLOCK):
        pairs = start + tl.arange(0, BLOCK)  # [BLOCK]
        inside = pairs < n_pairs
        chosen = tl.load(chosen_ptr + pairs, mask=inside, other=0.0)
        rejected = tl.load(rejected_ptr + pairs, mask=inside, other=0.0)
        ref_chosen = tl.load(ref_chosen_ptr + pairs, mask=inside, other=0.0)
        ref_rejected = tl.load(ref_rejected_ptr + pairs, mask=inside, other=0.0)
        tl.store(chosen_reward_ptr + pairs, beta * (chosen - ref_chosen), mask=inside)
        tl.store(rejected_reward_ptr + pairs, beta * (rejected - ref_rejected), mask=inside)
        d = beta * (chosen - rejected)
        total += tl.where(inside, softplus(-d), 0.0)
    tl.store(loss_ptr, tl.sum(total, axis=0) / n_pairs)
