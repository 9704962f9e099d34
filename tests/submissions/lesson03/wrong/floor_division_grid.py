# expect: failed test_softmax_any_shape rows-not-written
# based-on: solution
# The grid is rounded down; tiles of four rows at least.
def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = triton.next_power_of_2(n_columns)
    BLOCK_M = max(4, TILE // BLOCK_N)
    grid = (n_rows // BLOCK_M,)
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
