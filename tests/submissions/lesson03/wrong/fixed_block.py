# expect: failed test_softmax_any_shape columns-not-written
# based-on: solution
# A block of 1024 whatever the row, another published mistake: longer rows are cut off.
def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = 1024
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
