# expect: failed test_bias_gelu_residual_any_shape rows-not-written
# based-on: solution
# The grid counts only tiles whose rows all exist, and at least one.
def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = torch.empty((n_rows, n_columns), dtype=x.dtype, device=x.device)
    if out.numel() == 0:
        return out
    grid = (max(1, n_rows // BLOCK_M) * triton.cdiv(n_columns, BLOCK_N),)
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
