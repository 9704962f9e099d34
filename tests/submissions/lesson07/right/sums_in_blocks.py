# expect: passed
# based-on: solution
# Sums are kept in blocks and added up at the end of a row; each program of layer_norm takes neighbouring rows; partial sums are added one by one.
@triton.jit
def row_statistics(row_ptr, n_columns, BLOCK: tl.constexpr):
    lanes = tl.arange(0, BLOCK)
    largest = float("-inf")
    exp_sums = tl.zeros([BLOCK], tl.float32)
    sums = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_columns, BLOCK):
        mask = start + lanes < n_columns
        x = tl.load(row_ptr + start + lanes, mask=mask, other=float("-inf")).to(tl.float32)
        new_largest = tl.maximum(largest, tl.max(x, axis=0))
        shift = tl.maximum(new_largest, -3e38)  # finite as long as only -inf was seen
        exp_sums = exp_sums * tl.exp(largest - shift) + tl.exp2((x - shift) * LOG2_E)
        sums += tl.where(mask, x, 0.0)
        largest = new_largest
    lse = largest + tl.log(tl.sum(exp_sums, axis=0))
    total = tl.sum(sums, axis=0)
    return lse, total


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
    rows_each = tl.cdiv(n_rows, tl.num_programs(0))
    first = program * rows_each
    for row in tl.range(first, min(first + rows_each, n_rows), num_stages=STAGES):
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


@triton.jit
def column_sums_kernel(
    dw_ptr,
    db_ptr,
    dw_partial_ptr,
    db_partial_ptr,
    n_partials,
    n_columns,
    PARTIAL_BLOCK: tl.constexpr,
    COLUMN_BLOCK: tl.constexpr,
):
    columns = tl.program_id(0) * COLUMN_BLOCK + tl.arange(0, COLUMN_BLOCK)  # [COLUMN_BLOCK]
    mask = columns < n_columns
    dw = tl.zeros([COLUMN_BLOCK], tl.float32)
    db = tl.zeros([COLUMN_BLOCK], tl.float32)
    for partial in range(0, n_partials):
        dw += tl.load(dw_partial_ptr + partial * n_columns + columns, mask=mask, other=0.0)
        db += tl.load(db_partial_ptr + partial * n_columns + columns, mask=mask, other=0.0)
    tl.store(dw_ptr + columns, dw, mask=mask)
    tl.store(db_ptr + columns, db, mask=mask)
