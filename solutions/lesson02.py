"""Lesson 2: fused operations, and how memory is saved by computing again.

Three operations, in the order in which to solve them:

- ``add_mul(x, y, z)`` gives ``(x + y) * z``. Write the kernel.
- ``bias_gelu_residual(x, bias, residual)`` gives ``gelu(x + bias) + residual``, the end of a
  transformer's feed-forward layer. Write the formula, the kernel and its launch.
- ``dropout_scale(x, p, seed)`` drops elements at random, ``dropout_scale_backward(dy, p, seed)``
  passes gradients back through the same ones. Write the kernel and both of its uses.

PyTorch runs such a chain one operation at a time, and each of them reads its inputs from memory
and writes its result back. A fused kernel reads every input once, keeps intermediate results in
registers and writes the final one once. The arithmetic is the same; the bytes are not.

Tensors are fp32, fp16 or bf16. The arithmetic is done in fp32 and rounded once, on the way out.
"""

import torch
import triton
import triton.language as tl

BLOCK = 1024  # elements of a vector that one program works on
BLOCK_M = 16  # rows of a matrix tile, all of which share one piece of the bias
BLOCK_N = 128  # columns of a matrix tile; neighbours in memory, so the long side

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)


@triton.jit
def add_mul_kernel(out_ptr, x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    """Compute out[i] = (x[i] + y[i]) * z[i] for i = 0 ... n - 1, BLOCK elements in each program.

    Args:
        out_ptr: Where out begins; written.
        x_ptr: Where x begins.
        y_ptr: Where y begins.
        z_ptr: Where z begins. All four are contiguous and of one floating-point type.
        n: Number of elements; any number, not only multiples of BLOCK.
        BLOCK: Elements that one program works on, a power of two.

    Per element, three values are read and one is written: 16 bytes in fp32. An addition and a
    multiplication of whole tensors, one after the other, move 24.
    """
    # TODO 1: Find this program's elements and their mask, as in lesson 1: indices of shape [BLOCK]
    #   in int64, and a mask of the same shape.
    # TODO 2: Load x, y and z, and compute in fp32 whatever their type is. The sum must not leave
    #   the program: only the product is stored.
    ### BEGIN SOLUTION
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    y = tl.load(y_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    z = tl.load(z_ptr + offsets, mask=mask).to(tl.float32)  # 4 more
    tl.store(out_ptr + offsets, (x + y) * z, mask=mask)  # and 4; x + y stayed in registers
    ### END SOLUTION


def add_mul(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Add two tensors and multiply by a third, element by element, in one pass.

    Args:
        x: Any shape, contiguous; fp32, fp16 or bf16.
        y: Shape and type of x, contiguous.
        z: Shape and type of x, contiguous.

    Returns:
        (x + y) * z: a new contiguous tensor with the shape and type of x. Sum and product are
        formed in fp32, in this order; fp16 and bf16 are rounded once, at the end, so that a sum
        beyond the range of fp16 does no harm if the product is within it.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_alike(x, y, z)
    out = torch.empty_like(x)
    n = out.numel()
    if n == 0:
        return out  # nothing to compute
    add_mul_kernel[(triton.cdiv(n, BLOCK),)](out, x, y, z, n, BLOCK=BLOCK)
    return out


@triton.jit
def gelu_tanh(v):
    """The activation ``0.5 * v * (1 + tanh(sqrt(2 / pi) * (v + 0.044715 * v**3)))``.

    Args:
        v: fp32 values of any shape.

    Returns:
        fp32 values of the shape of v, off by no more than about 1e-6, or a relative 1e-6 where
        they are large. They approach v for large positive v and 0 for large negative v; none is
        NaN where v is finite.
    """
    # TODO 3: Compute the formula. Triton has no tanh of its own; it has tl.exp and tl.sigmoid.
    #   Mind what becomes of your exponential when v is 100, and when v is -100. The square root is
    #   a constant: 0.7978845608028654.
    ### BEGIN SOLUTION
    # (1 + tanh(u)) / 2 is 1 / (1 + exp(-2 * u)). An exponential that overflows gives v / inf = 0,
    # one that underflows gives v / 1: both are the right limits.
    u = 0.7978845608028654 * (v + 0.044715 * v * v * v)
    return v / (1.0 + tl.exp(-2.0 * u))
    ### END SOLUTION


@triton.jit
def bias_gelu_residual_kernel(
    out_ptr,
    x_ptr,
    bias_ptr,
    residual_ptr,
    n_rows,
    n_columns,
    x_row_stride,
    residual_row_stride,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Compute out[i, j] = gelu_tanh(x[i, j] + bias[j]) + residual[i, j], one tile a program.

    Args:
        out_ptr: Where out [n_rows, n_columns] begins; written, contiguous.
        x_ptr: Where x [n_rows, n_columns] begins.
        bias_ptr: Where bias [n_columns] begins.
        residual_ptr: Where residual [n_rows, n_columns] begins.
        n_rows: Number of rows, at least 1.
        n_columns: Number of columns, at least 1.
        x_row_stride: Elements from the start of a row of x to the start of the next.
        residual_row_stride: The same for residual.
        BLOCK_M: Rows of a tile, a power of two.
        BLOCK_N: Columns of a tile, a power of two.

    The grid has one axis. Tiles are numbered like words on a page: from left to right, then from
    top to bottom. So programs that run at the same time work on neighbours in memory, which is
    several percent faster than the other order, and there is no limit to the number of rows (the
    second axis of a grid ends at 65535 programs).

    In bf16 an element costs 6 bytes, and each tile another 2 * BLOCK_N for its piece of the bias:
    the more rows share it, the less it costs.
    """
    # TODO 4: Which tile is this? From the number of the program and the number of tiles that lie
    #   side by side, compute how many tiles are above this one and how many are left of it.
    # TODO 5: Compute the tile's row indices [BLOCK_M] in int64, its column indices [BLOCK_N] and a
    #   mask [BLOCK_M, BLOCK_N] that is true where both row and column exist.
    # TODO 6: Load the BLOCK_N elements of the bias that these columns need, once for all rows.
    # TODO 7: Load the tiles of x and of residual, each with its own row stride; compute
    #   gelu_tanh(x + bias) + residual in fp32 and store it. out is contiguous.
    ### BEGIN SOLUTION
    tile = tl.program_id(0)
    tiles_across = tl.cdiv(n_columns, BLOCK_N)
    above, left = tile // tiles_across, tile % tiles_across
    rows = above.to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    columns = left * BLOCK_N + tl.arange(0, BLOCK_N)  # [BLOCK_N]
    mask = (rows[:, None] < n_rows) & (columns[None, :] < n_columns)  # [BLOCK_M, BLOCK_N]

    bias = tl.load(bias_ptr + columns, mask=columns < n_columns).to(tl.float32)  # [BLOCK_N]
    x_offsets = rows[:, None] * x_row_stride + columns[None, :]
    x = tl.load(x_ptr + x_offsets, mask=mask).to(tl.float32)  # 2 bytes an element in bf16
    residual_offsets = rows[:, None] * residual_row_stride + columns[None, :]
    residual = tl.load(residual_ptr + residual_offsets, mask=mask).to(tl.float32)  # 2 more

    out = gelu_tanh(x + bias[None, :]) + residual  # all of it in registers
    out_offsets = rows[:, None] * n_columns + columns[None, :]
    tl.store(out_ptr + out_offsets, out, mask=mask)  # and 2
    ### END SOLUTION


def bias_gelu_residual(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """Add a bias, apply the tanh form of GELU, add a residual, in one pass.

    Args:
        x: [n_rows, n_columns], fp32, fp16 or bf16. The elements of a row are neighbours in
            memory; the rows may lie at any distance from each other.
        bias: [n_columns], type of x, contiguous.
        residual: Shape and type of x; its rows, too, may lie at any distance.

    Returns:
        gelu_tanh(x + bias) + residual: a new contiguous tensor [n_rows, n_columns] of the type of
        x, computed in fp32 and rounded once. NaN and +infinity propagate; what x + bias =
        -infinity gives is left open.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, or the elements of a row are not neighbours.
    """
    check_matrices_and_bias(x, bias, residual)
    n_rows, n_columns = x.shape
    out = torch.empty((n_rows, n_columns), dtype=x.dtype, device=x.device)
    if out.numel() == 0:
        return out
    # TODO 8: Launch bias_gelu_residual_kernel with tiles of BLOCK_M by BLOCK_N. The grid is a tuple
    #   of one number: how many tiles cover the matrix? Besides the kernel's own arguments, pass
    #   num_warps=8: each program then runs on 8 warps of 32 threads; without it, on 4.
    ### BEGIN SOLUTION
    grid = (triton.cdiv(n_rows, BLOCK_M) * triton.cdiv(n_columns, BLOCK_N),)
    bias_gelu_residual_kernel[grid](
        out,
        x,
        bias,
        residual,
        n_rows,
        n_columns,
        x.stride(0),
        residual.stride(0),
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=8,
    )
    ### END SOLUTION
    return out


# A new seed in every step of a training loop must not compile a new kernel.
@triton.jit(do_not_specialize=["seed"])
def dropout_kernel(y_ptr, x_ptr, p, scale, seed, n, BLOCK: tl.constexpr):
    """Compute y[i] = scale * x[i] where element i is kept and 0 where it is dropped.

    Args:
        y_ptr: Where y begins; written.
        x_ptr: Where x begins. Both are contiguous and of one floating-point type.
        p: Probability of being dropped, an fp32 number from 0 to 1.
        scale: What kept elements are multiplied by, an fp32 number.
        seed: Chooses the sequence of random numbers, an integer.
        n: Number of elements; any number, not only multiples of BLOCK.
        BLOCK: Elements that one program works on, a power of two.

    ``tl.rand(seed, offsets)`` gives one fp32 number from [0, 1) for each offset. It has no state:
    a number depends on the seed and its own offset and on nothing else, so whoever knows both can
    compute it again at any time, in any program. Element i is kept if number i is at least p.

    Per element, one value is read and one is written. The mask is never stored.
    """
    # TODO 9: Find this program's elements and their mask; load x and convert it to fp32.
    # TODO 10: Compute a block of booleans, shape [BLOCK]: which of these elements are kept? The
    #   answer for an element must not depend on BLOCK or on which program asks.
    # TODO 11: Store scale * x where an element is kept and 0 where it is dropped, even if x is
    #   infinite or NaN there.
    ### BEGIN SOLUTION
    start = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask).to(tl.float32)  # 4 bytes an element in fp32
    keep = tl.rand(seed, offsets) >= p  # [BLOCK], from arithmetic alone
    # A choice and not a product: 0 * inf would be NaN.
    tl.store(y_ptr + offsets, tl.where(keep, scale * x, 0.0), mask=mask)  # 4 more
    ### END SOLUTION


def dropout_scale(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """Set elements to zero at random and scale the others, so that the mean stays as it is.

    Args:
        x: Any shape, contiguous; fp32, fp16 or bf16.
        p: Probability with which an element is dropped, 0 <= p <= 1; used in fp32.
        seed: 0 <= seed < 2^63. The same seed drops the same elements.

    Returns:
        y: a new contiguous tensor with the shape and type of x. With i the index of an element in
        row-major order, y[i] = x[i] / (1 - p) if ``tl.rand(seed, i)`` >= p, else 0. So p = 0
        returns the values of x, and p = 1 returns zeros, even for infinities and NaN.

    Raises:
        TypeError: The type is not supported.
        ValueError: x is not contiguous, or p or seed is out of range.
    """
    check_dropout(x, p, seed)
    y = torch.empty_like(x)
    n = y.numel()
    if n == 0:
        return y
    # TODO 12: Compute scale: what must the kept elements be multiplied by, so that on average y is
    #   x? All of them are dropped when p is 1; that must not end in a division by zero.
    # TODO 13: Launch dropout_kernel with BLOCK elements a program. A caller may give p as the int
    #   0 or 1; the kernel must get a float.
    ### BEGIN SOLUTION
    scale = 1.0 / (1.0 - p) if p < 1 else 0.0
    dropout_kernel[(triton.cdiv(n, BLOCK),)](y, x, float(p), scale, seed, n, BLOCK=BLOCK)
    ### END SOLUTION
    return y


def dropout_scale_backward(dy: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """The gradient of ``dropout_scale`` with respect to x, without a stored mask.

    Args:
        dy: Gradient with respect to y, contiguous; any shape, fp32, fp16 or bf16.
        p: As in the forward call.
        seed: As in the forward call.

    Returns:
        dx: a new contiguous tensor with the shape and type of dy: dy[i] / (1 - p) for the elements
        that the forward call kept, 0 for those that it dropped.

    Raises:
        TypeError: The type is not supported.
        ValueError: dy is not contiguous, or p or seed is out of range.
    """
    # TODO 14: Compute dx with dropout_kernel. What is the derivative of y[i] with respect to x[i]
    #   where it was kept, and where it was dropped? Compare what has to be computed here with what
    #   you already have.
    ### BEGIN SOLUTION
    # y = d * x with a factor d that depends on p, seed and place alone, so dx = d * dy.
    return dropout_scale(dy, p, seed)
    ### END SOLUTION


def check_alike(*tensors: torch.Tensor) -> None:
    """Refuse tensors that ``add_mul_kernel`` would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes differ, or a tensor is not contiguous.
    """
    check_types(*tensors)
    if len({tensor.shape for tensor in tensors}) > 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise ValueError(f"the tensors must have one shape, not {shapes}")
    if not all(tensor.is_contiguous() for tensor in tensors):
        raise ValueError("the tensors must be contiguous: the kernel counts on neighbours")


def check_matrices_and_bias(x: torch.Tensor, bias: torch.Tensor, residual: torch.Tensor) -> None:
    """Refuse tensors that ``bias_gelu_residual_kernel`` would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, or the elements of a row are not neighbours.
    """
    check_types(x, bias, residual)
    if x.dim() != 2 or bias.shape != x.shape[1:] or residual.shape != x.shape:
        raise ValueError(
            f"x {tuple(x.shape)}, bias {tuple(bias.shape)} and residual {tuple(residual.shape)} "
            "do not fit: they must be [M, N], [N] and [M, N]"
        )
    if x.shape[1] > 1 and any(tensor.stride(-1) != 1 for tensor in (x, bias, residual)):
        raise ValueError("the elements of a row must be neighbours in memory: stride 1")


def check_dropout(x: torch.Tensor, p: float, seed: int) -> None:
    """Refuse arguments that ``dropout_kernel`` would silently get wrong.

    Raises:
        TypeError: The type of x is not supported.
        ValueError: x is not contiguous, or p or seed is out of range.
    """
    check_alike(x)
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, from 0 to 1, not {p}")
    if not 0 <= seed < 2**63:
        raise ValueError(f"seed must be at least 0 and below 2^63, not {seed}")


def check_types(*tensors: torch.Tensor) -> None:
    """Refuse tensors of different or unsupported types.

    Raises:
        TypeError: A type is not supported, or the types differ.
    """
    kinds = {tensor.dtype for tensor in tensors}
    if len(kinds) > 1:
        raise TypeError(f"all tensors must have one type, not {', '.join(sorted(map(str, kinds)))}")
    if not kinds <= set(FLOAT_TYPES):
        raise TypeError(f"{kinds.pop()} is not supported; use fp32, fp16 or bf16")
