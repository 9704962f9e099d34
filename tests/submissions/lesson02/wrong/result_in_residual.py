# expect: failed test_bias_gelu_residual_any_shape output-aliases-input
# based-on: solution
# bias_gelu_residual writes into the residual, to save memory, and returns it.
def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = residual
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
