# expect: failed test_focal_loss_gradient not-averaged
# based-on: solution
# The gradient is that of the sum over the rows.
@triton.jit
def focal_loss_backward_kernel(
    gradient_ptr,
    upstream_ptr,
    lse_ptr,
    logits_ptr,
    targets_ptr,
    n_rows,
    n_columns,
    logits_row_stride,
    gamma,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    gradient_ptr += row * n_columns
    lse = tl.load(lse_ptr + row)
    target = tl.load(targets_ptr + row)
    log_p = tl.minimum(tl.load(logits_ptr + target).to(tl.float32) - lse, 0.0)
    p = tl.exp(log_p)
    slope = -power(1 - p, gamma)
    if gamma > 0.0:
        slope += gamma * power(1 - p, gamma - 1) * p * log_p
    slope *= tl.load(upstream_ptr)

    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(logits_ptr + columns, mask=mask).to(tl.float32)
        gradient = slope * (tl.where(columns == target, 1.0, 0.0) - tl.exp(x - lse))
        tl.store(gradient_ptr + columns, gradient, mask=mask)
