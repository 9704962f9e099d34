# expect: passed
# based-on: solution
# bias_gelu_residual with a stripe of columns a program, whose piece of the bias stays in
# registers while a loop walks down 32 rows.
BLOCK_M = 32  # rows of a matrix tile, all of which share one piece of the bias


BLOCK_N = 1024  # columns of a matrix tile; neighbours in memory, so the long side


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
    stripe, first = tl.program_id(0), tl.program_id(1).to(tl.int64) * BLOCK_M
    columns = stripe * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = columns < n_columns
    bias = tl.load(bias_ptr + columns, mask=mask).to(tl.float32)  # [BLOCK_N], for all rows
    for row in range(first, tl.minimum(first + BLOCK_M, n_rows)):
        x = tl.load(x_ptr + row * x_row_stride + columns, mask=mask).to(tl.float32)
        residual = tl.load(residual_ptr + row * residual_row_stride + columns, mask=mask)
        out = gelu_tanh(x + bias) + residual.to(tl.float32)
        tl.store(out_ptr + row * n_columns + columns, out, mask=mask)


def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = torch.empty((n_rows, n_columns), dtype=x.dtype, device=x.device)
    if out.numel() == 0:
        return out
    grid = (triton.cdiv(n_columns, BLOCK_N), triton.cdiv(n_rows, BLOCK_M))
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
