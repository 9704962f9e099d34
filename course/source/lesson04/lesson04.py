# Fill in the TODOs, then see how far you are: grade lesson04
"""Lesson 4: quantisation and inference, numbers of 8 and 4 bits in place of 16.

Four functions, in the order in which to solve them:

- ``quantize_rowwise(x)`` gives int8 codes and one scale for each row. Write the kernel.
- ``matmul_w8a8(a_q, b_q, a_scale, b_scale)`` multiplies two quantised matrices on the int8 tensor
  cores and scales the result. The loop is given; write what it loads, and what follows it.
- ``linear_w8a16(x, w_q, scale)`` multiplies a few rows of 16-bit numbers by int8 weights. Write
  the kernel.
- ``linear_w4a16(x, w_packed, scale, group_size)`` does so with weights of 4 bits, two in a byte.
  Write the kernel. This one is the challenge: it earns a badge, no points.

A quantised number is ``code * scale``: the code a small integer, the scale an fp32 number that
many codes share. Codes of 8 bits take half the bytes of fp16. So work that waits for memory can
be twice as fast: a language model that writes one token at a time reads all its weights for each.
And the tensor cores multiply int8 at twice the rate of fp16, which helps work that waits for
arithmetic, such as reading a long prompt.
"""

import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)
HALF_TYPES = (torch.float16, torch.bfloat16)

LONGEST_ROW = 65536  # elements that one program of quantize_rowwise_kernel holds in registers
MOST_PRODUCTS = 131071  # of two int8 numbers, -128 * -128 each, whose sum an int32 can hold
MOST_ROWS = 16  # of x; with more of them matmul_w8a8 is the better choice

# Tiles of matmul_w8a8. The inputs of three iterations wait in shared memory, 3 * 32 KiB: two
# programs fit on a multiprocessor of an H100, one on that of any GPU since the A100.
BLOCK_M = 128  # rows of a tile of the result
BLOCK_N = 128  # columns of it
BLOCK_K = 128  # products that are added at a time
GROUP_M = 8  # rows of tiles whose programs run side by side


@triton.jit
def round_half_to_even(v):
    """The nearest integers of fp32 numbers up to 2^22 in magnitude, ties to the even one.

    Between 2^23 and 2^24 neighbouring fp32 numbers are 1 apart. So adding 1.5 * 2^23 = 12582912
    rounds v to an integer, by the rule of every fp32 addition: to nearest, ties to even.
    Subtracting the same number is exact and leaves that integer.
    """
    return (v + 12582912.0) - 12582912.0


@triton.jit
def divide_by_one_number(v, divisor):
    """The quotients v / divisor in fp32, each rounded to nearest, from a single division.

    On a GPU a division that rounds to nearest, tl.div_rn, costs as much as a dozen other
    operations: with one for each element, this lesson's quantisation waits for arithmetic. The
    product with the rounded reciprocal is cheap, but off in the last bit now and then. A fused
    multiply-add finds the exact remainder of that product, and a second one corrects it.

    Args:
        v: fp32 numbers, at most 2^22 times as large as the divisor.
        divisor: One fp32 number, at least 2^-100.

    Source: P. W. Markstein, Computation of elementary functions on the IBM RISC System/6000
    processor, 1990, theorem on division.
    """
    reciprocal = tl.div_rn(1.0, divisor)
    quotient = v * reciprocal
    remainder = tl.fma(-quotient, divisor, v)
    return tl.fma(remainder, reciprocal, quotient)


@triton.jit
def quantize_rowwise_kernel(q_ptr, scale_ptr, x_ptr, n_columns, x_row_stride, BLOCK: tl.constexpr):
    """Quantise row i of x, i being the number of the program.

    Args:
        q_ptr: Where q [n_rows, n_columns] begins, int8, contiguous; written.
        scale_ptr: Where scale [n_rows] begins, fp32; written.
        x_ptr: Where x [n_rows, n_columns] begins. The elements of a row are neighbours.
        n_columns: Number of columns, at least 1.
        x_row_stride: Elements from the start of a row of x to the start of the next.
        BLOCK: The smallest power of two not below n_columns: a program holds its whole row.

    With A the largest |x[i, j]| of the row, scale[i] = A / 127, or 1 if A is 0, and
    q[i, j] = x[i, j] / scale[i], rounded to the nearest integer, ties to the even one. So the
    codes lie between -127 and 127, and the one of the largest element is 127 or -127.

    From fp16, an element costs 2 bytes read and 1 written; it is read once.
    """
    # TODO 1: Load this program's row, shape [BLOCK], in fp32. Lanes past the end of the row must
    #   not affect its largest element. The row's number times the row stride can pass 2^31: form
    #   it in int64.
    # TODO 2: Compute the scale, one fp32 number. A row of zeros has scale 1. Divide with
    #   tl.div_rn(numerator, denominator), which rounds to nearest: on a GPU the operator / may be
    #   off in the last bit.
    # TODO 3: Compute the codes, shape [BLOCK]: divide by the scale with divide_by_one_number, round
    #   with round_half_to_even, and limit the results to -127 ... 127.
    # TODO 4: Store the codes, as int8, and the scale.
    pass


def quantize_rowwise(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantise each row of a matrix to int8, symmetrically, with a scale of its own.

    Args:
        x: [n_rows, n_columns], fp32, fp16 or bf16, finite; at most 65536 columns. The elements
            of a row are neighbours in memory, the rows may lie at any distance. The largest
            magnitude of a row is 0 or at least 1e-28.

    Returns:
        q, int8 [n_rows, n_columns], and scale, fp32 [n_rows], so that q[i, j] * scale[i] lies
        within scale[i] / 2 of x[i, j]. A row of zeros has codes 0 and scale 1.

    Raises:
        TypeError: The type of x is not supported.
        ValueError: x is not a matrix, its rows are too long, or their elements not neighbours.
    """
    check_rows("x", x, FLOAT_TYPES)
    n_rows, n_columns = x.shape
    if n_columns > LONGEST_ROW:
        raise ValueError(f"rows of {n_columns} elements; {LONGEST_ROW} is the most")
    q = torch.empty((n_rows, n_columns), dtype=torch.int8, device=x.device)
    scale = torch.ones(n_rows, dtype=torch.float32, device=x.device)
    if q.numel() == 0:
        return q, scale
    block = triton.next_power_of_2(n_columns)
    warps = min(max(block // 2048, 1), 16)  # 2048 elements a warp: 64 a thread
    quantize_rowwise_kernel[(n_rows,)](
        q, scale, x, n_columns, x.stride(0), BLOCK=block, num_warps=warps
    )
    return q, scale


@triton.jit
def tile_of_program(M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP_M: tl.constexpr):
    """Which tile of an [M, N] result this program computes: its row and column of tiles.

    Programs run roughly in the order of their numbers. Those that run together should need the
    same parts of the inputs, which then come from the L2 cache. So tiles are numbered down a
    column of GROUP_M of them, then down the next column, and so on through all columns, before
    the next GROUP_M rows of tiles follow. Lesson 5 is about this.
    """
    program = tl.program_id(0)
    programs_a_group = GROUP_M * tl.cdiv(N, BLOCK_N)
    first_row = program // programs_a_group * GROUP_M
    rows = min(tl.cdiv(M, BLOCK_M) - first_row, GROUP_M)  # the last group may have fewer
    within = program % programs_a_group
    return first_row + within % rows, within // rows


@triton.jit
def load_tile(
    matrix,
    first_row,
    first_column,
    n_rows,
    n_columns,
    row_stride,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    DESCRIPTORS: tl.constexpr,
):
    """The [ROWS, COLUMNS] tile of an int8 matrix whose first element is [first_row, first_column].

    Elements outside the matrix, [n_rows, n_columns], are 0. GPUs since the H100 have a unit that
    fetches whole tiles, the tensor memory accelerator (TMA), so that no thread computes addresses;
    there the matrix comes as a tensor descriptor, which knows its shape and strides. Elsewhere it
    is a pointer, and every lane has its address.
    """
    if DESCRIPTORS:
        tile = matrix.load([first_row, first_column])
    else:
        rows = first_row.to(tl.int64) + tl.arange(0, ROWS)
        columns = first_column + tl.arange(0, COLUMNS)
        mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)
        pointers = matrix + rows[:, None] * row_stride + columns[None, :]
        tile = tl.load(pointers, mask=mask, other=0)
    return tile


@triton.jit
def matmul_w8a8_kernel(
    c_ptr,
    a_matrix,
    b_matrix,
    a_scale_ptr,
    b_scale_ptr,
    M,
    N,
    K,
    a_row_stride,
    b_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
    DESCRIPTORS: tl.constexpr,
):
    """Compute one [BLOCK_M, BLOCK_N] tile of c[m, n] = (sum_k a[m, k] b[n, k]) * s_a[m] * s_b[n].

    Args:
        c_ptr: Where c [M, N] begins, fp32, fp16 or bf16, contiguous; written.
        a_matrix: The matrix a [M, K], int8, as load_tile takes it.
        b_matrix: The matrix b [N, K], int8: its row n makes column n of the product.
        a_scale_ptr: Where s_a [M] begins, fp32: the scales of the rows of a.
        b_scale_ptr: Where s_b [N] begins, fp32: the scales of the rows of b.
        M: Rows of a and c.
        N: Rows of b, columns of c.
        K: Columns of a and of b, a multiple of 16.
        a_row_stride: Elements from the start of a row of a to the start of the next.
        b_row_stride: The same for b.
        BLOCK_M: Rows of a tile of c, a power of two.
        BLOCK_N: Columns of a tile of c, a power of two.
        BLOCK_K: How many of the K products an iteration adds, a power of two.
        GROUP_M: See tile_of_program.
        DESCRIPTORS: See load_tile.

    An iteration loads BLOCK_K * (BLOCK_M + BLOCK_N) bytes and multiplies and adds
    BLOCK_K * BLOCK_M * BLOCK_N times: with tiles of 128 by 128, 64 times for each byte. The sums
    are formed in int32 and are exact. Scaled in registers, they leave once, as c.
    """
    tile_row, tile_column = tile_of_program(M, N, BLOCK_M, BLOCK_N, GROUP_M)
    first_row = tile_row * BLOCK_M  # of the tile of c, and of the rows of a that it needs
    first_column = tile_column * BLOCK_N  # of the tile of c, and the first row of b it needs

    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    for first_k in range(0, K, BLOCK_K):
        # TODO 5: Load a, the tile [BLOCK_M, BLOCK_K] of a_matrix, and b, the tile
        #   [BLOCK_N, BLOCK_K] of b_matrix, whose products belong to this tile of c and to columns
        #   first_k ... first_k + BLOCK_K - 1 of both. load_tile does the work: say where.
        pass
        # The matrix product of the two tiles on the tensor cores, added to the sums so far.
        sums = tl.dot(a, b.T, sums, out_dtype=tl.int32)

    # TODO 6: Load the scales of this tile's rows, shape [BLOCK_M], and those of its columns, shape
    #   [BLOCK_N]. The last tiles reach past the end of both.
    # TODO 7: Convert the sums to fp32, multiply each by the scale of its row, then by that of its
    #   column, and store the tile to c; the store rounds to the type of c. A row's number times N
    #   can pass 2^31: form it in int64.
    pass


def matmul_w8a8(
    a_q: torch.Tensor,
    b_q: torch.Tensor,
    a_scale: torch.Tensor,
    b_scale: torch.Tensor,
    out_dtype: torch.dtype = torch.float16,
) -> torch.Tensor:
    """Multiply two quantised matrices: 8-bit weights times 8-bit activations.

    Args:
        a_q: [M, K], int8, any values from -128 to 127. The elements of a row are neighbours.
        b_q: [N, K], int8 likewise: the weights of a linear layer, one row for each output.
        a_scale: [M], fp32, contiguous: the scale of each row of a_q.
        b_scale: [N], fp32, contiguous: the scale of each row of b_q.
        out_dtype: Type of the result: fp32, fp16 or bf16.

    Returns:
        c [M, N], contiguous, of type out_dtype, with
        c[m, n] = (sum_k a_q[m, k] * b_q[n, k]) * a_scale[m] * b_scale[n]. The sum is an exact
        integer; it is converted to fp32 and scaled there. With K = 0 the result is zeros.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, the elements of a row are not neighbours, or K is so
            large that a sum could overflow an int32.
    """
    check_rows("a_q", a_q, (torch.int8,))
    check_rows("b_q", b_q, (torch.int8,))
    (M, K), N = a_q.shape, b_q.shape[0]
    if b_q.shape[1] != K:
        raise ValueError(f"rows of {K} elements times rows of {b_q.shape[1]}: must be equal")
    if K > MOST_PRODUCTS:
        raise ValueError(f"K = {K}: sums of more than {MOST_PRODUCTS} can overflow an int32")
    check_scale("a_scale", a_scale, (M,))
    check_scale("b_scale", b_scale, (N,))
    if out_dtype not in FLOAT_TYPES:
        raise TypeError(f"out_dtype {out_dtype} is not supported; use fp32, fp16 or bf16")
    c = torch.empty((M, N), dtype=out_dtype, device=a_q.device)
    if c.numel() == 0:
        return c
    a, b, descriptors = aligned(a_q), aligned(b_q), has_descriptors()
    grid = (triton.cdiv(M, BLOCK_M) * triton.cdiv(N, BLOCK_N),)
    matmul_w8a8_kernel[grid](
        c,
        TensorDescriptor.from_tensor(a, [BLOCK_M, BLOCK_K]) if descriptors else a,
        TensorDescriptor.from_tensor(b, [BLOCK_N, BLOCK_K]) if descriptors else b,
        a_scale,
        b_scale,
        M,
        N,
        a.shape[1],
        a.stride(0),
        b.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        BLOCK_K=BLOCK_K,
        GROUP_M=GROUP_M,
        DESCRIPTORS=descriptors,
        num_warps=4 if descriptors else 8,  # addresses take registers
        num_stages=3,
    )
    return c


def aligned(matrix: torch.Tensor) -> torch.Tensor:
    """The same int8 matrix with rows that begin and end at multiples of 16 bytes.

    Lanes then load 16 bytes at a time, and tensor descriptors ask for it. A matrix with other rows
    is copied, and zeros are added to its rows; they add nothing to a product.
    """
    n_rows, n_columns = matrix.shape
    fits = n_columns > 0 and n_columns % 16 == 0 and matrix.data_ptr() % 16 == 0
    if fits and matrix.stride(0) % 16 == 0 and matrix.stride(0) >= n_columns:
        return matrix
    longer = matrix.new_zeros((n_rows, triton.cdiv(max(n_columns, 1), 16) * 16))
    longer[:, :n_columns] = matrix
    return longer


def has_descriptors() -> bool:
    """Whether this GPU loads tiles by tensor descriptors in hardware."""
    target = triton.runtime.driver.active.get_current_target()
    return target.backend == "cuda" and target.arch >= 90


@triton.jit
def int_to_fp32(v):
    """fp32 numbers equal to integers v of at most 2^22 in magnitude.

    A GPU converts several times slower than it adds, and 8-bit weights arrive so fast that they
    would wait for their conversion. 0x4B400000 is the bit pattern of 12582912, the number
    that ``round_half_to_even`` adds too: up there the next integer has the next bit pattern. So an
    integer addition makes the pattern of 12582912 + v, and an fp32 subtraction leaves v.
    """
    return (v.to(tl.int32) + 0x4B400000).to(tl.float32, bitcast=True) - 12582912.0


@triton.jit
def sums_of_rows(
    x_ptr,
    w_ptr,
    n,
    M,
    N,
    K,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """sum_k x[m, k] w[n, k] for all M rows of x and the BLOCK_N outputs n: [BLOCK_M, BLOCK_N].

    Several rows are a matrix product, and the tensor cores multiply it. They take two operands of
    one type, so the weights become 16-bit numbers on the way. Every int8 is one exactly.
    """
    m = tl.arange(0, BLOCK_M)
    sums = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for first_k in range(0, K, BLOCK_K):
        k = first_k + tl.arange(0, BLOCK_K)
        x_mask = (m[:, None] < M) & (k[None, :] < K)
        x = tl.load(x_ptr + m[:, None] * x_row_stride + k[None, :], mask=x_mask, other=0.0)
        w_mask = (n[:, None] < N) & (k[None, :] < K)
        w = tl.load(w_ptr + n[:, None] * K + k[None, :], mask=w_mask, other=0)
        sums = tl.dot(x, int_to_fp32(w).to(x.dtype).T, sums)
    return sums


@triton.jit
def sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    """sum_k x[k] w[n, k] for the only row of x and the BLOCK_N outputs n: [1, BLOCK_N].

    A tensor core works on 16 rows at least; 15 of them would be for nothing. So this multiplies
    without tensor cores. What matters here is reading the weights, a byte for each product.
    """
    # TODO 8: Go along K in steps of BLOCK_K. In each step load a tile of weights, shape
    #   [BLOCK_N, BLOCK_K], and the piece of x beside it, shape [BLOCK_K]. What lies outside counts
    #   as 0. Row n of w begins n * K elements after the start of w.
    # TODO 9: Multiply them in fp32 and add the products to a block of running sums that has the
    #   shape of the tile: no reduction in the loop, where all lanes would wait for each other.
    # TODO 10: After the loop, add the sums up along K: totals, shape [BLOCK_N], fp32.
    pass
    return totals[None, :]


@triton.jit
def linear_w8a16_kernel(
    y_ptr,
    x_ptr,
    w_ptr,
    scale_ptr,
    M,
    N,
    K,
    x_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """Compute y[m, n] = (sum_k x[m, k] * w[n, k]) * scale[n], BLOCK_N outputs n in each program.

    Args:
        y_ptr: Where y [M, N] begins, fp16 or bf16, contiguous; written.
        x_ptr: Where x [M, K] begins, type of y. The elements of a row are neighbours.
        w_ptr: Where w [N, K] begins, int8, contiguous.
        scale_ptr: Where scale [N] begins, fp32.
        M: Rows of x and y, at most BLOCK_M.
        N: Rows of w, columns of y.
        K: Columns of x and w.
        x_row_stride: Elements from the start of a row of x to the start of the next.
        BLOCK_M: 1 if there is one row, else 16.
        BLOCK_N: Outputs of a program, a power of two.
        BLOCK_K: Products that are added at a time, a power of two.

    Each program computes its outputs for all rows, so that each weight is read once: 1 byte in
    place of 2. Everything else is small beside the N * K bytes of weights.
    """
    n = tl.program_id(0).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)  # outputs: rows of w
    if BLOCK_M == 1:  # known when the kernel is compiled: only one of the two is in it
        sums = sums_of_one_row(x_ptr, w_ptr, n, N, K, BLOCK_N, BLOCK_K)
    else:
        sums = sums_of_rows(x_ptr, w_ptr, n, M, N, K, x_row_stride, BLOCK_M, BLOCK_N, BLOCK_K)

    # TODO 11: Load the scales of the outputs n, shape [BLOCK_N], multiply the sums, shape
    #   [BLOCK_M, BLOCK_N], by them, and store the products to y, where both row and output exist.
    pass


def linear_w8a16(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Multiply a few rows of 16-bit numbers by a layer's int8 weights.

    Args:
        x: [M, K], fp16 or bf16, at most 16 rows. The elements of a row are neighbours.
        w_q: [N, K], int8, contiguous: one row for each output.
        scale: [N], fp32, contiguous: the scale of each row of w_q.

    Returns:
        y [M, N], contiguous, of the type of x, with
        y[m, n] = (sum_k x[m, k] * w_q[n, k]) * scale[n]. Products of 16-bit numbers and int8 are
        exact, their sums are formed in fp32 and rounded once. With K = 0 the result is zeros.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, a tensor has the wrong layout, or x has too many rows.
    """
    check_rows("x", x, HALF_TYPES)
    check_rows("w_q", w_q, (torch.int8,))
    (M, K), N = x.shape, w_q.shape[0]
    if w_q.shape[1] != K or not w_q.is_contiguous():
        raise ValueError(f"w_q must be contiguous, of shape (N, {K}), not {tuple(w_q.shape)}")
    check_scale("scale", scale, (N,))
    if M > MOST_ROWS:
        raise ValueError(f"x has {M} rows; {MOST_ROWS} is the most")
    y = torch.empty((M, N), dtype=x.dtype, device=x.device)
    if y.numel() == 0:
        return y
    if M == 1:
        launch = {"BLOCK_M": 1, "BLOCK_N": 8, "BLOCK_K": 512, "num_warps": 2}
    else:
        launch = {"BLOCK_M": 16, "BLOCK_N": 32, "BLOCK_K": 256, "num_warps": 4, "num_stages": 5}
    grid = (triton.cdiv(N, launch["BLOCK_N"]),)
    linear_w8a16_kernel[grid](y, x, w_q, scale, M, N, K, x.stride(0), **launch)
    return y


@triton.jit
def pair_to_fp32(pairs, dtype: tl.constexpr):
    """The two 16-bit numbers of type dtype in each 32-bit word, as fp32: the first, the second.

    Neighbours in memory belong to the two weights of a byte. Loaded as one word they stay in the
    lane that has the byte.
    """
    first = pairs.to(tl.int16).to(dtype, bitcast=True)
    second = (pairs >> 16).to(tl.int16).to(dtype, bitcast=True)
    return first.to(tl.float32), second.to(tl.float32)


@triton.jit
def linear_w4a16_kernel(
    y_ptr,
    x_ptr,
    w_ptr,
    scale_ptr,
    N,
    K,
    GROUP_SIZE: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_GROUPS: tl.constexpr,
    BLOCK_BYTES: tl.constexpr,
):
    """Compute y[m, n] = sum_k x[m, k] * (code[n, k] - 8) * scale[n, k // GROUP_SIZE].

    Args:
        y_ptr: Where y [M, N] begins, fp16 or bf16, contiguous; written.
        x_ptr: Where x [M, K] begins, type of y, contiguous, as int32 words [M, K / 2]: word j of
            row m holds x[m, 2 j] and x[m, 2 j + 1]. See pair_to_fp32; the dtype that it takes is
            y_ptr.dtype.element_ty.
        w_ptr: Where the weights [N, K / 2] begin, uint8, contiguous. The low four bits of byte j
            of row n are code[n, 2 j], the high ones code[n, 2 j + 1].
        scale_ptr: Where scale [N, K / GROUP_SIZE] begins, fp32, contiguous.
        N: Outputs.
        K: Inputs, a multiple of GROUP_SIZE.
        GROUP_SIZE: Neighbours in a row that share a scale, an even number.
        BLOCK_N: Outputs of a program, a power of two.
        BLOCK_GROUPS: Groups of each output that are unpacked at a time, a power of two.
        BLOCK_BYTES: The smallest power of two not below GROUP_SIZE / 2, the bytes of a group.

    Axis 0 of the grid counts blocks of outputs, axis 1 rows of x. A weight costs half a byte, and
    its share of the scale another 4 / GROUP_SIZE bytes.
    """
    # TODO 12: Write the kernel. Unpack a block of bytes with shifts and masks, two codes from each,
    #   and multiply each code by the element of x that it belongs to. The products of a group have
    #   one scale: add them up first. int_to_fp32 converts codes cheaply.
    pass


def linear_w4a16(
    x: torch.Tensor, w_packed: torch.Tensor, scale: torch.Tensor, group_size: int
) -> torch.Tensor:
    """Multiply a few rows of 16-bit numbers by a layer's 4-bit weights.

    Made for one row, for which each weight is read once; further rows take as long each.

    Args:
        x: [M, K], fp16 or bf16, at most 16 rows. The elements of a row are neighbours.
        w_packed: [N, K / 2], uint8, contiguous. Byte j of row n holds two codes 0 ... 15: its low
            four bits code[n, 2 j], its high ones code[n, 2 j + 1].
        scale: [N, K / group_size], fp32, contiguous: one for each group of neighbours in a row.
        group_size: An even number that divides K.

    Returns:
        y [M, N], contiguous, of the type of x, with
        y[m, n] = sum_k x[m, k] * (code[n, k] - 8) * scale[n, k // group_size], summed in fp32
        and rounded once. With K = 0 the result is zeros.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, a tensor has the wrong layout, or x has too many rows.
    """
    check_rows("x", x, HALF_TYPES)
    check_rows("w_packed", w_packed, (torch.uint8,))
    (M, K), N = x.shape, w_packed.shape[0]
    if group_size < 2 or group_size % 2 or K % group_size:
        raise ValueError(f"groups of {group_size} in rows of {K}: an even number must divide K")
    if 2 * w_packed.shape[1] != K or not w_packed.is_contiguous():
        raise ValueError(f"w_packed must be contiguous, [N, {K // 2}], not {w_packed.shape}")
    check_scale("scale", scale, (N, K // group_size))
    if M > MOST_ROWS:
        raise ValueError(f"x has {M} rows; {MOST_ROWS} is the most")
    y = torch.empty((M, N), dtype=x.dtype, device=x.device)
    if y.numel() == 0:
        return y
    x = x.contiguous()
    x = x.clone() if x.data_ptr() % 4 else x  # words begin at multiples of 4 bytes
    block_bytes = triton.next_power_of_2(group_size // 2)
    block_groups = max(512 // block_bytes, 1)
    block_n = max(2048 // (block_groups * block_bytes), 1)
    linear_w4a16_kernel[(triton.cdiv(N, block_n), M)](
        y,
        x.view(torch.int32),
        w_packed,
        scale,
        N,
        K,
        GROUP_SIZE=group_size,
        BLOCK_N=block_n,
        BLOCK_GROUPS=block_groups,
        BLOCK_BYTES=block_bytes,
        num_warps=min(max(block_bytes // 4096, 1), 16),
    )
    return y


def check_rows(name: str, matrix: torch.Tensor, types: tuple[torch.dtype, ...]) -> None:
    """Refuse anything but a matrix of one of these types whose rows are runs of neighbours.

    Raises:
        TypeError: The type is another one.
        ValueError: It does not have two dimensions, or the elements of a row are not neighbours.
    """
    if matrix.dtype not in types:
        allowed = ", ".join(str(one).removeprefix("torch.") for one in types)
        raise TypeError(f"{name} is {matrix.dtype}; supported: {allowed}")
    if matrix.dim() != 2:
        raise ValueError(f"{name} has shape {tuple(matrix.shape)}; a matrix is expected")
    if matrix.shape[1] > 1 and matrix.stride(1) != 1:
        raise ValueError(f"the elements of a row of {name} must be neighbours in memory")


def check_scale(name: str, scale: torch.Tensor, shape: tuple[int, ...]) -> None:
    """Refuse scales that are not fp32, not contiguous or of another shape.

    Raises:
        TypeError: They are not fp32.
        ValueError: They have another shape, or are not contiguous.
    """
    if scale.dtype != torch.float32:
        raise TypeError(f"{name} is {scale.dtype}; scales are fp32")
    if tuple(scale.shape) != shape or not scale.is_contiguous():
        raise ValueError(f"{name} must be contiguous, of shape {shape}, not {tuple(scale.shape)}")
