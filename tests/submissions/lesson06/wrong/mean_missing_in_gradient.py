# expect: failed test_preference_gradient mean-ignored
# based-on: solution
# preference_backward_kernel forgets the 1 / B of the mean.
@triton.jit
def preference_backward_kernel(
    dchosen_ptr,
    drejected_ptr,
    dloss_ptr,
    chosen_ptr,
    rejected_ptr,
    ref_chosen_ptr,
    ref_rejected_ptr,
    beta,
    n_pairs,
    BLOCK: tl.constexpr,
):
    pairs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)  # [BLOCK]
    inside = pairs < n_pairs
    chosen = tl.load(chosen_ptr + pairs, mask=inside, other=0.0)
    rejected = tl.load(rejected_ptr + pairs, mask=inside, other=0.0)
    ref_chosen = tl.load(ref_chosen_ptr + pairs, mask=inside, other=0.0)
    ref_rejected = tl.load(ref_rejected_ptr + pairs, mask=inside, other=0.0)
    d = beta * ((chosen - rejected) - (ref_chosen - ref_rejected))
    doubt = 1.0 / (1.0 + tl.exp(d))  # sigmoid(-d): how far the pair is from being learnt
    dchosen = -tl.load(dloss_ptr) * beta * doubt
    tl.store(dchosen_ptr + pairs, dchosen, mask=inside)
    tl.store(drejected_ptr + pairs, -dchosen, mask=inside)
