# expect: passed
# based-on: solution
# Tiles on a grid of two axes, the columns on the first, the rows on the second; a grid of
# many rows is split, since the second axis ends at 65535.
@triton.jit
def bias_gelu_residual_kernel(
    out_ptr,
    x_ptr,
    bias_ptr,
    residual_ptr,
    n_rows,
    n_columns,
    x_row_stride,
    residual_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    left = tl.program_id(0)
    above = tl.program_id(1) + tl.program_id(2) * tl.num_programs(1)
    rows = above.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = left * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    bias = tl.load(bias_ptr + columns, mask=columns < n_columns).to(tl.float32)  # [BLOCK_N]
    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)  # 2 bytes an element in bf16
    residual_offsets = rows[:, None] * residual_row_stride + columns[None, :]
    residual = tl.load(residual_ptr + residual_offsets, mask=mask).to(tl.float32)  # 2 more

    out = gelu_tanh(x + bias[None, :]) + residual  # all of it in registers
    out_offsets = rows[:, None] * n_columns + columns[None, :]
    tl.store(out_ptr + out_offsets, out, mask=mask)  # and 2


def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = torch.empty((n_rows, n_columns), dtype=x.dtype, device=x.device)
    if out.numel() == 0:
        return out
    down = triton.cdiv(n_rows, BLOCK_M)
    grid = (triton.cdiv(n_columns, BLOCK_N), min(down, 32768), triton.cdiv(down, 32768))
    bias_gelu_residual_kernel[grid](
        out,
        x,
        bias,
        residual,
        n_rows,
        n_columns,
        x.stride(0),
        residual.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=8,
    )
    return out
