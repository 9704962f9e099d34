# Fill in the TODOs, then see how far you are: grade lesson03
"""Lesson 3: softmax, or how to read a row of numbers once.

Three functions, in the order in which to solve them:

- ``softmax(x)`` normalises each row of a matrix; a row fits into the registers of one program.
  Write the kernel, and launch it.
- ``softmax_(x)`` does the same in the memory of x itself. Launch the kernel that you have.
- ``softmax_long(x)`` takes rows that are too long for the registers. Write the kernel, which keeps
  a running maximum and a running sum.

For a row x of n numbers, with m its largest,

    softmax(x)[j] = exp(x[j] - m) / (exp(x[0] - m) + ... + exp(x[n - 1] - m))

The m cancels; it is there because exp(89) is more than an fp32 number can hold, and exp of
something that is at most 0 is at most 1. PyTorch operations one after another would read and
write the matrix for the maximum, the difference, the exponential, the sum and the quotient. A
fused kernel reads each element once and writes it once: 8 bytes an element in fp32.

Tensors are fp32, fp16 or bf16. The arithmetic is done in fp32 and rounded once, on the way out.
"""

import torch
import triton
import triton.language as tl

MAX_COLUMNS = 16384  # longest row that one program keeps in its registers
TILE = 1024  # elements of a tile of short rows: these rows share a program
LONG_BLOCK = 16384  # elements of a long row that are worked on at a time

LOWEST = tl.constexpr(-3.4028234663852886e38)  # the most negative finite fp32 number

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)


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
    """Compute y[i, :] = softmax(x[i, :]), BLOCK_M whole rows in each program.

    Args:
        y_ptr: Where y [n_rows, n_columns] begins; written. It may be x itself: a program reads
            all of its rows before it writes one, and no row belongs to two programs.
        x_ptr: Where x [n_rows, n_columns] begins.
        n_rows: Number of rows, at least 1.
        n_columns: Number of columns, 1 to BLOCK_N.
        y_row_stride: Elements from the start of a row of y to the start of the next.
        x_row_stride: The same for x; any number, 0 included.
        BLOCK_M: Rows of a tile, a power of two.
        BLOCK_N: Columns of a tile, a power of two; a row must fit.

    The grid is one-dimensional and counts tiles down the rows. The elements of a row are
    neighbours in memory. What is loaded stays in registers until the result is stored: 4 bytes
    read and 4 written for each element in fp32, 2 and 2 in fp16 and bf16.
    """
    # TODO 1: Which rows belong to this program? Compute their indices, shape [BLOCK_M], in int64,
    #   since a row index times a stride can pass 2^31. The columns, shape [BLOCK_N], are the same
    #   for every program.
    # TODO 2: Load the tile, shape [BLOCK_M, BLOCK_N], and convert it to fp32. BLOCK_N is mostly
    #   larger than the row. Lanes without an element must neither read memory nor change the
    #   row's maximum or its sum: with which value in them is that so? tl.load takes it as other=.
    # TODO 3: Compute exp(x - m) with the maximum m of each row. tl.max(x, axis=...) reduces a tile
    #   along one of its axes; the result no longer has that axis.
    # TODO 4: Divide by the sum of each row, with tl.sum, and store the tile to y.
    pass


def launch_softmax(y: torch.Tensor, x: torch.Tensor) -> None:
    """Fill y with the softmax of the rows of x.

    Args:
        y: [n_rows, n_columns], type of x; the elements of a row are neighbours. It may be x.
        x: [n_rows, n_columns], at least one element; the elements of a row are neighbours.
    """
    n_rows, n_columns = x.shape
    # TODO 5: Choose the tile. A program must hold a row from end to end, and the length of a block
    #   is a power of two: which BLOCK_N is the smallest that will do? The triton module has a
    #   function for that. Short rows would leave a program with little to do, so let it have
    #   several: BLOCK_M rows, as many as make up TILE elements, and at least one.
    # TODO 6: Choose the grid, a tuple of one number, and launch softmax_kernel on it. Its arguments
    #   come in the order of its definition; x.stride(0) is the row stride of x. Besides these,
    #   pass num_warps, which the function num_warps below computes from the size of the tile in
    #   bytes; x.element_size() is the size of one element.
    raise NotImplementedError("launch_softmax: TODO not done yet")


def num_warps(tile_bytes: int) -> int:
    """How many warps share a tile: as many as leave each thread 32 bytes of it, 1 to 32.

    A thread loads 16 bytes at a time, so each has two loads under way. On an H200, rows of 4096
    in bf16 take a quarter longer with one load a thread; with four, those in fp32 take 1% longer.

    Args:
        tile_bytes: Size of the tile as it lies in memory, a power of two.
    """
    bytes_per_warp = 32 * 32  # 32 threads
    return min(max(tile_bytes // bytes_per_warp, 1), 32)


def softmax(x: torch.Tensor) -> torch.Tensor:
    """Normalise each row of a matrix to numbers from 0 to 1 whose sum is 1.

    Args:
        x: [n_rows, n_columns], fp32, fp16 or bf16, at most MAX_COLUMNS columns. The elements of a
            row are neighbours in memory; the rows may lie at any distance, 0 included.

    Returns:
        softmax(x): a new contiguous tensor [n_rows, n_columns] of the type of x, computed in
        fp32. An entry of -inf gives 0; a row without any other entry, and a row with +inf or
        NaN in it, is NaN throughout.

    Raises:
        TypeError: The type is not supported.
        ValueError: x is not a matrix, its rows are too long, or their elements not neighbours.
    """
    check_matrix(x)
    check_row_fits(x)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if x.numel() > 0:
        launch_softmax(y, x)
    return y


def softmax_(x: torch.Tensor) -> torch.Tensor:
    """Normalise each row of a matrix in place; the underscore is PyTorch's sign for that.

    It moves as many bytes as ``softmax``, and allocates none.

    Args:
        x: As for ``softmax``, but no two rows may share memory: their distance is at least
            n_columns. Overwritten.

    Returns:
        x itself: the same object, not another tensor with the same memory.

    Raises:
        TypeError: The type is not supported.
        ValueError: As ``softmax``, or rows of x overlap.
    """
    check_matrix(x)
    check_row_fits(x)
    check_rows_apart(x)
    if x.numel() > 0:
        # TODO 7: Compute the softmax of x in the memory of x, without any other tensor. What you
        #   wrote for softmax can do it.
        raise NotImplementedError("softmax_: TODO not done yet")
    return x


@triton.jit
def softmax_long_kernel(
    y_ptr,
    x_ptr,
    n_columns,
    y_row_stride,
    x_row_stride,
    BLOCK: tl.constexpr,
):
    """Compute y[i, :] = softmax(x[i, :]), one row in each program, BLOCK elements at a time.

    Args:
        y_ptr: Where y begins; written.
        x_ptr: Where x begins.
        n_columns: Elements of a row, at least 1; any number, also less than BLOCK.
        y_row_stride: Elements from the start of a row of y to the start of the next.
        x_row_stride: The same for x; any number, 0 included.
        BLOCK: Elements that are in registers at a time, a power of two.

    Program i takes row i and walks along it twice. The first walk finds the maximum and the sum in
    one go, the second computes and stores. In fp32 this reads 8 bytes an element and writes 4,
    where a walk for the maximum and another for the sum would read 12. Source: M. Milakov and
    N. Gimelshein, Online normalizer calculation for softmax, 2018.

    After each block of the first walk these two numbers are true of all elements seen so far:

        row_max = their maximum
        row_sum = the sum of exp(element - row_max) over them

    A row may begin with many entries of -inf. Their maximum is -inf, and (-inf) - (-inf) is NaN;
    with LOWEST, the most negative finite number, in place of that maximum all differences are
    either finite or -inf.
    """
    # TODO 8: Where do this program's rows of x and of y begin? Count in int64.
    # TODO 9: The first walk: a for loop over range(...), as in Python. Start with row_max and
    #   row_sum of a row of which nothing has been seen. For each block: load it (the last one may
    #   be partly filled), find the new maximum, bring row_sum from the old maximum to the new one,
    #   add the block's exponentials. When the maximum grows from a to b, by which factor does
    #   exp(element - maximum) change?
    # TODO 10: The second walk. Load each block again, compute its part of the result with the final
    #   row_max and row_sum, store it.
    pass


def softmax_long(x: torch.Tensor) -> torch.Tensor:
    """Normalise rows of any length, up to millions of elements.

    Args:
        x: [n_rows, n_columns], fp32, fp16 or bf16, any number of columns. The elements of a row
            are neighbours in memory; the rows may lie at any distance, 0 included.

    Returns:
        softmax(x): a new contiguous tensor as from ``softmax``, special values included.

    Raises:
        TypeError: The type is not supported.
        ValueError: x is not a matrix, or the elements of a row are not neighbours.
    """
    check_matrix(x)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if x.numel() == 0:
        return y
    n_rows, n_columns = x.shape
    softmax_long_kernel[(n_rows,)](
        y,
        x,
        n_columns,
        y.stride(0),
        x.stride(0),
        BLOCK=LONG_BLOCK,
        num_warps=16,
    )
    return y


def check_matrix(x: torch.Tensor) -> None:
    """Refuse what the kernels would silently get wrong.

    Raises:
        TypeError: The type is not supported.
        ValueError: x is not a matrix, or the elements of a row are not neighbours.
    """
    if x.dtype not in FLOAT_TYPES:
        raise TypeError(f"{x.dtype} is not supported; use fp32, fp16 or bf16")
    if x.dim() != 2:
        raise ValueError(f"x has shape {tuple(x.shape)}; expected a matrix")
    if x.shape[1] > 1 and x.stride(1) != 1:
        raise ValueError("the elements of a row must be neighbours in memory: stride 1")


def check_row_fits(x: torch.Tensor) -> None:
    """Refuse rows that are too long for the registers of one program.

    Raises:
        ValueError: A row has more than MAX_COLUMNS elements.
    """
    if x.shape[1] > MAX_COLUMNS:
        raise ValueError(
            f"rows of {x.shape[1]} elements are too long for one program, which takes up to "
            f"{MAX_COLUMNS}; use softmax_long"
        )


def check_rows_apart(x: torch.Tensor) -> None:
    """Refuse a matrix whose rows share memory: in place, they would overwrite each other.

    Raises:
        ValueError: The row stride is less than the length of a row.
    """
    if x.shape[0] > 1 and x.stride(0) < x.shape[1]:
        raise ValueError(f"rows of {x.shape[1]} elements overlap at a distance of {x.stride(0)}")
