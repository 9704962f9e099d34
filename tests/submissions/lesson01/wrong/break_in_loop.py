# expect: failed test_add_any_length does-not-compile
# Leaves a loop with break: the interpreter can do that, the compiler cannot.
"""Lesson 1: elementwise operations, from two vectors to a matrix of strided rows.

Three functions, in the order in which to solve them:

- ``add(x, y)`` gives ``x + y``. Write the kernel.
- ``saxpy(a, x, y)`` gives ``a * x + y``. Write the kernel and launch it.
- ``add_rows(x, row)`` adds one row to every row of a matrix. Write the kernel, this time with
  two-dimensional tiles and strides.

An addition in fp32 reads 8 bytes and writes 4; the GPU could do dozens of additions in the time
that those 12 bytes take. So all three are as fast as the memory lets them be, and no faster.

Tensors are fp32, fp16 or bf16. The arithmetic is done in fp32 and rounded once, on the way out.
"""

import torch
import triton
import triton.language as tl

BLOCK = 1024  # elements of a vector that one program works on
BLOCK_M = 4  # rows of a matrix tile
BLOCK_N = 256  # columns of a matrix tile; neighbours in memory, so the long side

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)


@triton.jit
def add_kernel(z_ptr, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    """Compute z[i] = x[i] + y[i] for i = 0 ... n - 1, BLOCK elements in each program.

    Args:
        z_ptr: Where z begins; written.
        x_ptr: Where x begins.
        y_ptr: Where y begins. All three are contiguous and of one floating-point type.
        n: Number of elements; any number, not only multiples of BLOCK.
        BLOCK: Elements that one program works on, a power of two.

    The grid is one-dimensional and just long enough to cover all n elements. Per element, two
    values are read and one is written: 12 bytes in fp32, 6 in fp16 and bf16.
    """
    # TODO 1: Which elements belong to this program? Programs are numbered along axis 0 of the
    #   grid, and program p takes the p-th run of BLOCK neighbours. Compute their indices,
    #   shape [BLOCK], in int64: a GPU can hold vectors of more than 2^31 elements.
    # TODO 2: The last run may reach past the end of the vectors. Compute a mask of shape [BLOCK]
    #   that is true exactly where there is an element.
    # TODO 3: Load these elements of x and of y, add them in fp32, store the sum to z. No lane may
    #   read or write where its mask is false.
    start = tl.program_id(0).to(tl.int64) * BLOCK
    for part in range(0, BLOCK, 256):
        offsets = start + part + tl.arange(0, 256)
        if start + part >= n:
            break
        mask = offsets < n
        x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
        y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
        tl.store(z_ptr + offsets, x + y, mask=mask)  # and 4; rounded to the type of z


def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Add two tensors element by element.

    Args:
        x: Any shape, contiguous; fp32, fp16 or bf16.
        y: Shape and type of x, contiguous.

    Returns:
        x + y: a new contiguous tensor with the shape and type of x. The sum of each pair is
        exact up to one rounding. NaN and infinities propagate.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_pair(x, y)
    z = torch.empty_like(x)
    n = z.numel()
    if n == 0:
        return z  # nothing to compute
    grid = (triton.cdiv(n, BLOCK),)
    add_kernel[grid](z, x, y, n, BLOCK=BLOCK)
    return z


@triton.jit
def saxpy_kernel(z_ptr, a, x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    """Compute z[i] = a * x[i] + y[i] for i = 0 ... n - 1, BLOCK elements in each program.

    Args:
        z_ptr: Where z begins; written.
        a: The factor, one fp32 number for all elements; passed by value, so never loaded.
        x_ptr: Where x begins.
        y_ptr: Where y begins. All three are contiguous and of one floating-point type.
        n: Number of elements; any number, not only multiples of BLOCK.
        BLOCK: Elements that one program works on, a power of two.

    Per element, two values are read and one is written, as in ``add_kernel``: the multiplication
    costs no time.
    """
    # TODO 4: Find this program's elements and their mask, as in add_kernel.
    # TODO 5: Compute a * x + y in fp32 whatever the type of x and y is, and store it. For fp16
    #   and bf16 there must be one rounding only, at the store.
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)
    tl.store(z_ptr + offsets, a * x + y, mask=mask)  # rounded once, to the type of z


def saxpy(a: float, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Scale one tensor and add another.

    The name is that of the BLAS routine: single-precision a times x plus y. That one overwrites
    y; this one leaves x and y as they are.

    Args:
        a: The factor, a Python float, used in fp32.
        x: Any shape, contiguous; fp32, fp16 or bf16.
        y: Shape and type of x, contiguous.

    Returns:
        a * x + y: a new contiguous tensor with the shape and type of x, computed in fp32. NaN
        and infinities propagate, also when a is 0.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_pair(x, y)
    z = torch.empty_like(x)
    if z.numel() == 0:
        return z
    # TODO 6: Choose the grid, a tuple of one number: how many programs of BLOCK elements does it
    #   take to cover all z.numel() of them? Then launch saxpy_kernel on that grid. Its arguments
    #   come in the order of its definition; a tensor stands for the pointer to its first element.
    n = z.numel()
    grid = (triton.cdiv(n, BLOCK),)
    saxpy_kernel[grid](z, a, x, y, n, BLOCK=BLOCK)
    return z


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
    """Compute z[i, j] = x[i, j] + row[j], a tile of BLOCK_M rows and BLOCK_N columns a program.

    Args:
        z_ptr: Where z [n_rows, n_columns] begins; written.
        x_ptr: Where x [n_rows, n_columns] begins.
        row_ptr: Where row [n_columns] begins.
        n_rows: Number of rows, at least 1.
        n_columns: Number of columns, at least 1.
        z_row_stride: Elements from the start of a row of z to the start of the next.
        x_row_stride: The same for x. It need not be n_columns: it is larger when x is a part
            of a wider matrix, and 0 when all rows of x are one and the same.
        BLOCK_M: Rows of a tile, a power of two.
        BLOCK_N: Columns of a tile, a power of two.

    Axis 0 of the grid counts tiles down the rows, axis 1 along the columns. Columns lie next to
    each other in memory in all three tensors. A tile in fp32 reads and writes 4 * BLOCK_M *
    BLOCK_N bytes each and reads 4 * BLOCK_N bytes of row, which serve all its rows.
    """
    # TODO 7: Which rows and which columns belong to this program? Compute the row indices, shape
    #   [BLOCK_M], and the column indices, shape [BLOCK_N]. A row index times a stride can pass
    #   2^31 even if both are small enough for int32, so let the row indices be int64.
    # TODO 8: Compute a mask of shape [BLOCK_M, BLOCK_N], true where both row and column exist.
    #   A column of shape [BLOCK_M, 1] and a row of shape [1, BLOCK_N] broadcast to that shape.
    # TODO 9: Load the tile of x: the address of x[i, j] follows from i, j and the row stride of x.
    # TODO 10: Load the BLOCK_N elements of row that belong to these columns, once for all rows of
    #   the tile. Their mask has their shape, [BLOCK_N].
    # TODO 11: Add in fp32 and store the tile to z, which has a row stride of its own.
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = tl.program_id(1).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    row = tl.load(row_ptr + columns, mask=columns < n_columns).to(tl.float32)  # [BLOCK_N]

    z_offsets = rows[:, None] * z_row_stride + columns[None, :]
    tl.store(z_ptr + z_offsets, x + row[None, :], mask=mask)  # 4 bytes an element in fp32


def add_rows(x: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
    """Add one row to every row of a matrix.

    Args:
        x: [n_rows, n_columns], fp32, fp16 or bf16. The elements of a row are neighbours in
            memory; the rows may lie at any distance from each other, 0 included.
        row: [n_columns], type of x, contiguous.

    Returns:
        x + row: a new contiguous tensor [n_rows, n_columns] of the type of x. Each sum is exact
        up to one rounding. NaN and infinities propagate.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, or the elements of a row are not neighbours.
    """
    check_matrix_and_row(x, row)
    n_rows, n_columns = x.shape
    z = torch.empty((n_rows, n_columns), dtype=x.dtype, device=x.device)
    if z.numel() == 0:
        return z
    grid = (triton.cdiv(n_rows, BLOCK_M), triton.cdiv(n_columns, BLOCK_N))
    add_rows_kernel[grid](
        z,
        x,
        row,
        n_rows,
        n_columns,
        z.stride(0),
        x.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
    )
    return z


def check_pair(x: torch.Tensor, y: torch.Tensor) -> None:
    """Refuse two tensors that the vector kernels would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_types(x, y)
    if x.shape != y.shape:
        raise ValueError(f"x has shape {tuple(x.shape)}, y has shape {tuple(y.shape)}")
    if not (x.is_contiguous() and y.is_contiguous()):
        raise ValueError("x and y must be contiguous: the kernel counts on neighbours")


def check_matrix_and_row(x: torch.Tensor, row: torch.Tensor) -> None:
    """Refuse a matrix and a row that ``add_rows_kernel`` would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, or the elements of a row are not neighbours.
    """
    check_types(x, row)
    if x.dim() != 2 or row.shape != x.shape[1:]:
        raise ValueError(f"no row {tuple(row.shape)} can be added to a matrix {tuple(x.shape)}")
    if x.shape[1] > 1 and (x.stride(1) != 1 or row.stride(0) != 1):
        raise ValueError("the elements of a row must be neighbours in memory: stride 1")


def check_types(x: torch.Tensor, y: torch.Tensor) -> None:
    """Refuse tensors of different or unsupported types.

    Raises:
        TypeError: A type is not supported, or the types differ.
    """
    if x.dtype != y.dtype:
        raise TypeError(f"both tensors must have one type, not {x.dtype} and {y.dtype}")
    if x.dtype not in FLOAT_TYPES:
        raise TypeError(f"{x.dtype} is not supported; use fp32, fp16 or bf16")
