# expect: failed test_preference_extremes exp-overflow
# based-on: solution
# preference_backward_kernel has the sigmoid with exp in both parts of the fraction: inf / inf.
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
    doubt = tl.exp(-d) / (1.0 + tl.exp(-d))
    dchosen = -tl.load(dloss_ptr) * beta * doubt / n_pairs
    tl.store(dchosen_ptr + pairs, dchosen, mask=inside)
    tl.store(drejected_ptr + pairs, -dchosen, mask=inside)
