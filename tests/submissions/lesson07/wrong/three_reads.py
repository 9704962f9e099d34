# expect: failed test_cross_entropy_reads_logits_twice too-much-traffic
# based-on: solution
# One pass for the largest logit, one for the sum, one for the gradient.
@triton.jit
def row_statistics(row_ptr, n_columns, BLOCK: tl.constexpr):
    largest = float("-inf")
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        x = tl.load(row_ptr + columns, mask=columns < n_columns, other=float("-inf"))
        largest = tl.maximum(largest, tl.max(x.to(tl.float32), axis=0))
    exp_sum = 0.0
    total = 0.0
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(row_ptr + columns, mask=mask, other=float("-inf")).to(tl.float32)
        exp_sum += tl.sum(tl.exp(x - largest), axis=0)
        total += tl.sum(tl.where(mask, x, 0.0), axis=0)
    lse = largest + tl.log(exp_sum)
    return lse, total
