# expect: failed test_layer_norm_forward variance-cancelled
# based-on: solution
# The variance as mean(x^2) - mean^2, which cancels.
@triton.jit
def layer_norm_kernel(
    y_ptr,
    mean_ptr,
    rstd_ptr,
    x_ptr,
    weight_ptr,
    bias_ptr,
    n_columns,
    eps,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)  # [BLOCK]
    mask = columns < n_columns
    x = tl.load(x_ptr + row * n_columns + columns, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / n_columns
    centred = tl.where(mask, x - mean, 0.0)
    rstd = 1 / tl.sqrt(tl.sum(x * x, axis=0) / n_columns - mean * mean + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)

    weight = tl.load(weight_ptr + columns, mask=mask).to(tl.float32)
    bias = tl.load(bias_ptr + columns, mask=mask).to(tl.float32)
    tl.store(y_ptr + row * n_columns + columns, centred * rstd * weight + bias, mask=mask)
