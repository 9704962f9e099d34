# expect: passed cpu
# expect: passed test_add_mul_any_length gpu
# expect: passed test_add_mul_half_precision gpu
# expect: passed test_bias_gelu_residual_any_shape gpu
# expect: passed test_bias_gelu_residual_half_precision gpu
# expect: passed test_bias_gelu_residual_large_values gpu
# expect: passed test_bias_gelu_residual_any_stride gpu
# expect: passed test_dropout_mask gpu
# expect: passed test_dropout_limits gpu
# expect: passed test_dropout_backward gpu
# expect: passed test_moves_each_byte_once gpu
# expect: passed test_needs_no_temporary gpu
# expect: passed test_add_mul_speed gpu
# based-on: solution
# Block and tile sizes are left to the autotuner. What it does in Python before each launch may take as
# long as the kernel of bias_gelu_residual: how fast that is, varied from run to run.
@triton.autotune(
    [triton.Config({"BLOCK": block}, num_warps=block // 256) for block in (1024, 2048)], key=["n"]
)
@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(out_ptr + offsets, (x + y) * z, mask=mask)  # and 4; x + y stayed in registers


def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    check_alike(x, y, z)
    out = torch.empty_like(x)
    n = out.numel()
    if n == 0:
        return out  # nothing to compute
    add_mul_kernel[lambda sizes: (triton.cdiv(n, sizes["BLOCK"]),)](out, x, y, z, n)
    return out


@triton.autotune(
    [
        triton.Config({"BLOCK_M": 16, "BLOCK_N": 128}, num_warps=8),
        triton.Config({"BLOCK_M": 16, "BLOCK_N": 256}, num_warps=16),
    ],
    key=["n_rows", "n_columns"],
)
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
    tile = tl.program_id(0)
    tiles_across = tl.cdiv(n_columns, BLOCK_N)
    above, left = tile // tiles_across, tile % tiles_across
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
    bias_gelu_residual_kernel[
        lambda sizes: (
            triton.cdiv(n_rows, sizes["BLOCK_M"]) * triton.cdiv(n_columns, sizes["BLOCK_N"]),
        )
    ](
        out,
        x,
        bias,
        residual,
        n_rows,
        n_columns,
        x.stride(0),
        residual.stride(0),
    )
    return out
