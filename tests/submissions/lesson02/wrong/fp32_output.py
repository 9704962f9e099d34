# expect: failed test_bias_gelu_residual_half_precision wrong-dtype
# based-on: solution
# bias_gelu_residual always returns fp32: right values in the wrong type.
def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = torch.empty((n_rows, n_columns), device=x.device)
    if out.numel() == 0:
        return out
    grid = (triton.cdiv(n_rows, BLOCK_M) * triton.cdiv(n_columns, BLOCK_N),)
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
