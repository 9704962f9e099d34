# %% [markdown]
# # 07 · Custom loss functions and backpropagation in Triton
#
# PyTorch can differentiate what it computes, but not what *you* compute. In this lesson you write
# losses and a layer with gradients of your own, train a network with them from the first step to the
# last, and learn to find the mistakes in gradients that training does not show.
#
# **You will be able to**
# - connect kernels to autograd, and choose what to save, what to recompute, what to compute early;
# - derive a gradient on paper and check it with numbers;
# - sum over many programs in a way that gives the same bits in every run;
# - say why a wrong factor in a gradient hides from one optimizer and blows up another;
# - train a classifier end to end on your own kernels.
#
# **You need** lessons 1 to 3; lesson 6 helps. From torch: `backward()`, parameters, a training loop.
# From mathematics: the chain rule.
#
# **Time** about four hours.

# %% [markdown]
# ## Set up

# %%
# %load_ext grader

from itertools import cycle, islice

import numpy as np
import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from matplotlib.colors import ListedColormap

from grader import lab
from grader.lab.style import MARKERS, PALETTE, Picture, legend
from grader.units import quantity

mine = lab.exercise("lesson07")  # your file, lesson07.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## What autograd wants from you
#
# While PyTorch computes, it writes down which operation made which tensor. `backward()` walks that
# record from the loss back to the parameters. **Guess first:** the kernel below computes
# $x / (1 + |x|)$. What does autograd know of it?


# %%
@triton.jit
def softsign_kernel(y_ptr, x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(y_ptr + offsets, x / (1 + tl.abs(x)), mask=offsets < n)


x = torch.randn(100, device=lab.device, requires_grad=True)
by_kernel = torch.empty_like(x)
softsign_kernel[(1,)](by_kernel, x, 100, BLOCK=128)
by_torch = x / (1 + x.abs())
print("values agree:", torch.allclose(by_kernel, by_torch))
print("torch's version was made by", by_torch.grad_fn.name())
print("the kernel's version by    ", by_kernel.grad_fn)

# %% [markdown]
# Nothing. No error, no warning: in a network the layers before such a kernel would just never learn.
#
# A **`torch.autograd.Function`** tells autograd what it cannot see. `forward` computes and saves what will
# be needed; `backward` gets the **upstream gradient**, the derivative of the final loss with respect to
# our *output*, and returns that with respect to our *inputs*. The chain rule, one link of it:
#
# $$\frac{dL}{dx} = \underbrace{\frac{dL}{dy}}_{\text{upstream}} \cdot \underbrace{\frac{dy}{dx}}_{\text{ours}}$$
#
# For a loss that `backward()` is called on, upstream is 1. In `(3 * loss).backward()` it is 3, and with
# another layer on top it may be anything.
#
# ### Three ways to be ready for backward
#
# The usual loss of a classifier is the *cross-entropy*: minus the logarithm of the probability that
# softmax gives to the right class. The gradient of its inputs, the *logits* $x$, is made of
# probabilities $p_j = e^{x_j - \text{lse}}$, with $\text{lse} = \log\sum_j e^{x_j}$. Where do they come
# from?
#
# - **Save** them in forward, as eager PyTorch does.
# - **Recompute** them in backward, from $x$ and one number a row, lse.
# - **Compute the gradient early**, in forward, while the row of logits is at hand, and keep that.
#
# **Guess:** which one moves fewest bytes, which one holds least memory between the passes, and which is
# best if no gradient is ever asked for?

# %%
rows_, vocabulary = 4096, 128256
logits_bytes = rows_ * vocabulary * 2  # bf16
designs = {  # passes over a tensor as large as the logits, forward and backward; bytes held
    "save the log-softmax": (2, 4, logits_bytes),
    "recompute from lse": (1, 2, 4 * rows_),
    "compute the gradient early": (3, 0, logits_bytes),
}
rows = [
    [name, *(quantity(n * logits_bytes, "B") for n in (f, b, f + b)), quantity(held, "B")]
    for name, (f, b, held) in designs.items()
]
headings = ["", "forward", "backward", "in all", "held between"]
note = f"{rows_} rows of {vocabulary:,} logits in bf16; the logits themselves are held in any case"
lab.Table(headings, rows, note=note)

# %% [markdown]
# Counted in passes over all logits:
#
# - *Save* reads the logits and writes the log-softmax. Backward writes the gradient of the log-softmax
#   (zeros but for one element a row), reads both, and writes that of the logits.
# - *Recompute* reads. Backward reads again, and writes.
# - *Early* reads twice, first for lse, then for the gradient, and writes.
#
# So the last two move the same, on paper. But the second read of *early* comes right after the first,
# so that part of it is found in the L2 cache. And if the gradient is not asked for, it need not be
# computed. You will write one of each: cross-entropy early, focal loss by recomputation.

# %% [markdown]
# ### Trust no gradient that you have not measured
#
# A derivative is a slope, and slopes can be measured: $\frac{f(x + h) - f(x - h)}{2h}$. **Guess first:** what
# is a good $h$? As small as possible? Below, the error of the measured slope of $\text{softsign}$ at
# $x = 0.7$.

# %%
steps = [10 ** (-power / 2) for power in range(1, 23)]


def slope_error(h, dtype):
    at = torch.tensor(0.7, dtype=dtype)
    h = torch.tensor(h, dtype=dtype)
    softsign = [point / (1 + point.abs()) for point in (at + h, at - h)]
    return abs(((softsign[0] - softsign[1]) / (2 * h)).item() - 1 / 1.7**2) + 1e-16


lab.lines(
    {
        "fp32": [slope_error(h, torch.float32) for h in steps],
        "fp64": [slope_error(h, torch.float64) for h in steps],
    },
    x=[torch.tensor(h).log10().item() for h in steps],
    xlabel="log10 of h",
    ylabel="error of the slope",
    logy=True,
)

# %% [markdown]
# From right to left: first a smaller $h$ helps, since the curve looks straighter. Then the two values agree
# in so many digits that their difference is rounding noise, and dividing by a small $h$ makes the
# noise large. In fp32 five to six digits are the most you get here (the slope itself is 0.35), which is
# enough to find a missing factor. The tests compare with PyTorch in *fp64*, numbers of 64 bits.

# %% [markdown]
# ## The factor that hides
#
# A mean over $N$ rows has $1/N$ in it, and so has its gradient. Suppose you forget that, in the
# gradient only: all values of the loss are right, and every gradient is $N$ times too large.
# **Predict:** train the same small network four times, with plain gradient descent (SGD) and with
# Adam, each with and without the factor. Which of the four fail?
#
# SGD moves each weight by a rate times its gradient. Adam divides that by the gradient's own size,
# averaged over the last steps. Both fit into a few lines:


# %%
def descend(gradients, state, rate):
    return [rate * gradient for gradient in gradients]


def adam(gradients, state, rate):
    state["t"] = t = state.get("t", 0) + 1
    moves = []
    for number, gradient in enumerate(gradients):
        mean, square = state.get(number, (0.0, 0.0))  # running means of g and of g * g
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient * gradient
        state[number] = mean, square
        size = (square / (1 - 0.99**t)).sqrt()
        moves.append(rate * (mean / (1 - 0.9**t)) / (size + 1e-8))
    return moves


def losses_of(optimizer, rate, factor, steps=40, n=64):
    torch.manual_seed(0)
    inputs = torch.randn(n, 8)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()  # no line separates these
    weights = [0.5 * torch.randn(8, 32), 0.3 * torch.randn(32, 2)]
    found, state = [], {}
    for _ in range(steps):
        leaves = [weight.requires_grad_() for weight in weights]
        loss = F.cross_entropy(torch.relu(inputs @ leaves[0]) @ leaves[1], targets)
        gradients = [factor * g for g in torch.autograd.grad(loss, leaves)]
        with torch.no_grad():
            moves = optimizer(gradients, state, rate)
            weights = [weight - move for weight, move in zip(weights, moves, strict=True)]
        found.append(min(loss.item(), 1e3) if loss.isfinite() else 1e3)  # the top of the plot
    return found


# %%
lab.lines(
    {
        "SGD": losses_of(descend, 0.5, 1),
        "SGD, 1/N forgotten": losses_of(descend, 0.5, 64),
        "Adam": losses_of(adam, 0.02, 1),
        "Adam, 1/N forgotten": losses_of(adam, 0.02, 64),
    },
    xlabel="step",
    ylabel="loss (nats)",
    logy=True,
    level=(0.6931, "log 2: a coin"),
)

# %% [markdown]
# (The loss is in *nats*, as it is a natural logarithm.) Adam's two lines lie on each other: a constant
# factor cancels in its quotient. SGD explodes (what is beyond 1000, or no number any more, is drawn at
# 1000). "It trains" proves little about a gradient: with Adam this mistake would sit in your code until
# somebody adds a second loss or changes the optimizer.

# %% [markdown]
# ## Sums over rows: who adds what, and in which order?
#
# A weight that is used in every row gets a gradient from every row. Many programs, one sum. There are
# three ways, and the first is wrong: each program adds up its own rows, and stores that to the
# gradient. **Guess first:** what comes out?


# %%
@triton.jit
def column_sums_stored(out_ptr, x_ptr, n_columns, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    total = tl.zeros([BLOCK], tl.float32)
    for row in range(ROWS):
        offsets = (tl.program_id(0) * ROWS + row) * n_columns + columns
        total += tl.load(x_ptr + offsets, mask=mask, other=0.0)
    tl.store(out_ptr + columns, total, mask=mask)  # and the other programs' sums?


table = torch.randn(32, 10, device=lab.device)
out = torch.empty(10, device=lab.device)
with lab.record() as broken:
    column_sums_stored[(4,)](out, table, 10, ROWS=8, BLOCK=16)
for fault in broken.faults[:2]:
    print(f"{fault.kind}: {fault.message}")
broken.plot("out_ptr")

# %% [markdown]
# Whoever stores last wins, and three quarters of the rows are lost.
#
# The second way: `tl.atomic_add`, an *atomic* operation, adds in memory, one program after the other.
# Nothing is lost. But in which order? Does that matter?

# %%
random = np.random.default_rng(0)
values = random.normal(size=100_000).astype(np.float32)
print(f"in fp64: {values.sum(dtype=np.float64):.6f}")
for turn in range(6):
    total = np.add.accumulate(values)[-1]  # one after the other, rounded to fp32 each time
    print(f"in fp32, order {turn}: {total:.6f}")
    random.shuffle(values)

# %% [markdown]
# Rounding after each addition depends on what is there already, so the order shows in the last digits.
# With atomics the order is that in which programs happen to finish, so every run of a training may
# differ in the last bits, and a bug that appears once cannot be reproduced.
#
# The third way is **two stages**: each program stores its partial sum in a row of its own, and a second
# kernel adds up these few rows in a fixed order. Nothing is lost, and every run gives the same bits.
#
# ## A worked example: `squash`
#
# Not your exercise, but with all its parts: $y_{ij} = s_j \, \frac{x_{ij}}{1 + |x_{ij}|}$, with a learnable scale
# $s_j$ for each column. On paper, with upstream gradient $dy$:
#
# $$dx_{ij} = dy_{ij} \, s_j \, \frac{1}{(1 + |x_{ij}|)^2} \qquad ds_j = \sum_i dy_{ij} \, \frac{x_{ij}}{1 + |x_{ij}|}$$


# %%
@triton.jit
def squash_kernel(y_ptr, x_ptr, scale_ptr, n_columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * n_columns
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    x = tl.load(x_ptr + offsets + columns, mask=mask)  # read: 4 bytes an element in fp32
    scale = tl.load(scale_ptr + columns, mask=mask)  # read: 4 bytes a column and program
    tl.store(y_ptr + offsets + columns, scale * x / (1 + tl.abs(x)), mask=mask)  # written: 4


@triton.jit
def squash_backward_kernel(
    dx_ptr, partial_ptr, dy_ptr, x_ptr, scale_ptr, n_rows, n_columns, BLOCK: tl.constexpr
):
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    scale = tl.load(scale_ptr + columns, mask=mask)  # once for all rows of the program
    ds = tl.zeros([BLOCK], tl.float32)  # stays in registers from row to row
    for row in range(tl.program_id(0), n_rows, tl.num_programs(0)):
        offsets = tl.cast(row, tl.int64) * n_columns + columns
        x = tl.load(x_ptr + offsets, mask=mask, other=0.0)  # read: 4
        dy = tl.load(dy_ptr + offsets, mask=mask, other=0.0)  # read: 4; the upstream gradient
        squeezed = 1 / (1 + tl.abs(x))  # recomputed, not saved
        tl.store(dx_ptr + offsets, dy * scale * squeezed * squeezed, mask=mask)  # written: 4
        ds += dy * x * squeezed
    tl.store(partial_ptr + tl.program_id(0) * n_columns + columns, ds, mask=mask)


# %% [markdown]
# Forward has one program a row. Backward has few programs with many rows each: program $p$ of $P$
# takes rows $p, p + P, p + 2P, \dots$, so that there are only $P$ partial sums. `save_for_backward` keeps
# `x` and `scale`, which exist anyway: no memory for anything in between.


# %%
class Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, scale):
        y = torch.empty_like(x)
        block = triton.next_power_of_2(x.shape[1])
        squash_kernel[(x.shape[0],)](y, x, scale, x.shape[1], BLOCK=block)
        ctx.save_for_backward(x, scale)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, scale = ctx.saved_tensors
        n_rows, n_columns = x.shape
        dx = torch.empty_like(x)
        partial = torch.empty(min(n_rows, 4), n_columns, device=x.device)  # 4 programs
        block = triton.next_power_of_2(n_columns)
        grid = (partial.shape[0],)
        dy = dy.contiguous()
        squash_backward_kernel[grid](dx, partial, dy, x, scale, n_rows, n_columns, BLOCK=block)
        return dx, partial.sum(0)  # the second stage; yours will be a kernel


x = torch.randn(30, 50, device=lab.device, requires_grad=True)
scale = torch.randn(50, device=lab.device, requires_grad=True)
dy = torch.randn(30, 50, device=lab.device)  # any upstream gradient, not 1
ours = torch.autograd.grad(Squash.apply(x, scale), (x, scale), dy)
theirs = torch.autograd.grad(scale * x / (1 + x.abs()), (x, scale), dy)
torch.testing.assert_close(ours, theirs)
print("both gradients agree with torch's")

# %% [markdown]
# By hand, for 30 rows of 50: forward moves 4 + 4 bytes an element, and the scale once for each of its 30
# programs. Backward moves 4 + 4 + 4 bytes an element, the scale for each of its 4 programs, and writes
# 4 partial rows. Operations: 4 an element forward, 9 backward (an absolute value counts as one).

# %%
with lab.record() as seen:
    torch.autograd.grad(Squash.apply(x, scale), (x, scale), dy)
moved = [sum(t.bytes_loaded + t.bytes_stored for t in launch.tensors) for launch in seen.launches]
assert moved == [30 * 50 * 8 + 30 * 50 * 4, 30 * 50 * 12 + 4 * 50 * 4 + 4 * 50 * 4], moved
print("forward", moved[0], "bytes, backward", moved[1], "bytes, as counted by hand")
seen.plot("x_ptr", kernel="squash_backward_kernel")

# %% [markdown]
# Every fourth row belongs to the same program. And the scale, which forward loads in every program, costs
# half as much as reading and writing the rows? In this count, which is what programs *ask for*, yes. On a
# GPU such a small tensor is found in a cache after the first time.

# %% [markdown]
# ## Your turn
#
# Open `lesson07.py` beside this notebook. Save it, then run the cells below. The classes derived from
# `torch.autograd.Function` are given. (`@once_differentiable` says that nobody can differentiate their
# `backward` itself.) Stuck? `grade lesson07 --hint test_cross_entropy_loss` in a terminal gives a nudge,
# then more.

# %%
mine

# %% [markdown]
# ### 1 · `cross_entropy`
#
# For a row of logits $x$ with target $t$ (the right class), the plain loss is $\text{lse} - x_t$: minus the
# log-probability of the target. TODO 1 walks along the row and finds its maximum and its sum of
# exponentials as in lesson 3, and from these lse. TODO 3 makes the loss of it. It is the mean over the $N$
# rows that are not ignored, so that each row's share has $1/N$ in it. (TODO 2 is explained with *ignored
# rows* below. A kernel may say `if` of a single number that it has loaded, and `return`.)
#
# In the picture, which needs TODO 4 as well, each bar is an access of one program of yours, in their order.
# In which direction does each of the two walks go? Does it matter?

# %%
# comes without output: see what your own file does
logits = torch.randn(3, 30_000, device=lab.device)
targets = torch.tensor([7, 0, 29_999], device=lab.device)
free = logits.clone().requires_grad_()
walked = lab.touches(lambda: mine.cross_entropy(free, targets).backward())
lab.walks(walked, kernel="cross_entropy_kernel")

# %% [markdown]
# **The loss, for vocabularies of any size** (1 point)

# %%
# %grade test_cross_entropy_loss

# %% [markdown]
# #### The gradient, early
#
# TODO 4 and 5. Write $p_j = e^{x_j - \text{lse}}$. Then $\partial\,\text{lse} / \partial x_j = p_j$, and for
# the plain loss the gradient is $(p_j - [j = t]) / N$, where $[j = t]$ is 1 in the target's column and 0
# elsewhere. A small example, to compare with: the probabilities, and which way each logit is pushed.

# %%
row = torch.tensor([[2.0, 1.0, -1.0, 0.5]], requires_grad=True)
(slope,) = torch.autograd.grad(F.cross_entropy(row, torch.tensor([1])), row)
print("probabilities:", [round(p, 3) for p in torch.softmax(row, 1)[0].tolist()])
print(
    "gradient:     ",
    [round(g, 3) for g in slope[0].tolist()],
    " sum:",
    round(slope.sum().item(), 6),
)

# %% [markdown]
# **The gradient, for any upstream gradient** (2 points). In forward, upstream is not known yet. So the gradient
# is computed for 1, and `scale_kernel` corrects it in backward, but only if it has to.

# %%
# %grade test_cross_entropy_gradient

# %% [markdown]
# **Very large logits, and logits of $-\infty$** (1 point). A word that cannot follow has the logit
# $-\infty$. A whole block of them: what is the maximum so far, and what is $-\infty - (-\infty)$?

# %%
# %grade test_cross_entropy_large_logits

# %% [markdown]
# **Ignored rows** (1 point), TODO 2. A row with target `ignore_index`, say $-100$, counts nowhere: loss 0,
# gradient 0, and not in $N$. If *all* are ignored, what is the mean? Torch and this course disagree:

# %%
nobody = torch.full((3,), -100)
print("torch:", F.cross_entropy(torch.randn(3, 5), nobody).item(), "  here: 0, with zero gradients")

# %%
# %grade test_cross_entropy_ignored_rows

# %% [markdown]
# **Label smoothing and z-loss** (1 point). Two changes of the loss that keep logits from growing without end.
# *Label smoothing* takes the share $\varepsilon$ of the target's probability and gives it to all $V$
# columns alike. *z-loss* adds $\zeta \, \text{lse}^2$. **Guess:** the plain loss of a row does not change if 100 is
# added to all its logits. Which of the two notices?

# %%
row, target = torch.tensor([[2.0, 1.0, -1.0, 0.5]]), torch.tensor([1])
for shift in (0.0, 100.0):
    plain = F.cross_entropy(row + shift, target)
    smooth = F.cross_entropy(row + shift, target, label_smoothing=0.1)
    z = 1e-4 * (row + shift).logsumexp(1).square()
    print(f"shift {shift:g}: plain {plain:.4f}, smoothed {smooth:.4f}, z-loss alone {z.item():.4f}")

# %%
# %grade test_cross_entropy_smoothing_and_z_loss

# %% [markdown]
# **Backward a second time** (1 point). With `retain_graph=True` one may call `backward()` again, and must get
# the same. `scale_kernel` works in place. What would happen if it scaled what is kept for next time?

# %%
# %grade test_cross_entropy_backward_twice

# %% [markdown]
# **Two reads of the logits, one write of the gradient** (1 point). Below, the dashed line is one read and one
# write. Why can no kernel for rows of any length reach it, without storing what it has read?

# %%
small = torch.randn(4, 3000, device=lab.device)
picks = torch.randint(0, 3000, (4,), device=lab.device)


def with_backward(function, *inputs):
    leaves = [each.detach().requires_grad_() for each in inputs[:1]]
    return torch.autograd.grad(function(*leaves, *inputs[1:]), leaves)


loss_traffic = lab.traffic(
    {
        "torch": lambda: with_backward(F.cross_entropy, small, picks),
        "your cross_entropy": lambda: with_backward(mine.cross_entropy, small, picks),
        "your focal_loss": lambda: with_backward(mine.focal_loss, small, picks),
    },
    least=2 * small.nbytes,  # read the logits, write the gradient
)
loss_traffic.plot()

# %%
# %grade test_cross_entropy_reads_logits_twice

# %% [markdown]
# ### 2 · `focal_loss`
#
# In a search for rare things most samples are easy, and many small losses drown the few that matter. The
# focal loss turns the easy ones down: with the target's probability $p$,
#
# $$\ell = -(1 - p)^\gamma \log p$$
#
# **Guess:** by which factor is a sample with $p = 0.9$ turned down for $\gamma = 2$?

# %%
p = torch.linspace(0.02, 1, 99)
lab.lines(
    {f"gamma = {gamma}": (-((1 - p) ** gamma) * p.log()).tolist() for gamma in (0, 1, 2, 5)},
    x=p.tolist(),
    xlabel="probability p of the target",
    ylabel="loss (nats)",
)

# %% [markdown]
# Compare the curves at $p = 0.9$: $(1 - 0.9)^2$ is a factor of one hundredth.
#
# TODO 6 to 8; TODO 7 is done on paper. Call $u = \log p$, so that $p = e^u$, and differentiate the loss with respect
# to $u$ by the product rule. $(1 - p)^\gamma$ depends on $u$, too. Then go on from $u$ to the
# logits: $\partial u / \partial x_j = [j = t] - p_j$.
#
# Here you *save little and recompute*: one number a row, lse, from which backward gets all probabilities.
#
# **The loss** (1 point)

# %%
# %grade test_focal_loss

# %% [markdown]
# Before you ask the grader, measure: the slope of your own loss along one logit, beside what your backward
# pass says. Do they agree to three digits?

# %%
row = torch.tensor([[1.0, -0.5, 0.3]], device=lab.device)
target = torch.tensor([0], device=lab.device)


def slopes():
    leaf = row.clone().requires_grad_()
    mine.focal_loss(leaf, target, 2.0).backward()
    lines = []
    for column in range(3):
        h = torch.zeros_like(row)
        h[0, column] = 0.02
        up, down = (mine.focal_loss(row + move, target, 2.0).item() for move in (h, -h))
        lines.append(
            f"x[{column}]: measured {(up - down) / 0.04:8.4f}, backward {leaf.grad[0, column]:8.4f}"
        )
    return "\n".join(lines)


print(lab.attempt(slopes) or "")

# %% [markdown]
# **The gradient** (1 point). Also where $p$ is 1 in fp32, and for $\gamma = 0$.

# %%
# %grade test_focal_loss_gradient

# %% [markdown]
# ### 3 · `layer_norm`
#
# Between the layers of a network numbers drift. Layer normalisation brings each row to mean 0 and
# variance 1, and then lets the network choose anew, with a weight $w$ and a bias $b$ for each column:
#
# $$\hat{x} = (x - \mu) \cdot \text{rstd} \qquad y = \hat{x} \, w + b \qquad \text{rstd} = 1 / \sqrt{\text{var} + \text{eps}}$$
#
# There are two formulas for the variance. On paper they are the same. **Guess:** from which mean on does the
# second one fail in fp32, for numbers whose variance is 1?

# %%
torch.manual_seed(0)
noise = torch.randn(1000)
rows = []
for mean in (0.0, 10.0, 100.0, 1e3, 1e4):
    shifted = noise + mean
    two_steps = (shifted - shifted.mean()).square().mean()
    at_once = shifted.square().mean() - shifted.mean().square()
    rows.append([f"{mean:g}", f"{two_steps:.4f}", f"{at_once:.4f}"])
lab.Table(["mean", "mean of (x - mean)²", "mean of x² minus mean²"], rows)

# %% [markdown]
# The square of 10,000 has nine digits before the point, and fp32 has seven in all. The first formula
# needs the row twice, but your program has it in registers: the second look costs no byte.
#
# **Forward** (1 point), TODO 9 to 11. Masked lanes hold 0. What is 0 minus the mean?

# %%
# %grade test_layer_norm_forward

# %% [markdown]
# Backward, TODO 12 to 15. The mean and the variance depend on every $x$ of the row, which adds two terms. A bar
# is a mean over the columns of a row:
#
# $$dx = \text{rstd} \, \big( w\,dy - \overline{w\,dy} - \hat{x} \; \overline{w\,dy\,\hat{x}} \big) \qquad
# dw = \sum_\text{rows} dy\,\hat{x} \qquad db = \sum_\text{rows} dy$$
#
# A check that needs no formula: $y$ does not change if a constant is added to a row, or if a row is
# stretched (eps aside). So $dx$ must have no part along these two directions. Is it so for torch's gradient?
# For yours?

# %%
x = torch.randn(6, 100, device=lab.device, requires_grad=True)
weight, bias = (torch.randn(100, device=lab.device, requires_grad=True) for _ in range(2))
dy = torch.randn(6, 100, device=lab.device)


def directions(function):
    (dx,) = torch.autograd.grad(function(x, weight, bias), x, dy)
    along = (
        dx.sum(1).abs().max().item(),
        (dx * (x - x.mean(1, keepdim=True))).sum(1).abs().max().item(),
    )
    return f"added constant {along[0]:.1e}, stretched {along[1]:.1e}, largest element {dx.abs().max():.2f}"


print("torch:", directions(lambda x, w, b: F.layer_norm(x, (100,), w, b)))
print("yours:", lab.attempt(lambda: directions(mine.layer_norm)) or "nothing yet")

# %% [markdown]
# Which of these 48 rows does program 3 of your backward pass take? (The grid has as many programs as run at
# a time, but never more than rows. Without a GPU there are 40.) And which row of the partial sums does it
# write?

# %%
tall = torch.randn(48, 60, device=lab.device, requires_grad=True)
w, b = (torch.randn(60, device=lab.device, requires_grad=True) for _ in range(2))
normed = lab.touches(lambda: mine.layer_norm(tall, w, b).sum().backward())
if not normed.remark:
    trace = normed.trace("layer_norm_backward_kernel")
    own = [a for a in trace.accesses if a.program == (3, 0, 0) and a.parameter == "x_ptr"]
    rows = sorted({int(element) // 60 for access in own for element in access.elements})
    print(f"{trace.grid[0]} programs; program 3 reads rows {rows}")
normed.plot("dw_partial_ptr", program=3, kernel="layer_norm_backward_kernel")

# %% [markdown]
# **All three gradients, the same bits in each run** (1 point)

# %%
# %grade test_layer_norm_gradients

# %% [markdown]
# **x once forward, x and dy once backward** (1 point)

# %%
# %grade test_layer_norm_traffic

# %% [markdown]
# ### 4 · `train`
#
# TODO 16 to 18: a classifier (a linear layer, your `layer_norm`, ReLU, another linear layer) learns by
# gradient descent on your `cross_entropy`. Write the loop, and the update of the parameters yourself.
#
# Something to learn: a pinwheel of three arms. A quarter of the points has no label (target $-100$). Each
# point is given as $(x, y, x^2, y^2, xy, 1)$.

# %%
torch.manual_seed(3)


def pinwheel(n):
    arm = torch.randint(0, 3, (n,))
    radius = 0.3 + 1.5 * torch.rand(n)
    angle = 2.094 * arm + 0.9 * radius + 0.22 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), arm


def features(points):
    x, y = points.T
    return torch.stack([x, y, x * x, y * y, x * y, torch.ones_like(x)], 1).to(lab.device)


batch, hidden, rate = lab.sizes(gpu=128, cpu=12), 32, 0.1
points, arms = pinwheel(10 * batch)
labels = torch.where(torch.rand(len(arms)) < 0.25, -100, arms).to(lab.device)
unseen_points, unseen_arms = pinwheel(600)
start = (
    (0.4 * torch.randn(6, hidden)).to(lab.device),
    torch.ones(hidden, device=lab.device),
    torch.zeros(hidden, device=lab.device),
    (0.2 * torch.randn(hidden, 3)).to(lab.device),
)


# %% [markdown]
# The same model in PyTorch, to compare with, trained by PyTorch's own optimizer. `train` returns only the
# parameters at the end; to see how it went, we train a few steps at a time, and each time begin with the
# next batch.


# %%
def classify(inputs, parameters):
    first, norm_weight, norm_bias, last = parameters
    hidden = F.layer_norm(inputs @ first, norm_weight.shape, norm_weight, norm_bias)
    return torch.relu(hidden) @ last


def torch_train(inputs, targets, parameters, n_steps, batch_size, rate):
    weights = [torch.nn.Parameter(each.clone()) for each in parameters]
    optimizer = torch.optim.SGD(weights, lr=rate)
    batches = zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
    for points, labels in islice(cycle(batches), n_steps):
        optimizer.zero_grad()
        F.cross_entropy(classify(points, weights), labels).backward()
        optimizer.step()
    return tuple(weight.data for weight in weights)


@torch.no_grad()
def judged(parameters):
    logits = classify(features(unseen_points), parameters).cpu()
    right = (logits.argmax(1) == unseen_arms).float().mean().item()
    return F.cross_entropy(logits, unseen_arms).item(), right


# %% [markdown]
# **Predict:** will the two curves only be similar, or equal? They start from the same parameters, with the
# same batches in the same order.

# %%
n_steps, stretch = lab.sizes(gpu=(240, 8), cpu=(16, 2))
inputs, curves, ends = features(points), {}, {}


def follow(name, function):
    parameters, losses = start, [judged(start)[0]]
    for step in range(0, n_steps, stretch):
        shifted = [each.roll(-step * batch, 0) for each in (inputs, labels)]  # the next batch first
        parameters = function(*shifted, parameters, stretch, batch, rate)
        losses.append(judged(parameters)[0])
    curves[name], ends[name] = losses, parameters


follow("PyTorch", torch_train)
lab.attempt(lambda: follow("Triton kernels", mine.train))
lab.lines(
    curves,
    x=list(range(0, n_steps + 1, stretch)),
    xlabel="step",
    ylabel="loss on unseen points (nats)",
    level=(1.0986, "log 3: guessing"),
)

# %%
for name, parameters in ends.items():
    print(
        "{}: loss {:.4f}, {:.1%} of the unseen points are right".format(name, *judged(parameters))
    )
if len(ends) == 2:
    apart = [(a - b).abs().max().item() for a, b in zip(*ends.values(), strict=True)]
    print("largest difference of the trained parameters:", f"{max(apart):.1e}")

# %% [markdown]
# With right gradients, the parameters are the same up to rounding, step after step. What has been learnt?
# Shaded: what the network says of each place. Small markers: the points to learn from, those without a
# label, too.

# %%
name, parameters = list(ends.items())[-1]
side = torch.linspace(-2, 2, 120)
grid = torch.cartesian_prod(side, side)
with torch.no_grad():
    says = classify(features(grid), parameters).argmax(1).cpu().reshape(120, 120)
picture = Picture(6, 4.6, f"Regions of three classes, learnt with {name}, and the points")
axes = picture.panel()
colours = ListedColormap(PALETTE[:3])
axes.imshow(says.T, cmap=colours, vmin=0, vmax=2, alpha=0.35, origin="lower", extent=(-2, 2, -2, 2))
for arm in range(3):
    shown = points[arms == arm][:200]
    axes.plot(
        *shown.T, MARKERS[arm], color=PALETTE[arm], ms=4, mec="black", mew=0.4, label=f"class {arm}"
    )
axes.set_xlabel("x")
axes.set_ylabel("y")
axes.set_title(f"learnt with {name}", loc="left")
legend(axes, loc="upper right")
picture

# %% [markdown]
# **The classifier becomes as good as PyTorch's** (1 point)

# %%
# %grade test_train

# %% [markdown]
# ## How fast is it?
#
# Forward and backward together, in bf16, 4096 rows. The ceiling counts one read of the logits and one write of
# the gradient, 4 bytes a logit. **Predict:** with a second read that always reached the memory, at which
# share of the ceiling would you end? (In the outputs that this notebook came with, the *reference
# solution* stands where you will see *yours*.)


# %%
def forward_backward(function):
    def both(logits, targets):
        leaf = logits.detach().requires_grad_()
        return torch.autograd.grad(function(leaf, targets), leaf)

    return both


def rows_of_logits(vocabulary):
    logits = torch.randn(4096, vocabulary, device=lab.device, dtype=torch.bfloat16)
    return logits, torch.randint(0, vocabulary, (4096,), device=lab.device)


def torch_loss(logits, targets):
    return F.cross_entropy(logits, targets)


compiled_loss = torch.compile(torch_loss, dynamic=False) if lab.on_gpu else torch_loss
loss_speed = lab.benchmark(
    "lesson07/cross_entropy",
    {
        "yours": forward_backward(mine.cross_entropy),
        "torch": forward_backward(F.cross_entropy),
        "torch.compile": forward_backward(compiled_loss),
    },
    sizes=[8192, 32000, 128256],
    make_inputs=rows_of_logits,
    bytes_moved=lambda vocabulary: 4 * 4096 * vocabulary,
    xlabel="classes (4096 rows, bf16)",
    rounds=15,
)
loss_speed.plot("cross-entropy, forward and backward: useful bytes per second")

# %% [markdown]
# And `layer_norm`, forward and backward, on $2^{26}$ elements in rows of different lengths. Here the fewest
# bytes are five passes of 2 bytes: read x, write y; read x and dy, write dx.


# %%
def norm_with_backward(norm):
    def both(x, weight, bias, dy):
        leaves = [each.detach().requires_grad_() for each in (x, weight, bias)]
        return torch.autograd.grad(norm(*leaves), leaves, dy)

    return both


def torch_norm(x, weight, bias):
    return F.layer_norm(x, weight.shape, weight, bias)


def hidden_states(columns):
    kind = {"device": lab.device, "dtype": torch.bfloat16}
    x, dy = (torch.randn(2**26 // columns, columns, **kind) for _ in range(2))
    return x, torch.randn(columns, **kind), torch.randn(columns, **kind), dy


norm_speed = lab.benchmark(
    "lesson07/layer_norm",
    {
        "yours": norm_with_backward(mine.layer_norm),
        "torch": norm_with_backward(torch_norm),
        "torch.compile": norm_with_backward(
            torch.compile(torch_norm, dynamic=False) if lab.on_gpu else torch_norm
        ),
    },
    sizes=[1024, 4096, 8192],
    make_inputs=hidden_states,
    bytes_moved=lambda columns: 10 * 2**26,
    xlabel="columns (bf16, 2^26 elements in all)",
    rounds=15,
)
norm_speed.plot("layer_norm, forward and backward: useful bytes per second")

# %%
print("two reads and a write, all from memory:", f"{2 / 3:.0%} of the ceiling")
for title, speed in (("cross_entropy", loss_speed), ("layer_norm", norm_speed)):
    for name, by_size in speed.times.items():
        shares = [speed.rate(at[0], size) / gpu.copy_bytes_per_s for size, at in by_size.items()]
        told = ", ".join(f"{s:,}: {a:.0%}" for s, a in zip(by_size, shares, strict=True))
        print(f"{title}, {name}: {told}")
print(loss_speed.found.source)

# %% [markdown]
# **Read it.** Is your cross-entropy above the share that three full passes would allow? Then part of the second
# read came from the L2 cache: a row of 8192 bf16 logits is 16 KiB, one of 128,256 is 250 KiB, and every
# program that runs has one. Where do you see that in the plot? (Not at 8192 classes: there the bytes of
# the ceiling take only 0.03 ms on an H200, so that starting kernels shows.) And try it: turn the
# direction of your second walk around.
#
# **Cross-entropy, 128,256 words** (2 points; the speed tests need a GPU, without one their points stay open)

# %%
# %grade test_cross_entropy_speed_large_vocabulary

# %% [markdown]
# **Cross-entropy, 32,000 words** (2 points)

# %%
# %grade test_cross_entropy_speed

# %% [markdown]
# **Layer normalisation** (2 points)

# %%
# %grade test_layer_norm_speed

# %% [markdown]
# ### Memory
#
# The most memory that is held at a time, beyond the inputs, in sizes of the logits. Without a gradient to compute,
# a loss is one number. Which versions make use of that?

# %%
held = lab.sizes(gpu=rows_of_logits, cpu=lambda _: (small, picks))(32000)
rows = []
ways = {
    "torch": F.cross_entropy,
    "yours, cross_entropy": mine.cross_entropy,
    "yours, focal": mine.focal_loss,
}
for name, function in ways.items():
    peaks = [
        lab.attempt(lambda way=way: lab.peak_memory(lambda: way(*held)))
        for way in (function, forward_backward(function))
    ]
    if None not in peaks:
        rows.append([name, *(f"{peak / held[0].nbytes:.2f} x" for peak in peaks)])
lab.Table(
    ["", "forward alone", "with backward"], rows, note=f"logits: {quantity(held[0].nbytes, 'B')}"
)

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `masked-lanes-counted` | lanes behind the end of a row count | what do they hold, and after each step? |
# | `sum-not-rescaled` | the old sum belongs to the old maximum | lesson 3 |
# | `unexpected-nan` | $-\infty - (-\infty)$, or 0 times NaN | guard the first; never multiply away |
# | `not-averaged` | $1/N$ is missing | each row's share of a mean has it |
# | `divided-by-all-rows` | ignored rows are in $N$ | `n_counted` |
# | `target-term-missing`, `wrong-sign` | $p$ without the target; uphill | $p_j - [j = t]$ |
# | `upstream-dropped`, `scaled-twice` | the upstream gradient is missing, or in it twice | `scale_kernel`: once, and not on what is kept |
# | `smoothing-over-others` | $\varepsilon$ shared by $V - 1$ columns | by all $V$, the target's too |
# | `z-loss-missing`, `z-loss-gradient-missing` | $\zeta\,\text{lse}^2$ is left out | its derivative is $2 \zeta\,\text{lse}\,p$ |
# | `focusing-factor-missing` | this is cross-entropy | times $(1 - p)^\gamma$ |
# | `log-term-missing` | $(1 - p)^\gamma$ taken for a constant | product rule |
# | `variance-cancelled`, `unbiased-variance` | mean of squares minus squared mean; divided by $n - 1$ | subtract the mean first; divide by $n$ |
# | `means-missing` | $dx$ is only $\text{rstd}\,w\,dy$ | mean and rstd depend on $x$, too |
# | `x-not-normalised` | $dw$ from $x$ in place of $\hat{x}$ | $dy\,\hat{x}$ |
# | `not-added-up`, `write-write-race` | only some rows are in $dw$ | add in the loop; each program its own partial row |
# | `same-batch`, `gradients-accumulated`, `not-trained` | the loop of `train` | another batch, other gradients, other parameters in each step |
# | `training-diverged`, `trained-too-little` | steps too large, or not all parameters updated | look for $1/N$; all four |
# | `too-much-traffic` | a third walk, or scaling by 1 | one walk for lse; leave a factor of 1 alone |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand for an element in bf16, forward and backward. Cross-entropy: 4 operations for lse (maximum,
# difference, exponential, sum) and 4 for the gradient; focal loss the same. Layer normalisation: forward 7
# (sum; difference, square, sum; times rstd, times w, plus b), backward 13 (2 for $\hat{x}$, 4 for the two
# means, 4 for dx, 3 for dw and db). The last column is the shortest possible time if all bytes come
# from memory.

# %%
copy = gpu.copy_bytes_per_s
logits_n, norm_n = 4096 * 128256, 2**26
table = {  # bytes and operations an element, elements
    "cross_entropy": (2 + 2 + 2, 8, logits_n),
    "focal_loss": (2 + 2 + 2, 8, logits_n),
    "torch's cross_entropy, as counted": (
        loss_traffic.total("torch") / small.numel() / 2,
        8,
        logits_n,
    ),
    "layer_norm": (2 * 5, 20, norm_n),
    "squash": (2 * 5, 13, norm_n),
}
rows = [
    [name, f"{size:.1f}", str(work), f"{work / size:.2f}", f"{n * size / copy * 1e3:.2f} ms"]
    for name, (size, work, n) in table.items()
]
headings = ["", "bytes an element", "operations", "operations a byte", "at least"]
note = f"4096 x 128,256 logits, 2^26 elements of layer_norm; {gpu.label}: {copy / 1e12:.2f} TB/s"
lab.Table(headings, rows, note=note)

# %%
intensities = {name: (work / size, None) for name, (size, work, _) in table.items()}
lab.roofline(intensities, "bfloat16")

# %% [markdown]
# ## Questions to think about
#
# 1. Which of your two designs would you choose for an evaluation that needs no gradient? Look at the table of memory.
# 2. Two losses are added before `backward()`. What upstream gradient does each of them get? What if they are
#    weighted?
# 3. The gradient of cross-entropy sums to 0 over each row. With z-loss it does not. Why?
# 4. In the backward pass of `layer_norm`, what would change with one program a row, in bytes and in partial sums?
# 5. How many partial sums are there on your GPU for 8192 columns? How many bytes is that, next to x?
# 6. Measured slopes agree to three or four digits. Which mistakes of the table above could hide in the rest?
# 7. A training gives other bits in each run. Name three places to look.

# %% [markdown]
# ## Further reading
#
# - PyTorch, [*Extending PyTorch*](https://docs.pytorch.org/docs/stable/notes/extending.html): `autograd.Function`,
#   and [*Reproducibility*](https://docs.pytorch.org/docs/stable/notes/randomness.html)
# - T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár, *Focal Loss for Dense Object Detection*, ICCV 2017,
#   [arXiv:1708.02002](https://arxiv.org/abs/1708.02002)
# - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer Normalization*, 2016, [arXiv:1607.06450](https://arxiv.org/abs/1607.06450)
# - C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, *Rethinking the Inception Architecture for Computer
#   Vision*, CVPR 2016, [arXiv:1512.00567](https://arxiv.org/abs/1512.00567): label smoothing
# - A. Chowdhery et al., *PaLM: Scaling Language Modeling with Pathways*, 2022,
#   [arXiv:2204.02311](https://arxiv.org/abs/2204.02311): trained with a z-loss
# - T. Chen, B. Xu, C. Zhang, C. Guestrin, *Training Deep Nets with Sublinear Memory Cost*, 2016,
#   [arXiv:1604.06174](https://arxiv.org/abs/1604.06174): recomputation for whole networks
# - D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980)
# - P.-L. Hsu et al., *Liger Kernel: Efficient Triton Kernels for LLM Training*, 2024,
#   [arXiv:2410.10989](https://arxiv.org/abs/2410.10989)
# - D. Goldberg, *What Every Computer Scientist Should Know About Floating-Point Arithmetic*, ACM Computing
#   Surveys 23(1), 1991, [doi:10.1145/103162.103163](https://doi.org/10.1145/103162.103163)
# - Triton's tutorial [*Layer Normalization*](https://triton-lang.org/main/getting-started/tutorials/05-layer-norm.html),
#   which sums with locks; compare
#
# ## The whole lesson

# %%
# %grade
