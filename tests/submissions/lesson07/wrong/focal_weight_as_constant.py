# expect: failed test_focal_loss_gradient log-term-missing
# based-on: solution
# (1 - p)^gamma is taken for a constant: the term with log p is missing.
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
    slope *= tl.load(upstream_ptr) / n_rows

    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)  # [BLOCK]
        mask = columns < n_columns
        x = tl.load(logits_ptr + columns, mask=mask).to(tl.float32)
        gradient = slope * (tl.where(columns == target, 1.0, 0.0) - tl.exp(x - lse))
        tl.store(gradient_ptr + columns, gradient, mask=mask)
