# %% [markdown]
# # 02 · Fused operations and memory optimization
#
# PyTorch computes `(x + y) * z` correctly, and moves half as many bytes again as it has to. In this
# lesson you count those bytes, write kernels that never move them, and find out how much faster
# that can possibly be, before you measure it.
#
# **You will be able to**
# - count the bytes of a chain of operations, and say which of them *fusion* saves;
# - predict a speedup from bytes alone, and tell when a kernel has nothing left to gain;
# - read a roofline, and say what more arithmetic costs a kernel that waits for memory;
# - recompute instead of store: a dropout whose mask is never in memory.
#
# **You need** lesson 1: blocks, masks, tiles, strides. From torch: tensors, and what a gradient is.
#
# **Time** about two and a half hours.

# %% [markdown]
# ## Set up

# %%
# %load_ext grader

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

from grader import lab
from grader.units import quantity

mine = lab.exercise("lesson02")  # your file, lesson02.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## Where does the sum live?
#
# `(x + y) * z` is two operations. PyTorch runs them one after the other, each with a kernel of its
# own; that is called *eager* execution. The first kernel has to put its result somewhere where the
# second one finds it. Registers die with their kernel, so there is only one place: GPU memory.
#
# **Guess first.** For tensors of $n$ fp32 numbers, how many bytes does the eager version read and
# write? How many would it have to?

# %%
n = 4096
x, y, z, buffer = torch.randn(4, n, device=lab.device)


def into_buffer():
    torch.add(x, y, out=buffer)  # no new memory for the sum
    return buffer.mul_(z)  # nor for the product: computed in place


add_mul_traffic = lab.traffic(
    {"(x + y) * z": lambda: (x + y) * z, "the same in place": into_buffer},
    least=4 * 4 * n,  # read x, y and z, write the result
)
add_mul_traffic.plot()

# %% [markdown]
# Each bar is a chain of operations: what each of them reads, and hatched what it writes. The sum is
# written once and read once, 8 bytes an element that nobody asked for: 24 instead of 16.
#
# Did you expect the in-place version to help? It saves *memory*: sum and product share one tensor,
# and that one was there before. It does not save *traffic*: the sum still goes out and comes back.
# Two different things, both worth saving:

# %%
ways = {"(x + y) * z": lambda: (x + y) * z, "the same in place": into_buffer}
rows = [
    [name, quantity(lab.peak_memory(way), "B"), quantity(add_mul_traffic.total(name), "B")]
    for name, way in ways.items()
]
lab.Table(["", "memory allocated at most", "bytes moved"], rows, note=f"n = {n} in fp32")

# %% [markdown]
# **Kernel fusion** puts the operations into one kernel. The sum is formed in a register, used there,
# and never seen again. The arithmetic stays the same; the bytes do not.
#
# The longer the chain, the more there is to gain. Eager, each operation on one tensor costs a read
# and a write; fused, the whole chain costs one read and one write, however long it is:


# %%
def chain(values, operations):
    for _ in range(operations):
        values = values * 1.01
    return values


lengths = list(range(1, 9))
chains = lab.traffic({str(k): lambda k=k: chain(x, k) for k in lengths})
lab.lines(
    {
        "one operation after the other": [chains.total(str(k)) / n for k in lengths],
        "fused": [2 * x.element_size() for _ in lengths],
    },
    x=lengths,
    xlabel="operations in the chain",
    ylabel="bytes moved an element",
)

# %% [markdown]
# ## How much arithmetic does a byte pay for?
#
# **Arithmetic intensity** is the number of operations divided by the bytes moved for them. The time
# of a kernel is at least its bytes divided by the bandwidth, and at least its operations divided
# by the arithmetic rate. Drawn over intensity, these two limits are the two sides of the roofline.
#
# Fusion moves a computation to the right: the same operations, fewer bytes. Below, chains of 1 and
# 64 operations one by one, of 8 and 64 fused. Hollow markers mean *at best*: nothing is measured here.

# %%
points = {f"chain of {k}, one by one": (k / (8 * k), None) for k in (1, 64)}
points |= {f"chain of {k}, fused": (k / 8, None) for k in (8, 64)}
lab.roofline(points)

# %% [markdown]
# Circle and square lie on each other: one by one, it does not matter how long the chain is, its
# intensity stays where it is. Fused, it climbs.
#
# One caution: the flat roof here is the rate of large matrix products, which have special units
# (lesson 5). Ordinary additions have a flat roof of their own, lower than this one. You will find out
# below where it lies.
#
# ## What does starting a kernel cost?
#
# Every kernel has to be started, filled with work, and drained. For large tensors that is
# nothing. **Guess first:** take 1024 numbers, 4 KiB. Is a chain of eight additions eight times as
# slow as one, although there is hardly anything to move?


# %%
@triton.jit
def plus_kernel(out_ptr, x_ptr, n, K: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    value = tl.load(x_ptr + offsets, mask=mask)
    for _ in range(K):
        value = value + 1.0
    tl.store(out_ptr + offsets, value, mask=mask)


def plus_eager(values, operations):
    for _ in range(operations):
        values = values + 1.0
    return values


def plus_fused(values, operations):
    out = torch.empty_like(values)
    n = values.numel()
    plus_kernel[(triton.cdiv(n, 1024),)](out, values, n, K=operations, BLOCK=1024)
    return out


small = torch.zeros(1024, device=lab.device)
for k in (1, 8):
    assert torch.equal(plus_eager(small, k), plus_fused(small, k))

# %%
counts = [1, 2, 4, 8]


def launch_times():
    calls = {f"eager {k}": lambda k=k: plus_eager(small, k) for k in counts}
    calls |= {f"fused {k}": lambda k=k: plus_fused(small, k) for k in counts}
    spread = lab.spreads(calls, rounds=20)
    return {how: [1e6 * spread[f"{how} {k}"].median for k in counts] for how in ("eager", "fused")}


launches = lab.measured("lesson02/launch", launch_times)
print(launches.source)
picture = None
if launches.known:
    xlabel, ylabel = "additions in the chain, on 1024 numbers", "GPU time (µs)"
    picture = lab.lines(launches.value, x=counts, xlabel=xlabel, ylabel=ylabel)
picture

# %%
if launches.known:
    eager = launches.value["eager"]
    slope = (eager[-1] - eager[0]) / (counts[-1] - counts[0])
    worth = slope * 1e-6 * gpu.copy_bytes_per_s
    print(f"one more kernel costs {slope:.1f} µs, in which {worth / 1e6:.1f} MB could be copied")

# %% [markdown]
# Eager, you pay for every operation; fused, for one kernel. The figure is GPU time only: the launches
# wait in the queue already. If Python is slower at launching than the GPU at working, that comes on
# top. So fusion gains twice: fewer bytes where tensors are large, fewer starts where they are small.
#
# ### How much arithmetic is free?
#
# The same kernel, now on 64 MiB of numbers, with longer and longer chains: the bytes stay the same,
# the arithmetic grows. **Guess:** how many additions does each number get for free?

# %%
many = [1, 4, 16, 64, 256, 1024]


def hidden_times():
    large = torch.zeros(2**24, device=lab.device)
    calls = {str(k): lambda k=k: plus_fused(large, k) for k in many}
    spread = lab.spreads(calls, rounds=10)
    return [1e6 * spread[str(k)].median for k in many]


hidden = lab.measured("lesson02/hidden", hidden_times)
bytes_alone = 1e6 * 2 * 4 * 2**24 / gpu.copy_bytes_per_s
print(f"bytes alone take {bytes_alone:.0f} µs.", hidden.source)
picture = None
if hidden.known:
    for k, microseconds in zip(many, hidden.value, strict=True):
        print(f"{k:5} additions, {k / 8:6.1f} a byte: {microseconds:7.1f} µs")
    picture = lab.lines(
        {"fused chain": hidden.value},
        x=many,
        logx=True,
        logy=True,
        xlabel="additions for each number",
        ylabel="GPU time (µs)",
        level=(bytes_alone, "bytes alone"),
    )
picture

# %% [markdown]
# As long as the line stays near the level, the additions are hidden: while some warps wait for their
# numbers, others compute. Where the line leaves the level is the ridge of ordinary arithmetic, in
# operations a byte. The kernels of this lesson have two operations a byte or fewer.

# %% [markdown]
# ## A worked example: `tone_map`
#
# A camera sees more than a screen can show: the sun outshines a shadow many thousand times.
# *Tone mapping* squeezes brightness $x \ge 0$ into $0 \ldots 1$:
#
# $$v = \frac{e\,x}{1 + e\,x} \qquad \text{out} = v^{\,\text{power}}$$
#
# with an exposure $e$. In torch that is four operations.


# %%
def tone_map_eager(x, exposure, power):
    v = x * exposure
    return (v / (1.0 + v)) ** power


def scene(rows, columns):
    """Brightness of a landscape with a sun; from 0.01 to more than 500."""
    down, across = torch.meshgrid(
        torch.linspace(0, 1, rows), torch.linspace(0, 1.6, columns), indexing="ij"
    )
    sky = 0.2 + 1.5 * down
    hills = 0.62 + 0.12 * torch.sin(5 * across) + 0.03 * torch.sin(17 * across)
    ground = 0.01 + 0.04 * torch.sin(40 * across * down).abs()
    sun = 600 * torch.exp(-(((down - 0.3) ** 2 + (across - 1.1) ** 2) / 0.004))
    return torch.where(down > hills, ground, sky + sun).to(lab.device)


photo = scene(60, 96)
print(f"the brightest element is {photo.max() / photo.min():,.0f} times as bright as the darkest")
lab.images(
    {
        "as it is, cut off at 1": photo,
        "tone-mapped": tone_map_eager(photo, 2.0, 0.45),
    }
)

# %% [markdown]
# The shape of a picture does not matter to an operation that treats each element alone: it is one
# long vector. Bytes and operations are noted where they arise.


# %%
@triton.jit
def tone_map_kernel(out_ptr, x_ptr, exposure, power, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask, other=1.0)  # read: 4 bytes a lane
    v = x * exposure  # 1 operation; the result is in a register
    v = v / (1.0 + v)  # 2 operations; and stays there
    v = tl.exp2(power * tl.log2(v))  # 3: v ** power by way of logarithms
    tl.store(out_ptr + offsets, v, mask=mask)  # written: 4 bytes a lane


def tone_map(x, exposure, power, BLOCK=1024):
    out = torch.empty_like(x)
    n = x.numel()
    tone_map_kernel[(triton.cdiv(n, BLOCK),)](out, x, exposure, power, n, BLOCK=BLOCK)
    return out


torch.testing.assert_close(tone_map(photo, 2.0, 0.45), tone_map_eager(photo, 2.0, 0.45))
print("the fused kernel agrees with torch on", photo.numel(), "elements")

# %% [markdown]
# By hand, in bytes an element: fused $4 + 4 = 8$. Eager, `x * exposure` 8, `1.0 + v` 8, the
# quotient 12 (it reads two tensors), the power 8: together $36$. What was really moved?

# %%
n = photo.numel()
mapped = lab.traffic(
    {
        "eager": lambda: tone_map_eager(photo, 2.0, 0.45),
        "fused": lambda: tone_map(photo, 2.0, 0.45),
    },
    least=(4 + 4) * n,
)
assert mapped.total("eager") == (8 + 8 + 12 + 8) * n
assert mapped.total("fused") == (4 + 4) * n
mapped.plot()

# %% [markdown]
# So the prediction, before any clock has run: where only bytes count, at most $36 / 8 = 4.5$ times
# as fast. And without a kernel of your own? `torch.compile` looks at the chain, and writes a fused
# Triton kernel by itself. The ceiling is the copy bandwidth; a line near it cannot be improved much.

# %%
speed = lab.benchmark(
    "lesson02/tone_map",
    {
        "eager": lambda x: tone_map_eager(x, 2.0, 0.45),
        "torch.compile": lab.compiled(lambda x: tone_map_eager(x, 2.0, 0.45)),
        "our kernel": lambda x: tone_map(x, 2.0, 0.45),
    },
    sizes=[2**14, 2**18, 2**22, 2**26],
    make_inputs=lambda n: (torch.rand(n, device=lab.device) * 100,),
    bytes_moved=lambda n: 8 * n,
    xlabel="elements (fp32)",
)
speed.plot("tone_map: useful bytes per second")

# %%
if speed.times:
    gain = speed.speedup("our kernel", over="eager")
    print(f"at the largest size: {gain:.2f} times as fast as eager; by bytes at most {36 / 8:.2f},")
    print("except for what eager loses to something other than bytes.")
print(speed.found.source)

# %% [markdown]
# ### What fusion must not do
#
# Could we fuse *anything*, and write the result over its input to save memory? Say we smooth a row
# of numbers: each becomes the mean of itself and its two neighbours, in place. Each program reads
# its neighbours' elements, which the neighbours overwrite. Who comes first?


# %%
@triton.jit
def smooth_in_place(x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    here = tl.load(x_ptr + offsets, mask=offsets < n)
    left = tl.load(x_ptr + offsets - 1, mask=(offsets > 0) & (offsets <= n), other=0.0)
    right = tl.load(x_ptr + offsets + 1, mask=offsets + 1 < n, other=0.0)
    tl.store(x_ptr + offsets, (left + here + right) / 3, mask=offsets < n)


with lab.record() as broken:
    smooth_in_place[(3,)](torch.ones(96, device=lab.device), 96, BLOCK=32)
for fault in broken.faults:
    print(f"{fault.kind}: {fault.message}")
broken.plot("x_ptr")

# %% [markdown]
# A plus marks elements that several programs touch. Programs run in no particular order, so the
# result depends on luck: a **race**. The rule for working in place, that is, for writing a result
# over its input: no program may write what another one reads. Elementwise operations obey it by
# themselves; this one needs a second tensor.

# %% [markdown]
# ## Your turn
#
# Open `lesson02.py` beside this notebook, fill in the TODOs in their order, **save**, run the cells.
# Stuck? `grade lesson02 --hint test_add_mul_any_length` in a terminal gives a nudge, then more.

# %%
mine

# %% [markdown]
# ### 1 · `add_mul(x, y, z)`
#
# TODO 1 and 2: the kernel; its launch is given. One picture says it all: is your bar as long as
# the dashed line?

# %%
x, y, z = torch.randn(3, 2500, device=lab.device)
lab.traffic(
    {"eager": lambda: (x + y) * z, "yours": lambda: mine.add_mul(x, y, z)}, least=16 * 2500
).plot()

# %%
lab.touches(lambda: mine.add_mul(x, y, z)).table()

# %% [markdown]
# **Any length** (2 points)

# %%
# %grade test_add_mul_any_length

# %% [markdown]
# **Half precision** (1 point). A fused kernel need not only be faster; it can be *more exact*. The
# largest fp16 number is 65504. What is $(60000 + 20000) \cdot \frac18$? Eager has to store the sum:

# %%
a, b, c = (torch.tensor(value, dtype=torch.float16) for value in (60000.0, 20000.0, 0.125))
print("one after the other, in fp16:", ((a + b) * c).item())
print("in fp32, rounded at the end: ", ((a.float() + b.float()) * c.float()).half().item())

# %%
# %grade test_add_mul_half_precision

# %% [markdown]
# ### 2 · `bias_gelu_residual(x, bias, residual)`
#
# `gelu(x + bias) + residual`: what follows a matrix product in many language models. The *bias* is
# one learnt row, added to every row. The *residual* is a matrix, what went into the layer before.
# *GELU* is an *activation*: like ReLU it lets large values pass and stops very negative ones, but
# it bends where ReLU has a corner. We use the form with tanh:
#
# $$\text{gelu}(v) = \tfrac12 v\,(1 + \tanh u) \qquad u = \sqrt{2/\pi}\,(v + 0.044715\,v^3)$$

# %%
v = torch.linspace(-4, 4, 81)
lab.lines(
    {"gelu": F.gelu(v, approximate="tanh").tolist(), "relu": F.relu(v).tolist()},
    x=v.tolist(),
    xlabel="v",
    ylabel="activation",
)

# %% [markdown]
# **TODO 3, the formula.** It has a function of its own, `gelu_tanh`: a `@triton.jit` function may
# call another one, which takes blocks and returns a block. Triton has no tanh, so you need a form
# with an exponential. On paper, $\tanh u = (e^{2u} - 1) / (e^{2u} + 1)$. **Guess first:** from which
# $u$ on does this fail in fp32, and what comes out?

# %%
u = torch.tensor([-100.0, -1.0, 1.0, 10.0, 44.0, 45.0, 100.0])
e = torch.exp(2 * u)
rows = [
    [f"{a:g}", f"{b:.3g}", f"{c:.7g}", f"{d:.7g}"]
    for a, b, c, d in zip(u, e, (e - 1) / (e + 1), torch.tanh(u), strict=True)
]
lab.Table(["u", "exp(2u)", "(exp(2u) - 1) / (exp(2u) + 1)", "tanh(u)"], rows)

# %% [markdown]
# An exponential that *overflows*, that is, becomes infinite, is no harm in itself: a number divided
# by infinity is 0, which may be just the right limit. *Infinity divided by infinity* is the harm.
# Look for a form without it.
#
# **TODO 4 and 5, the tile.** The grid has one axis, and tiles are numbered like words on a page.
# Below, a matrix of 40 rows and 300 columns in tiles of 16 × 128. (A kernel computes with whole
# numbers as Python does, and has `tl.cdiv`.)

# %%
BM, BN, M, N = 16, 128, 40, 300
across = triton.cdiv(N, BN)
headings = ["", *(f"columns {BN * j} ... {min(BN * (j + 1), N) - 1}" for j in range(across))]
rows = [
    [f"rows {BM * i} ... {min(BM * (i + 1), M) - 1}"]
    + [f"program {across * i + j}" for j in range(across)]
    for i in range(triton.cdiv(M, BM))
]
lab.Table(headings, rows, note="Which tile is program 7 in? How did you find out?")

# %% [markdown]
# **TODO 6, the bias.** It has one value a column, and every row needs it again. A tile loads its
# piece *once*, a vector, and `[None, :]` lays it across all its rows. What would it cost to have
# tiles with a single row? **Guess first**, for the matrix of the speed test:

# %%
M, N, size = 8192, 4096, 2  # bf16
least = size * (3 * M * N + N)  # x, residual, out; and the bias once
rows = []
for height in (1, 2, 4, 8, 16):
    bias_bytes = size * N * triton.cdiv(M, height)  # once for each row of tiles
    total = size * 3 * M * N + bias_bytes
    rows.append([str(height), quantity(bias_bytes, "B"), f"{total / least:.3f} x"])
lab.Table(["rows of a tile", "bytes of bias loaded", "all bytes, of the fewest"], rows)

# %% [markdown]
# The graded test allows 1.05 times the fewest. (In practice the caches answer many of these loads:
# traffic here counts what programs *ask for*. But a load that is not made is faster still.)
#
# **TODO 7 and 8**: load, compute, store, launch. Then look at two pictures, of the bias and of `x`. A
# plus marks elements that several programs read; number and colour are those of the last of them.

# %%
x = torch.randn(40, 300, device=lab.device)
bias, residual = torch.randn(300, device=lab.device), torch.randn(40, 300, device=lab.device)
layer = lab.touches(lambda: mine.bias_gelu_residual(x, bias, residual))
layer.plot("bias_ptr", kernel="bias_gelu_residual_kernel")

# %%
narrow = [torch.randn(40, 120, device=lab.device) for _ in range(2)]
part = lab.touches(lambda: mine.bias_gelu_residual(narrow[0], bias[:120], narrow[1]))
part.plot("x_ptr", kernel="bias_gelu_residual_kernel")

# %% [markdown]
# **Any height and width** (2 points)

# %%
# %grade test_bias_gelu_residual_any_shape

# %% [markdown]
# **Half precision** (1 point)

# %%
# %grade test_bias_gelu_residual_half_precision

# %% [markdown]
# **Large values** (1 point)

# %%
# %grade test_bias_gelu_residual_large_values

# %% [markdown]
# **Any row stride** (1 point). `x` and `residual` may be parts of two different wider matrices.

# %%
# %grade test_bias_gelu_residual_any_stride

# %% [markdown]
# ### 3 · `dropout_scale(x, p, seed)` and its backward
#
# Dropout sets each element to 0 with probability $p$ while a network is trained, and multiplies the
# others by $1 / (1 - p)$, so that the mean stays. The backward pass has to drop *the same* elements.
# The usual way: keep the mask in memory until then. Ours: compute it again.
#
# That needs random numbers that can be asked for twice. `tl.rand(seed, offsets)` is a *counter-based*
# generator: number $i$ is a function of the seed and of $i$, and nothing is remembered. Here are
# 8192 of its numbers as grey dots, made with two block sizes, by a right kernel and by one with a
# mistake.


# %%
@triton.jit
def noise_kernel(out_ptr, seed, n, BLOCK: tl.constexpr, BROKEN: tl.constexpr):
    lanes = tl.arange(0, BLOCK)
    offsets = tl.program_id(0) * BLOCK + lanes
    counter = lanes if BROKEN else offsets  # broken: counts from the start of the block
    tl.store(out_ptr + offsets, tl.rand(seed, counter), mask=offsets < n)


def noise(BLOCK, BROKEN=False, seed=7):
    out = torch.empty(64, 128, device=lab.device)
    noise_kernel[(triton.cdiv(8192, BLOCK),)](out, seed, 8192, BLOCK=BLOCK, BROKEN=BROKEN)
    return out


good, bad = noise(128), noise(128, BROKEN=True)
for name, numbers in (("good", good), ("broken", bad)):
    print(f"{name}: mean {numbers.mean():.3f}, standard deviation {numbers.std():.3f}")
lab.images(
    {
        "BLOCK = 128": good,
        "|BLOCK 128 - BLOCK 512|": (good - noise(512)).abs(),
        "broken, BLOCK = 128": bad,
        "broken, BLOCK = 512": noise(512, BROKEN=True),
    }
)

# %% [markdown]
# The second picture is black all over: the numbers do not depend on how the work is divided. In the
# third and fourth, every block repeats the same numbers. Your eye sees the stripes at once; the
# mean and the standard deviation hardly tell (uniform numbers have $0.5$ and $1/\sqrt{12} \approx 0.289$).
#
# TODO 9 to 14 now. When they are done, the first two pictures below show your forward and backward
# mask (white is kept), and the third where they differ.


# %%
def masks():
    ones = torch.ones(64, 96, device=lab.device)
    y, dx = mine.dropout_scale(ones, 0.25, 11), mine.dropout_scale_backward(ones, 0.25, 11)
    kept = (y != 0).float()
    print(
        f"kept: {kept.mean():.3f} of all; mean of y: {y.mean():.3f}; values: {y.unique().tolist()}"
    )
    return {"forward": kept, "backward": (dx != 0).float(), "difference": (y != dx).float()}


found = lab.attempt(masks)
lab.images(found) if found else None

# %% [markdown]
# **The mask** (2 points)

# %%
# %grade test_dropout_mask

# %% [markdown]
# **Limits** (1 point): $p = 0$, $p = 1$, and dropped infinities. What is 0 times infinity? (Triton
# has a `where`, too: `tl.where`.)

# %%
inf = torch.tensor(float("inf"))
print(
    "0 * inf =",
    (0 * inf).item(),
    "   where(False, inf, 0) =",
    torch.where(inf < 0, inf, 0.0).item(),
)

# %%
# %grade test_dropout_limits

# %% [markdown]
# **Backward** (1 point)

# %%
# %grade test_dropout_backward

# %% [markdown]
# ### All of them
#
# **Each byte once** (1 point)

# %%
flat = x.reshape(-1)
for name, call, least in (
    (
        "bias_gelu_residual",
        lambda: mine.bias_gelu_residual(x, bias, residual),
        4 * (3 * 12000 + 300),
    ),
    ("dropout_scale", lambda: mine.dropout_scale(flat, 0.0, 1), 4 * 2 * 12000),
):
    print(name)
    print(lab.traffic({"yours": call}, least=least).table(), "\n")

# %%
# %grade test_moves_each_byte_once

# %% [markdown]
# **No temporary** (1 point): nothing is allocated but the result. `peak_memory` shows how much is
# held at the same time at most. The eager chain holds an intermediate tensor beside its result.

# %%
ways = {
    "eager": lambda: F.gelu(x + bias, approximate="tanh") + residual,
    "yours": lambda: mine.bias_gelu_residual(x, bias, residual),
}
rows = []
for name, way in ways.items():
    peak = lab.attempt(lambda way=way: lab.peak_memory(way))
    if peak is not None:
        rows.append([name, quantity(peak, "B"), f"{peak / x.nbytes:.2f} x"])
lab.Table(["", "memory at most", "of the result"], rows)

# %%
# %grade test_needs_no_temporary

# %% [markdown]
# ## How fast is it?
#
# **Predict first**, from bytes alone: how many times as fast as eager can `add_mul` be in fp32, and
# `bias_gelu_residual` in bf16? Count an element's bytes on each way; then let this cell check you.

# %%
p, q, r = torch.randn(3, 4096)
X, R = torch.randn(2, 512, 64).bfloat16()
B = torch.randn(64).bfloat16()
eager_bytes = lab.traffic(
    {
        "add_mul": lambda: (p + q) * r,
        "bias_gelu_residual": lambda: F.gelu(X + B, approximate="tanh") + R,
    }
)
counted = {
    "add_mul": (eager_bytes.total("add_mul") / 4096, 16),
    "bias_gelu_residual": (eager_bytes.total("bias_gelu_residual") / X.numel(), 6),
}
rows = [[k, f"{a:.1f}", str(b), f"{a / b:.2f} x"] for k, (a, b) in counted.items()]
lab.Table(["", "bytes an element, eager", "fused", "at most"], rows)

# %%
add_mul_speed = lab.benchmark(
    "lesson02/add_mul",
    {
        "yours": mine.add_mul,
        "eager": lambda x, y, z: (x + y) * z,
        "torch.compile": lab.compiled(lambda x, y, z: (x + y) * z),
    },
    sizes=[2**14, 2**18, 2**22, 2**26],
    make_inputs=lambda n: tuple(torch.randn(3, n, device=lab.device)),
    bytes_moved=lambda n: 16 * n,
    xlabel="elements (fp32)",
)
add_mul_speed.plot("add_mul: useful bytes per second")


# %%
def eager_layer(x, bias, residual):
    return F.gelu(x + bias, approximate="tanh") + residual


def layer_inputs(rows):
    shapes = [(rows, 4096), (4096,), (rows, 4096)]
    return tuple(torch.randn(shape, device=lab.device, dtype=torch.bfloat16) for shape in shapes)


layer_speed = lab.benchmark(
    "lesson02/bias_gelu_residual",
    {
        "yours": mine.bias_gelu_residual,
        "eager": eager_layer,
        "torch.compile": lab.compiled(eager_layer),
    },
    sizes=[16, 256, 2048, 8192],
    make_inputs=layer_inputs,
    bytes_moved=lambda rows: 2 * (3 * rows * 4096 + 4096),
    xlabel="rows of 4096 (bf16)",
)
layer_speed.plot("bias_gelu_residual: useful bytes per second")

# %% [markdown]
# **Read it.** *Useful* bytes are the fewest possible, the same for all lines; so a line's height is
# speed, and a line at the ceiling wastes nothing. How far below it is eager, on the right? Is that
# what the bytes predict?

# %%
for title, speed in (("add_mul", add_mul_speed), ("bias_gelu_residual", layer_speed)):
    if "eager" not in speed.times:
        continue
    eager, fused = counted[title]
    at = max(speed.sizes)
    useful = speed.rate(speed.times["eager"][at][0], at)
    share = useful * eager / fused / gpu.copy_bytes_per_s
    print(f"{title}: eager moves {eager / fused:.2f} times the useful bytes,")
    print(f"  so it really runs at {share:.0%} of the ceiling")
    for name in speed.times:
        gain = speed.speedup(name, over="eager")
        if gain is not None:
            print(f"  {name}: {gain:.2f} times as fast as eager")
print(add_mul_speed.found.source)

# %% [markdown]
# If a line gains *clearly more* than the bytes allow, eager loses to something else as well: look at
# the share of the ceiling that its own bytes reach. (A few percent tell nothing: a kernel can be that
# much faster than the copy that sets the ceiling, as in lesson 1.) On the left of the plots
# everything is short, and the number of kernels decides, as in the chain of additions above.
#
# And the arithmetic? By hand for one element of `bias_gelu_residual`: bias 1; $v \cdot v \cdot v$ 2,
# times the constant 1, plus $v$ 1, times the root 1; tanh 1 (it costs more, but one instruction or a
# few); $1 + \ldots$ 1, times $v$ 1, times ½ 1; residual 1. That is 11, for `add_mul` 2. On the roofline:

# %%
operations = {"add_mul": 2, "bias_gelu_residual": 11}
points = {}
for title, speed in (("add_mul", add_mul_speed), ("bias_gelu_residual", layer_speed)):
    eager, fused = counted[title]
    points[f"{title}, eager"] = (operations[title] / eager, None)
    points[f"{title}, fused"] = (operations[title] / fused, None)
    at = max(speed.sizes, default=0)
    for name, by_size in speed.times.items():
        if name not in ("eager", "torch.compile") and at in by_size:
            rate = speed.rate(by_size[at][0], at) / fused * operations[title]
            points[f"{title}, {name}"] = (operations[title] / fused, rate)
lab.roofline(points)

# %% [markdown]
# **`add_mul` against eager** (3 points; needs a GPU, without one the points stay open)

# %%
# %grade test_add_mul_speed

# %% [markdown]
# **`bias_gelu_residual` against eager** (3 points; needs a GPU)

# %%
# %grade test_bias_gelu_residual_speed

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `precedence`, `distributed` | `x + y * z`, or `x * z + y * z` | the sum first, in parentheses |
# | `low-precision` | an intermediate was rounded to 16 bits | `.to(tl.float32)` right after each load |
# | `erf-gelu`, `quick-gelu` | another form of GELU | the one with tanh |
# | `exp-overflow` | $\infty / \infty$ for large values | a form whose overflow gives the right limit |
# | `residual-before-gelu`, `bias-after-gelu` | the order is wrong | bias, activation, residual |
# | `bias-by-row` | `bias[i]` where `bias[j]` belongs | column indices, `[None, :]` |
# | `wrong-row-stride`, `offset-overflow` | rows assumed back to back; offset beyond $2^{31}$ | each tensor its own stride, in int64 |
# | `mask-repeats` | random numbers count from the start of the block | offsets from the start of the tensor |
# | `random-number-per-block` | one random number for all lanes | one offset for each element |
# | `seed-per-block` | the seed depends on the program | one seed, different offsets |
# | `not-scaled`, `mask-inverted` | no $1/(1-p)$; kept and dropped swapped | keep where `rand >= p`, and scale |
# | `threshold-dropped` | `>` in place of `>=` | a number equal to $p$ is kept |
# | `another-mask` | a good mask, but not that of seed and index | `tl.rand(seed, i)` with the flat index $i$ |
# | `mask-missing` | gradients pass where the output was 0 | the forward call's mask again |
# | `too-much-traffic` | something is loaded or stored twice | the bias once a tile; no intermediate |
# | `too-much-memory` | the wrapper makes temporaries | one `torch.empty`, nothing else |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand for $n$ elements of $b$ bytes; a tanh, an exponential, a logarithm, a random number
# count as one operation each. The times are for $n = 2^{26}$ in fp32: what a large copy of as many
# bytes takes, the shortest possible but for the same few percent.

# %%
n, b, copy = 2**26, 4, gpu.copy_bytes_per_s
table = {  # bytes fused, bytes eager, operations: all for one element
    "tone_map": (2 * b, 9 * b, 6),
    "add_mul": (4 * b, 6 * b, 2),
    "bias_gelu_residual": (3 * b, 7 * b, 11),
    "dropout_scale, forward": (2 * b, None, 3),
}
rows = [
    [
        name,
        f"{fused}",
        f"{eager or '-'}",
        f"{work}",
        f"{work / fused:.2f}",
        f"{n * fused / copy * 1e6:.0f} µs",
    ]
    for name, (fused, eager, work) in table.items()
]
headings = ["an element", "bytes fused", "eager", "operations", "operations a byte", "at least"]
lab.Table(
    headings, rows, note=f"{gpu.label}: {copy / 1e12:.2f} TB/s; the bias is left out (one row)"
)

# %% [markdown]
# ## Questions to think about
#
# 1. A chain of ten elementwise operations on one tensor, fused: how many times as fast at best? And if
#    each of the ten also reads a tensor of its own?
# 2. Your kernel runs at the ceiling. A colleague halves the number of its operations. What happens?
# 3. In bf16 instead of fp32, what changes in the speedup of `add_mul` over eager? What in its time?
# 4. Why can `add_mul` write its result over `x`, and `smooth_in_place` not?
# 5. The generator gives the same numbers for every block size. Why does that matter for
#    a kernel that is *autotuned*, that is, run with several block sizes to find the fastest?
# 6. What would you fuse with the *matrix product* in front of `bias_gelu_residual`? (Lesson 5.)

# %% [markdown]
# ## Further reading
#
# - S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance Model for
#   Multicore Architectures*, CACM 52(4), 2009, [doi:10.1145/1498765.1498785](https://doi.org/10.1145/1498765.1498785)
# - H. He, [*Making Deep Learning Go Brrrr From First Principles*](https://horace.io/brrr_intro.html), 2022:
#   compute, memory, overhead, and which of them you have
# - J. Ansel et al., *PyTorch 2: Faster Machine Learning Through Dynamic Python Bytecode Transformation
#   and Graph Compilation*, ASPLOS 2024, [doi:10.1145/3620665.3640366](https://doi.org/10.1145/3620665.3640366):
#   what `torch.compile` does
# - Triton's tutorial [*Low-Memory Dropout*](https://triton-lang.org/main/getting-started/tutorials/04-low-memory-dropout.html)
# - J. Salmon, M. Moraes, R. Dror, D. Shaw, *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011,
#   [doi:10.1145/2063384.2063405](https://doi.org/10.1145/2063384.2063405): the generator behind `tl.rand`
# - D. Hendrycks, K. Gimpel, *Gaussian Error Linear Units (GELUs)*, 2016, [arXiv:1606.08415](https://arxiv.org/abs/1606.08415)
# - N. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15, 2014
# - E. Reinhard et al., *Photographic Tone Reproduction for Digital Images*, ACM TOG 21(3), 2002: the curve of
#   the worked example
#
# ## The whole lesson

# %%
# %grade
