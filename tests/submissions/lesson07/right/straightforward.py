# expect: passed
# based-on: solution
# No cache hints, both passes from the front, plain exp, no rows ahead of time in layer_norm.
@triton.jit
def row_statistics(row_ptr, n_columns, BLOCK: tl.constexpr):
    largest = float("-inf")
    exp_sum = 0.0
    total = 0.0
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(row_ptr + columns, mask=mask, other=float("-inf")).to(tl.float32)
        new_largest = tl.maximum(largest, tl.max(x, axis=0))
        shift = tl.where(new_largest == float("-inf"), 0.0, new_largest)
        exps = tl.exp(x - shift)
        exp_sum = exp_sum * tl.exp(largest - shift) + tl.sum(exps, axis=0)
        total += tl.sum(tl.where(mask, x, 0.0), axis=0)
        largest = new_largest
    lse = largest + tl.log(exp_sum)
    return lse, total


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

    if target == ignore_index:
        tl.store(loss_ptr + row, 0.0)
        if GRADIENT:
            for start in range(0, n_columns, BLOCK):
                columns = start + tl.arange(0, BLOCK)
                zeros = tl.zeros([BLOCK], tl.float32)
                tl.store(gradient_ptr + columns, zeros, mask=columns < n_columns)
        return

    lse, total = row_statistics(logits_ptr, n_columns, BLOCK)

    loss = lse - (1 - label_smoothing) * tl.load(logits_ptr + target).to(tl.float32)
    if SMOOTHING:
        loss -= label_smoothing / n_columns * total
    loss += z_loss * lse * lse
    tl.store(loss_ptr + row, loss / n_counted)

    if GRADIENT:
        p_factor = (1 + 2 * z_loss * lse) / n_counted
        elsewhere = label_smoothing / n_columns / n_counted
        at_target = elsewhere + (1 - label_smoothing) / n_counted
        for start in range(0, n_columns, BLOCK):
            columns = start + tl.arange(0, BLOCK)
            mask = columns < n_columns
            x = tl.load(logits_ptr + columns, mask=mask).to(tl.float32)
            p = tl.exp(x - lse)
            subtrahend = tl.where(columns == target, at_target, elsewhere)
            gradient = p_factor * p - subtrahend
            tl.store(gradient_ptr + columns, gradient, mask=mask)


@triton.jit
def layer_norm_backward_kernel(
    dx_ptr,
    dw_partial_ptr,
    db_partial_ptr,
    dy_ptr,
    x_ptr,
    weight_ptr,
    mean_ptr,
    rstd_ptr,
    n_rows,
    n_columns,
    BLOCK: tl.constexpr,
    STAGES: tl.constexpr,
):
    program = tl.program_id(0)
    columns = tl.arange(0, BLOCK)  # [BLOCK]
    mask = columns < n_columns
    weight = tl.load(weight_ptr + columns, mask=mask, other=0.0).to(tl.float32)
    dw = tl.zeros([BLOCK], tl.float32)
    db = tl.zeros([BLOCK], tl.float32)
    for row in range(program, n_rows, tl.num_programs(0)):
        offsets = tl.cast(row, tl.int64) * n_columns + columns
        x = tl.load(x_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
        dy = tl.load(dy_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
        rstd = tl.load(rstd_ptr + row)
        x_hat = (x - tl.load(mean_ptr + row)) * rstd
        w_dy = weight * dy  # 0 in masked lanes, and so is its product with x_hat
        mean_w_dy = tl.sum(w_dy, axis=0) / n_columns
        mean_w_dy_x_hat = tl.sum(w_dy * x_hat, axis=0) / n_columns
        dx = rstd * (w_dy - mean_w_dy - x_hat * mean_w_dy_x_hat)
        tl.store(dx_ptr + offsets, dx, mask=mask)
        dw += dy * x_hat
        db += dy
    tl.store(dw_partial_ptr + program * n_columns + columns, dw, mask=mask)
    tl.store(db_partial_ptr + program * n_columns + columns, db, mask=mask)
