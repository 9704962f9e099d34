# %% [markdown]
# # 05 · Matrix multiplication with blocking and tiling
#
# Three nested loops, known from school. Written plainly, they keep a GPU waiting for memory; written
# well, they use all the arithmetic that it has. In this lesson you write them well: first one tile, then
# all tiles in the right order, then side by side with cuBLAS, NVIDIA's own library.
#
# **You will be able to**
# - derive from the size of a tile how often each element is loaded, and what that means for speed;
# - write the loop over K with `tl.dot`, its accumulator, its masks and its strides;
# - explain what `num_stages` buys, and what it costs in shared memory;
# - order programs so that they find in the L2 cache what their neighbours loaded;
# - let an autotuner choose, and know what it chooses between;
# - do the bias and the activation of a layer while its sums are still in registers.
#
# **You need** lessons 1 to 3: tiles, masks, strides, the roofline. From torch: `a @ b`.
#
# **Time** about three and a half hours.

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

mine = lab.exercise("lesson05")  # your file, lesson05.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## Is a product bound by memory?
#
# $c_{ij} = \sum_k a_{ik} b_{kj}$ takes $2 M N K$ operations (a multiplication and an addition for each
# term), and touches $M K + K N + M N$ elements. **Guess first:** for two matrices of $4096 \times 4096$
# in fp16, what takes longer on the GPU above, the bytes or the operations? And for $64 \times 64$?

# %%
rate, copy = gpu.ridge_rates("float16")
rows = []
for n in (64, 256, 1024, 4096, 16384):
    flops, nbytes = 2 * n**3, 3 * n * n * 2
    rows.append(
        [
            f"{n} x {n}",
            f"{flops / nbytes:.0f}",
            f"{nbytes / copy * 1e6:.2f} µs",
            f"{flops / rate * 1e6:.2f} µs",
        ]
    )
headings = ["fp16", "operations a byte (n / 3)", "bytes alone", "operations alone"]
lab.Table(headings, rows, note=f"{gpu.label}: ridge at {gpu.balance():.0f} operations a byte")

# %% [markdown]
# A large product is bound by **arithmetic**, *provided that each element comes from memory only
# once*. That is the catch. A kernel that computes each $c_{ij}$ on its own loads a row of $a$ and a
# column of $b$ for it: $2K$ elements of 2 bytes for $2K$ operations, half an operation a byte,
# whatever the size. Then a product waits for memory like an addition.
#
# ## Tiles
#
# The way out: compute a whole **tile** of $c$ at once. A tile of `BLOCK_M` × `BLOCK_N` needs `BLOCK_M`
# rows of $a$ and `BLOCK_N` columns of $b$; and each element of $a$, once loaded, serves `BLOCK_N`
# sums.
#
# Rows of $a$ are long, so they are taken in pieces of `BLOCK_K` elements: one step loads
# $\text{BLOCK\_K}\,(\text{BLOCK\_M} + \text{BLOCK\_N})$ elements and does
# $2\,\text{BLOCK\_M}\,\text{BLOCK\_N}\,\text{BLOCK\_K}$ operations on them. With 2 bytes an element,
# `BLOCK_K` and the 2 cancel out:
#
# $$\frac{\text{BLOCK\_M} \cdot \text{BLOCK\_N}}{\text{BLOCK\_M} + \text{BLOCK\_N}} \text{ operations a byte.}$$

# %%
sides = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
lab.lines(
    {"square tile": [side / 2 for side in sides], "twice as wide": [2 * s / 3 for s in sides]},
    x=[torch.tensor(side).log2().item() for side in sides],
    xlabel="log2 of the tile's height",
    ylabel="operations a loaded byte",
    logy=True,
    level=(gpu.balance(), "ridge of the roofline"),
)

# %% [markdown]
# How large a tile does the ridge ask for? And where do its sums live? In **registers**, 4 bytes each.
# What fits?

# %%
rows = []
for block_m, block_n in [(16, 16), (64, 64), (128, 128), (128, 256), (256, 256), (512, 512)]:
    sums = 4 * block_m * block_n
    rows.append(
        [
            f"{block_m} x {block_n}",
            f"{block_m * block_n / (block_m + block_n):.0f}",
            quantity(sums, "B"),
            f"{sums / gpu.register_bytes:.0%}",
        ]
    )
headings = ["tile of c", "operations a loaded byte", "sums in fp32", "of an SM's registers"]
lab.Table(headings, rows, note="Registers are also needed for addresses and for everything else.")

# %% [markdown]
# Compare with the ridge: do tiles that fit get there by themselves? What helps is that not all loads
# come from memory: neighbouring programs need the same rows and columns, and can find them in the
# **L2 cache**. We will come to that.

# %% [markdown]
# ## A loop over tiles, on something simpler
#
# Before the product, the loop by itself: sums of the columns of a matrix. A program owns `BLOCK_N`
# columns and goes down the rows, `BLOCK_K` at a time. It forms the addresses of its first tile
# **once** and *moves* them from step to step. In a product, this happens with two tiles.


# %%
@triton.jit
def column_sums_kernel(out_ptr, x_ptr, K, N, BLOCK_K: tl.constexpr, BLOCK_N: tl.constexpr):
    columns = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    x_ptrs = x_ptr + k[:, None] * N + columns[None, :]  # addresses of the first tile
    sums = tl.zeros((BLOCK_N,), tl.float32)  # before the loop, in fp32
    for start in range(0, K, BLOCK_K):  # rounds up: the last step may be a part of a tile
        mask = (k[:, None] < K - start) & (columns[None, :] < N)
        sums += tl.sum(tl.load(x_ptrs, mask=mask, other=0.0).to(tl.float32), axis=0)
        x_ptrs += BLOCK_K * N  # one tile further down
    tl.store(out_ptr + columns, sums, mask=columns < N)


x = torch.randn(21, 40, device=lab.device)
out = torch.empty(40, device=lab.device)
with lab.record() as seen:
    column_sums_kernel[(3,)](out, x, 21, 40, BLOCK_K=8, BLOCK_N=16)
torch.testing.assert_close(out, x.sum(0))
seen.plot("x_ptr")

# %% [markdown]
# What does not exist is loaded as 0 (`other=0.0`) and changes no sum: rows past $K$ as well as columns
# past $N$. Three ways to get such a loop wrong, each with a symptom of its own. **Guess first**, with
# a column of $K = 21$ ones and steps of 8: does each give 21, and if not, what?


# %%
@triton.jit
def wrong_sums_kernel(out_ptr, x_ptr, K, BLOCK_K: tl.constexpr, HOW: tl.constexpr):
    k = tl.arange(0, BLOCK_K)
    total = 0.0
    last = K // BLOCK_K * BLOCK_K if HOW == "steps rounded down" else K
    for start in range(0, last, BLOCK_K):
        if HOW == "accumulator made in the loop":
            total = 0.0
        place = k if HOW == "addresses not moved" else start + k
        total += tl.sum(tl.load(x_ptr + place, mask=start + k < K, other=0.0), axis=0)
    tl.store(out_ptr, total)


ones, counting = torch.ones(21, device=lab.device), torch.arange(21.0, device=lab.device)
for how in ("", "steps rounded down", "accumulator made in the loop", "addresses not moved"):
    found = []
    for values in (ones, counting):
        out = torch.empty(1, device=lab.device)
        wrong_sums_kernel[(1,)](out, values, 21, BLOCK_K=8, HOW=how)
        found.append(out.item())
    print(f"{how or 'right':30} ones: {found[0]:4.0f}   0 + 1 + ... + 20: {found[1]:4.0f}")

# %% [markdown]
# The last one is right with ones! Test with numbers that differ. (The graded tests recognise all three
# by their results.)
#
# ## Tensor cores and their accumulator
#
# `tl.dot(a, b, sums)` multiplies two tiles and adds the product to a third, the *accumulator*. It does so
# on the **tensor cores**: units of each SM that do nothing else. The rate of a large product in the table
# at the top is theirs. They multiply numbers of 16 bits and add in fp32 (or 8 bits and int32, as in lesson
# 4). Each side of a tile should be at least 16: along K it has to be (32 with 8 bits), elsewhere the
# tensor cores would work on padding.
#
# Why not add in fp16? **Guess first:** start at 0 and add 1 four thousand times, rounding to 16 bits
# each time. Where do you end?


# %%
def running_sum(dtype, steps=4000):
    total, found = torch.zeros((), dtype=dtype), []
    for _ in range(steps):
        total = total + 1
        found.append(total.item())
    return found[::50]


lab.lines(
    {
        "fp32": running_sum(torch.float32),
        "fp16": running_sum(torch.float16),
        "bf16": running_sum(torch.bfloat16),
    },
    x=list(range(1, 4001, 50)),
    xlabel="terms of 1 added",
    ylabel="sum",
)

# %% [markdown]
# fp16 has 11 significant bits: from 2048 on, neighbouring numbers are 2 apart, and adding 1 changes
# nothing. bf16 has 8 bits and gives up at 256. In a long sum most of the terms would be lost.
#
# ## A worked example: `distances`
#
# Not one of your exercises, but a product of tiles with an **epilogue**: all squared distances between
# two sets of points, $d_{ij} = |x_i - y_j|^2 = |x_i|^2 + |y_j|^2 - 2\, x_i \cdot y_j$. The last term, for all
# pairs, is the matrix product $x\, y^T$. Points have up to 16 coordinates, so one `tl.dot` does it
# and there is no loop over K: that part is yours.
#
# `DIMENSIONS` is 16 even if the points have fewer coordinates: those that do not exist are loaded as 0.


# %%
@triton.jit
def distances_kernel(
    d_ptr, x_ptr, y_ptr, M, N, D, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    DIMENSIONS: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0).to(tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)  # points of x
    columns = tl.program_id(1).to(tl.int64) * BLOCK_N + tl.arange(0, BLOCK_N)  # points of y
    k = tl.arange(0, DIMENSIONS)
    x_mask = (rows[:, None] < M) & (k[None, :] < D)
    y_mask = (columns[:, None] < N) & (k[None, :] < D)
    x = tl.load(x_ptr + rows[:, None] * D + k[None, :], mask=x_mask, other=0.0)  # [M, D]
    y = tl.load(y_ptr + columns[:, None] * D + k[None, :], mask=y_mask, other=0.0)  # [N, D]
    products = tl.dot(x, y.T)  # [BLOCK_M, BLOCK_N], fp32: 2 * DIMENSIONS operations each
    x, y = x.to(tl.float32), y.to(tl.float32)
    squares = tl.sum(x * x, axis=1)[:, None] + tl.sum(y * y, axis=1)[None, :]
    d = tl.maximum(squares - 2 * products, 0.0)  # the epilogue: still in registers
    mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(d_ptr + rows[:, None] * N + columns[None, :], d, mask=mask)


def distances(x, y, block=32):
    (M, D), N = x.shape, len(y)
    d = torch.empty((M, N), dtype=torch.float32, device=x.device)
    grid = (triton.cdiv(M, block), triton.cdiv(N, block))
    distances_kernel[grid](d, x, y, M, N, D, BLOCK_M=block, BLOCK_N=block, DIMENSIONS=16)
    return d


x = torch.randn(80, 10, device=lab.device).half()
y = torch.randn(100, 10, device=lab.device).half()
torch.testing.assert_close(
    distances(x, y), torch.cdist(x.float(), y.float()) ** 2, rtol=1e-3, atol=1e-3
)
print("distances agrees with torch.cdist on", 80 * 100, "pairs")

# %% [markdown]
# Which elements does **one** program read? Program (1, 2) of the grid, the tile in the second row and
# the third column of tiles. (Hatched are the lanes of coordinates 10 to 15 of its last point. They do not
# exist; without their mask, they would read the point in the next row. So would those of its other points,
# but there the picture shows what the next point's own lanes read.)

# %%
with lab.record() as seen:
    distances(x, y)
seen.plot("x_ptr", program=(1, 2))

# %%
seen.plot("d_ptr")

# %% [markdown]
# By hand: each program loads its points, 2 bytes a coordinate. $3 \times 4$ tiles: every point of
# $x$ is loaded by **4** programs, every point of $y$ by **3**. Each distance is written once, 4 bytes.

# %%
tiles_m, tiles_n = triton.cdiv(80, 32), triton.cdiv(100, 32)
by_hand = tiles_n * 80 * 10 * 2 + tiles_m * 100 * 10 * 2 + 80 * 100 * 4
launch = seen.launches[0]
moved = sum(tensor.bytes_loaded + tensor.bytes_stored for tensor in launch.tensors)
assert moved == by_hand, (moved, by_hand)
print(f"{launch.programs} programs, {moved} bytes, as counted by hand")
print(f"products: {2 * 80 * 100 * 10} operations for existing coordinates")
seen.table()

# %% [markdown]
# ### Tile size and loads
#
# The same distances with other tiles. Halve the side, and every point is loaded twice as often:

# %%
x, y = torch.randn(2, 128, 16, device=lab.device).half().unbind()
rows = []
for block in (16, 32, 64, 128):
    with lab.record() as seen:
        distances(x, y, block)
    loaded = sum(tensor.bytes_loaded for tensor in seen.launches[0].tensors)
    assert loaded == 2 * (128 // block) * 128 * 16 * 2
    rows.append([f"{block} x {block}", str(seen.launches[0].programs), quantity(loaded, "B")])
lab.Table(["tile", "programs", "loaded"], rows)

# %% [markdown]
# ### Broken on purpose
#
# Without its mask, a store at the bottom edge leaves the matrix. What about the right edge? Beyond the
# end of a row the *next row* begins: nothing out of bounds, except after the last row, and still wrong.


# %%
@triton.jit
def careless_kernel(d_ptr, M, N, BLOCK: tl.constexpr):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    tile = tl.zeros((BLOCK, BLOCK), tl.float32) + tl.program_id(1)
    tl.store(d_ptr + rows[:, None] * N + columns[None, :], tile, mask=rows[:, None] < M)


with lab.record() as broken:
    careless_kernel[(2, 2)](torch.empty(30, 24, device=lab.device), 30, 24, BLOCK=16)
for fault in broken.faults[:3]:
    print(f"{fault.kind}: {fault.message}")
broken.plot("d_ptr")

# %% [markdown]
# Cells with a plus belong to two programs. Whoever comes last wins: a **race**, and a result that may
# differ from run to run.
#
# ## While one tile is multiplied, fetch the next
#
# A load takes long: lesson 1 had its latency. If each step of the loop asks for its tiles only when it
# needs them, the tensor cores mostly stand still. With several buffers in shared memory, the tiles of later
# steps are on their way while this step is computed: **software pipelining**. The number of buffers
# is `num_stages`, which the launch passes like `num_warps`, and the compiler does the rest. Move the
# slider. (A drawing with made-up durations, not a measurement.)

# %%
lab.explore(lab.pipeline, stages=[1, 2, 3, 4, 5], start={"stages": 2})

# %% [markdown]
# The price is shared memory: $\text{num\_stages} \cdot \text{BLOCK\_K} \cdot (\text{BLOCK\_M} +
# \text{BLOCK\_N}) \cdot 2$ bytes, or nearly so. What a multiprocessor has is in the table at the top.
# More programs on it at once (occupancy, lesson 3) would hide latency, too. But they share its
# registers and its shared memory:


# %%
def tile_occupancy(tile, stages):
    block_m, block_n, block_k, warps = tile
    shared = stages * block_k * (block_m + block_n) * 2
    registers = min(255, block_m * block_n // (32 * warps) + 60)  # sums, and a guess for the rest
    return lab.occupancy_plot(warps=warps, registers=registers, shared=shared)


lab.explore(
    tile_occupancy,
    tile=[(64, 64, 32, 4), (128, 128, 32, 4), (128, 256, 64, 8)],
    stages=[2, 3, 4],
    start={"tile": (128, 128, 32, 4), "stages": 4},
)

# %% [markdown]
# A good product has few programs on each multiprocessor, often just one, and relies on pipelining.
# Occupancy is a means, not an end.
#
# ## Neighbours should share
#
# A GPU starts programs roughly in the order of their numbers, as many as fit: a **wave**. Those that run
# together share the L2 cache. Numbered row by row, a wave covers a long strip of $c$: few rows of $a$, but
# nearly all of $b$.
#
# **Guess first:** let $a$, $b$ and $c$ have $9 \times 9$ tiles each, and a wave 9 programs. How should
# the tiles of the wave lie in $c$ to need the fewest tiles of $a$ and $b$?

# %%
lab.explore(
    lambda group: lab.program_order(9, 9, group), group=[1, 2, 3, 4, 5, 9], start={"group": 3}
)

# %% [markdown]
# A square needs least: three rows of $a$ and three columns of $b$, $3 \cdot 9 + 9 \cdot 3$ tiles, in place
# of one row and all nine columns, $9 + 81$. The programs still make as many loads as before. What changes
# is **who answers them**, the cache or the memory. If the cache holds everything, any order will do.
# Here is a model of a cache that keeps the tiles used last:

# %%
lab.loads_by_group(24, 24, inner=12, cache_tiles=160, together=24, groups=[1, 2, 4, 6, 8, 12, 24])

# %% [markdown]
# Groups of 1 row are the row order. Groups of all 24 are the column order, its mirror image, and as bad.
#
# ## Your turn
#
# Open `lesson05.py` beside this notebook, fill in its TODOs, **save**, and run the cells below. Stuck?
# `grade lesson05 --hint test_matmul_whole_tiles` in a terminal gives a nudge, then more.

# %%
mine

# %% [markdown]
# ### 1 · `matmul(a, b)`
#
# TODO 1 to 4 are `tile_product`, the heart of three kernels: accumulator, addresses, loop. TODO 5 to 7
# put the kernel around it. Two things differ from the examples above. `a` and `b` have **four strides**, one
# for each index, so that transposed views work without a copy. And products of index and stride have to
# be int64: `.to(tl.int64)` converts a block, `tl.cast(stride, tl.int64)` an argument.
#
# The picture: what program (0, 1) reads of `a`. All of K, in its own rows?

# %%
a = torch.randn(130, 70, device=lab.device).half()
b = torch.randn(70, 150, device=lab.device).half()
product_seen = lab.touches(lambda: mine.matmul(a, b))
product_seen.plot("a_ptr", program=(0, 1))

# %%
product_seen.plot("b_ptr", program=(0, 1))

# %%
product_seen.plot("c_ptr")

# %% [markdown]
# **Sizes that tiles fill exactly** (2 points)

# %%
# %grade test_matmul_whole_tiles

# %% [markdown]
# **Any size** (2 points)

# %%
# %grade test_matmul_any_size

# %% [markdown]
# **Any strides** (1 point). A transposed view has the same memory and other strides:

# %%
print("a:  ", tuple(a.shape), a.stride(), "    a.T:", tuple(a.T.shape), a.T.stride())
seen = lab.touches(lambda: mine.matmul(b.T, a.T))
seen.plot("b_ptr", program=(0, 0))

# %%
# %grade test_matmul_any_strides

# %% [markdown]
# **Sums in fp32** (1 point)

# %%
# %grade test_matmul_sums_in_fp32

# %% [markdown]
# **One rounding** (1 point): from the fp32 sums to fp16 or bf16. And why must you not replace masks by a
# multiplication with 0?

# %%
nan, infinity = float("nan"), float("inf")
print("0 * infinity =", 0 * infinity, "   0 * nan =", 0 * nan)

# %%
# %grade test_matmul_half_precision

# %% [markdown]
# ### 2 · `matmul_grouped(a, b)`
#
# TODO 8 to 10: from the number of a program to its tile. It is a riddle in whole numbers, so solve it on
# paper first, for $5 \times 3$ tiles in groups of 2. The next cell has the result. TODO 11 uses it.
#
# TODO 12 is a list for the **autotuner**. It times the kernel with each configuration of the list, and
# keeps the fastest for these sizes. Which tiles, stages and warps are worth trying follows from what you
# computed above: operations a loaded byte, registers, shared memory. The picture shows which program
# writes which tile of your `c`. For so small a product the first configuration is taken: with tiles of
# 64 × 64 there are again 5 × 3, with groups of 8 rows (the example of TODO 12) all 5 rows are in one
# group. Which number would each tile have? (Program 6 has the colour of program 0, and so on.)

# %%
tiles = torch.empty(5, 3, dtype=torch.int32)
for number, (i, j) in enumerate(lab.grouped(5, 3, 2)):
    tiles[i, j] = number
print("groups of 2 rows, 5 x 3 tiles:")
print("\n".join(" ".join(f"{number:3}" for number in line) for line in tiles.tolist()))

# %%
a_tall = torch.randn(5 * 64, 16, device=lab.device).half()
b_wide = torch.randn(16, 3 * 64, device=lab.device).half()
seen = lab.touches(lambda: mine.matmul_grouped(a_tall, b_wide))
seen.plot("c_ptr", kernel="matmul_grouped_kernel")

# %% [markdown]
# **Every tile once, whatever their number** (2 points). With 3 rows of tiles and groups of 8, the only
# group has 3 rows. Overlook that, and some tiles are computed twice, others never.

# %%
# %grade test_grouped_any_size

# %% [markdown]
# ### 3 · `linear_gelu(x, w, bias)`
#
# TODO 13 and 14: $\text{gelu}(x\, w^T + \text{bias})$ with the tile's sums still in registers. `w` is
# `[N, K]`, as in `torch.nn.Linear`: no transposed copy is needed, since your `tile_product` takes
# strides. Which ones, in which order?
#
# What it saves, counted. The dashed line is the fewest bytes possible: every input once, the result once.

# %%
x, w = torch.randn(2, 64, 64, device=lab.device).half().unbind()
bias = torch.randn(64, device=lab.device).half()
lab.traffic(
    {
        "torch, step by step": lambda: F.gelu(x @ w.T + bias, approximate="tanh"),
        "your linear_gelu": lambda: mine.linear_gelu(x, w, bias),
    },
    least=2 * (3 * 64 * 64 + 64),
).plot()

# %% [markdown]
# **Any size** (1 point)

# %%
# %grade test_linear_gelu_any_size

# %% [markdown]
# **Bias and activation before the only rounding** (1 point)

# %%
# %grade test_linear_gelu_rounds_once

# %% [markdown]
# ### All three
#
# **No access out of bounds** (1 point)

# %%
# %grade test_stays_in_bounds

# %% [markdown]
# **No more loads than tiles of 32 × 32 cost** (2 points). Why is `a` loaded more than once at all?

# %%
seen = lab.touches(lambda: mine.matmul(a, b))
seen.table()

# %%
# %grade test_loads_few_elements

# %% [markdown]
# ### 4 · `matmul_persistent(a, b_t)`, a challenge
#
# TODO 15: a badge, no points. So far each tile had a program of its own: start, fill the pipeline,
# multiply, store, end. A **persistent** kernel starts one program for each multiprocessor, and each
# works on one tile after another; while it stores one, the loads for the next are already on their way.
#
# Its tiles come through **tensor descriptors**, which know shape, strides and the size of a tile. On
# compute capability 9.0 and later a unit of its own, the Tensor Memory Accelerator (TMA), computes the
# addresses and fetches whole tiles.
#
# One more thing about waves: the last one is seldom full. How much that costs depends on the number of
# tiles and on the GPU:


# %%
def last_wave(n, block_m, block_n):
    tiles = triton.cdiv(n, block_m) * triton.cdiv(n, block_n)
    waves = triton.cdiv(tiles, gpu.multiprocessors)
    return [str(n), str(tiles), str(waves), f"{tiles / (waves * gpu.multiprocessors):.0%}"]


rows = [last_wave(n, 128, 256) for n in (1024, 2048, 4096, 8192)]
headings = ["n", "tiles of 128 x 256", "waves of one program an SM", "busy on average"]
lab.Table(headings, rows, note=gpu.label)

# %% [markdown]
# A persistent kernel does not mend that, since tiles stay whole. What it saves: it starts once and runs
# empty once, instead of once a wave.
#
# **Any size, by `matmul` where descriptors cannot be used** (challenge)

# %%
# %grade test_persistent_any_size

# %% [markdown]
# ## How fast is it?
#
# ### Tile size, measured
#
# Your `matmul_kernel` with tiles of several sizes. Theory says: operations a loaded byte,
# $\frac{\text{BLOCK\_M} \cdot \text{BLOCK\_N}}{\text{BLOCK\_M} + \text{BLOCK\_N}}$, decide, until something
# else does. Each result is compared with torch's before it is timed.


# %%
def product_with(a, b, block_m, block_n, block_k, **options):
    c = torch.empty(len(a), b.shape[1], dtype=a.dtype, device=a.device)
    grid = (triton.cdiv(len(a), block_m), triton.cdiv(b.shape[1], block_n))
    mine.matmul_kernel[grid](
        c, a, b, len(a), b.shape[1], a.shape[1], *a.stride(), *b.stride(),
        BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_K=block_k, **options,
    )  # fmt: skip
    return c


def rates(settings, n=4096):
    """TFLOP/s of your kernel by name, for {name: ((BLOCK_M, BLOCK_N, BLOCK_K), options)}."""
    a, b = torch.randn(2, n, n, device=lab.device).half().unbind()
    expected = mine.matmul(a, b)  # says what is left to do, if something is
    torch.testing.assert_close(expected, a @ b, rtol=1e-2, atol=0.5)
    calls = {
        name: lambda blocks=blocks, options=options: product_with(a, b, *blocks, **options)
        for name, (blocks, options) in settings.items()
    }
    found = lab.spreads(calls, rounds=10)
    return {name: 2 * n**3 / found[name].median / 1e12 for name in settings}


# %%
tiles = {
    "16 x 16": ((16, 16, 32), {"num_warps": 1}),
    "32 x 32": ((32, 32, 32), {"num_warps": 4}),
    "64 x 64": ((64, 64, 32), {"num_warps": 4}),
    "128 x 128": ((128, 128, 32), {"num_warps": 4}),
    "128 x 256": ((128, 256, 32), {"num_warps": 8}),
}
by_tile = lab.attempt(lambda: lab.measured("lesson05/tiles", lambda: rates(tiles)))
if by_tile is not None and by_tile.known:
    for name, rate_found in by_tile.value.items():
        block_m, block_n, _ = tiles[name][0]
        intensity = block_m * block_n / (block_m + block_n)
        print(f"{name:10} {intensity:4.0f} operations a byte  {rate_found:6.0f} TFLOP/s")
if by_tile is not None:
    print(by_tile.source)

# %% [markdown]
# ### Stages, measured
#
# Tiles of 128 × 128, steps of 32, and 1 to 4 stages. Does it look like the drawing?

# %%
stages = {
    f"{count} stages": ((128, 128, 32), {"num_warps": 4, "num_stages": count})
    for count in (1, 2, 3, 4)
}
by_stages = lab.attempt(lambda: lab.measured("lesson05/stages", lambda: rates(stages)))
if by_stages is not None and by_stages.known:
    for name, rate_found in by_stages.value.items():
        print(f"{name}: {rate_found:6.0f} TFLOP/s  {'#' * round(rate_found / rate * 60e12)}")
if by_stages is not None:
    print(by_stages.source)

# %% [markdown]
# ### Beside cuBLAS
#
# `torch.matmul` calls cuBLAS, NVIDIA's library, which picks one of many kernels for each size.
# `matmul` has one tile size for all, 64 × 64; `matmul_grouped` has your list. The ceiling is the rate
# that a large product reached on this GPU. Data sheets promise more: they do not count that power and
# heat make the clock go down. (In the outputs that this notebook came with, the *reference solution*
# stands where you will see *yours*.)

# %%
speed = lab.benchmark(
    "lesson05/product",
    {
        "yours": mine.matmul_grouped,
        "matmul, 64 x 64 tiles": mine.matmul,
        "torch (cuBLAS)": torch.matmul,
        "torch.compile": lab.compiled(torch.matmul),
    },
    sizes=[512, 1024, 2048, 4096, 8192],
    make_inputs=lambda n: tuple(torch.randn(2, n, n, device=lab.device).half()),
    flops=lambda n: 2 * n**3,
    xlabel="n of n x n x n, fp16",
    rounds=10,
)
speed.plot("Products: matmul_grouped beside cuBLAS")

# %%
speed.table()

# %% [markdown]
# **Read it.** Small products leave most multiprocessors of a large GPU idle: count the tiles of
# $512 \times 512$. How much do tile size and order bring at the right edge, all together? What did the
# autotuner choose?

# %%
# comes without output: see what your own file does
if lab.on_gpu and not mine.matmul_grouped.remark:
    lab.attempt(lambda: print("chosen last:", mine.tuned_grouped_kernel().best_config))
else:
    print("Without a GPU there is nothing to time: the first configuration is taken.")

# %% [markdown]
# **4096 × 4096 × 4096 beside cuBLAS** (3 points; needs a GPU)

# %%
# %grade test_grouped_speed_4096

# %% [markdown]
# **8192 × 8192 × 8192 beside cuBLAS** (3 points; needs a GPU)

# %%
# %grade test_grouped_speed_8192

# %% [markdown]
# ### The order of programs, measured
#
# The same tiles and the same product, with groups of several heights. **Guess first:** how much is the
# order worth on this GPU, with its L2 cache? What would you expect with a tenth of that cache?


# %%
def rates_by_group(n=8192):
    a, b = torch.randn(2, n, n, device=lab.device).half().unbind()
    torch.testing.assert_close(mine.matmul_grouped(a, b), a @ b, rtol=1e-2, atol=0.5)
    c, kernel = torch.empty_like(a), mine.matmul_grouped_kernel
    blocks = {"BLOCK_M": 128, "BLOCK_N": 256, "BLOCK_K": 32, "num_warps": 8}
    grid = (triton.cdiv(n, 128) * triton.cdiv(n, 256),)

    def call(group):
        kernel[grid](c, a, b, n, n, n, n, 1, n, 1, GROUP_M=group, **blocks)

    calls = {str(group): lambda group=group: call(group) for group in (1, 4, 16, 64)}
    found = lab.spreads(calls, rounds=8)
    return {group: 2 * n**3 / found[group].median / 1e12 for group in calls}


by_group = lab.attempt(lambda: lab.measured("lesson05/groups", rates_by_group))
if by_group is not None and by_group.known:
    for group, rate_found in by_group.value.items():
        print(f"groups of {group:>2} rows: {rate_found:6.0f} TFLOP/s")
if by_group is not None:
    print(by_group.source)

# %% [markdown]
# **Read it.** The figure of loaded tiles above says by how much the traffic differs, not that it costs
# time. If the heights differ by little here, this GPU does not wait for these bytes: what programs at
# work together share stays in its L2 cache in any order, or comes again soon enough. With a tenth of the
# cache and of the bandwidth behind it, row after row pays for its loads in time.
#
# ### Is a fused epilogue worth it?
#
# In `linear_gelu` the product never goes to memory and comes back; but its tiles are $64 \times 64$.
# cuBLAS multiplies faster, then two more kernels pass over the result. **Guess first:** who wins with a
# short K, who with a long one?


# %%
def layer(k):
    x, w = (
        torch.randn(4096, k, device=lab.device),
        torch.randn(4096, k, device=lab.device) * k**-0.5,
    )
    return x.half(), w.half(), torch.randn(4096, device=lab.device).half()


def eager_layer(x, w, bias):
    return F.gelu(x @ w.T + bias, approximate="tanh")


epilogue = lab.benchmark(
    "lesson05/linear_gelu",
    {"yours": mine.linear_gelu, "torch": eager_layer, "torch.compile": lab.compiled(eager_layer)},
    sizes=[64, 256, 1024, 4096],
    make_inputs=layer,
    flops=lambda k: 2 * 4096 * 4096 * k,
    xlabel="K of 4096 x 4096 x K",
    rounds=10,
)
epilogue.plot("linear_gelu: a fused epilogue")

# %% [markdown]
# The less there is to multiply, the more the passes over the result count. With a long K, the loop
# decides: a fused kernel with a slow loop is a slow kernel. What would it take to have both?
#
# **The persistent kernel beside cuBLAS** (challenge; needs a GPU)

# %%
# %grade test_persistent_speed

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `pointers-not-advanced` | every step multiplies the first tiles | move both blocks of addresses |
# | `accumulator-reset` | only the last step is in the result | make it before the loop, add to it |
# | `only-first-step` | the loop takes one step | `range(0, K, BLOCK_K)` |
# | `last-step-missing` | K rounded down to whole steps | round up, and mask `k < K - start` |
# | `strides-ignored` | right for contiguous matrices only | four strides, each with its own index |
# | `offset-overflow` | an offset passed $2^{31}$ in int32 | int64 before multiplying |
# | `narrow-accumulator` | sums kept in 16 bits | `tl.zeros(..., tl.float32)`, no `.to` in the loop |
# | `out-of-bounds`, `missing-store-mask` | lanes beyond an edge read or write | mask rows, columns and k |
# | `write-write-race` | two programs write one element | a column past N is the next row |
# | `tail-not-written`, `rows-not-written` | tiles that nobody computed | grid rounded up; last group is smaller |
# | `bias-missing`, `activation-missing` | a step of the epilogue left out | sums, bias, gelu, store |
# | `bias-after-activation` | gelu(x w) + bias | the bias belongs inside |
# | `bias-by-row` | bias[i] in row i | column indices, `[None, :]` |
# | `exact-gelu` | gelu by the error function | the given `gelu` |
# | `weight-not-transposed` | the strides of `w` exchanged | $b_{kj}$ is $w_{jk}$ |
# | `rounded-before-gelu` | sums rounded to 16 bits on the way | fp32 up to the store |
# | `too-much-traffic` | tiles too small, or loaded twice | 32 × 32 at least, also in configurations |

# %% [markdown]
# ## Bytes and FLOPs
#
# For $M \times N \times K$ in fp16, with tiles of $B_M \times B_N$. *Least* bytes: each element once from
# memory. *Loaded* bytes: what all programs together ask for; whether the L2 cache or memory answers,
# the order decides. The numbers are for $4096^3$.

# %%
n = 4096
flops, least = 2 * n**3, 3 * n * n * 2
rows = []
for name, block_m, block_n in [
    ("an element a program", 1, 1),
    ("matmul, 64 x 64", 64, 64),
    ("128 x 128", 128, 128),
    ("128 x 256", 128, 256),
    ("all at once", n, n),
]:
    moved = (triton.cdiv(n, block_n) + triton.cdiv(n, block_m) + 1) * n * n * 2
    rows.append(
        [name, quantity(moved, "B"), f"{flops / moved:.1f}", f"{moved / copy * 1e3:.2f} ms"]
    )
headings = ["tiles", "loaded and stored", "operations a byte", "if all came from memory"]
note = f"{flops / 1e9:.0f} GFLOP, {flops / rate * 1e3:.2f} ms at the rate of the {gpu.label}"
lab.Table(headings, rows, note=f"{note}; at least {quantity(least, 'B')}")

# %%
lab.roofline(
    {
        "an element a program": (0.5, None),
        "64 x 64, no cache": (32, None),
        "128 x 256, no cache": (128 * 256 / (128 + 256), None),
        "each element once": (flops / least, None),
    }
)

# %% [markdown]
# ## Questions to think about
#
# 1. A tile of 128 × 256 stays left of the ridge on many GPUs. Why can the kernel be bound by arithmetic all
#    the same?
# 2. Why does `BLOCK_K` not appear in the operations a byte? What is it good for, and what does it cost?
# 3. `a` has one row: $1 \times K$ times $K \times N$. What do tiles, tensor cores and groups bring then?
# 4. An L2 cache holds all of `a` and `b`. Does the order of programs matter?
# 5. Two products of the same numbers by different tile sizes may differ in the last bit. Why, and why did
#    this not happen with the int8 product of lesson 4?
# 6. Time `torch.matmul` with `lab.spreads` on large matrices of zeros and of random numbers. If there is a
#    difference, where could it come from? Think of what limits the clock of a GPU.

# %% [markdown]
# ## Further reading
#
# - Triton tutorials, [Matrix Multiplication](https://triton-lang.org/main/getting-started/tutorials/03-matrix-multiplication.html)
#   and [Persistent Matmul](https://triton-lang.org/main/getting-started/tutorials/09-persistent-matmul.html)
# - P. Tillet, H. T. Kung, D. Cox, *Triton: An Intermediate Language and Compiler for Tiled Neural
#   Network Computations*, MAPL 2019, [doi:10.1145/3315508.3329973](https://doi.org/10.1145/3315508.3329973)
# - S. Boehm, [How to Optimize a CUDA Matmul Kernel for cuBLAS-like Performance: a Worklog](https://siboehm.com/articles/22/CUDA-MMM),
#   2022: the same way, in CUDA, step by step
# - K. Goto, R. A. van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, ACM TOMS 34(3), 2008,
#   [doi:10.1145/1356052.1356053](https://doi.org/10.1145/1356052.1356053): the same ideas on CPUs
# - NVIDIA, [CUTLASS](https://github.com/NVIDIA/cutlass): its documentation of efficient GEMM explains tiles,
#   pipelines and swizzled orders
# - N. J. Higham, T. Mary, *A New Approach to Probabilistic Rounding Error Analysis*, SIAM J. Sci. Comput.
#   41(5), 2019: why the error of long sums grows like $\sqrt K$
#
# ## The whole lesson

# %%
# %grade
