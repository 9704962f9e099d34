# expect: passed cpu
# expect: passed test_softmax_any_shape gpu
# expect: passed test_softmax_large_values gpu
# expect: passed test_softmax_special_values gpu
# expect: passed test_softmax_half_precision gpu
# expect: passed test_softmax_any_stride gpu
# expect: passed test_softmax_long_any_length gpu
# expect: passed test_softmax_wide_speed gpu
# expect: passed test_softmax_bf16_speed gpu
# based-on: solution
# A fixed number of programs, each of which takes every so-many-th tile (slow on narrow rows);
# exp2 in place of exp.
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
    columns = tl.arange(0, BLOCK_N)[None, :]  # [1, BLOCK_N]
    for tile in range(tl.program_id(0), tl.cdiv(n_rows, BLOCK_M), tl.num_programs(0)):
        rows = tile.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]  # [BLOCK_M, 1]
        mask = (rows < n_rows) & (columns < n_columns)
        x = tl.load(x_ptr + rows * x_row_stride + columns, mask=mask, other=-float("inf"))
        x = x.to(tl.float32)
        powers = tl.exp2((x - tl.max(x, axis=1, keep_dims=True)) * 1.4426950408889634)
        y = powers * (1.0 / tl.sum(powers, axis=1, keep_dims=True))
        tl.store(y_ptr + rows * y_row_stride + columns, y, mask=mask)


def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = triton.next_power_of_2(n_columns)
    BLOCK_M = max(1, TILE // BLOCK_N)
    grid = (min(triton.cdiv(n_rows, BLOCK_M), 4096),)
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
