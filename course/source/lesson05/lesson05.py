# Fill in the TODOs, then see how far you are: grade lesson05
"""Lesson 5: matrix multiplication, from one tile of the result to the speed of cuBLAS.

Four functions, in the order in which to solve them:

- ``matmul(a, b)`` gives ``a @ b``. Write the loop over K and the kernel around it.
- ``matmul_grouped(a, b)`` gives the same, its tiles in an order that the L2 cache likes and of
  the sizes that suit the GPU at hand. Write the order and the list of sizes to try.
- ``linear_gelu(x, w, bias)`` gives ``gelu(x @ w.T + bias)``. Write what happens to a tile after
  the loop and before the store.
- ``matmul_persistent(a, b_t)`` is a challenge: as many programs as the GPU has multiprocessors,
  each working on one tile after another, fed by the Tensor Memory Accelerator (TMA).

A product of two N x N matrices takes 2 N^3 operations on 3 N^2 elements: N/3 operations for each
byte of fp16. An H200 can do about 200 operations in the time of one byte, so a large product need
not wait for the memory. But only if each element, once loaded, serves many operations: in a tile
of 128 x 256, every element of ``a`` serves 256 columns and every element of ``b`` 128 rows.

Matrices are fp16 or bf16. Products are summed in fp32 and rounded once, on the way out.
"""

import functools
from typing import Any

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

BLOCK_M = 64  # rows of a tile of the result
BLOCK_N = 64  # columns of a tile of the result
BLOCK_K = 32  # terms of the sums in one step of the loop over K

LARGE_PRODUCT = 2 * 512**3  # operations from which on tuning pays

HALF_TYPES = (torch.float16, torch.bfloat16)


@triton.jit
def tile_product(
    a_ptr,
    b_ptr,
    rows,
    columns,
    M,
    N,
    K,
    a_row_stride,
    a_k_stride,
    b_k_stride,
    b_column_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Compute a[rows, :] @ b[:, columns] for one tile, in fp32. The heart of three kernels.

    Args:
        a_ptr: Where a [M, K] begins; fp16 or bf16.
        b_ptr: Where b [K, N] begins; type of a.
        rows: Row indices of the tile, int64 [BLOCK_M]; some may be M or more.
        columns: Column indices of the tile, int64 [BLOCK_N]; some may be N or more.
        M: Rows of a.
        N: Columns of b.
        K: Columns of a and rows of b; any number, 0 included.
        a_row_stride: Elements from a[i, k] to a[i + 1, k].
        a_k_stride: Elements from a[i, k] to a[i, k + 1].
        b_k_stride: Elements from b[k, j] to b[k + 1, j].
        b_column_stride: Elements from b[k, j] to b[k, j + 1].
        BLOCK_M: Rows of the tile, a power of two, at least 16.
        BLOCK_N: Columns of the tile, likewise.
        BLOCK_K: Terms of each sum in one step, likewise.

    Returns:
        The sums, fp32 [BLOCK_M, BLOCK_N]. Those of rows and columns that do not exist are of no
        use, but they are formed without touching memory outside of a and b.

    One step loads BLOCK_M * BLOCK_K elements of a and BLOCK_K * BLOCK_N of b, 2 bytes each, and
    does 2 * BLOCK_M * BLOCK_N * BLOCK_K operations on them.
    """
    # TODO 1: Make the accumulator, a block of zeros [BLOCK_M, BLOCK_N]. Its type decides how
    #   exact the sums are: which one do thousands of small terms need?
    # TODO 2: Compute the addresses of the first tile of a, shape [BLOCK_M, BLOCK_K], and of the
    #   first tile of b, shape [BLOCK_K, BLOCK_N]. Each index has a stride of its own, and its
    #   product with that stride may pass 2^31: one factor must be int64.
    # TODO 3: Go through K in steps of BLOCK_K, however many it takes. In each step load both
    #   tiles, add their product to the accumulator (tl.dot takes the accumulator as its third
    #   argument), and move the addresses one step on. Where K is no multiple of BLOCK_K, the last
    #   tiles reach past it: what lies there must neither be read nor change the sums. The same
    #   goes for rows from M on and columns from N on.
    # TODO 4: Return the accumulator.
    pass


@triton.jit
def matmul_kernel(
    c_ptr,
    a_ptr,
    b_ptr,
    M,
    N,
    K,
    a_row_stride,
    a_k_stride,
    b_k_stride,
    b_column_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Compute c = a @ b, a tile of BLOCK_M rows and BLOCK_N columns in each program.

    Args:
        c_ptr: Where c [M, N] begins, contiguous; written.
        a_ptr: Where a [M, K] begins.
        b_ptr: Where b [K, N] begins. All three are of one type, fp16 or bf16.
        M: Rows of a and c, at least 1.
        N: Columns of b and c, at least 1.
        K: Terms of each sum.
        a_row_stride: See ``tile_product``, as for all that follow.
        a_k_stride: As above.
        b_k_stride: As above.
        b_column_stride: As above.
        BLOCK_M: As above.
        BLOCK_N: As above.
        BLOCK_K: As above.

    Axis 0 of the grid counts tiles down the rows of c, axis 1 along its columns. All tiles
    together load each element of a once for every column of tiles and each element of b once for
    every row of tiles.
    """
    # TODO 5: Which rows and columns of c belong to this program? Compute the row indices, shape
    #   [BLOCK_M], and the column indices, shape [BLOCK_N], in int64: an index times a stride can
    #   pass 2^31.
    # TODO 6: Call tile_product for the sums of this tile.
    # TODO 7: Store them to c, only where row and column exist. The store rounds to the type of c.
    pass


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply two matrices.

    Args:
        a: [M, K], fp16 or bf16, any strides: a transposed view or a part of a larger matrix
            will do.
        b: [K, N], type of a, any strides.

    Returns:
        a @ b: a new contiguous tensor [M, N] of the type of a, summed in fp32 and rounded once.
        Zeros where K is 0.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit.
    """
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        return c  # nothing to compute
    grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N))
    matmul_kernel[grid](
        c, a, b, M, N, K, *a.stride(), *b.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return c


@triton.jit
def grouped_tile(number, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    """Where on c the tile of that number lies, if tiles are numbered group by group.

    A GPU starts programs in the order of their numbers, a few hundred at a time. Numbered row by
    row, those few hundred need few rows of a but nearly all columns of b, more than the L2 cache
    holds. So the rows of tiles are cut into groups of GROUP_M, and within a group the numbers run
    down the columns: with GROUP_M = 2 and 4 x 3 tiles ::

        0  2  4
        1  3  5
        6  8 10
        7  9 11

    Args:
        number: Number of the tile, 0 ... tiles_m * tiles_n - 1.
        tiles_m: Tiles down the rows of c.
        tiles_n: Tiles along the columns of c.
        GROUP_M: Rows of tiles in a group. The last group has what is left, often fewer.

    Returns:
        Row and column of the tile, counted in tiles.
    """
    # TODO 8: How many tiles are in a full group? In which group is this number, and with which row
    #   of tiles does that group begin?
    # TODO 9: How many rows of tiles are in this group? The last one may have fewer than GROUP_M.
    # TODO 10: Where in its group is this number? Within a group, rows change fastest. Return row
    #   and column.
    pass


@triton.jit
def matmul_grouped_kernel(
    c_ptr,
    a_ptr,
    b_ptr,
    M,
    N,
    K,
    a_row_stride,
    a_k_stride,
    b_k_stride,
    b_column_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    """Compute c = a @ b as ``matmul_kernel`` does, with the tiles in another order.

    Args:
        c_ptr: Where c [M, N] begins, contiguous; written.
        a_ptr: Where a [M, K] begins.
        b_ptr: Where b [K, N] begins. All three are of one type, fp16 or bf16.
        M: Rows of a and c, at least 1.
        N: Columns of b and c, at least 1.
        K: Terms of each sum.
        a_row_stride: See ``tile_product``, as for all that follow.
        a_k_stride: As above.
        b_k_stride: As above.
        b_column_stride: As above.
        BLOCK_M: As above.
        BLOCK_N: As above.
        BLOCK_K: As above.
        GROUP_M: Rows of tiles in a group, see ``grouped_tile``.

    The grid has one axis only, with a program for each tile.
    """
    # TODO 11: Which tile belongs to this program? Count the tiles along both dimensions of c, and
    #   ask grouped_tile. Then go on as in matmul_kernel, indices in int64 again.
    pass


def configurations() -> list[triton.Config]:
    """Tile sizes that the autotuner times against each other, once for each large M, N and K.

    The tiles of a step lie in shared memory, those of the next num_stages - 1 steps too, since
    they are on their way while this step is computed: 2 * num_stages * BLOCK_K * (BLOCK_M +
    BLOCK_N) bytes or nearly so. The sums lie in registers: 4 * BLOCK_M * BLOCK_N bytes of the 256
    KiB that a multiprocessor has. What needs more than a GPU has is passed over there: a GeForce
    has 99 KiB of shared memory, an A100 163, an H200 227. So some of the tiles must be small.
    """
    # TODO 12: Return a list of configurations, for example
    #   triton.Config({"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 32, "GROUP_M": 8}, num_warps=4,
    #   num_stages=4). Larger tiles load each element fewer times and keep the tensor cores busier,
    #   up to what shared memory and registers hold. Put a small one first: without a GPU there is
    #   nothing to time, and the first one is taken.
    raise NotImplementedError("configurations: TODO not done yet")


def worth_timing(
    configs: list[triton.Config], arguments: dict[str, Any], **options: Any
) -> list[triton.Config]:
    """The configurations to time for a launch: all of them for a large product.

    A small one is done in a few microseconds by any of them, while compiling and timing them all
    takes seconds: there the first one is taken.
    """
    operations = 2 * arguments["M"] * arguments["N"] * arguments["K"]
    return configs if operations >= LARGE_PRODUCT else configs[:1]


@functools.cache
def tuned_grouped_kernel() -> triton.runtime.Autotuner:
    """``matmul_grouped_kernel`` behind an autotuner over ``configurations()``."""
    tune = triton.autotune(
        configurations(),
        key=["M", "N", "K"],
        prune_configs_by={"early_config_prune": worth_timing},
    )
    return tune(matmul_grouped_kernel)


def matmul_grouped(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply two matrices, tuned to their sizes and to the GPU.

    The first call with new sizes takes a second or two if they are large, since all
    configurations are timed.

    Args:
        a: [M, K], fp16 or bf16, any strides.
        b: [K, N], type of a, any strides.

    Returns:
        a @ b, as ``matmul`` returns it.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit.
    """
    check_matrices(a, b)
    M, K = a.shape
    N = b.shape[1]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if c.numel() == 0:
        return c

    def grid(chosen: dict[str, int]) -> tuple[int]:
        return (triton.cdiv(M, chosen["BLOCK_M"]) * triton.cdiv(N, chosen["BLOCK_N"]),)

    tuned_grouped_kernel()[grid](c, a, b, M, N, K, *a.stride(), *b.stride())
    return c


@triton.jit
def gelu(v):
    """Compute v/2 (1 + tanh(sqrt(2/pi) (v + 0.044715 v^3))), the tanh approximation of gelu.

    (1 + tanh(u)) / 2 is sigmoid(2 u), which Triton has.
    """
    return v * tl.sigmoid(1.5957691216057308 * (v + 0.044715 * v * v * v))


@triton.jit
def linear_gelu_kernel(
    y_ptr,
    x_ptr,
    w_ptr,
    bias_ptr,
    M,
    N,
    K,
    x_row_stride,
    x_k_stride,
    w_row_stride,
    w_k_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Compute y = gelu(x @ w.T + bias), a tile of y in each program.

    Args:
        y_ptr: Where y [M, N] begins, contiguous; written.
        x_ptr: Where x [M, K] begins.
        w_ptr: Where w [N, K] begins: row j of w belongs to column j of y.
        bias_ptr: Where bias [N] begins, contiguous. All four are of one type, fp16 or bf16.
        M: Rows of x and y, at least 1.
        N: Rows of w and columns of y, at least 1.
        K: Columns of x and of w.
        x_row_stride: Elements from x[i, k] to x[i + 1, k].
        x_k_stride: Elements from x[i, k] to x[i, k + 1].
        w_row_stride: Elements from w[j, k] to w[j + 1, k].
        w_k_stride: Elements from w[j, k] to w[j, k + 1].
        BLOCK_M: As in ``tile_product``.
        BLOCK_N: As in ``tile_product``.
        BLOCK_K: As in ``tile_product``.

    The grid is that of ``matmul_kernel``. As three kernels, the product would be written and read
    twice in between: 8 bytes of traffic for each element of y that are saved here.
    """
    # TODO 13: Find the rows and columns of this program's tile of y, and compute its sums with
    #   tile_product. What it calls b is w.T here: which stride is which?
    # TODO 14: Load the biases of these columns, shape [BLOCK_N], once for all rows. Add them and
    #   apply gelu to the fp32 sums, before anything is rounded. Store the tile.
    pass


def linear_gelu(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """A linear layer and its activation in one kernel.

    Args:
        x: [M, K], fp16 or bf16, any strides.
        w: [N, K], type of x, any strides: the layout of ``torch.nn.Linear.weight``.
        bias: [N], type of x, contiguous.

    Returns:
        gelu(x @ w.T + bias) with the tanh approximation of gelu: a new contiguous tensor [M, N]
        of the type of x. All of it is computed in fp32 and rounded once.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, or bias is not contiguous.
    """
    check_matrices(x, w.t())
    M, K = x.shape
    N = w.shape[0]
    check_bias(bias, N, x.dtype)
    y = torch.empty((M, N), dtype=x.dtype, device=x.device)
    if y.numel() == 0:
        return y
    grid = (triton.cdiv(M, BLOCK_M), triton.cdiv(N, BLOCK_N))
    linear_gelu_kernel[grid](
        y, x, w, bias, M, N, K, *x.stride(), *w.stride(),
        BLOCK_M=BLOCK_M, BLOCK_N=BLOCK_N, BLOCK_K=BLOCK_K,
    )  # fmt: skip
    return y


@triton.jit
def store_in_halves(c_desc, row, column, sums, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """Store a tile through a descriptor whose tiles are half as wide.

    A block passes through shared memory on its way out. Half a tile at a time needs half the
    room, which leaves enough for one more stage of the loop over K.

    Args:
        c_desc: Descriptor with tiles [BLOCK_M, BLOCK_N // 2]; written.
        row: First row of the tile, counted in elements.
        column: First column of the tile, likewise.
        sums: The tile, fp32 [BLOCK_M, BLOCK_N]; rounded to the type of the matrix.
        BLOCK_M: Rows of the tile.
        BLOCK_N: Columns of the tile.
    """
    halves = tl.permute(tl.reshape(sums, (BLOCK_M, 2, BLOCK_N // 2)), (0, 2, 1))
    left, right = tl.split(halves)
    c_desc.store([row, column], left.to(c_desc.dtype))
    c_desc.store([row, column + BLOCK_N // 2], right.to(c_desc.dtype))


@triton.jit
def matmul_persistent_kernel(
    c_desc,
    a_desc,
    b_t_desc,
    M,
    N,
    K,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    """Compute c = a @ b_t.T with a fixed number of programs that share out the tiles.

    A descriptor knows address, shape, strides and the shape of a tile: ``desc.load([i, j])`` gives
    the tile that begins at element (i, j), zeros where it lies outside the matrix, and
    ``desc.store([i, j], block)`` leaves out what lies outside. There is nothing to mask, and on
    compute capability 9.0 or more the TMA computes the addresses as well.

    Args:
        c_desc: Descriptor of c [M, N], tiles [BLOCK_M, BLOCK_N // 2]; written.
        a_desc: Descriptor of a [M, K], tiles [BLOCK_M, BLOCK_K].
        b_t_desc: Descriptor of b_t [N, K], tiles [BLOCK_N, BLOCK_K].
        M: Rows of a and c, at least 1.
        N: Rows of b_t and columns of c, at least 1.
        K: Columns of a and of b_t, at least 1.
        BLOCK_M: As in ``tile_product``.
        BLOCK_N: As in ``tile_product``.
        BLOCK_K: As in ``tile_product``.
        GROUP_M: Rows of tiles in a group, see ``grouped_tile``.

    Of P programs, program p works on the tiles p, p + P, p + 2 P, ... in grouped order. While it
    stores one tile, the loads for the next are already under way.
    """
    # TODO 15 (challenge): Loop over this program's tiles with tl.range(..., flatten=True), which
    #   lets the compiler pipeline across tiles; tl.num_programs(0) is the length of the grid. For
    #   each tile, sum over K in fp32: load a tile of a and one of b_t, and multiply the first with
    #   the second transposed (block.T). Store the sums with store_in_halves.
    pass


def matmul_persistent(a: torch.Tensor, b_t: torch.Tensor) -> torch.Tensor:
    """Multiply two matrices, the second given as its transpose.

    Args:
        a: [M, K], fp16 or bf16, any strides.
        b_t: [N, K], type of a, any strides.

    Returns:
        a @ b_t.T, as ``matmul`` returns it, and by ``matmul`` where a descriptor cannot describe
        one of the matrices; see ``is_describable``.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit.
    """
    check_matrices(a, b_t.t())
    M, K = a.shape
    N = b_t.shape[0]
    c = torch.empty((M, N), dtype=a.dtype, device=a.device)
    if not all(map(is_describable, (c, a, b_t))):
        return matmul(a, b_t.t())
    multiprocessors, sizes, options = persistent_setup(a.device)
    block_m, block_n, block_k = sizes
    programs = min(multiprocessors, triton.cdiv(M, block_m) * triton.cdiv(N, block_n))
    matmul_persistent_kernel[(programs,)](
        TensorDescriptor.from_tensor(c, [block_m, block_n // 2]),
        TensorDescriptor.from_tensor(a, [block_m, block_k]),
        TensorDescriptor.from_tensor(b_t, [block_n, block_k]),
        M, N, K,
        BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_K=block_k, GROUP_M=16, **options,
    )  # fmt: skip
    return c


def is_describable(matrix: torch.Tensor) -> bool:
    """Whether a tensor descriptor can describe a matrix: the TMA moves 16 bytes at a time.

    Its elements must be neighbours along a row, and each row must begin at a multiple of 16
    bytes. With fp16 in a contiguous matrix, that is a number of columns divisible by 8.
    """
    row_bytes = matrix.stride(0) * matrix.element_size()
    aligned = matrix.data_ptr() % 16 == 0 and row_bytes % 16 == 0 and row_bytes > 0
    return matrix.numel() > 0 and matrix.stride(1) == 1 and aligned


@functools.cache
def persistent_setup(
    device: torch.device,
) -> tuple[int, tuple[int, int, int], dict[str, int]]:
    """Multiprocessors, tile sizes and launch options for a device, asked for once.

    The large tiles take 192 KiB of shared memory for four stages and 32 KiB for half a tile on its
    way out. An H200 has 227 KiB; where there is less, the small ones fit.
    """
    if device.type != "cuda":
        return 4, (64, 64, 32), {"num_warps": 4, "num_stages": 3}
    gpu = torch.cuda.get_device_properties(device)
    if gpu.shared_memory_per_block_optin >= 224 * 1024:
        return gpu.multi_processor_count, (128, 256, 64), {"num_warps": 8, "num_stages": 4}
    return gpu.multi_processor_count, (128, 128, 32), {"num_warps": 8, "num_stages": 3}


def check_matrices(a: torch.Tensor, b: torch.Tensor) -> None:
    """Refuse matrices that the kernels would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit.
    """
    if a.dtype != b.dtype:
        raise TypeError(f"both matrices must have one type, not {a.dtype} and {b.dtype}")
    if a.dtype not in HALF_TYPES:
        raise TypeError(f"{a.dtype} is not supported; use fp16 or bf16")
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied")


def check_bias(bias: torch.Tensor, n: int, dtype: torch.dtype) -> None:
    """Refuse a bias that ``linear_gelu_kernel`` would silently get wrong.

    Raises:
        TypeError: It is of another type than the matrices.
        ValueError: It is no contiguous vector of n elements.
    """
    if bias.dtype != dtype:
        raise TypeError(f"bias is {bias.dtype}, the matrices are {dtype}")
    if bias.shape != (n,) or not bias.is_contiguous():
        raise ValueError(f"bias must be a contiguous vector of {n} elements")
