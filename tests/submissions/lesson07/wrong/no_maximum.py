# expect: failed test_cross_entropy_large_logits unexpected-nan
# based-on: solution
# exp(x) without subtracting the largest logit: it overflows.
@triton.jit
def row_statistics(row_ptr, n_columns, BLOCK: tl.constexpr):
    largest = float("-inf")
    exp_sum = 0.0
    total = 0.0
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        # 2 bytes an element in bf16; keep them in the L2 cache, somebody will want them again.
        x = tl.load(
            row_ptr + columns, mask=mask, other=float("-inf"), eviction_policy="evict_last"
        ).to(tl.float32)
        new_largest = tl.maximum(largest, tl.max(x, axis=0))
        shift = 0.0
        # exp2 of a fused multiply-add: exp would need one instruction more for each logit.
        exps = tl.exp2(x * LOG2_E - shift * LOG2_E)  # exp(x - shift), [BLOCK]
        exp_sum += tl.sum(exps, axis=0)
        total += tl.sum(tl.where(mask, x, 0.0), axis=0)
        largest = new_largest
    lse = tl.log(exp_sum)
    return lse, total
