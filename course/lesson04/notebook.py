# %% [markdown]
# # 04 · Quantization and inference optimizations
#
# A language model that writes one word at a time spends nearly all its time fetching weights. Store
# each weight in one byte instead of two, and there is half as much to fetch. In this lesson you
# build the kernels that make use of this, find out what it costs in accuracy, and serve a small
# decoder with them.
#
# **You will be able to**
# - turn numbers into int8 codes and back, and say how large the error can be at most;
# - choose scales: one a tensor, a row, or a group, and see what a single outlier does to each;
# - multiply int8 matrices, with exact sums in int32, and scale them in registers;
# - tell work that waits for memory from work that waits for arithmetic, and quantise accordingly;
# - measure the latency of a token, not only its average but also its bad days.
#
# **You need** lessons 1 to 3: tiles, masks, reductions, the roofline. `tl.dot` multiplies two tiles as
# matrices, on the *tensor cores*, units of the GPU that do nothing else. It is used here, with the
# loop around it given, and explained in lesson 5.
#
# **Time** about three hours.

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

mine = lab.exercise("lesson04")  # your file, lesson04.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## What does one token cost?
#
# Most of a language model are *linear layers*: each multiplies a row of numbers by a matrix of
# weights, `[outputs, inputs]`. To *decode*, the model takes **one** row through each of its layers,
# gets one *token* (a word or a piece of one), and starts again with that token. Every weight is
# needed for every token.
#
# **Guess first:** a layer has $28672 \times 8192$ weights in fp16. One row passes through it. What
# takes longer, the multiplications or fetching the weights, and by what factor?

# %%
outputs, inputs = 28672, 8192
weights = outputs * inputs
rate, copy = gpu.ridge_rates("float16")
print(gpu.label)
print(f"{2 * weights / 1e6:.0f} million operations: {2 * weights / rate * 1e6:6.1f} µs")
print(f"{2 * weights / 1e6:.0f} million bytes:      {2 * weights / copy * 1e6:6.1f} µs")
print(f"the weights take {rate / copy:.0f} times as long")

# %% [markdown]
# Each weight is fetched (2 bytes) for one multiplication and one addition (2 operations): one operation
# a byte, where the GPU could do as many as the last line says. With more rows, each weight serves
# all of them. That is what happens when a model reads a long prompt: *prefill*, thousands of rows at
# once.
#
# So there are two kinds of work, and they need different remedies:
#
# | | rows | waits for | remedy |
# |---|---|---|---|
# | decode | 1 to 16 | memory | smaller weights, whatever the arithmetic: **weight-only** (W8A16, W4A16) |
# | prefill | thousands | arithmetic | int8 tensor cores: weights **and** activations in int8 (W8A8) |
#
# W8A16 is the usual shorthand: weights of 8 bits, *activations* (the numbers that pass through) of 16.


# %%
def intensity(rows, bytes_a_weight):
    moved = weights * bytes_a_weight + 2 * rows * (inputs + outputs)  # weights, x and y
    return 2 * rows * weights / moved


points = {
    "1 row, fp16": (intensity(1, 2), None),
    "1 row, int8 weights": (intensity(1, 1), None),
    "1 row, int4 weights": (intensity(1, 0.5), None),
    "16 rows, int8 weights": (intensity(16, 1), None),
    "4096 rows, fp16": (intensity(4096, 2), None),
}
lab.roofline(points)

# %% [markdown]
# For decode, halving the bytes moves the point to the right and **up the slope**: at best twice as
# fast. For prefill it would only move it along the flat roof. There, only a higher roof helps, and
# int8 has one: on most GPUs the tensor cores can multiply int8 at twice the rate of fp16. How much of
# that a kernel reaches, you will measure.
#
# ## Codes and scales
#
# A quantised number is $\text{code} \cdot \text{scale}$: the code a small integer, the scale a real
# number that many codes share. An int8 code has 8 bits and lies between -128 and 127. **Symmetric**
# quantisation takes $\text{scale} = \max|x| / 127$ and $\text{code} = \text{round}(x / \text{scale})$.
# So the largest magnitude becomes 127 or -127, 0 stays exactly 0, and -128 is not used.
#
# How wrong can it be? Rounding to the nearest integer is off by at most one half, so $x$ is off by
# at most $\text{scale} / 2$. Move the slider: the left side shows what becomes of $x$, the right
# side the error. How does the error change with each bit?

# %%
lab.explore(lab.quantizer, bits=[8, 6, 4, 3, 2], start={"bits": 4})

# %% [markdown]
# Here it is in torch. `torch.round` rounds *ties* (x.5) to the even neighbour. That is what all
# floating-point arithmetic does with its last bit, and what your kernel has to do.


# %%
def quantize(x, largest, levels=127):
    scale = largest / levels
    return torch.round(x / scale), scale


x = torch.tensor([0.03, -1.27, 0.505, 1.0, 0.0])
codes, scale = quantize(x, x.abs().max())
for name, values in {"x": x, "codes": codes, "back": codes * scale}.items():
    print(f"{name:6}", "".join(f"{value:10.4g}" for value in values.tolist()))
print(f"scale  {scale.item():10.4g}")
assert ((codes * scale - x).abs() <= scale / 2 * 1.0001).all()  # the bound, but for fp32's rounding

# %% [markdown]
# ### One outlier
#
# Who shares a scale? All elements of a tensor, or of a row, or a *group* of neighbours in a row. Below
# is a matrix of well-behaved weights, of which one is set to 200 times their standard deviation.
# **Guess first:** how many of its neighbours notice, with each of the three?

# %%
torch.manual_seed(0)
w = torch.randn(32, 128) * 0.05
w[11, 70] = 10.0  # the outlier
GROUP = 32

largest = {
    "one scale a tensor": w.abs().max().expand_as(w),
    "one scale a row": w.abs().amax(1, keepdim=True).expand_as(w),
    f"one scale a group of {GROUP}": (
        w.view(32, -1, GROUP).abs().amax(2, keepdim=True).expand(-1, -1, GROUP).reshape_as(w)
    ),
}
errors = {}
for name, each in largest.items():
    codes, scale = quantize(w, each)
    errors[name] = codes * scale - w
lab.error_maps(errors, "int8: error of each weight, one outlier in row 11")

# %% [markdown]
# One number spoils the whole tensor, or its row, or its group. Smaller groups cost more scales, 4 bytes
# each. With $b$ bits and groups of $G$, a weight costs $b/8 + 4/G$ bytes:

# %%
kinds = {
    "fp16": (16, None),
    "int8, a scale a row of 8192": (8, 8192),
    "int8, groups of 128": (8, 128),
    "int4, groups of 128": (4, 128),
    "int4, groups of 32": (4, 32),
}
rows = []
for name, (bits, group) in kinds.items():
    size = bits / 8 + (4 / group if group else 0)
    rows.append([name, f"{size:.4f}", quantity(size * weights, "B"), f"{2 / size:.2f} x"])
lab.Table(["", "bytes a weight", f"{outputs} x {inputs}", "smaller than fp16"], rows)

# %% [markdown]
# ### Asymmetric
#
# Many activations are not spread around 0. After gelu, the smallest possible number is about -0.17
# (look at the curve in lesson 2), so a symmetric scale hardly uses its negative codes.
# **Asymmetric** quantisation spends all 256 codes on the range from minimum to maximum:
# $x \approx (\text{code} - z) \cdot \text{scale}$, where the *zero point* $z$ is the code of 0.

# %%
x = F.gelu(torch.randn(20_000))
codes, scale = quantize(x, x.abs().max())
symmetric = codes * scale - x

scale = (x.max() - x.min()) / 255
zero = torch.round(-x.min() / scale)
codes = (torch.round(x / scale) + zero).clamp(0, 255)
asymmetric = (codes - zero) * scale - x
print(f"zero point {zero.item():.0f}: codes from {codes.min():.0f} to {codes.max():.0f}")
lab.histograms({"symmetric": symmetric, "asymmetric": asymmetric}, xlabel="error (units of x)")

# %% [markdown]
# Nearly twice as exact, for nothing? Not quite: in a sum of products (a *matrix product* is made of
# them), the zero point leaves a term behind,
# $\sum_k (a_k - z)\, b_k = \sum_k a_k b_k - z \sum_k b_k$. It can be computed beforehand if the $b_k$
# are weights, but every kernel has to know of it. This lesson's exercises are symmetric; the packed
# 4-bit weights of the challenge have a fixed zero point of 8.
#
# ### Do errors pile up in long sums?
#
# A sum of $K$ products adds $K$ errors. **Guess first:** does the error of the result, relative to the
# result's size, grow with $K$, stay, or shrink?


# %%
def product_error(terms, levels):
    a, b = torch.randn(64, terms), torch.randn(64, terms)
    (qa, sa), (qb, sb) = (quantize(t, t.abs().amax(1, keepdim=True), levels) for t in (a, b))
    exact = a.double() @ b.double().T
    return (((qa * sa).double() @ (qb * sb).double().T - exact).norm() / exact.norm()).item()


terms = [64, 256, 1024, 4096, 16384]
lab.lines(
    {
        "both in int8, a scale a row": [100 * product_error(k, 127) for k in terms],
        "both in int4, a scale a row": [100 * product_error(k, 7) for k in terms],
    },
    x=[torch.tensor(k).log2().item() for k in terms],
    xlabel="log2 of K, the terms of each sum",
    ylabel="error (% of the result's size)",
)

# %% [markdown]
# They hardly pile up: with 256 times as many terms, the relative error does not even double. Errors of
# random sign partly cancel, so that their sum grows like $\sqrt K$; and so do the results themselves,
# for the same reason. (The slow rise is another effect: the longer a row, the larger its largest
# element, and with it the scale.)
#
# ## int8 in a kernel: two traps
#
# **Trap 1: conversion cuts off.** `.to(tl.int8)` drops the fraction: it rounds towards zero. So round
# first. Your file has `round_half_to_even` for that. It adds a number and subtracts it again, and
# looks as if it did nothing:


# %%
@triton.jit
def to_codes_kernel(out_ptr, v_ptr, ROUND: tl.constexpr):
    lanes = tl.arange(0, 8)
    v = tl.load(v_ptr + lanes)
    if ROUND:
        v = (v + 12582912.0) - 12582912.0  # 1.5 * 2^23: up there, fp32 numbers are 1 apart
    tl.store(out_ptr + lanes, v.to(tl.int8))


values = torch.tensor([-2.9, -1.5, -0.5, 0.5, 1.5, 2.5, 2.9, 126.7], device=lab.device)
for rounded in (False, True):
    out = torch.empty(8, dtype=torch.int8, device=lab.device)
    to_codes_kernel[(1,)](out, values, ROUND=rounded)
    print("rounded first:" if rounded else "converted:    ", out.tolist())
print("torch.round:  ", values.round().int().tolist())

# %% [markdown]
# **Trap 2: int8 times int8 is int8.** Triton computes in the type of its operands. A product of two
# int8 numbers needs up to 16 bits, and a sum of thousands of them more:


# %%
@triton.jit
def square_kernel(out_ptr, q_ptr, WIDEN: tl.constexpr):
    lanes = tl.arange(0, 8)
    q = tl.load(q_ptr + lanes)
    if WIDEN:
        q = q.to(tl.int32)
    tl.store(out_ptr + lanes, q * q)


q = torch.tensor([1, 5, 11, 12, 16, 100, 127, -128], dtype=torch.int8, device=lab.device)
for widen in (False, True):
    out = torch.empty(8, dtype=torch.int32, device=lab.device)
    square_kernel[(1,)](out, q, WIDEN=widen)
    print("squared in int32:" if widen else "squared in int8: ", out.tolist())
print("products of -128 and -128 that an int32 can add up:", 2**31 // (128 * 128) - 1)

# %% [markdown]
# The tensor cores do it right by themselves: `tl.dot` of two int8 tiles has int32 sums. And integer
# sums are **exact**, in any order.
#
# ## A worked example: `dequantize`
#
# Codes in groups, each with a scale, back to fp16. Not one of your exercises, but it has what they
# need: an int8 load, a conversion, and scales that belong to rows of a tile. A program takes
# `BLOCK_M` rows of one group of columns, so each row of its tile has one scale.


# %%
@triton.jit
def dequantize_kernel(
    w_ptr, q_ptr, scale_ptr, n_rows, n_columns, GROUP: tl.constexpr, BLOCK_M: tl.constexpr
):
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # [BLOCK_M]
    group = tl.program_id(1)
    columns = group * GROUP + tl.arange(0, GROUP)  # [GROUP]
    offsets = rows[:, None] * n_columns + columns[None, :]  # [BLOCK_M, GROUP]
    mask = rows[:, None] < n_rows  # groups fill the columns exactly
    q = tl.load(q_ptr + offsets, mask=mask, other=0)  # read: 1 byte a weight
    n_groups = tl.num_programs(1)
    scale = tl.load(scale_ptr + rows * n_groups + group, mask=rows < n_rows)  # 4 bytes a group
    w = q.to(tl.float32) * scale[:, None]  # 1 operation a weight
    tl.store(w_ptr + offsets, w, mask=mask)  # written: 2 bytes a weight, rounded to fp16


def dequantize(q, scale):
    (n_rows, n_columns), n_groups = q.shape, scale.shape[1]
    w = torch.empty(q.shape, dtype=torch.float16, device=q.device)
    grid = (triton.cdiv(n_rows, 16), n_groups)
    dequantize_kernel[grid](w, q, scale, n_rows, n_columns, GROUP=n_columns // n_groups, BLOCK_M=16)
    return w


w = torch.randn(40, 96, device=lab.device)
codes, scale = quantize(w.view(40, 3, 32), w.view(40, 3, 32).abs().amax(2, keepdim=True))
q, scale = codes.to(torch.int8).view(40, 96), scale.view(40, 3)
expected = (q.view(40, 3, 32) * scale[:, :, None]).view(40, 96).half()
assert torch.equal(dequantize(q, scale), expected)
print("dequantize agrees with torch; largest error of a weight:", (expected - w).abs().max().item())

# %%
with lab.record() as seen:
    dequantize(q, scale)
seen.plot("q_ptr")

# %% [markdown]
# By hand: $40 \cdot 96$ weights, 1 byte read and 2 written each, and $40 \cdot 3$ scales of 4 bytes.

# %%
launch = seen.launches[0]
moved = sum(tensor.bytes_loaded + tensor.bytes_stored for tensor in launch.tensors)
assert moved == 40 * 96 * (1 + 2) + 40 * 3 * 4, moved
print(f"{moved} bytes moved, as counted by hand, for {40 * 96} multiplications")
seen.table()

# %% [markdown]
# ### Broken on purpose
#
# The last programs down the rows have 8 rows and 16 lanes for them. The codes are masked; what if the
# scales are not? They are so few that it is easy to forget.


# %%
@triton.jit
def careless_kernel(w_ptr, q_ptr, scale_ptr, n_rows, n_columns, GROUP: tl.constexpr):
    rows = tl.program_id(0) * 16 + tl.arange(0, 16)
    columns = tl.program_id(1) * GROUP + tl.arange(0, GROUP)
    offsets = rows[:, None] * n_columns + columns[None, :]
    mask = rows[:, None] < n_rows
    q = tl.load(q_ptr + offsets, mask=mask, other=0)
    scale = tl.load(scale_ptr + rows * 3 + tl.program_id(1))  # no mask
    tl.store(w_ptr + offsets, q.to(tl.float32) * scale[:, None], mask=mask)


with lab.record() as broken:
    careless_kernel[(3, 3)](torch.empty_like(expected), q, scale, 40, 96, GROUP=32)
for fault in broken.faults[:2]:
    print(f"{fault.kind}: {fault.message}")
broken.plot("scale_ptr")

# %% [markdown]
# The results are right, and the kernel reads memory that is not its own. On a GPU you might never
# notice, until one day that memory belongs to nobody.
#
# ### Why not simply dequantise, then multiply?
#
# Because then nothing is gained. **Guess first:** how many bytes a weight does it move, compared with
# the 2 of fp16?

# %%
n, k = 32, 512
x = torch.randn(1, k, device=lab.device).half()
w = torch.randn(n, k, device=lab.device)
codes, scale = quantize(w, w.abs().amax(1, keepdim=True))
w_half, w_q, scale = w.half(), codes.to(torch.int8), scale.view(-1)

lab.traffic(
    {
        "fp16 weights": lambda: x @ w_half.T,
        "dequantise, then multiply": lambda: x @ dequantize(w_q, scale.view(-1, 1)).T,
        "your linear_w8a16": lambda: mine.linear_w8a16(x, w_q, scale),
    },
    least=n * k + 4 * n + 2 * k + 2 * n,  # codes, scales, x, y
).plot()

# %% [markdown]
# The codes have to become numbers *in registers*, on their way into the product. That is your third
# exercise, and the last bar, once you have solved it. (It will end a little beyond the dashed line: every
# program loads `x` again. Those few bytes come from the L2 cache.)
#
# ## Your turn
#
# Open `lesson04.py` beside this notebook, fill in its TODOs, **save**, and run the cells below. Stuck?
# `grade lesson04 --hint test_quantize_any_size` in a terminal gives a nudge, then more.

# %%
mine

# %% [markdown]
# ### 1 · `quantize_rowwise(x)`
#
# TODO 1 to 4. A program owns a whole row, as in lesson 3: load it once, find the largest magnitude
# (`tl.abs` takes it off a block), and use the row again while it is still in registers. Results must
# be **exact**, bit by bit, so use `tl.div_rn` for the scale and the given `divide_by_one_number` for
# the quotients.

# %%
x = torch.randn(6, 50, device=lab.device)
lab.touches(lambda: mine.quantize_rowwise(x)).plot("x_ptr")

# %%
found = lab.attempt(lambda: mine.quantize_rowwise(x))
if found is not None:
    q, scale = found
    error = (q * scale[:, None] - x).abs()
    print("largest error, in units of the row's scale (at most 0.5):")
    print((error / scale[:, None]).amax(1).tolist())

# %% [markdown]
# **Rows of any number, length and distance** (2 points)

# %%
# %grade test_quantize_any_size

# %% [markdown]
# **Ties and exact quotients** (1 point). Multiplying by the reciprocal is cheaper than dividing. How
# many codes does it change?

# %%
random = torch.randn(256, 4096)
ties = (torch.arange(-127, 127) + 0.5) * torch.rand(200, 1)  # halfway between two codes
ties[:, 0] = ties[:, 1] / -125.5 * 127  # the largest, which makes the scale
for name, x in {"random numbers": random, "near ties": ties}.items():
    largest = x.abs().amax(1, keepdim=True)
    differ = torch.round(x / (largest / 127)) != torch.round(x * (127 / largest))
    print(f"{name}: {differ.sum()} codes of {x.numel():,} differ")

# %% [markdown]
# Hardly ever in random numbers, often near ties. But two programs that disagree now and then cannot
# be tested against each other.

# %%
# %grade test_quantize_ties

# %% [markdown]
# **A row of zeros** (1 point). What is $0 / 0$?

# %%
# %grade test_quantize_zero_rows

# %% [markdown]
# **Half precision** (1 point)

# %%
# %grade test_quantize_half_precision

# %% [markdown]
# **Each element read once and written once** (1 point)

# %%
# %grade test_quantize_moves_each_byte_once

# %% [markdown]
# ### 2 · `matmul_w8a8(a_q, b_q, a_scale, b_scale)`
#
# TODO 5 to 7. Why may the scales wait until after the sum? All products of $c_{mn}$ come from row $m$ of
# $a$ and row $n$ of $b$, so they share both scales:
# $\sum_k (s_m a_{mk})(t_n b_{nk}) = s_m t_n \sum_k a_{mk} b_{nk}$.
#
# A program computes one tile of $c$. The loop over $K$ and its `tl.dot` are given. You say which tiles
# of $a$ and $b$ it loads, with the given `load_tile`, and write the **epilogue**: what happens to the
# sums on their way from registers to memory. Mind that `b_q` is `[N, K]`: the weights of one output
# are a *row*. (Leave `tile_of_program` and the tensor descriptors aside: they are for lesson 5.)
#
# The picture shows what your program (0) reads of `a`: all of $K$, of its own rows only. (Hatched are
# lanes beyond $K = 64$: they point into the next row, as in lesson 3.)

# %%
a_q = torch.randint(-128, 128, (150, 64), dtype=torch.int8, device=lab.device)
b_q = torch.randint(-128, 128, (140, 64), dtype=torch.int8, device=lab.device)
a_scale, b_scale = torch.rand(150, device=lab.device), torch.rand(140, device=lab.device)
seen = lab.touches(lambda: mine.matmul_w8a8(a_q, b_q, a_scale, b_scale))
seen.plot("a_matrix", program=0)

# %% [markdown]
# **Matrices of any size, exact sums** (2 points)

# %%
# %grade test_matmul_any_size

# %% [markdown]
# **Sums above $2^{24}$** (1 point). From there on, fp32 cannot hold every integer:

# %%
print(torch.tensor([2**24, 2**24 + 1]).float().int().tolist())

# %%
# %grade test_matmul_large_sums

# %% [markdown]
# **Scales of rows and of columns** (1 point)

# %%
# %grade test_matmul_scales

# %% [markdown]
# **Sums never go through memory** (1 point). PyTorch has an int8 product, `torch._int_mm`, which
# returns the int32 sums. Scaling them is then up to further operations:


# %%
def int_mm_then_scales(a, b, row_scale, column_scale):
    sums = torch._int_mm(a, b.T)  # int32, to memory
    return (sums.float() * row_scale[:, None] * column_scale).half()


a, b = a_q[:128], b_q[:128]
row_scale, column_scale = a_scale[:128].contiguous(), b_scale[:128].contiguous()
lab.traffic(
    {
        "_int_mm, then scales": lambda: int_mm_then_scales(a, b, row_scale, column_scale),
        "your matmul_w8a8": lambda: mine.matmul_w8a8(a, b, row_scale, column_scale),
    },
    least=2 * 128 * 64 + 2 * 128 * 4 + 128 * 128 * 2,
).plot()

# %%
# %grade test_matmul_moves_each_byte_once

# %% [markdown]
# ### 3 · `linear_w8a16(x, w_q, scale)`
#
# TODO 8 to 11. One row of `x` against all weights, for decode. A tensor core works on tiles of 16 rows
# or more, so one row would leave it nearly idle, and you multiply and add by hand. What matters is
# that many loads of weights are under way. A reduction makes all of them wait: keep a block of
# running sums, and reduce it **once**, after the loop.
#
# (With 2 to 16 rows the given `sums_of_rows` takes over. Read it: it converts the codes to
# fp16 in registers, and lets the tensor cores do the rest.)

# %%
x = torch.randn(1, 1200, device=lab.device).half()
w_q = torch.randint(-127, 128, (20, 1200), dtype=torch.int8, device=lab.device)
scale = torch.rand(20, device=lab.device)
lab.touches(lambda: mine.linear_w8a16(x, w_q, scale)).plot("w_ptr")

# %% [markdown]
# **Any number of inputs and outputs** (1 point)

# %%
# %grade test_linear_any_size

# %% [markdown]
# **Sums in fp32** (1 point)

# %%
# %grade test_linear_precision

# %% [markdown]
# **All three: no access out of bounds** (1 point)

# %%
# %grade test_stays_in_bounds

# %% [markdown]
# ### 4 · `linear_w4a16(x, w_packed, scale, group_size)`, a challenge
#
# TODO 12: a badge, no points. Two codes of 4 bits share a byte: `byte & 15` is the first weight,
# `byte >> 4` the second. Codes are 0 to 15, and 8 stands for 0. Packed and unpacked in torch:

# %%
codes = torch.tensor([[0, 15, 8, 1, 12, 5]], dtype=torch.uint8)
packed = codes[:, 0::2] | (codes[:, 1::2] << 4)
print("packed:  ", [f"0x{byte:02X}" for byte in packed[0].tolist()])
unpacked = torch.stack([packed & 15, packed >> 4], dim=2).flatten(1)
print("unpacked:", unpacked[0].tolist(), " as weights:", (unpacked[0].int() - 8).tolist())
assert torch.equal(unpacked, codes)

# %% [markdown]
# **Any number of inputs, outputs and groups** (challenge)

# %%
# %grade test_linear_w4a16_any_size

# %% [markdown]
# ## How fast is it?
#
# ### Prefill: large square products
#
# int8 codes against fp16, in operations a second. The ceiling is twice the rate that a large fp16
# product reached on this GPU, or the rate of `torch._int_mm` if that is higher. *cuBLAS* is NVIDIA's
# own library of matrix products, which torch calls. Two competitors use int8, too: `torch._int_mm`
# with the scales after it, in eager mode and under `torch.compile`, which fuses the scaling into one
# kernel.


# %%
def quantized(x):
    codes, scale = quantize(x.float(), x.float().abs().amax(1, keepdim=True).clamp(min=1e-10))
    return codes.to(torch.int8), scale.view(-1).contiguous()


def fp16_and_int8(n):
    a, b = torch.randn(2, n, n, device=lab.device).half()
    (a_q, a_scale), (b_q, b_scale) = quantized(a), quantized(b)
    return a, b, a_q, b_q, a_scale, b_scale


compiled = lab.compiled(lambda a, b, *rest: int_mm_then_scales(*rest))
prefill = lab.benchmark(
    "lesson04/prefill",
    {
        "yours": lambda a, b, *rest: mine.matmul_w8a8(*rest),
        "int_mm, scales": lambda a, b, *rest: int_mm_then_scales(*rest),
        "torch.compile": compiled,
        "fp16 (cuBLAS)": lambda a, b, *rest: a @ b.T,
    },
    sizes=[1024, 2048, 4096, 8192],
    make_inputs=fp16_and_int8,
    flops=lambda n: 2 * n**3,
    dtype="int8",
    xlabel="n of n x n x n",
    rounds=10,
    tolerance=0.2,  # int8 is compared with fp16: blunders, not roundings
)
prefill.plot("Prefill: products of large matrices")

# %%
prefill.table()

# %% [markdown]
# **Read it.** How far above fp16 are you at the largest size? Twice as many int8 products are the most
# that most GPUs can give (on some, their rates are 4 to 1). Do you get there, and does `_int_mm`?
# Where does the eager version lose its time? Its traffic is in the picture above: it writes $n^2$ int32
# sums and passes over them several times.
#
# **Against fp16** (2 points; needs a GPU)

# %%
# %grade test_matmul_speed

# %% [markdown]
# **Against `torch._int_mm`** (2 points; needs a GPU)

# %%
# %grade test_matmul_speed_over_int_mm

# %% [markdown]
# ### Decode: one row
#
# What counts now is bytes. For all competitors alike, the lines show the bytes of the *int8* weights a
# second. So who reads fp16 weights, which are twice as many bytes, can get only half-way up to the
# ceiling. `torch.compile` gets a fair chance: the codes, and the formula to be fused.


# %%
def one_row(n):
    w = torch.randn(n, inputs, device=lab.device)
    w_q, scale = quantized(w)
    return torch.randn(1, inputs, device=lab.device).half(), w.half(), w_q, scale


fused = lab.compiled(lambda x, w, w_q, scale: (x @ w_q.to(x.dtype).T) * scale.to(x.dtype))
decode = lab.benchmark(
    "lesson04/decode",
    {
        "yours": lambda x, w, w_q, scale: mine.linear_w8a16(x, w_q, scale),
        "fp16 (cuBLAS)": lambda x, w, w_q, scale: x @ w.T,
        "torch.compile": fused,
    },
    sizes=[1024, 4096, 8192, 28672],
    make_inputs=one_row,
    bytes_moved=lambda n: n * inputs,
    xlabel=f"outputs of a layer with {inputs} inputs",
    rounds=20,
    tolerance=0.2,
)
decode.plot("Decode: int8 weights a second, one row")

# %%
ratio = decode.speedup("yours", over="fp16 (cuBLAS)")
ratio = ratio or decode.speedup("reference solution", over="fp16 (cuBLAS)")
if ratio:
    print(f"int8 weights at the largest size: {ratio:.2f} x the speed of fp16; by bytes: 2.00 x")
decode.table()

# %% [markdown]
# **One row by $28672 \times 8192$ weights** (2 points; needs a GPU)

# %%
# %grade test_linear_speed

# %% [markdown]
# **The same with 4 bits** (challenge). By bytes, nearly four times as fast as fp16. Why is that hard to
# reach? Count instructions: each weight has to be cut out of its byte, shifted, converted, and
# multiplied.

# %%
# %grade test_linear_w4a16_speed

# %% [markdown]
# ### From decode to prefill
#
# A server picks its kernel by the number of rows. The activations arrive in fp16 and have to be
# quantised first if the product is to be W8A8: that time is counted, too. **Guess first:** at how
# many rows does int8 gain most, and does it lose anywhere? (On the left of the picture both rates are
# small: what counts is their ratio, not their distance. `by_rows.table()` prints the numbers.)


# %%
def rows_and_weights(m):
    w = torch.randn(8192, 8192, device=lab.device)
    return torch.randn(m, 8192, device=lab.device).half(), w.half(), *quantized(w)


def served(x, w, w_q, scale):
    if len(x) <= 16:
        return mine.linear_w8a16(x, w_q, scale)  # weight-only
    x_q, x_scale = mine.quantize_rowwise(x)
    return mine.matmul_w8a8(x_q, w_q, x_scale, scale)


by_rows = lab.benchmark(
    "lesson04/rows",
    {"yours": served, "fp16 (cuBLAS)": lambda x, w, w_q, scale: x @ w.T},
    sizes=[1, 16, 64, 256, 1024, 4096],
    make_inputs=rows_and_weights,
    flops=lambda m: 2 * m * 8192 * 8192,
    dtype="int8",
    xlabel="rows through a layer of 8192 x 8192",
    rounds=10,
    tolerance=0.2,
)
by_rows.plot("From decode to prefill")

# %% [markdown]
# ## A decoder, one token at a time
#
# Whoever talks to a model waits for *the next token*. So what counts is **latency**, and not its
# average: the median (p50) says what is usual, the 99th percentile (p99) how long one step in a hundred
# takes at least.
#
# Here is a small decoder. Each layer has *attention*, which looks at all earlier tokens (what it needs
# of them is kept in the *KV cache*), then two large matrices with gelu between them. You need not know
# why. What matters: `linear(x, w)` says how a weight is applied, and that is all that quantisation
# changes. The weights are random, since speed does not depend on the values.

# %%
WIDTH, LAYERS, HEADS, TOKENS, LONGEST = lab.sizes(
    gpu=(4096, 4, 32, 1024, 256), cpu=(32, 2, 4, 32, 8)
)
SHAPES = {
    "qkv": (3 * WIDTH, WIDTH),
    "out": (WIDTH, WIDTH),
    "up": (4 * WIDTH, WIDTH),
    "down": (WIDTH, 4 * WIDTH),
}


def attend(q, keys, values, position):
    q, keys, values = (t.view(len(t), HEADS, -1).transpose(0, 1) for t in (q, keys, values))
    scores = q @ keys.transpose(1, 2) * (WIDTH // HEADS) ** -0.5  # [HEADS, 1, LONGEST]
    later = torch.arange(LONGEST, device=q.device) > position
    shares = torch.softmax(scores.masked_fill(later, float("-inf")), dim=-1)
    return (shares @ values).transpose(0, 1).reshape(1, WIDTH)


def next_logits(state, layers, linear):
    x = state["embedding"].index_select(0, state["token"])
    for layer, (keys, values) in zip(layers, state["caches"], strict=True):
        q, k, v = linear(F.rms_norm(x, (WIDTH,)), layer["qkv"]).chunk(3, dim=1)
        keys.index_copy_(0, state["position"], k)
        values.index_copy_(0, state["position"], v)
        x = x + linear(attend(q, keys, values, state["position"]), layer["out"])
        hidden = F.gelu(linear(F.rms_norm(x, (WIDTH,)), layer["up"]), approximate="tanh")
        x = x + linear(hidden, layer["down"])
    return F.rms_norm(x, (WIDTH,)) @ state["embedding"].T


# %% [markdown]
# Weights in fp16, and the same ones as int8 codes with a scale a row. Only the large matrices are
# quantised; norms, attention and embedding stay in fp16, as is usual.


# %%
def new_state():
    start = {"dtype": torch.int64, "device": lab.device}
    caches = torch.zeros(LAYERS, 2, LONGEST, WIDTH, dtype=torch.float16, device=lab.device)
    torch.manual_seed(1)
    embedding = torch.randn(TOKENS, WIDTH, device=lab.device).half() * 0.1
    token, position = torch.ones(1, **start), torch.zeros(1, **start)
    return {"embedding": embedding, "caches": caches, "token": token, "position": position}


def random_weight(n, k):
    return (torch.randn(n, k, device=lab.device) * k**-0.5).half()


torch.manual_seed(0)
half_layers = [
    {name: random_weight(*shape) for name, shape in SHAPES.items()} for _ in range(LAYERS)
]
int8_layers = [{name: quantized(w) for name, w in layer.items()} for layer in half_layers]
linears = {
    "fp16": (half_layers, lambda x, w: x @ w.T),
    "int8 weights": (int8_layers, lambda x, w: mine.linear_w8a16(x, *w)),
}

# %% [markdown]
# **Footprint.** The memory that the weights take, here and with 4 bits:

# %%
half_bytes = sum(w.nbytes for layer in half_layers for w in layer.values())
int8_bytes = sum(q.nbytes + s.nbytes for layer in int8_layers for q, s in layer.values())
count = half_bytes // 2
sizes = {
    "fp16": half_bytes,
    "int8, a scale a row": int8_bytes,
    "int4, groups of 128": count // 2 + count // 128 * 4,
}
rows = [
    [name, quantity(size, "B"), f"{half_bytes / size:.2f} x", f"{size / copy * 1e6:.3g} µs"]
    for name, size in sizes.items()
]
headings = ["weights", "memory", "smaller", "to read them all, at least"]
lab.Table(headings, rows, note=f"{count:,} weights; bandwidth of the {gpu.label}")

# %% [markdown]
# **Does it still say the same?** Both decoders get the same tokens; how far apart are their outputs
# (*logits*)?


# %%
def logits_of(kind, tokens):
    layers, linear = linears[kind]
    state, found = new_state(), []
    for place, token in enumerate(tokens):
        state["token"].fill_(token), state["position"].fill_(place)
        found.append(next_logits(state, layers, linear).float())
    return torch.cat(found)


def compare():
    tokens = [3, 1, 4]
    exact, found = (logits_of(kind, tokens) for kind in linears)
    error = (found - exact).norm(dim=1) / exact.norm(dim=1)
    return exact, found, error


compared = lab.attempt(compare)
if compared is not None:
    exact, found, error = compared
    print("error of the logits, relative:", [f"{e:.1%}" for e in error.tolist()])
    print("likeliest token, fp16:", exact.argmax(1).tolist(), " int8:", found.argmax(1).tolist())

# %% [markdown]
# **Now serve it.** A step ends when its token is known: the host waits for it before it asks for
# the next. Each way runs twice: *eager*, where Python launches every kernel of every layer, and as
# a **CUDA graph**, where the launches were recorded once and are replayed as a whole.
# **Guess first:** in which of the two does quantisation help more?


# %%
from functools import partial

from grader.lab.measure import event


def one_step(state, layers, linear):
    state["token"].copy_(next_logits(state, layers, linear).argmax(1))
    state["position"].add_(1)


def latencies(step, state, steps=200):
    """Milliseconds of each step, by timestamps of the GPU around it."""
    found = []
    for _ in range(steps):
        start, end = event(), event()
        start.record()
        step()
        end.record()
        end.synchronize()  # the token is there
        found.append(start.elapsed_time(end))
    state["position"].zero_()
    return sorted(found)


def percentiles(found):
    return [found[len(found) // 2], found[len(found) * 99 // 100]]


# %% [markdown]
# 200 steps, and every one of them counts. The first steps, which compile and tune, are
# not among them.


# %%
def serve():
    found = {}
    for kind, (layers, linear) in linears.items():
        state = new_state()
        step = partial(one_step, state, layers, linear)
        latencies(step, state, steps=4)  # compiles; Unfinished if there is nothing to run
        found[f"{kind}, eager"] = percentiles(latencies(step, state))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()  # recorded, not executed
        latencies(graph.replay, state, steps=4)
        found[f"{kind}, CUDA graph"] = percentiles(latencies(graph.replay, state))
    return found


served_tokens = lab.attempt(lambda: lab.measured("lesson04/decoder", serve))
lab.latency_bars(served_tokens, "A step of the decoder: usual and slow")

# %% [markdown]
# **Read it.** Compare each bar with the shortest time that its bytes take (table above). If the eager
# bars are much longer, the GPU is waiting: a step has dozens of small kernels, and Python cannot
# launch them as fast as the GPU finishes them. Quantisation shortens only what the GPU does, so it
# shows its worth once the launches are out of the way. In eager mode it can even cost time: on the
# H200 of the stored outputs, a step took 1.84 ms with int8 weights and 1.25 ms with fp16, although
# the GPU has less to do (see the graphs). Calling a Triton kernel takes Python longer than calling
# torch's product. **Find what you are waiting for before you make anything faster.**
#
# And p99? With a machine to itself, a step should seldom be much slower than usual. With neighbours,
# with clocks that change, or with a server that collects requests into batches, some are, and those
# are the ones that people notice.

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `one-scale-for-all` | all rows have the scale of the largest element of all | reduce over the row only |
# | `magnitude-forgotten` | the largest element, not the largest magnitude | `tl.abs` before `tl.max` |
# | `wrong-divisor` | scale is the largest magnitude over 128 | 127: the codes are symmetric |
# | `truncated` | quotients cut off towards zero | round before `.to(tl.int8)` |
# | `ties-away`, `ties-up` | x.5 rounded away from 0, or up (`+ 0.5`) | `round_half_to_even` |
# | `multiplied-by-reciprocal` | $x \cdot (127 / \text{largest})$ rounds twice | `divide_by_one_number` |
# | `zero-scale` | a row of zeros has scale 0 | `tl.where`: scale 1 |
# | `overflow` | sums wrapped around at 128 | int32 sums: leave `out_dtype` as it is |
# | `wrong-layout` | `b_q` read as `[K, N]` | rows of `b_q` are outputs |
# | `scales-swapped` | `a_scale[n]`, `b_scale[m]` | rows `[:, None]`, columns `[None, :]` |
# | `scale-forgotten` | one or both scales are missing | multiply the sums by each |
# | `out-of-bounds` | a lane beyond the end reads or writes | masks, also for the scales |
# | `too-much-traffic` | x is loaded twice, or sums went through memory | one load; scale in registers |
# | `halves-swapped` | the two weights of a byte exchanged | the low half is the first |
# | `zero-point-forgotten`, `signed-codes` | 8 not subtracted, or two's complement read | `code - 8` |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand: a matrix of $m$ rows and $n$ columns quantised from fp16; a product of $[m, k]$ and
# $[n, k]$; a layer of $[n, k]$ weights and one row. The last columns are for $m = n = k = 8192$, and
# $28672 \times 8192$ for a layer. The scales of `matmul_w8a8`, $4 (m + n)$ bytes, are left out.

# %%
m = n = k = 8192
layer_io = 2 * inputs + 2 * outputs
counts = {
    "quantize_rowwise": ("3 m n + 4 m", "3 m n", 3 * m * n + 4 * m, 3 * m * n),
    "matmul_w8a8": ("m k + n k + 2 m n", "2 m n k", (m + n) * k + 2 * m * n, 2 * m * n * k),
    "fp16 product": ("2 (m k + n k + m n)", "2 m n k", 2 * 3 * n * n, 2 * m * n * k),
    "layer, fp16": ("2 n k + ...", "2 n k", 2 * weights + layer_io, 2 * weights),
    "linear_w8a16": ("n k + 4 n + ...", "2 n k", weights + 4 * outputs + layer_io, 2 * weights),
    "linear_w4a16": ("(1/2 + 4/G) n k", "2 n k", weights * (0.5 + 4 / 128) + layer_io, 2 * weights),
}
rows = []
for name, (nbytes, flops, moved, work) in counts.items():
    peak = gpu.product_rate("int8" if name == "matmul_w8a8" else "float16")
    bound = "memory" if moved / copy > work / peak else "arithmetic"
    least = max(moved / copy, work / peak)
    rows.append([name, nbytes, flops, f"{work / moved:.1f}", f"{least * 1e6:.0f} µs", bound])
headings = ["", "bytes", "operations", "operations a byte", "at least", "waits for"]
lab.Table(headings, rows, note=f"{gpu.label}; each input read once from memory")

# %% [markdown]
# ## Questions to think about
#
# 1. Weights of a trained model have few outliers, activations many, in certain columns. Which scales
#    would you choose for which? Why can `matmul_w8a8` not have a scale for each *column* of the
#    activations?
# 2. At how many rows does a layer of $8192 \times 8192$ stop waiting for memory, with fp16 and with
#    int8 weights? Compute it with `intensity` and `gpu.balance()`, and find it in the figure.
# 3. Why does `linear_w8a16` apply the scale after the sum, while `linear_w4a16` cannot leave it to the
#    very end?
# 4. With `K = 131072` and all codes -128, what does an int32 sum become?
# 5. Your decoder's KV cache is in fp16. At which length of context does it take more bytes a step
#    than the int8 weights?
# 6. Suppose that one step in a hundred is slow, and an answer takes ten steps. How many answers in a
#    hundred have a slow step?

# %% [markdown]
# ## Further reading
#
# - T. Dettmers, M. Lewis, Y. Belkada, L. Zettlemoyer, *LLM.int8(): 8-bit Matrix Multiplication for
#   Transformers at Scale*, NeurIPS 2022, [arXiv:2208.07339](https://arxiv.org/abs/2208.07339):
#   outliers in activations
# - G. Xiao, J. Lin, M. Seznec, H. Wu, J. Demouth, S. Han, *SmoothQuant: Accurate and Efficient
#   Post-Training Quantization for Large Language Models*, ICML 2023,
#   [arXiv:2211.10438](https://arxiv.org/abs/2211.10438): W8A8
# - E. Frantar, S. Ashkboos, T. Hoefler, D. Alistarh, *GPTQ: Accurate Post-Training Quantization for
#   Generative Pre-trained Transformers*, ICLR 2023,
#   [arXiv:2210.17323](https://arxiv.org/abs/2210.17323): 4 bits and fewer
# - J. Lin, J. Tang, H. Tang, S. Yang et al., *AWQ: Activation-aware Weight Quantization for
#   LLM Compression and Acceleration*, MLSys 2024,
#   [arXiv:2306.00978](https://arxiv.org/abs/2306.00978)
# - B. Jacob et al., *Quantization and Training of Neural Networks for Efficient
#   Integer-Arithmetic-Only Inference*, CVPR 2018,
#   [arXiv:1712.05877](https://arxiv.org/abs/1712.05877): zero points
# - PyTorch, [CUDA Graphs](https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs), in the
#   notes on CUDA semantics
#
# ## The whole lesson

# %%
# %grade
