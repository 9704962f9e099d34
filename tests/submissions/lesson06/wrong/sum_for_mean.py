# expect: failed test_reward_model_loss sum-instead-of-mean
# based-on: solution
# reward_loss_kernel stores the sum over all pairs.
@triton.jit
def reward_loss_kernel(
    loss_ptr,
    chosen_ptr,
    rejected_ptr,
    margin_ptr,
    n_pairs,
    margin_stride,
    BLOCK: tl.constexpr,
):
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_pairs, BLOCK):
        pairs = start + tl.arange(0, BLOCK)  # [BLOCK]
        inside = pairs < n_pairs
        chosen = tl.load(chosen_ptr + pairs, mask=inside, other=0.0)
        rejected = tl.load(rejected_ptr + pairs, mask=inside, other=0.0)
        margin = tl.load(margin_ptr + pairs * margin_stride, mask=inside, other=0.0)
        total += tl.where(inside, softplus(-(chosen - rejected - margin)), 0.0)
    tl.store(loss_ptr, tl.sum(total, axis=0))
