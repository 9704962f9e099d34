# %% [markdown]
# # 06 · RLHF: tuning a model to what its users prefer
#
# A user sees two answers and clicks on the better one. One bit, no explanation. In this lesson you
# write the kernels that turn such clicks into gradients, and a loop in which a model changes its
# manners right after each click. How soon, you will measure.
#
# **You will be able to**
# - turn "A is better than B" into a probability, a loss and a gradient (Bradley–Terry);
# - say what direct preference optimisation (DPO) does, and what its reference and its $\beta$ are for;
# - find the tensor that dominates a step of tuning, and write kernels that read it once;
# - connect kernels to PyTorch's autograd, upstream gradient included;
# - run a loop that learns from feedback as it arrives, and state its latency honestly.
#
# **You need** lessons 1 to 3, above all the online softmax. From torch: `backward()` and gradients.
#
# **Time** about three hours.

# %% [markdown]
# ## Set up

# %%
# %load_ext grader

from typing import NamedTuple

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

from grader import lab
from grader.lab.style import PALETTE, Picture, legend
from grader.units import quantity

mine = lab.exercise("lesson06")  # your file, lesson06.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## Nobody can say how good, anybody can say which is better
#
# How helpful is this answer, from 0 to 10? Two people give two numbers, and the same person another
# one tomorrow. Which of these two answers is more helpful? That, most people can say. So models
# are tuned with **preference data**: a question, a *chosen* answer, a *rejected* one.
#
# The usual way to compute with such data dates from 1952, and suits tournaments, too. Each competitor
# has a hidden strength, its **reward** $r$. Who wins is partly chance, and the chances depend only on
# the difference of the two rewards (**Bradley–Terry**):
#
# $$P(A \text{ beats } B) = \sigma(r_A - r_B) \qquad \sigma(d) = \frac{1}{1 + e^{-d}}$$
#
# **Guess first:** if one answer is better by a reward of 2, how often does it lose?

# %%
torch.manual_seed(6)
answers = ["Gladly!", "Sure.", "Hmm.", "Maybe later.", "No."]
hidden = torch.tensor([1.5, 0.8, -0.2, -0.7, -1.4])  # what the users think, known to nobody
duels = [(a, b) for a in range(5) for b in range(5) if a != b]
chances = torch.tensor([torch.sigmoid(hidden[a] - hidden[b]).item() for a, b in duels])
clicks = torch.bernoulli(chances.expand(200, -1))  # 200 users judge each pair
print(f"better by 2 and rejected all the same: {torch.sigmoid(torch.tensor(-2.0)).item():.0%}")

picture = Picture(9, 3.2, "Share of wins over the difference of rewards, with the sigmoid")
axes = picture.panel()
differences = torch.linspace(-3.2, 3.2, 100)
axes.plot(differences, torch.sigmoid(differences), color=PALETTE[0], label="Bradley–Terry")
gaps = [(hidden[a] - hidden[b]).item() for a, b in duels]
axes.plot(gaps, clicks.mean(0), "s", color=PALETTE[1], label="simulated clicks, 200 a pair")
axes.set_xlabel("difference of the rewards")
axes.set_ylabel("share of wins")
legend(axes)
picture

# %% [markdown]
# ### From clicks back to rewards
#
# Now forget `hidden`, and find rewards that make the clicks likely. The probability of a click is
# $\sigma(d)$ with $d = r_\text{chosen} - r_\text{rejected}$, and a likely click has a small
# $-\log \sigma(d)$. Averaged over all clicks, that is the **Bradley–Terry loss**. Go down its slope, 60
# steps:

# %%
found = torch.zeros(5, requires_grad=True)
first, second = (torch.tensor(side) for side in zip(*duels, strict=True))
share = clicks.mean(0)  # of the clicks that went to the first
for _ in range(60):
    d = found[first] - found[second]
    loss = -(share * F.logsigmoid(d) + (1 - share) * F.logsigmoid(-d)).mean()
    (slope,) = torch.autograd.grad(loss, found)
    found = (found - 4.0 * slope).detach().requires_grad_()
rows = [
    [name, f"{truth:.2f}", f"{guess:.2f}"]
    for name, truth, guess in zip(answers, hidden.tolist(), found.tolist(), strict=True)
]
lab.Table(["answer", "hidden reward", "found from clicks"], rows)

# %% [markdown]
# From one bit at a time, numbers that nobody could have told us. Only differences count: add 5 to
# all rewards, and no probability changes.
#
# A **reward model** does this with a network in place of five numbers: it reads an answer and gives
# $r$. The classic recipe, *reinforcement learning from human feedback* (RLHF), trains one and then tunes
# the language model to please it. Your `reward_model_loss` is its loss.
#
# ### What a pair teaches
#
# $-\log\sigma(d) = \log(1 + e^{-d})$ is called *softplus* of $-d$. Its slope is $-\sigma(-d)$; let us call
# $\sigma(-d)$ the *pull* of a pair. Read that curve: a pair that is right already
# teaches next to nothing, a pair that is wrong pulls with a force that never exceeds 1. One absurd click
# cannot tear the model apart.

# %%
d = torch.linspace(-6, 6, 121)
lab.lines(
    {"loss": F.softplus(-d).tolist(), "pull, sigma(-d)": torch.sigmoid(-d).tolist()},
    x=d.tolist(),
    xlabel="d: reward of the chosen minus reward of the rejected answer",
    ylabel="loss, pull",
    level=(0.6931, "log 2: the loss of a coin"),
)

# %% [markdown]
# ### Not as it stands
#
# **Guess:** what does $\log(1 + e^{-d})$ give in fp32 for $d = -100$? For $d = 30$? The right answers
# are about 100 and about $10^{-13}$.

# %%
d = torch.tensor([-1000.0, -100.0, -80.0, 0.0, 10.0, 30.0])
written = torch.log(1 + torch.exp(-d))
slope = -torch.exp(-d) / (1 + torch.exp(-d))  # one way to write the derivative
rows = [
    [f"{at:g}", f"{loss:.6g}", f"{exact:.6g}", f"{grad:.4g}"]
    for at, loss, exact, grad in zip(d, written, F.softplus(-d.double()), slope, strict=True)
]
lab.Table(["d", "log(1 + exp(-d))", "exact", "derivative as exp(-d) / (1 + exp(-d))"], rows)

# %% [markdown]
# Infinite, and NaN. The log-probability of a whole answer is the sum of hundreds of terms, so $|d| >
# 100$ happens. The same formula can be written so that `exp` never gets a large positive argument.
#
# ## DPO: the language model is its own reward model
#
# A language model gives an answer $y$ a probability $\pi(y)$. Suppose we had rewards, and tuned the
# model to please them *without moving too far* from what it was before. The model that is tuned is
# called the **policy**, what it was before its **reference** $\pi_\text{ref}$. How far is too far is set
# by $\beta$. There is an exact formula for what comes out (Rafailov et al., 2023):
#
# $$\pi(y) = \frac{1}{Z} \, \pi_\text{ref}(y) \, e^{r(y) / \beta}$$
#
# The old probability, times a bonus for reward; $Z$ makes the sum 1. **Guess:** what happens for a
# large $\beta$, and what for a tiny one? The answer "Spam!" below has the highest reward of all, by
# some mistake of the users, and the reference knows better.

# %%
replies = [*answers, "Spam!"]
rewards = torch.cat([hidden, torch.tensor([2.5])])
before = torch.tensor([0.15, 0.3, 0.25, 0.15, 0.149, 0.001])


def tuned_by(BETA):
    after = torch.softmax(before.log() + rewards / BETA, 0)
    picture = Picture(9, 2.8, f"Probabilities before and after tuning with beta {BETA}")
    axes = picture.panel()
    places = torch.arange(6)
    axes.barh(places - 0.2, before, 0.4, color=PALETTE[0], label="reference")
    axes.barh(places + 0.2, after, 0.4, color=PALETTE[1], hatch="///", label=f"tuned, β = {BETA}")
    axes.set_yticks(places, replies)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability")
    legend(axes, loc="lower right")
    return picture


lab.explore(tuned_by, BETA=[0.1, 0.3, 1, 3, 10], start={"BETA": 1})

# %% [markdown]
# A large $\beta$ holds on to the reference; a tiny one runs after the highest reward, spam included.
#
# Now the trick of *direct preference optimisation* (DPO, in the same paper): solve that formula for the
# reward. $r(y) = \beta \log \frac{\pi(y)}{\pi_\text{ref}(y)} + \beta \log Z$, and in a difference of two
# rewards $Z$ cancels. So no reward model is needed: the policy's own probabilities say what it thinks
# the rewards are. Put that into Bradley–Terry.
#
# From here on, $c$ and $r$ are *log-probabilities*, of the chosen and of the rejected answer under the
# policy, and $c_\text{ref}, r_\text{ref}$ those of the same two answers under the reference:
#
# $$d = \beta \, [(c - r) - (c_\text{ref} - r_\text{ref})] \qquad \text{loss} = \text{mean of softplus}(-d)$$

# %%
beta = 0.5
cases = {  # log-probabilities: chosen, rejected, and both under the reference
    "before tuning": (-40.0, -30.0, -40.0, -30.0),
    "prefers the chosen by 2 more": (-39.0, -31.0, -40.0, -30.0),
    "both more likely": (-35.0, -25.0, -40.0, -30.0),
    "learnt the opposite": (-41.0, -29.0, -40.0, -30.0),
}
rows = []
for name, (c, r, c_ref, r_ref) in cases.items():
    d = torch.tensor(beta * ((c - r) - (c_ref - r_ref)))
    rows.append([name, f"{d:g}", f"{F.softplus(-d):.3f}", f"{torch.sigmoid(-d):.2f}"])
lab.Table(["", "d", "loss", "pull"], rows, note=f"beta = {beta}")

# %% [markdown]
# Before tuning, policy and reference agree: $d = 0$ and the loss is $\log 2$, however unlikely the
# chosen answer is. Only what *changes* counts. In the second row the chosen answer is still the less
# likely one of the two, yet the loss fell. Third row: both more likely, nothing gained.
#
# ## How likely is an answer?
#
# A language model reads tokens (words, roughly) and gives for each position a row of **logits** $x$: a
# score for every token of its *vocabulary*, all the tokens that it knows. The log-probability of token
# $k$ is $x_k - \text{lse}$, with $\text{lse} = \log \sum_j e^{x_j}$: a log-softmax, of which one number
# is needed. That of an answer is the sum over its tokens.
#
# A *mask* leaves out what does not count: the question, and the *padding* that brings short answers to
# one length. In PyTorch, as it is usually written:


# %%
def eager_logprob(logits, tokens, mask):
    each = torch.log_softmax(logits.float(), -1).gather(-1, tokens[..., None])[..., 0]
    return (each * mask).sum(-1)


def eager_cross_entropy(logits, tokens, mask):
    loss = F.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), tokens.reshape(-1), reduction="none"
    )
    return -(loss.view(tokens.shape) * mask).sum(-1)


B, T, V = 8, 512, 128256  # answers, positions, vocabulary of a current model
sizes = {"logits, bf16": B * T * V * 2, "tokens, int64": B * T * 8, "mask": B * T, "result": B * 4}
rows = [[name, quantity(size, "B")] for name, size in sizes.items()]
lab.Table(["tensor", "size"], rows, note=f"{B} answers of {T} tokens, vocabulary {V:,}")

# %% [markdown]
# One tensor is all that counts. So every pass over it counts. **Guess first:** how many bytes does each
# version move for one logit of 2 bytes in the forward pass? (The dashed line is 2 bytes for each of
# 24,000 logits.)

# %%
small = torch.randn(2, 6, 2000, device=lab.device).bfloat16()
picks = torch.randint(0, 2000, (2, 6), device=lab.device)
every = torch.ones_like(picks, dtype=torch.bool)
forward_traffic = lab.traffic(
    {
        "log_softmax, gather": lambda: eager_logprob(small, picks, every),
        "cross_entropy": lambda: eager_cross_entropy(small, picks, every),
        "your sequence_logprob": lambda: mine.sequence_logprob(small, picks, every),
    },
    least=small.nbytes,
)
forward_traffic.plot()

# %% [markdown]
# `.float()` writes a copy twice as large, `log_softmax` reads it and writes another one, and of that
# one `gather` takes a single number in each row. `cross_entropy` stays in bf16, and still writes a
# whole log-softmax. What is needed is one read, and lesson 3 has shown you how: the maximum $m$ and the
# sum of all $e^{x_j - m}$ in one walk. How does lse follow from these two (and `tl.log`)?

# %% [markdown]
# ## A worked example: `token_advantage`
#
# Not your exercise, but all its parts: one number picked from each row, a reduction over the row,
# and a gradient. By how much does a token's logit exceed the mean of its row?
#
# $$\text{out}_i = x_i[\text{token}_i] - \frac{1}{V} \sum_j x_{ij} \qquad
# \frac{\partial\,\text{out}_i}{\partial x_{ij}} = [j = \text{token}_i] - \frac{1}{V}$$
#
# $[j = k]$ is 1 where it is true, else 0. Forward, one program a row, in blocks:


# %%
@triton.jit
def advantage_kernel(out_ptr, x_ptr, tokens_ptr, n_columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        # read: 4 bytes an element in fp32; 0 is neutral for a sum
        total += tl.load(x_ptr + row * n_columns + columns, mask=columns < n_columns, other=0.0)
    token = tl.load(tokens_ptr + row)  # read: 8 bytes a row
    x_token = tl.load(x_ptr + row * n_columns + token)  # 4 more bytes: gather is one load
    tl.store(out_ptr + row, x_token - tl.sum(total, axis=0) / n_columns)  # written: 4 bytes a row


@triton.jit
def advantage_backward_kernel(dx_ptr, dout_ptr, tokens_ptr, n_columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    dout, token = tl.load(dout_ptr + row), tl.load(tokens_ptr + row)
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        dx = dout * (tl.where(columns == token, 1.0, 0.0) - 1.0 / n_columns)
        tl.store(dx_ptr + row * n_columns + columns, dx, mask=columns < n_columns)  # written: 4


# %% [markdown]
# PyTorch cannot look into a kernel, so it has to be told what to call when. That is what a
# `torch.autograd.Function` is for. Its `backward` gets `dout`, the **upstream gradient**: how strongly
# the final loss depends on each of our outputs. By the chain rule it is a factor of everything we hand
# down. And it returns one gradient, or None, for each argument of `forward`.


# %%
class Advantage(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, tokens):
        out = torch.empty(x.shape[0], device=x.device)
        advantage_kernel[(x.shape[0],)](out, x, tokens, x.shape[1], BLOCK=256)
        ctx.save_for_backward(tokens)  # all that backward needs; x is not among it
        ctx.shape = x.shape
        return out

    @staticmethod
    def backward(ctx, dout):
        (tokens,) = ctx.saved_tensors
        dx = torch.empty(ctx.shape, device=dout.device)
        n_rows, n_columns = ctx.shape
        advantage_backward_kernel[(n_rows,)](dx, dout.contiguous(), tokens, n_columns, BLOCK=256)
        return dx, None


def by_torch(x, tokens):
    return x.gather(1, tokens[:, None])[:, 0] - x.mean(1)


x = torch.randn(4, 600, device=lab.device, requires_grad=True)
tokens = torch.tensor([5, 0, 599, 300], device=lab.device)
weights = torch.tensor([1.0, -2.0, 0.5, 3.0], device=lab.device)  # makes upstream gradients not 1
results = {}
for name, function in {"kernels": Advantage.apply, "torch": by_torch}.items():
    out = function(x, tokens)
    results[name] = out, *torch.autograd.grad((weights * out).sum(), x)
torch.testing.assert_close(results["kernels"], results["torch"])
print("forward and gradient agree with torch, for upstream gradients", weights.tolist())

# %% [markdown]
# By hand, for 4 rows of 600 in fp32. Forward reads each logit once; for each row besides one logit again
# (4 bytes) and the token (8), and writes 4 bytes. Backward writes each gradient once, and for each row
# reads its upstream gradient (4) and its token (8).

# %%
with lab.record() as seen:
    (weights * Advantage.apply(x, tokens)).sum().backward()
moved = [sum(t.bytes_loaded + t.bytes_stored for t in launch.tensors) for launch in seen.launches]
assert moved[0] == 4 * (600 * 4 + 4 + 8 + 4), moved
assert moved[1] == 4 * (600 * 4 + 4 + 8), moved
print("forward", moved[0], "bytes, backward", moved[1], "bytes, as counted by hand")
seen.table()

# %% [markdown]
# ### Broken on purpose, twice
#
# Padding often carries the token $-100$, as a sign that it is none. No row has such an element. What does
# a kernel read that does not ask first? And what comes of a backward pass that forgets `dout`?

# %%
padded = torch.tensor([-100, 0, 599, 300], device=lab.device)
with lab.record() as broken:
    advantage_kernel[(4,)](torch.empty(4, device=lab.device), x.detach(), padded, 600, BLOCK=256)
for fault in broken.faults:
    print(f"{fault.kind}: {fault.message}\n")

forgotten = torch.ones(4, device=lab.device)  # in place of dout
dx = torch.empty_like(x)
advantage_backward_kernel[(4,)](dx, forgotten, tokens, 600, BLOCK=256)
for name, upstream in {"out.sum()": forgotten, "(weights * out).sum()": weights}.items():
    (right,) = torch.autograd.grad(by_torch(x, tokens), x, upstream)
    print(f"{name}: is the gradient right? {torch.allclose(dx, right)}")

# %% [markdown]
# Tested with `out.sum().backward()` alone, the second mistake never shows. DPO's upstream gradients are
# not 1: each answer has its own, negative for the chosen and positive for the rejected ones.

# %% [markdown]
# ## Your turn
#
# Open `lesson06.py` beside this notebook. Save it, then run the cells below. Stuck?
# `grade lesson06 --hint test_logprob_any_vocabulary` in a terminal gives a nudge, then more.

# %%
mine

# %% [markdown]
# ### 1 · `sequence_logprob`, forward
#
# TODO 1 to 5. One program for each position: mask first, then maximum and sum in one walk, then lse and
# the token's log-probability. A kernel may say `if` of a single number, even of one that it has loaded
# (not of a block). A second, tiny kernel adds up the positions of each answer. (Why not let all
# programs add to one number in memory? Lesson 7.)
#
# Below: what your kernel reads of one answer with 5 positions and 5000 logits each. Two positions
# are masked. Do you see which? Then the accesses of one program in their order, from top to bottom:
# a long bar is a block of logits (a single element is too narrow to be seen). Is any logit in two bars?

# %%
logits = torch.randn(1, 5, 5000, device=lab.device)
tokens = torch.randint(0, 5000, (1, 5), device=lab.device)
mask = torch.tensor([[False, True, True, False, True]], device=lab.device)
forward = lab.touches(lambda: mine.sequence_logprob(logits, tokens, mask))
forward.plot("logits_ptr", kernel="token_logprob_kernel")

# %%
lab.walks(forward, program=1, kernel="token_logprob_kernel")

# %% [markdown]
# **Vocabularies of any size** (1 point). What must a lane behind the end of the row hold?

# %%
# %grade test_logprob_any_vocabulary

# %% [markdown]
# **Masked positions add 0, whatever they hold** (1 point). They may hold a NaN. Is it enough to
# multiply by the mask? Try it:

# %%
print("0 * NaN =", (torch.tensor(0.0) * float("nan")).item())
print("torch.where(False, NaN, 0) =", torch.where(torch.tensor(False), float("nan"), 0.0).item())

# %%
# %grade test_logprob_masked

# %% [markdown]
# **Half precision, very large and very low logits** (1 point). Forbidden tokens have a logit of
# $-\infty$, and a whole block may hold nothing else. What is $-\infty - (-\infty)$?

# %%
# %grade test_logprob_precision

# %% [markdown]
# **Any strides, beyond $2^{31}$ elements** (1 point). `logits[:, :-1]` is how one leaves out the last
# position, and no copy should be made of a gigabyte. Where does its second sequence begin?

# %%
part = torch.empty(2, 4, 10)[:, :-1]
print("shape", tuple(part.shape), " strides", part.stride(), " contiguous:", part.is_contiguous())

# %%
# %grade test_logprob_strides

# %% [markdown]
# ### 2 · `sequence_logprob`, backward
#
# TODO 6 and 7. For a position of answer $b$ that counts, with upstream gradient $g_b$:
#
# $$\frac{\partial\,\text{loss}}{\partial x_j} = g_b \, ([j = \text{token}] - p_j) \qquad p_j = e^{x_j - \text{lse}}$$
#
# The softmax $p$ was never stored. It is computed again from the logits and one number a row, lse,
# which the forward pass left: 4 bytes in place of a row of probabilities. The gradient *pulls up*
# the token's own logit and pushes down all others, each by its probability. In sum, all that cancels.
#
# In the picture: which programs write which part of the gradient? Do they write the masked
# positions, too?

# %%
free = logits.clone().requires_grad_()
backward = lab.touches(lambda: mine.sequence_logprob(free, tokens, mask).sum().backward())
backward.plot("dlogits_ptr", kernel="logprob_backward_kernel")

# %% [markdown]
# **The gradient, for any upstream gradient** (1 point)

# %%
# %grade test_logprob_gradient

# %% [markdown]
# **Masked positions have a gradient of exactly 0** (1 point). The memory of `dlogits` is fresh: what is
# in it where nothing is stored?

# %%
# %grade test_logprob_gradient_masked

# %% [markdown]
# **Each logit is read once** (1 point)

# %%
# %grade test_logprob_reads_logits_once

# %% [markdown]
# **Backward: once more, and each gradient written once** (1 point). Forward and backward together,
# before you ask the grader. The dashed line: logits read twice, gradient written once.


# %%
def differentiated(function):
    def forward_backward(logits, tokens, mask):
        leaf = logits.detach().requires_grad_()
        return torch.autograd.grad(function(leaf, tokens, mask).sum(), leaf)

    return forward_backward


ways = {"log_softmax, gather": eager_logprob, "cross_entropy": eager_cross_entropy}
ways["your sequence_logprob"] = mine.sequence_logprob
both_traffic = lab.traffic(
    {name: lambda way=way: differentiated(way)(small, picks, every) for name, way in ways.items()},
    least=3 * small.nbytes,
)
both_traffic.plot()

# %%
# %grade test_logprob_gradient_traffic

# %% [markdown]
# ### 3 · `preference_loss`
#
# TODO 8 to 11. Small tensors, so bytes do not matter; being right for every $d$ does. One program
# takes all pairs in the forward pass. Lanes behind the last pair have $d = 0$: what would they add?
#
# **Loss and rewards** (1 point)

# %%
# %grade test_preference_loss

# %% [markdown]
# **The gradients** (1 point). $\partial\text{loss} / \partial c = -g \, \beta \, \sigma(-d) / B$ for $B$ pairs;
# for the rejected answer the same with the other sign. Compare with a slope measured by taking two
# losses close to each other:

# %%
c, r, c_ref, r_ref = (
    torch.tensor([value], device=lab.device) for value in (-5.0, -4.0, -4.5, -4.2)
)


def loss_at(c):
    return mine.preference_loss(c, r, c_ref, r_ref, 0.5)[0]


def slopes():
    step = 0.05
    measured = (loss_at(c + step) - loss_at(c - step)) / (2 * step)
    leaf = c.clone().requires_grad_()
    loss_at(leaf).backward()
    return f"measured {measured.item():.4f}, your backward pass {leaf.grad.item():.4f}"


print(lab.attempt(slopes) or "")

# %%
# %grade test_preference_gradient

# %% [markdown]
# **Margins of 1000 and -1000** (1 point). The gradient must be exactly 0 or exactly the full pull.

# %%
# %grade test_preference_extremes

# %% [markdown]
# ### 4 · `reward_model_loss`
#
# TODO 12 and 13: Bradley–Terry for a reward model, with a margin $m$ by which the chosen answer should
# win, for pairs of which users said "*much* better". The loss is the mean of
# softplus$(-(r_\text{chosen} - r_\text{rejected} - m))$, with rewards $r$ again. One margin for all pairs
# has a stride of 0, so that each pair finds the same number.
#
# **Loss and gradients** (1 point)

# %%
# %grade test_reward_model_loss

# %% [markdown]
# ### 5 · `tune_step`
#
# TODO 14 to 16, in Python. Four calls of `sequence_logprob`, one of `preference_loss`, one backward pass,
# one step of the optimizer. Through which of the four calls does a gradient have to flow?
#
# **One update** (1 point)

# %%
# %grade test_tune_step

# %% [markdown]
# ## A robot learns its manners
#
# Now the loop. Our robot answers a word with three words, out of a vocabulary of twelve. It is a
# language model in miniature: an *embedding*, a few numbers for the word before, and an output layer
# that makes of them the logits of the next. Untuned, it finds all words about equally likely.

# %%
WORDS = [
    "gladly", "please", "friend", "great", "sure", "fine",
    "maybe", "hmm", "later", "boring", "no", "never",
]  # fmt: skip


def logits_of(weights, tokens):
    embedding, output = weights
    start = torch.full_like(tokens[:, :1], len(WORDS))  # before the first word: nothing
    return F.embedding(torch.cat([start, tokens[:, :-1]], 1), embedding) @ output.T


class Robot:
    def __init__(self, width=4):
        noise = torch.Generator().manual_seed(1)
        embedding = 0.1 * torch.randn(len(WORDS) + 1, width, generator=noise)
        embedding[:, 0] = 1.0  # lets it like a word wherever that stands
        output = 0.1 * torch.randn(len(WORDS), width, generator=noise)
        self.before = [embedding.to(lab.device), output.to(lab.device)]
        self.weights = [each.clone().requires_grad_() for each in self.before]

    def __call__(self, tokens):
        return logits_of(self.weights, tokens)

    def reference(self, tokens):
        return logits_of(self.before, tokens)


# %% [markdown]
# The **user** has a liking for each word, between $-1$ and 1, and an answer is worth the sum. The
# robot never sees these numbers. It sees pairs of answers, and which one was chosen.


# %%
class Batch(NamedTuple):
    chosen: torch.Tensor
    chosen_mask: torch.Tensor
    rejected: torch.Tensor
    rejected_mask: torch.Tensor


def feedback(liking, n_pairs, random):
    tokens = torch.randint(0, len(WORDS), (2, 6 * n_pairs, 4), generator=random)
    worth = liking[tokens[:, :, 1:]].sum(-1)  # position 0 is the question
    clear = (worth[0] - worth[1]).abs() > 0.5  # of pairs that are alike, nobody is asked
    tokens, worth = tokens[:, clear][:, :n_pairs], worth[:, clear][:, :n_pairs]
    first_wins = (worth[0] > worth[1])[:, None]
    chosen, rejected = (
        tokens[0].where(first_wins, tokens[1]),
        tokens[1].where(first_wins, tokens[0]),
    )
    mask = torch.ones_like(chosen, dtype=torch.bool)
    mask[:, 0] = False  # the question is given: it is not the robot's to be praised for
    return Batch(*(each.to(lab.device) for each in (chosen, mask, rejected, mask)))


polite = torch.linspace(1, -1, len(WORDS))  # likes the first words of the list best
random = torch.Generator().manual_seed(0)
pair = feedback(polite, 1, random)
for name, tokens in (("chosen", pair.chosen), ("rejected", pair.rejected)):
    question, *answer = [WORDS[token] for token in tokens[0].tolist()]
    print(f"{name + ':':10} (to {question!r}) {' '.join(answer)}")


# %% [markdown]
# Feedback arrives batch by batch. After each update, the robot is asked about 300 pairs that it has
# never seen: how often does it find the chosen answer the likelier one, compared with before? A coin
# gets half of them right. The second line below is tuned on *swapped* labels. **Predict its curve.**


# %%
class Descent:
    """What torch.optim.SGD does."""

    def __init__(self, weights, rate):
        self.weights, self.rate = weights, rate

    def zero_grad(self):
        for weight in self.weights:
            weight.grad = None

    @torch.no_grad()
    def step(self):
        for weight in self.weights:
            weight -= self.rate * weight.grad


@torch.no_grad()
def accuracy(robot, pairs):
    wins = [
        eager_logprob(robot(tokens), tokens, mask)
        - eager_logprob(robot.reference(tokens), tokens, mask)
        for tokens, mask in (
            (pairs.chosen, pairs.chosen_mask),
            (pairs.rejected, pairs.rejected_mask),
        )
    ]
    undecided = 0.5 * (wins[0] == wins[1]).float()  # it has to guess
    return ((wins[0] > wins[1]).float() + undecided).mean().item()


# %%
n_pairs, n_batches = lab.sizes(gpu=(16, 40), cpu=(4, 7))
unseen = feedback(polite, 300, random)


def tune(robot, name, swapped=False):
    optimizer = Descent(robot.weights, rate=1.5)
    live.add(**{name: accuracy(robot, unseen)})
    for _ in range(n_batches):
        batch = feedback(polite, n_pairs, random)  # a few users have clicked
        if swapped:
            batch = Batch(*batch[2:], *batch[:2])
        mine.tune_step(robot, optimizer, batch, 1.0)
        live.add(**{name: accuracy(robot, unseen)})


robot, contrary = Robot(), Robot()
live = lab.Live("batches of feedback", "accuracy on unseen pairs", level=(0.5, "a coin"))
lab.attempt(lambda: tune(robot, "tuned"))
lab.attempt(lambda: tune(contrary, "tuned_on_swapped_labels", swapped=True))
live.done()

# %% [markdown]
# What does the robot say now? Its probability of each word, averaged over what may stand before it.
# The user's likings fall from top to bottom. They were never shown to it.


# %%
@torch.no_grad()
def manners(robot):
    context = torch.arange(len(WORDS), device=lab.device)
    return torch.stack([
        torch.softmax(F.embedding(context, embedding) @ output.T, -1).mean(0).cpu()
        for embedding, output in (robot.before, robot.weights)
    ])  # fmt: skip


def word_bars(robot, title):
    before, after = manners(robot)
    picture = Picture(9, 3.4, f"{title}: probability of each word before and after tuning")
    axes = picture.panel()
    places = torch.arange(len(WORDS))
    axes.barh(places - 0.2, before, 0.4, color=PALETTE[0], label="before")
    axes.barh(places + 0.2, after, 0.4, color=PALETTE[1], hatch="///", label="now")
    axes.set_yticks(places, WORDS)
    axes.invert_yaxis()
    axes.set_xlabel("probability of the word")
    axes.set_title(title, loc="left")
    legend(axes, loc="lower right")
    return picture


word_bars(robot, "The robot, tuned by a polite user")

# %% [markdown]
# **The loop, judged** (1 point). A policy learns what a user likes, for the median of five users, and the
# opposite from swapped labels.

# %%
# %grade test_tuning_loop

# %% [markdown]
# ### You are the user
#
# In a running notebook, click on the answer that you prefer: always the rude one, say, or the one with
# "hmm". Each click is a batch of one pair, one call of your `tune_step`, and you see at once what it
# did. How many clicks does it take until the robot has understood?

# %%
yours = Robot()
clicker = Descent(yours.weights, rate=1.0)


def ask():
    first, second = torch.randint(0, len(WORDS), (2, 1, 4), device=lab.device)
    return first, second


def say(tokens):
    return " ".join(WORDS[token] for token in tokens[0, 1:].tolist())


def clicked(chosen, rejected):
    mask = torch.tensor([[False, True, True, True]], device=lab.device)
    mine.tune_step(yours, clicker, Batch(chosen, mask, rejected, mask), 1.0)


lab.duel(ask, say, clicked, lambda: word_bars(yours, "Your robot"))

# %% [markdown]
# ## How fast is it?
#
# Forward first: 4096 positions, bf16. **Predict** from the traffic above: how many times faster
# than `cross_entropy` can a kernel be that only reads? (In the outputs that this notebook came with, the
# *reference solution* stands where you will see *yours*.)


# %%
def scored(vocabulary, sequences=8):
    logits = torch.randn(sequences, 512, vocabulary, device=lab.device, dtype=torch.bfloat16)
    tokens = torch.randint(0, vocabulary, (sequences, 512), device=lab.device)
    return logits, tokens, torch.ones_like(tokens, dtype=torch.bool)


forward_speed = lab.benchmark(
    "lesson06/forward",
    {
        "yours": mine.sequence_logprob,
        "cross_entropy": eager_cross_entropy,
        "log_softmax, gather": eager_logprob,
        "torch.compile": lab.compiled(eager_logprob),
    },
    sizes=[8192, 32000, 128256],
    make_inputs=scored,
    bytes_moved=lambda vocabulary: 2 * 4096 * vocabulary,
    xlabel="tokens in the vocabulary",
    rounds=15,
)
forward_speed.plot("sequence_logprob, forward: useful bytes per second, 2 a logit")

# %% [markdown]
# **2.5 times as fast as `cross_entropy`** (2 points; the speed tests need a GPU, without one their
# points stay open)

# %%
# %grade test_logprob_speed

# %% [markdown]
# **8 times as fast as log-softmax and gather in fp32** (1 point)

# %%
# %grade test_logprob_speed_fp32

# %% [markdown]
# And with the backward pass, which must read 2 and write 2 more bytes a logit, for 2048 positions:

# %%
compiled = torch.compile(eager_logprob, dynamic=False) if lab.on_gpu else eager_logprob
backward_speed = lab.benchmark(
    "lesson06/backward",
    {
        "yours": differentiated(mine.sequence_logprob),
        "cross_entropy": differentiated(eager_cross_entropy),
        "log_softmax, gather": differentiated(eager_logprob),
        "torch.compile": differentiated(compiled),
    },
    sizes=[8192, 32000, 128256],
    make_inputs=lambda vocabulary: scored(vocabulary, sequences=4),
    bytes_moved=lambda vocabulary: 6 * 2048 * vocabulary,
    xlabel="tokens in the vocabulary",
    rounds=15,
)
backward_speed.plot("forward and backward: useful bytes per second, 6 a logit")

# %% [markdown]
# **Read it.** How far is the first line from the ceiling, and is it farther with the backward pass?
# For a small vocabulary the tensor is small too, so that starting kernels shows, and every position
# still costs a program. Which share of the ceiling do the counted bytes allow the others?

# %%
for name in ("log_softmax, gather", "cross_entropy"):
    forward_share = small.nbytes / forward_traffic.total(name)
    both_share = 3 * small.nbytes / both_traffic.total(name)
    print(f"{name}: at best {forward_share:.0%} forward, {both_share:.0%} with backward")
for title, speed in (("forward", forward_speed), ("with backward", backward_speed)):
    for name, by_size in speed.times.items():
        size = max(by_size)
        share = speed.rate(by_size[size][0], size) / gpu.copy_bytes_per_s
        print(f"{title}, {size:,}: {name} reaches {share:.0%} of the copy bandwidth")
print(forward_speed.found.source)

# %% [markdown]
# **Forward and backward twice as fast as `cross_entropy`** (1 point)

# %%
# %grade test_logprob_backward_speed

# %% [markdown]
# ### Memory
#
# What a step holds at the same time decides whether it fits on a GPU at all. Peak memory beyond the
# logits themselves, in sizes of the logits:

# %%
logits = lab.sizes(gpu=scored, cpu=lambda _: (small, picks, every))(32000)
rows = []
for name, function in ways.items():
    peaks = [
        lab.attempt(lambda way=way: lab.peak_memory(lambda: way(*logits)))
        for way in (function, differentiated(function))
    ]
    if None not in peaks:
        rows.append([name, *(f"{peak / logits[0].nbytes:.2f} x" for peak in peaks)])
lab.Table(["", "forward", "with backward"], rows, note=f"logits: {quantity(logits[0].nbytes, 'B')}")

# %% [markdown]
# With the backward pass nobody can stay below 1: the gradient itself is as large as the logits.
#
# **At most 40% of PyTorch's memory** (1 point)

# %%
# %grade test_logprob_peak_memory

# %% [markdown]
# ### From click to changed weights
#
# For a loop that reacts while the user looks on, the throughput of one kernel is not what counts, but
# the **latency** of a whole update, and not only the usual one. *p50* is the latency that half of the
# updates stay below, *p99* the one that 1 in 100 exceeds. The policy below has a full vocabulary of
# 128,256; 8 pairs of 128 tokens arrive at a time.
#
# Each update begins with an idle GPU, as after a click, and ends when the new weights are there. So the
# time that Python takes to launch the kernels is inside. The competitor does the same with PyTorch's own
# operations.


# %%
def eager_update(policy, optimizer, batch, beta):
    tokens = torch.cat([batch.chosen, batch.rejected])  # both sides in one pass
    mask = torch.cat([batch.chosen_mask, batch.rejected_mask])
    before = eager_logprob(policy.reference(tokens), tokens, mask)
    chosen, rejected = (eager_logprob(policy(tokens), tokens, mask) - before).chunk(2)
    loss = F.softplus(-beta * (chosen - rejected)).mean()
    gradients = torch.autograd.grad(loss, optimizer.weights)
    for weight, gradient in zip(optimizer.weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()
    return loss.detach()


class LargeRobot(Robot):
    def __init__(self, vocabulary=128256, width=64):
        kind = {"device": lab.device, "dtype": torch.bfloat16}
        self.before = [
            torch.randn(vocabulary + 1, width, **kind),
            torch.randn(vocabulary, width, **kind),
        ]
        self.weights = [each.clone().requires_grad_() for each in self.before]


# %%
def latencies(step, updates=200, warm_up=5):
    policy, found = LargeRobot(), []
    optimizer = Descent(policy.weights, rate=1.0)
    mask = torch.ones(8, 128, dtype=torch.bool, device=lab.device)
    for _ in range(warm_up + updates):
        chosen, rejected = torch.randint(0, len(WORDS), (2, 8, 128), device=lab.device)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()  # idle, until the user clicks
        start.record()
        step(policy, optimizer, Batch(chosen, mask, rejected, mask), 0.1)
        end.record()
        torch.cuda.synchronize()
        found.append(start.elapsed_time(end))
    ordered = sorted(found[warm_up:])
    return [ordered[updates // 2], ordered[99 * updates // 100]]


def both():
    return {"tune_step": latencies(mine.tune_step), "eager PyTorch": latencies(eager_update)}


clicked_to_changed = lab.attempt(lambda: lab.measured("lesson06/latency", both))
lab.latency_bars(clicked_to_changed, "From click to changed weights")

# %%
if clicked_to_changed is not None and clicked_to_changed.known:
    for name, (usual, slow) in clicked_to_changed.value.items():
        print(f"{name}: {1e3 / usual:.0f} updates a second; p99 is {slow / usual:.2f} times p50")
    print(clicked_to_changed.source)

# %% [markdown]
# **1.5 times as many updates a second as with PyTorch's losses** (1 point)

# %%
# %grade test_tune_step_speed

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `padding-counted` | lanes behind the end of a row add $e^0$ | an `other=` whose exponential is 0 |
# | `row-not-covered` | only part of each row is in the sum | loop to the last, partly filled block |
# | `shifted-tokens` | row $t$ was taken to tell of token $t+1$ | here nothing is shifted |
# | `mean-instead-of-sum` | divided by the number of positions | the sum is asked for |
# | `masked-nan`, `mask-ignored` | a masked position was computed | do not compute it at all; it needs its 0 all the same |
# | `out-of-bounds` | token $-100$ was used as a place in the row | ask for the mask first |
# | `wrong-sign` | the gradient goes uphill | $[j = \text{token}] - p_j$; $-\sigma(-d)$ for the chosen |
# | `upstream-dropped` | right for an upstream gradient of 1 only | multiply by `dout`, `dloss` |
# | `upstream-of-another-sequence` | `dout` of sequence 0 for all | load `dout_ptr + sequence` |
# | `token-left-out` | only $-g\,p$ is there | the 1 at the token |
# | `exp-overflow` | `exp` of a large positive number | the other form of the formula |
# | `lanes-counted` | lanes without a pair add $\log 2$ | `tl.where(inside, ..., 0.0)` |
# | `answers-swapped`, `sigmoid-of-d` | it learns the opposite, or from the wrong pairs | look at the order, and at the sign of $d$ |
# | `reference-ignored`, `policy-for-reference` | $d$ lacks the reference, or is always 0 | `policy.reference(...)` |
# | `beta-ignored`, `beta-missing`, `mean-ignored`, `sum-instead-of-mean` | a factor is missing | $\beta$ and $1/B$, in loss and gradient |
# | `margin-sign`, `margin-ignored`, `rewards-swapped` | margin added or unused; rewards exchanged | the chosen must win *by* the margin |
# | `gradients-kept`, `no-step` | gradients add up, or change nothing | look at the order of TODO 14 to 16 |
# | `reference-differentiated`, `graph-kept` | memory held for nothing | no graph for the reference; the loss without its graph |
# | `not-learnt`, `labels-ignored` | the loop does not learn what it is told | make `test_tune_step` pass first |
# | `too-much-traffic`, `too-much-memory` | logits read again, or copied | one walk; no `.float()` in Python |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand, for one logit in bf16. Forward: maximum, difference, exponential, sum: 4 operations.
# Backward: difference, exponential, difference, product: 4. The eager rows come from the traffic above,
# which counts what each operation reads and writes.

# %%
copy, n = gpu.copy_bytes_per_s, small.numel()
table = {  # bytes, operations: for a logit in bf16
    "fused, forward": (2, 4),
    "fused, backward": (2 + 2, 4),
    "cross_entropy, forward": (forward_traffic.total("cross_entropy") / n, 4),
    "log_softmax, gather, forward": (forward_traffic.total("log_softmax, gather") / n, 4),
    "cross_entropy, both": (both_traffic.total("cross_entropy") / n, 8),
    "log_softmax, gather, both": (both_traffic.total("log_softmax, gather") / n, 8),
}
rows = [
    [
        name,
        f"{size:.1f}",
        str(work),
        f"{work / size:.2f}",
        f"{B * T * V * size / copy * 1e3:.2f} ms",
    ]
    for name, (size, work) in table.items()
]
headings = ["", "bytes a logit", "operations", "operations a byte", f"{B * T} x {V:,}, at least"]
lab.Table(headings, rows, note=f"{gpu.label}: {copy / 1e12:.2f} TB/s")

# %%
intensities = {name: (work / size, None) for name, (size, work) in table.items()}
lab.roofline(intensities, "bfloat16")

# %% [markdown]
# ## Questions to think about
#
# 1. The loss before tuning is $\log 2$ for *every* batch. Why does that make a good first check of a loop?
# 2. In DPO's formula only $c - r$ counts, so both answers may become less likely while the loss falls.
#    Would a user notice? What could one add to the loss?
# 3. A user who clicks at random: what does the robot learn from them? Try it, with a loop of your own.
# 4. The reference's log-probabilities never change. Which two of the four calls in `tune_step` could be
#    saved if the same pairs came again, and what would have to be stored?
# 5. The logits themselves are hidden states times a matrix. Could one avoid ever writing *them*? What would
#    the backward pass have to compute again?
# 6. Ten clicks on one word, and it appears in every answer. Which number would you turn, and which way?

# %% [markdown]
# ## Further reading
#
# - R. A. Bradley, M. E. Terry, *Rank Analysis of Incomplete Block Designs: I. The Method of Paired
#   Comparisons*, Biometrika 39, 1952, [doi:10.2307/2334029](https://doi.org/10.2307/2334029)
# - P. Christiano, J. Leike, T. Brown, M. Martic, S. Legg, D. Amodei, *Deep Reinforcement Learning from Human
#   Preferences*, NeurIPS 2017, [arXiv:1706.03741](https://arxiv.org/abs/1706.03741)
# - L. Ouyang et al., *Training language models to follow instructions with human feedback*, NeurIPS
#   2022, [arXiv:2203.02155](https://arxiv.org/abs/2203.02155): reward model and RLHF at scale
# - R. Rafailov, A. Sharma, E. Mitchell, S. Ermon, C. D. Manning, C. Finn, *Direct Preference Optimization: Your
#   Language Model is Secretly a Reward Model*, NeurIPS 2023, [arXiv:2305.18290](https://arxiv.org/abs/2305.18290)
# - L. Gao, J. Schulman, J. Hilton, *Scaling Laws for Reward Model Overoptimization*, ICML 2023,
#   [arXiv:2210.10760](https://arxiv.org/abs/2210.10760): what a tiny $\beta$ leads to
# - E. Wijmans et al., *Cut Your Losses in Large-Vocabulary Language Models*, ICLR 2025,
#   [arXiv:2411.09009](https://arxiv.org/abs/2411.09009): question 5, answered
# - PyTorch, [*Extending PyTorch*](https://docs.pytorch.org/docs/stable/notes/extending.html): `autograd.Function`
#
# ## The whole lesson

# %%
# %grade
