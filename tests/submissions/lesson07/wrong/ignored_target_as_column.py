# expect: failed test_cross_entropy_ignored_rows missing-load-mask cpu
# based-on: solution
# The logit of the target is loaded before anybody asks whether the target is a column.
@triton.jit
def cross_entropy_kernel(
    loss_ptr,
    gradient_ptr,
    logits_ptr,
    targets_ptr,
    count_ptr,
    n_columns,
    logits_row_stride,
    ignore_index,
    label_smoothing,
    z_loss,
    SMOOTHING: tl.constexpr,
    GRADIENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    if GRADIENT:
        gradient_ptr += row * n_columns
    target = tl.load(targets_ptr + row)
    n_counted = tl.maximum(tl.load(count_ptr), 1).to(tl.float32)

    x_target = tl.load(logits_ptr + target).to(tl.float32)
    if target == ignore_index:
        tl.store(loss_ptr + row, 0.0)
        if GRADIENT:
            for start in range(0, n_columns, BLOCK):
                columns = start + tl.arange(0, BLOCK)
                zeros = tl.zeros([BLOCK], tl.float32)
                tl.store(gradient_ptr + columns, zeros, mask=columns < n_columns)
        return

    lse, total = row_statistics(logits_ptr, n_columns, BLOCK)

    loss = lse - (1 - label_smoothing) * x_target
    if SMOOTHING:
        loss -= label_smoothing / n_columns * total
    loss += z_loss * lse * lse
    tl.store(loss_ptr + row, loss / n_counted)

    if GRADIENT:
        p_factor = (1 + 2 * z_loss * lse) / n_counted
        elsewhere = label_smoothing / n_columns / n_counted
        at_target = elsewhere + (1 - label_smoothing) / n_counted
        n_blocks = tl.cdiv(n_columns, BLOCK)
        for block in range(0, n_blocks):
            columns = (n_blocks - 1 - block) * BLOCK + tl.arange(0, BLOCK)  # from the end
            mask = columns < n_columns
            # Neither what is read now nor what is written is wanted again: out of the cache first.
            x = tl.load(logits_ptr + columns, mask=mask, eviction_policy="evict_first")
            p = tl.exp2(x.to(tl.float32) * LOG2_E - lse * LOG2_E)
            subtrahend = tl.where(columns == target, at_target, elsewhere)
            gradient = p_factor * p - subtrahend
            tl.store(gradient_ptr + columns, gradient, mask=mask, eviction_policy="evict_first")
