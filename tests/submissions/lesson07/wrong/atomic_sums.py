# expect: failed test_layer_norm_gradients not-deterministic gpu
# based-on: solution
# dw and db are added up with atomics, in another order in each run; a CPU has one order only.
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
        dx = rstd * (w_dy - mean_w_dy - x_hat * mean_w_dy_x_hat)
        tl.store(dx_ptr + offsets, dx, mask=mask)
        dw += dy * x_hat
        db += dy
    tl.atomic_add(dw_partial_ptr + columns, dw, mask=mask)
    tl.atomic_add(db_partial_ptr + columns, db, mask=mask)


class LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        n_columns = x.shape[-1]
        n_rows = x.numel() // n_columns
        y = torch.empty_like(x)
        mean = torch.empty(n_rows, dtype=torch.float32, device=x.device)
        rstd = torch.empty_like(mean)
        if n_rows:
            block = triton.next_power_of_2(n_columns)
            layer_norm_kernel[(n_rows,)](
                y,
                mean,
                rstd,
                x,
                weight,
                bias,
                n_columns,
                eps,
                BLOCK=block,
                num_warps=norm_warps(block),
            )
        ctx.save_for_backward(x, weight, mean, rstd)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[Any, ...]:
        x, weight, mean, rstd = ctx.saved_tensors
        n_rows, n_columns = mean.numel(), weight.numel()
        dx = torch.empty_like(x)
        if not n_rows:
            return dx, torch.zeros_like(weight), torch.zeros_like(weight), None
        dw, db = torch.empty_like(weight), torch.empty_like(weight)
        block = triton.next_power_of_2(n_columns)
        n_programs = min(n_rows, norm_programs(block, x.device))
        dw_partial = torch.zeros((1, n_columns), dtype=torch.float32, device=x.device)
        db_partial = torch.zeros_like(dw_partial)
        layer_norm_backward_kernel[(n_programs,)](
            dx,
            dw_partial,
            db_partial,
            dy.contiguous(),
            x,
            weight,
            mean,
            rstd,
            n_rows,
            n_columns,
            BLOCK=block,
            STAGES=norm_stages(block * x.element_size()),
            num_warps=norm_warps(block),
        )
        column_sums_kernel[(triton.cdiv(n_columns, COLUMN_BLOCK),)](
            dw,
            db,
            dw_partial,
            db_partial,
            1,
            n_columns,
            PARTIAL_BLOCK=PARTIAL_BLOCK,
            COLUMN_BLOCK=COLUMN_BLOCK,
        )
        return dx, dw, db, None
