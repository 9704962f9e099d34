# expect: failed test_softmax_any_shape columns-not-written
# based-on: solution
# BLOCK_N is the power of two below the length of a row, not above it.
def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = 1 << (n_columns.bit_length() - 1)
    BLOCK_M = max(1, TILE // BLOCK_N)
    grid = (triton.cdiv(n_rows, BLOCK_M),)
    softmax_kernel[grid](
        y,
        x,
        n_rows,
        n_columns,
        y.stride(0),
        x.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=num_warps(BLOCK_M * BLOCK_N * x.element_size()),
    )
