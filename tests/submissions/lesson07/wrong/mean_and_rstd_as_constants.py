# expect: failed test_layer_norm_gradients means-missing
# based-on: solution
# dx = rstd * weight * dy, as if mean and rstd did not depend on x.
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
    for row in tl.range(program, n_rows, tl.num_programs(0), num_stages=STAGES):
        offsets = tl.cast(row, tl.int64) * n_columns + columns
        x = tl.load(x_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
        dy = tl.load(dy_ptr + offsets, mask=mask, other=0.0).to(tl.float32)
        rstd = tl.load(rstd_ptr + row)
        x_hat = (x - tl.load(mean_ptr + row)) * rstd
        w_dy = weight * dy  # 0 in masked lanes, and so is its product with x_hat
        mean_w_dy = tl.sum(w_dy, axis=0) / n_columns
        mean_w_dy_x_hat = tl.sum(w_dy * x_hat, axis=0) / n_columns
        dx = rstd * w_dy
        tl.store(dx_ptr + offsets, dx, mask=mask)
        dw += dy * x_hat
        db += dy
    tl.store(dw_partial_ptr + program * n_columns + columns, dw, mask=mask)
    tl.store(db_partial_ptr + program * n_columns + columns, db, mask=mask)
