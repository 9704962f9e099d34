# expect: failed test_softmax_large_values max-of-tile
# based-on: solution
# The maximum is reduced along both axes: rows of a tile share it. Tiles of four long rows.
@triton.jit
def softmax_kernel(
    y_ptr,
    x_ptr,
    n_rows,
    n_columns,
    y_row_stride,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    # 4 bytes an element in fp32. exp(-inf) is 0, so lanes without an element add nothing.
    x = tl.load(x_ptr + x_offsets, mask=mask, other=-float("inf")).to(tl.float32)

    exponentials = tl.exp(x - tl.max(tl.max(x, axis=1), axis=0))
    y = exponentials / tl.sum(exponentials, axis=1)[:, None]

    y_offsets = rows[:, None] * y_row_stride + columns[None, :]
    tl.store(y_ptr + y_offsets, y, mask=mask)  # 4 more, and that is all


def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = triton.next_power_of_2(n_columns)
    BLOCK_M = max(4, TILE // BLOCK_N)
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
