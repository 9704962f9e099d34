# expect: passed
# based-on: solution
# softmax_kernel with one row in each program, however short; blocks of one dimension.
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
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = columns < n_columns
    x = tl.load(x_ptr + row * x_row_stride + columns, mask=mask, other=-float("inf"))
    x = x.to(tl.float32)
    exponentials = tl.exp(x - tl.max(x, axis=0))
    y = exponentials / tl.sum(exponentials, axis=0)
    tl.store(y_ptr + row * y_row_stride + columns, y, mask=mask)


def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    n_rows, n_columns = x.shape
    BLOCK_N = triton.next_power_of_2(n_columns)
    BLOCK_M = 1
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
    )
