# expect: failed test_add_rows_any_shape columns-not-written
# based-on: solution
# add_rows_kernel takes rows from axis 1 of the grid and columns from axis 0.
@triton.jit
def add_rows_kernel(
    z_ptr,
    x_ptr,
    row_ptr,
    n_rows,
    n_columns,
    z_row_stride,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    rows = tl.program_id(1).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    row = tl.load(row_ptr + columns, mask=columns < n_columns).to(tl.float32)  # [BLOCK_N]

    z_offsets = rows[:, None] * z_row_stride + columns[None, :]
    tl.store(z_ptr + z_offsets, x + row[None, :], mask=mask)  # 4 bytes an element in fp32
