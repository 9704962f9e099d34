# Fill in the TODOs, then see how far you are: grade lesson07
"""Lesson 7: losses and layers of your own, with gradients of your own.

Four functions, in the order in which to solve them:

- ``cross_entropy(logits, targets)`` with ignored rows, label smoothing and z-loss. Its gradient
  is computed in the forward pass, while the logits are still at hand.
- ``focal_loss(logits, targets, gamma)``, a loss whose derivative you work out yourself. It saves
  one number a row and computes its gradient in the backward pass.
- ``layer_norm(x, weight, bias)``, whose backward pass sums over all rows without atomics.
- ``train(...)``, a classifier that learns with the first and the third. Write the loop.

PyTorch cannot look into a Triton kernel. A ``torch.autograd.Function`` tells it what to call in
the backward pass; these classes are given, they allocate tensors and launch your kernels.

Tensors are fp32, fp16 or bf16. The arithmetic is done in fp32 and rounded on the way out.

What torch may do in host code stands in docs/rules.md. Beyond that, for totals and counts,
``cross_entropy`` may use ``sum``, ``mean``, ``ne``, ``eq``, ``count_nonzero``, ``clamp`` and
``div``, and ``focal_loss`` may use ``sum``, ``mean`` and ``div``; ``train`` what a training takes.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

BLOCK = 8192  # logits that a program looks at in one go; a row may be longer
LOSS_WARPS = 8  # warps of a program that works on a row of logits
MAX_FEATURES = 16384  # longest row of layer_norm: a program holds a whole row in registers
COLUMN_BLOCK = 16  # columns whose partial sums one program adds up
PARTIAL_BLOCK = 32  # partial sums of a column that it adds in one go

FLOAT_TYPES = (torch.float32, torch.float16, torch.bfloat16)

LOG2_E = tl.constexpr(1.4426950408889634)  # exp(x) is exp2(LOG2_E * x)

Parameters = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


@triton.jit
def row_statistics(row_ptr, n_columns, BLOCK: tl.constexpr):
    """Compute log(sum(exp(x))) and sum(x) over a row of logits of any length, in one read.

    Args:
        row_ptr: Where the row begins; its elements are neighbours.
        n_columns: Number of logits, at least 1.
        BLOCK: Logits looked at in one go, a power of two.

    Returns:
        lse and total, two fp32 numbers. Logits may be -inf, even a whole block of them, as long
        as one in the row is finite: lse is then that of the others. exp() never overflows.
    """
    # TODO 1: Go through the row in blocks. Keep three fp32 numbers: the largest logit so far, the
    #   sum of exp(x - largest) so far, the sum of x so far. A new largest makes the old sum too
    #   large by a known factor. As long as only -inf was seen, the largest is -inf too, and
    #   -inf - (-inf) is NaN: guard against it. A masked lane must change none of the three. From
    #   them follow lse and total, which the last line returns.
    pass
    return lse, total


# Which targets are ignored is a setting: another one must not compile another kernel.
@triton.jit(do_not_specialize=["ignore_index"])
def cross_entropy_kernel(
    loss_ptr,
    gradient_ptr,
    logits_ptr,
    targets_ptr,
    count_ptr,
    n_columns,
    logits_row_stride,
    ignore_index,
    label_smoothing,
    z_loss,
    SMOOTHING: tl.constexpr,
    GRADIENT: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Compute one row's share of the mean loss and, if asked, the gradient of its logits.

    With t the target, eps the label smoothing, zeta the z-loss, V the number of columns, N the
    number of rows that are not ignored and p = exp(x - lse):

        loss     = ((lse - (1 - eps) x[t] - eps / V sum(x)) + zeta lse^2) / N
        gradient = ((1 + 2 zeta lse) p[j] - (1 - eps) [j == t] - eps / V) / N

    An ignored row has loss 0 and gradient 0, whatever its logits are, NaN included.

    Args:
        loss_ptr: Where the losses [n_rows] begin, fp32; written.
        gradient_ptr: Where the gradient [n_rows, n_columns] begins, contiguous; written if
            GRADIENT, otherwise None.
        logits_ptr: Where the logits [n_rows, n_columns] begin.
        targets_ptr: Where the targets [n_rows] begin, int64: a column each, or ignore_index.
        count_ptr: One int64: how many rows are not ignored; may be 0.
        n_columns: Number of classes, V.
        logits_row_stride: Elements from the start of a row of logits to the start of the next.
        ignore_index: Target of ignored rows; often no valid column.
        label_smoothing: eps, fp32.
        z_loss: zeta, fp32.
        SMOOTHING: Whether label_smoothing is more than 0. If not, logits may be -inf, and a term
            with sum(x) must not appear at all: 0 times -inf is NaN.
        GRADIENT: Whether the gradient is asked for.
        BLOCK: Logits looked at in one go, a power of two.

    One program a row. The logits are read twice and the gradient is written once: 6 bytes an
    element in bf16, of which the second read can come from the L2 cache.
    """
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    if GRADIENT:
        gradient_ptr += row * n_columns
    target = tl.load(targets_ptr + row)
    n_counted = tl.maximum(tl.load(count_ptr), 1).to(tl.float32)

    # TODO 2: Deal with an ignored row: store its loss, store its gradient if GRADIENT (its memory
    #   is uninitialised), and return. An ignored target must never be used as a column.
    pass

    lse, total = row_statistics(logits_ptr, n_columns, BLOCK)

    # TODO 3: Compute the row's loss by the formula above and store it; N is n_counted, sum(x) is
    #   total. With 1 / N in it, the mean is a plain sum over rows. The term with total appears only
    #   if SMOOTHING.
    pass

    # TODO 4: If GRADIENT, go through the row once more and store its gradient for an upstream
    #   gradient of 1. Which blocks of the row did the first pass read last? They are the most
    #   likely ones to be still in a cache.
    pass


@triton.jit
def scale_kernel(gradient_ptr, factor_ptr, n_columns, BLOCK: tl.constexpr):
    """Multiply a gradient by the upstream gradient, in place.

    Args:
        gradient_ptr: Where the gradient [n_rows, n_columns] begins, contiguous; overwritten.
        factor_ptr: Where the factor lies, one fp32 number; only the GPU knows it.
        n_columns: Number of columns.
        BLOCK: Elements multiplied in one go, a power of two.

    One program a row. If the loss is what backward() was called on, the factor is 1; reading and
    writing the whole gradient for that would take almost as long as computing it.
    """
    row = tl.program_id(0).to(tl.int64)
    gradient_ptr += row * n_columns
    # TODO 5: Load the factor. Unless it is 1, multiply this program's row by it, in fp32. If it is
    #   1, touch no element.
    pass


class CrossEntropy(torch.autograd.Function):
    """The launches of cross_entropy, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: torch.Tensor,
        targets: torch.Tensor,
        ignore_index: int,
        label_smoothing: float,
        z_loss: float,
    ) -> torch.Tensor:
        """Launch cross_entropy_kernel; the gradient for an upstream gradient of 1 is kept."""
        ctx.save_for_backward(logits, targets)
        ctx.settings = (ignore_index, label_smoothing, z_loss)
        with_gradient = ctx.needs_input_grad[0]
        loss, ctx.gradient = launch_cross_entropy(logits, targets, *ctx.settings, with_gradient)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
        """Launch scale_kernel on the gradient that the forward pass left, and give it away."""
        logits, targets = ctx.saved_tensors
        gradient, ctx.gradient = ctx.gradient, None
        if gradient is None:
            # Backward a second time, with retain_graph: the first time gave the gradient away,
            # and what its new owner did to it is not ours to know. So compute it again.
            _, gradient = launch_cross_entropy(logits, targets, *ctx.settings, True)
        n_rows, n_columns = gradient.shape
        if n_rows:
            scale_kernel[(n_rows,)](
                gradient, upstream, n_columns, BLOCK=block_of(n_columns), num_warps=LOSS_WARPS
            )
        return gradient, None, None, None, None


def launch_cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    ignore_index: int,
    label_smoothing: float,
    z_loss: float,
    with_gradient: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Launch cross_entropy_kernel, one program a row.

    Returns:
        The loss, an fp32 scalar, and the gradient of the logits in their type, or None.
    """
    n_rows, n_columns = logits.shape
    losses = torch.empty(n_rows, dtype=torch.float32, device=logits.device)
    gradient = None
    if with_gradient:
        gradient = torch.empty((n_rows, n_columns), dtype=logits.dtype, device=logits.device)
    if n_rows:
        count = (targets != ignore_index).sum()  # stays on the GPU: nobody waits for it
        cross_entropy_kernel[(n_rows,)](
            losses,
            gradient,
            logits,
            targets,
            count,
            n_columns,
            logits.stride(0),
            ignore_index,
            label_smoothing,
            z_loss,
            SMOOTHING=label_smoothing > 0,
            GRADIENT=with_gradient,
            BLOCK=block_of(n_columns),
            num_warps=LOSS_WARPS,
        )
    return losses.sum(), gradient


def cross_entropy(
    logits: torch.Tensor,
    targets: torch.Tensor,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
) -> torch.Tensor:
    """Mean cross-entropy of logits and targets, differentiable with respect to the logits.

    The loss of a row is lse - (1 - label_smoothing) x[t] - label_smoothing mean(x) + z_loss lse^2
    with lse = log(sum(exp(x))) and t its target. The mean is over the rows that are not ignored.

    Args:
        logits: [n_rows, n_columns], fp32, fp16 or bf16. The elements of a row are neighbours;
            the rows may lie at any distance. -inf is allowed without label smoothing.
        targets: [n_rows], int64, contiguous: a column each, or ignore_index. Others are not
            checked: that would make the CPU wait for the GPU.
        ignore_index: Rows with this target do not count; their gradient is 0.
        label_smoothing: Part of the target's probability that goes to all columns alike, 0 to 1.
        z_loss: Weight of lse^2, which keeps the logits from growing; at least 0.

    Returns:
        The loss, an fp32 scalar; 0 if every row is ignored or there is none.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, the elements of a row are not neighbours, or a setting
            is out of range.
    """
    check_logits(logits, targets)
    if not 0 <= label_smoothing <= 1 or z_loss < 0:
        raise ValueError(f"label_smoothing {label_smoothing} or z_loss {z_loss} is out of range")
    return CrossEntropy.apply(logits, targets, ignore_index, label_smoothing, z_loss)


@triton.jit
def power(base, exponent):
    """Compute base ** exponent for base >= 0 and exponent >= 0, with 0 ** 0 = 1."""
    return tl.where(exponent == 0.0, 1.0, tl.exp(exponent * tl.log(base)))


@triton.jit
def focal_loss_kernel(
    loss_ptr,
    lse_ptr,
    logits_ptr,
    targets_ptr,
    n_columns,
    logits_row_stride,
    gamma,
    BLOCK: tl.constexpr,
):
    """Compute the focal loss of one row, -(1 - p)^gamma log p with p = exp(x[t] - lse).

    Args:
        loss_ptr: Where the losses [n_rows] begin, fp32; written.
        lse_ptr: Where the lse of each row goes, [n_rows], fp32; written, for the backward pass.
        logits_ptr: Where the logits [n_rows, n_columns] begin.
        targets_ptr: Where the targets [n_rows] begin, int64, a column each.
        n_columns: Number of classes.
        logits_row_stride: Elements from the start of a row of logits to the start of the next.
        gamma: 0 or at least 1, fp32. With 0 this is cross-entropy.
        BLOCK: Logits looked at in one go, a power of two.

    One program a row, which reads its logits once: 2 bytes an element in bf16.
    """
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    # TODO 6: Compute the row's lse and its loss, store both. log p is x[t] - lse. Rounding can make
    #   it a little larger than 0, and 1 - p negative: limit it to at most 0. row_statistics and
    #   power are at hand.
    pass


@triton.jit
def focal_loss_backward_kernel(
    gradient_ptr,
    upstream_ptr,
    lse_ptr,
    logits_ptr,
    targets_ptr,
    n_rows,
    n_columns,
    logits_row_stride,
    gamma,
    BLOCK: tl.constexpr,
):
    """Compute the gradient of the mean focal loss for one row of logits.

    Args:
        gradient_ptr: Where the gradient [n_rows, n_columns] begins, contiguous; written.
        upstream_ptr: Where the gradient of the mean loss lies, one fp32 number.
        lse_ptr: Where the lse of the rows begin, [n_rows], fp32.
        logits_ptr: Where the logits [n_rows, n_columns] begin.
        targets_ptr: Where the targets [n_rows] begin, int64, a column each.
        n_rows: Number of rows that the mean is taken over.
        n_columns: Number of classes.
        logits_row_stride: Elements from the start of a row of logits to the start of the next.
        gamma: As in the forward pass.
        BLOCK: Logits looked at in one go, a power of two.

    One program a row. The logits are read and the gradient is written: 4 bytes an element in bf16.
    """
    row = tl.program_id(0).to(tl.int64)
    logits_ptr += row * logits_row_stride
    gradient_ptr += row * n_columns
    lse = tl.load(lse_ptr + row)
    target = tl.load(targets_ptr + row)
    # TODO 7: Find, on paper, the derivative of -(1 - p)^gamma log p with respect to log p; remember
    #   that dp / d(log p) = p. Compute it for this row, with log p as in the forward pass, times
    #   the upstream gradient and 1 / n_rows. If gamma is 0 and p is 1, one term may be computed as
    #   0 times infinity, which is NaN: guard against it.
    # TODO 8: d(log p) / dx[j] is [j == t] - exp(x[j] - lse). Go through the row and store the
    #   gradient.
    pass


class FocalLoss(torch.autograd.Function):
    """The launches of focal_loss, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, targets: torch.Tensor, gamma: float
    ) -> torch.Tensor:
        """Launch focal_loss_kernel; one fp32 number a row is saved for the backward pass."""
        n_rows, n_columns = logits.shape
        losses = torch.empty(n_rows, dtype=torch.float32, device=logits.device)
        lse = torch.empty_like(losses)
        if n_rows:
            focal_loss_kernel[(n_rows,)](
                losses,
                lse,
                logits,
                targets,
                n_columns,
                logits.stride(0),
                gamma,
                BLOCK=block_of(n_columns),
                num_warps=LOSS_WARPS,
            )
        ctx.save_for_backward(logits, targets, lse)
        ctx.gamma = gamma
        return losses.sum() / max(n_rows, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[Any, ...]:
        """Launch focal_loss_backward_kernel."""
        logits, targets, lse = ctx.saved_tensors
        n_rows, n_columns = logits.shape
        gradient = torch.empty((n_rows, n_columns), dtype=logits.dtype, device=logits.device)
        if n_rows:
            focal_loss_backward_kernel[(n_rows,)](
                gradient,
                upstream,
                lse,
                logits,
                targets,
                n_rows,
                n_columns,
                logits.stride(0),
                ctx.gamma,
                BLOCK=block_of(n_columns),
                num_warps=LOSS_WARPS,
            )
        return gradient, None, None


def focal_loss(logits: torch.Tensor, targets: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """Mean focal loss, differentiable with respect to the logits.

    The loss of a row is -(1 - p)^gamma log p, where p is the probability that the logits give to
    its target: cross-entropy that cares less about what is already right. Source: Lin et al.,
    Focal Loss for Dense Object Detection (2017), for any number of classes.

    Args:
        logits: [n_rows, n_columns], fp32, fp16 or bf16. The elements of a row are neighbours;
            the rows may lie at any distance. -inf is allowed, but not at the target.
        targets: [n_rows], int64, contiguous, a column each.
        gamma: 0, or at least 1: in between the slope is infinite where p = 1.

    Returns:
        The mean over all rows, an fp32 scalar; 0 if there is none.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, the elements of a row are not neighbours, or gamma is
            out of range.
    """
    check_logits(logits, targets)
    if gamma != 0 and gamma < 1:
        raise ValueError(f"gamma must be 0 or at least 1, not {gamma}")
    return FocalLoss.apply(logits, targets, gamma)


@triton.jit
def layer_norm_kernel(
    y_ptr,
    mean_ptr,
    rstd_ptr,
    x_ptr,
    weight_ptr,
    bias_ptr,
    n_columns,
    eps,
    BLOCK: tl.constexpr,
):
    """Normalise one row: y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(var + eps).

    Args:
        y_ptr: Where y [n_rows, n_columns] begins; written.
        mean_ptr: Where the rows' means go, [n_rows], fp32; written, for the backward pass.
        rstd_ptr: Where the rows' 1 / sqrt(var + eps) go, [n_rows], fp32; written likewise.
        x_ptr: Where x [n_rows, n_columns] begins; x and y are contiguous.
        weight_ptr: Where weight [n_columns] begins.
        bias_ptr: Where bias [n_columns] begins.
        n_columns: Length of a row.
        eps: Keeps the root away from 0, fp32.
        BLOCK: A power of two, at least n_columns: the whole row in one block.

    One program a row, which reads x once and writes y once: 4 bytes an element in bf16.
    """
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)  # [BLOCK]
    mask = columns < n_columns
    # TODO 9: Load the row of x, once, and compute its mean.
    # TODO 10: Compute the variance, the mean of (x - mean)^2 over n_columns. The row is in
    #   registers, so a second pass over it moves no byte. mean(x^2) - mean^2 is no way to do it:
    #   at a mean of 10000 the two differ in their last bits only. What is in the masked lanes?
    # TODO 11: Store mean and rstd, compute y in fp32 and store it.
    pass


@triton.jit
def layer_norm_backward_kernel(
    dx_ptr,
    dw_partial_ptr,
    db_partial_ptr,
    dy_ptr,
    x_ptr,
    weight_ptr,
    mean_ptr,
    rstd_ptr,
    n_rows,
    n_columns,
    BLOCK: tl.constexpr,
    STAGES: tl.constexpr,
):
    """Compute dx of some rows, and what these rows contribute to dweight and dbias.

    With x_hat = (x - mean) * rstd, and means over the columns of a row:

        dx      = rstd * (weight * dy - mean(weight * dy) - x_hat * mean(weight * dy * x_hat))
        dweight = sum over rows of dy * x_hat
        dbias   = sum over rows of dy

    Args:
        dx_ptr: Where dx [n_rows, n_columns] begins; written.
        dw_partial_ptr: Where the contributions to dweight begin, [n_programs, n_columns], fp32;
            row p is program p's and written by it alone.
        db_partial_ptr: The same for dbias.
        dy_ptr: Where dy [n_rows, n_columns] begins.
        x_ptr: Where x [n_rows, n_columns] begins; dx, dy and x are contiguous.
        weight_ptr: Where weight [n_columns] begins.
        mean_ptr: Where the rows' means begin, [n_rows], fp32.
        rstd_ptr: Where the rows' rstd begin, [n_rows], fp32.
        n_rows: Number of rows.
        n_columns: Length of a row.
        BLOCK: A power of two, at least n_columns: the whole row in one block.
        STAGES: What the loop over rows takes as ``num_stages``: with 3, the next rows are on
            their way from memory while this one is worked on.

    Few programs, each with many rows: program p of P takes rows p, p + P, p + 2 P and so on, and
    keeps its two sums in registers. x and dy are read once, dx is written once: 6 bytes an
    element in bf16.
    """
    program = tl.program_id(0)
    columns = tl.arange(0, BLOCK)  # [BLOCK]
    mask = columns < n_columns
    weight = tl.load(weight_ptr + columns, mask=mask, other=0.0).to(tl.float32)
    # TODO 12: Go through this program's rows, with tl.range(first, end, step, num_stages=STAGES).
    #   For each, compute dx by the formula and store it. A row's offset can pass 2^31: convert with
    #   tl.cast(row, tl.int64), since without a GPU the row is a Python number that has no .to().
    # TODO 13: On the way, add up dy * x_hat and dy in two blocks of shape [BLOCK], fp32.
    # TODO 14: Store the two sums as row `program` of the partial sums. A sum that all programs
    #   add to would need atomics, whose order, and with it the last bits, is another in each run.
    pass


@triton.jit
def column_sums_kernel(
    dw_ptr,
    db_ptr,
    dw_partial_ptr,
    db_partial_ptr,
    n_partials,
    n_columns,
    PARTIAL_BLOCK: tl.constexpr,
    COLUMN_BLOCK: tl.constexpr,
):
    """Add up the partial sums of COLUMN_BLOCK columns, always in the same order.

    Args:
        dw_ptr: Where dweight [n_columns] begins, in the type of weight; written.
        db_ptr: Where dbias [n_columns] begins, in the type of bias; written.
        dw_partial_ptr: Where the partial sums of dweight begin, [n_partials, n_columns], fp32.
        db_partial_ptr: The same for dbias.
        n_partials: Number of partial sums of each column.
        n_columns: Number of columns.
        PARTIAL_BLOCK: Partial sums added in one go, a power of two.
        COLUMN_BLOCK: Columns of a program, a power of two.

    Reads 8 bytes for each partial sum and each column; next to the gradient of x that is little.
    """
    columns = tl.program_id(0) * COLUMN_BLOCK + tl.arange(0, COLUMN_BLOCK)  # [COLUMN_BLOCK]
    # TODO 15: Go down the columns in tiles of [PARTIAL_BLOCK, COLUMN_BLOCK], add the tiles up,
    #   and sum the result over its rows at the end. Store dweight and dbias of these columns.
    pass


class LayerNorm(torch.autograd.Function):
    """The launches of layer_norm, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        """Launch layer_norm_kernel; x, weight and two numbers a row are saved."""
        n_columns = x.shape[-1]
        n_rows = x.numel() // n_columns
        y = torch.empty_like(x)
        mean = torch.empty(n_rows, dtype=torch.float32, device=x.device)
        rstd = torch.empty_like(mean)
        if n_rows:
            block = triton.next_power_of_2(n_columns)
            layer_norm_kernel[(n_rows,)](
                y,
                mean,
                rstd,
                x,
                weight,
                bias,
                n_columns,
                eps,
                BLOCK=block,
                num_warps=norm_warps(block),
            )
        ctx.save_for_backward(x, weight, mean, rstd)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[Any, ...]:
        """Launch layer_norm_backward_kernel, then column_sums_kernel on what it leaves."""
        x, weight, mean, rstd = ctx.saved_tensors
        n_rows, n_columns = mean.numel(), weight.numel()
        dx = torch.empty_like(x)
        if not n_rows:
            return dx, torch.zeros_like(weight), torch.zeros_like(weight), None
        dw, db = torch.empty_like(weight), torch.empty_like(weight)
        block = triton.next_power_of_2(n_columns)
        n_programs = min(n_rows, norm_programs(block, x.device))
        dw_partial = torch.empty((n_programs, n_columns), dtype=torch.float32, device=x.device)
        db_partial = torch.empty_like(dw_partial)
        layer_norm_backward_kernel[(n_programs,)](
            dx,
            dw_partial,
            db_partial,
            dy.contiguous(),
            x,
            weight,
            mean,
            rstd,
            n_rows,
            n_columns,
            BLOCK=block,
            STAGES=norm_stages(block * x.element_size()),
            num_warps=norm_warps(block),
        )
        column_sums_kernel[(triton.cdiv(n_columns, COLUMN_BLOCK),)](
            dw,
            db,
            dw_partial,
            db_partial,
            n_programs,
            n_columns,
            PARTIAL_BLOCK=PARTIAL_BLOCK,
            COLUMN_BLOCK=COLUMN_BLOCK,
        )
        return dx, dw, db, None


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """Normalise over the last dimension, differentiable with respect to all three tensors.

    y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance (divided by
    the number of columns) of each row.

    Args:
        x: [..., n_columns], contiguous; fp32, fp16 or bf16.
        weight: [n_columns], type of x, contiguous.
        bias: [n_columns], type of x, contiguous.
        eps: Added to the variance, more than 0.

    Returns:
        y: shape and type of x. The gradients of weight and bias are bitwise the same in each run.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, a tensor is not contiguous, a row has no element or
            more than MAX_FEATURES.
    """
    check_norm(x, weight, bias)
    return LayerNorm.apply(x, weight, bias, eps)


def classify(inputs: torch.Tensor, parameters: Parameters) -> torch.Tensor:
    """A small classifier: a linear layer, layer_norm, ReLU, another linear layer.

    Args:
        inputs: [n, n_inputs], fp32.
        parameters: Weights [n_inputs, n_hidden] and [n_hidden, n_classes] at the ends, weight
            and bias [n_hidden] of the normalisation between them; fp32.

    Returns:
        Logits, [n, n_classes], fp32.
    """
    first, norm_weight, norm_bias, last = parameters
    hidden = torch.relu(layer_norm(inputs @ first, norm_weight, norm_bias))
    return hidden @ last


def train(
    inputs: torch.Tensor,
    targets: torch.Tensor,
    parameters: Parameters,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
) -> Parameters:
    """Train the classifier by stochastic gradient descent on cross_entropy.

    Step s, from 0 on, takes the batch_size samples from number s * batch_size on; after the last
    sample it goes on with the first. Each parameter p becomes p - learning_rate * gradient. Rows
    of a batch whose target is -100 have no label and do not count.

    Args:
        inputs: [n, n_inputs], fp32; batch_size divides n.
        targets: [n], int64: a class each, or -100.
        parameters: What to start from, as ``classify`` takes it. Left as it is.
        n_steps: Number of steps.
        batch_size: Samples of a step.
        learning_rate: Factor of the gradient.

    Returns:
        The trained parameters: new tensors, without gradient.
    """
    # TODO 16: Copy the parameters, so that the caller's stay as they are, and let the copies
    #   require gradients.
    # TODO 17: In each step, take the batch, compute logits and loss, and the gradients of the four
    #   parameters. Gradients of an earlier step must not be in them.
    # TODO 18: Update the parameters in place, out of sight of autograd. After the last step return
    #   them, detached.
    raise NotImplementedError("train: TODO not done yet")


def block_of(n_columns: int) -> int:
    """The block for rows of logits of this length: no longer than needed."""
    return min(BLOCK, triton.next_power_of_2(n_columns))


def norm_warps(block: int) -> int:
    """Warps for a program that holds a row of layer_norm."""
    return min(max(block // 512, 1), 8)


def norm_programs(block: int, device: torch.device) -> int:
    """How many programs share the rows in the backward pass: as many as run at a time."""
    if device.type != "cuda":
        return 40
    on_each = min(max(8192 // block, 1), 4)
    return on_each * torch.cuda.get_device_properties(device).multi_processor_count


def norm_stages(row_bytes: int) -> int:
    """Rows under way in the backward pass, where shared memory has room for x and dy of them."""
    return 3 if 3 * 2 * row_bytes <= 96 * 1024 else 1


def check_logits(logits: torch.Tensor, targets: torch.Tensor) -> None:
    """Refuse logits and targets that the kernels would silently get wrong.

    Raises:
        TypeError: A type is not supported.
        ValueError: The shapes do not fit, or the elements of a row are not neighbours.
    """
    if logits.dtype not in FLOAT_TYPES or targets.dtype != torch.int64:
        raise TypeError(f"logits {logits.dtype} with targets {targets.dtype} are not supported")
    if logits.dim() != 2 or targets.shape != logits.shape[:1] or logits.shape[1] == 0:
        raise ValueError(f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}")
    if logits.shape[1] > 1 and logits.stride(1) != 1 or not targets.is_contiguous():
        raise ValueError("the logits of a row, and the targets, must be neighbours in memory")


def check_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Refuse tensors that the kernels of layer_norm would silently get wrong.

    Raises:
        TypeError: A type is not supported, or the types differ.
        ValueError: The shapes do not fit, a tensor is not contiguous, or a row is too long.
    """
    if x.dtype not in FLOAT_TYPES or not x.dtype == weight.dtype == bias.dtype:
        raise TypeError(f"types {x.dtype}, {weight.dtype} and {bias.dtype} are not supported")
    if x.dim() == 0 or not x.shape[-1:] == weight.shape == bias.shape:
        raise ValueError(f"shapes {tuple(x.shape)}, {tuple(weight.shape)}, {tuple(bias.shape)}")
    if not 1 <= x.shape[-1] <= MAX_FEATURES:
        raise ValueError(f"rows must have 1 to {MAX_FEATURES} elements, not {x.shape[-1]}")
    if not (x.is_contiguous() and weight.is_contiguous() and bias.is_contiguous()):
        raise ValueError("x, weight and bias must be contiguous: the kernels count on neighbours")
