# %% [markdown]
# # 03 · Softmax optimization and memory reuse
#
# Softmax turns any row of numbers into probabilities. Written down naively it is wrong for large
# numbers and reads its row again and again. In this lesson you write one that is right for every
# row, reads it once, needs no memory of its own, and then one for rows that fit nowhere.
#
# **You will be able to**
# - reduce a block to one number inside a program, and fill it up so that nothing else counts;
# - write an exponential that never overflows;
# - see redundant reads, and keep a row in registers in their place;
# - work in place, and say when that is safe;
# - sum up a row of any length in a single pass: the *online* softmax.
#
# **You need** lessons 1 and 2: masks, tiles, strides, traffic, working in place. From torch: `dim`
# and `keepdim`.
#
# **Time** about three hours.

# %% [markdown]
# ## Set up

# %%
# %load_ext grader

import torch
import triton
import triton.language as tl

from grader import lab
from grader.lab.style import PALETTE, Picture
from grader.units import quantity

mine = lab.exercise("lesson03")  # your file, lesson03.py beside this notebook
gpu = lab.machine()
gpu

# %% [markdown]
# ## From scores to probabilities
#
# A language model gives each word a score, a *logit*: any number. To draw the next word, we need
# probabilities: positive, with sum 1. Softmax takes the exponential of each score and divides by
# their sum, so that larger scores win, and the difference of two scores becomes a ratio. The slider
# divides all scores by a *temperature* first. **Guess:** does a high one make the model bolder or duller?

# %%
words = ["moon", "cheese", "rover", "cat", "theorem"]
logits = torch.tensor([4.1, 3.2, 2.9, 0.5, -2.0])


def next_word(TEMPERATURE):
    probabilities = torch.softmax(logits / TEMPERATURE, dim=0)
    picture = Picture(9, 2.4, f"Next word at temperature {TEMPERATURE}")
    axes = picture.panel()
    axes.barh(words, probabilities.tolist(), color=PALETTE[0])
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    axes.set_xlabel("probability")
    axes.set_title(f"One small step for a ..., temperature {TEMPERATURE}", loc="left")
    return picture


lab.explore(next_word, TEMPERATURE=[0.25, 0.5, 1, 2, 8], start={"TEMPERATURE": 1})

# %% [markdown]
# ## Too large for an exponential
#
# Add 10 to every score: exponentials and their sum both grow by the factor $e^{10}$, and the
# quotient stays the same. On paper. **Guess:** at which shift does this fail in fp32, and what
# comes out? At which *negative* shift?


# %%
def on_paper(x):
    exponentials = torch.exp(x)
    return exponentials / exponentials.sum()


rows = []
for shift in (-1000.0, -107.0, -50.0, 0.0, 50.0, 83.0, 90.0, 1000.0):
    first = on_paper(logits + shift)[0].item()
    rows.append([f"{shift:g}", f"{torch.exp(logits + shift).sum().item():.3g}", f"{first:.6g}"])
lab.Table(["shift", "sum of exponentials", "probability of 'moon'"], rows)

# %% [markdown]
# Too large gives infinity, and $\infty / \infty$ is NaN. Too small gives 0, and $0 / 0$ is NaN as
# well. Worst is the second line, with a probability that is merely wrong: nobody will notice.
#
# Since a shift does not matter on paper, choose the best one yourself: subtract the row's own
# maximum $m$. Then the largest exponent is 0, no exponential exceeds 1, and the sum is at least 1.
# Nothing is left that could overflow:
#
# $$\text{softmax}(x)_j = \frac{e^{x_j - m}}{\sum_k e^{x_k - m}} \qquad m = \max_k x_k$$

# %% [markdown]
# ## How often is the row read?
#
# In PyTorch that is five operations on a matrix: maximum, difference, exponential, sum, quotient.
# **Guess first:** how many bytes do they move for an fp32 element, and how many are needed?


# %%
def naive(x):
    exponentials = torch.exp(x - x.max(dim=1, keepdim=True).values)
    return exponentials / exponentials.sum(dim=1, keepdim=True)


matrix = torch.randn(64, 512, device=lab.device)
reads = lab.traffic(
    {"five operations": lambda: naive(matrix), "torch.softmax": lambda: torch.softmax(matrix, 1)},
    least=2 * matrix.nbytes,
)
reads.plot()

# %% [markdown]
# The matrix is read five times and written three times: $8 \cdot 4 = 32$ bytes an element, four times
# the fewest. `torch.softmax` is one operation, and is *counted* here as its input once and its output
# once. Whether it really reads each element only once, you can tell from the benchmark further down.

# %% [markdown]
# ## A reduction inside a program
#
# Elementwise kernels never let lanes meet. A maximum has to: it is a *reduction*, which makes one
# number of many. `tl.max` and `tl.sum` combine the lanes of a block in pairs, then pairs of pairs:
# for a block of 1024 that is 10 steps, not 1023. All of it happens inside one program, in its
# registers and the SM's shared memory; no byte goes to GPU memory.

# %%
lab.reduction_tree([3, 1, 4, 1, 5, 9, 2, 6], max, "maximum")

# %% [markdown]
# A block has a power-of-two length, a row rarely has. The lanes too many must not change the result,
# so each holds the operation's **neutral element**: 0 for a sum, since $a + 0 = a$; 1 for a product.
# `tl.load(..., mask=mask, other=...)` puts it there.
#
# Take a row of three numbers near $-50$ in a block of four lanes. What does a fourth lane with a 0
# do to a softmax? And what would be neutral for maximum *and* sum of exponentials?

# %%
row = torch.tensor([-50.0, -51.0, -52.0])
padded = torch.cat([row, torch.zeros(1)])
print("right:           ", torch.softmax(row, 0).tolist())
print("with a lane of 0:", torch.softmax(padded, 0)[:3].tolist())
print("maximum and sum: ", padded.max().item(), torch.exp(padded - padded.max()).sum().item())

# %% [markdown]
# ## A worked example: `unit_rows`
#
# Not your exercise, but of its kind: bring every row of a matrix to length 1, as one does to compare
# directions. $y_j = x_j / \sqrt{\sum_k x_k^2}$. One program takes one row.
#
# The row is loaded **once**. It is needed twice, for the sum and for the quotient, and in between it
# stays where it is: in the registers of the program. Written as two kernels, it would have to come
# from memory twice.


# %%
@triton.jit
def unit_rows_kernel(y_ptr, x_ptr, n_columns, y_stride, x_stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)  # int64: row * stride may pass 2**31
    columns = tl.arange(0, BLOCK)  # [BLOCK], at least as long as the row
    mask = columns < n_columns
    # read: 4 bytes an element; 0 is neutral for a sum of squares
    x = tl.load(x_ptr + row * x_stride + columns, mask=mask, other=0.0).to(tl.float32)
    length = tl.sqrt(tl.sum(x * x, axis=0))  # 2 operations an element, and one number comes out
    y = x / length  # 1 operation; x is still in registers
    tl.store(y_ptr + row * y_stride + columns, y, mask=mask)  # written: 4 bytes


def unit_rows(x, y=None):
    y = torch.empty(x.shape, device=x.device) if y is None else y
    BLOCK = triton.next_power_of_2(x.shape[1])
    unit_rows_kernel[(x.shape[0],)](y, x, x.shape[1], y.stride(0), x.stride(0), BLOCK=BLOCK)
    return y


x = torch.randn(6, 100, device=lab.device)
torch.testing.assert_close(unit_rows(x), torch.nn.functional.normalize(x))
print("lengths of the rows:", unit_rows(x).norm(dim=1).tolist())

# %%
with lab.record() as seen:
    unit_rows(x)
moved = sum(tensor.bytes_loaded + tensor.bytes_stored for tensor in seen.launches[0].tensors)
assert moved == x.numel() * (4 + 4), moved
print(f"{x.numel()} elements: {moved} bytes, 4 + 4 an element; 3 operations an element")
seen.plot("x_ptr")

# %% [markdown]
# Each program reads one row. Its 28 masked lanes point into the next row. You see them below the
# last row only: elsewhere another program really reads there, and the picture shows that one.

# %% [markdown]
# A tile of several rows goes the same way: with a block of shape `[BLOCK_M, BLOCK_N]`, a reduction
# along `axis=1` leaves one number for each row, shape `[BLOCK_M]`, and `[:, None]` makes a column of
# them that can be combined with the tile again. As in torch:

# %%
tile = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
print(
    "axis 0, down the columns:",
    tile.sum(0).tolist(),
    "  axis 1, along the rows:",
    tile.sum(1).tolist(),
)
print("divided by the rows' sums:", (tile / tile.sum(1)[:, None]).tolist())

# %% [markdown]
# ### Broken on purpose
#
# "The mask is there to stay inside the tensor" sounds right. So let us compare the offset with the
# number of *all* elements. Nothing is read or written out of bounds. What goes wrong?


# %%
@triton.jit
def unit_rows_flat_mask(y_ptr, x_ptr, n_rows, n_columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * n_columns + tl.arange(0, BLOCK)
    mask = offsets < n_rows * n_columns  # inside the tensor, but not inside the row
    x = tl.load(x_ptr + offsets, mask=mask, other=0.0)
    tl.store(y_ptr + offsets, x / tl.sqrt(tl.sum(x * x, axis=0)), mask=mask)


with lab.record() as broken:
    unit_rows_flat_mask[(6,)](torch.empty_like(x), x, 6, 100, BLOCK=128)
for fault in broken.faults:
    print(f"{fault.kind}: {fault.message}")
broken.plot("y_ptr")

# %% [markdown]
# 100 columns, 128 lanes: each program goes on into the next row, counts 28 elements of it as its own,
# and writes there, where the row's rightful owner writes, too. Who comes last wins. A mask has to
# say which elements are *mine*, not which exist.

# %% [markdown]
# ### How long may a row be?
#
# Registers are the fastest memory there is. An SM has a fixed number of them, shared by all threads
# that run on it. A row's elements are spread over the threads of its program, `num_warps` warps of
# 32. Each thread needs more registers for addresses and the like: let us assume 20 (on a GPU, the
# cell after next prints the truth).
#
# How many programs fit on an SM at once? The share of its room for threads that they take is the
# *occupancy*. Few programs, few loads under way.


# %%
def rows_on_an_sm(COLUMNS, WARPS):
    return lab.occupancy_plot(warps=WARPS, registers=min(255, 20 + COLUMNS // (32 * WARPS)))


lab.explore(
    rows_on_an_sm,
    COLUMNS=[512, 1024, 4096, 16384],
    WARPS=[4, 8, 16, 32],
    start={"COLUMNS": 4096, "WARPS": 8},
)

# %%
file_bytes = gpu.register_bytes
print(f"registers of one SM: {file_bytes // 1024} KiB, as much as {file_bytes // 4:,} fp32 numbers")
print(f"a row of 16,384 in fp32: {16384 * 4 // 1024} KiB; of 1,000,000: {4_000_000 // 1024} KiB")
if lab.on_gpu:
    for n in (1024, 4096, 16384):
        wide = torch.empty(1, n, device=lab.device)
        kernel = unit_rows_kernel[(1,)](wide, wide, n, n, n, BLOCK=n, num_warps=8)
        print(
            f"BLOCK = {n}, 8 warps: {kernel.n_regs} registers a thread, {kernel.n_spills} spilled"
        )

# %% [markdown]
# On NVIDIA's GPUs a thread can have at most 255 registers; what does not fit is *spilled* to memory
# and costs traffic. With more warps, a long row is spread over more threads. But a million numbers
# do not fit.
#
# ## Memory reuse: working in place
#
# A program of `unit_rows` has all of its row in registers before it stores the first element. So may
# the result go where the row was? Pass `x` as the output as well:

# %%
scratch = x.clone()
print("memory for a new result:", lab.peak_memory(lambda: unit_rows(x)), "bytes")
print("memory in place:        ", lab.peak_memory(lambda: unit_rows(scratch, scratch)), "bytes")
with lab.record() as reused:
    unit_rows(scratch, scratch)
print("faults:", reused.faults)

# %% [markdown]
# No memory, no fault, and the traffic is the same. Lesson 2's rule holds: no program writes what
# another one reads. And within a program every read comes before every write.
#
# Working in place has a price: the input is gone. Whatever calls such a function twice, a benchmark
# for instance, or an autotuner, gets the result of the result. What is the softmax of a softmax?

# %%
again = logits.clone()
for turn in range(4):
    print(f"after {turn}:", [round(value, 4) for value in again.tolist()])
    again = torch.softmax(again, 0)

# %% [markdown]
# ## A second example: `centre_long`
#
# Rows that fit nowhere are worked on a block at a time, in a loop. What one turn of the loop knows
# and the next one needs is a variable, carried along in registers. Here, the sum: subtract its
# mean from each row.
#
# The mean is known only at the end of the row, when its beginning has long left the registers. So
# the program **walks along the row twice**: to sum up, then to subtract.


# %%
@triton.jit
def centre_long_kernel(y_ptr, x_ptr, n_columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    total = 0.0
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        mask = columns < n_columns  # the last block may be partly filled
        x = tl.load(x_ptr + row * n_columns + columns, mask=mask, other=0.0)  # read: 4 bytes
        total += tl.sum(x, axis=0)
    mean = total / n_columns
    for start in range(0, n_columns, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        mask = columns < n_columns
        x = tl.load(x_ptr + row * n_columns + columns, mask=mask)  # read again: 4 bytes
        tl.store(y_ptr + row * n_columns + columns, x - mean, mask=mask)  # written: 4 bytes


def centre_long(x, BLOCK=4096):
    y = torch.empty_like(x)
    centre_long_kernel[(x.shape[0],)](y, x, x.shape[1], BLOCK=BLOCK, num_warps=8)
    return y


x = torch.randn(2, 1000, device=lab.device)
torch.testing.assert_close(centre_long(x, BLOCK=128), x - x.mean(1, keepdim=True))
with lab.record() as twice:
    centre_long(x, BLOCK=128)
lab.walks(twice)

# %% [markdown]
# Time runs downwards: eight blocks to sum up, then eight blocks read again and written. By hand 12
# bytes an element, where one read would make 8:

# %%
launch = twice.launches[0]
moved = sum(tensor.bytes_loaded + tensor.bytes_stored for tensor in launch.tensors)
assert moved == x.numel() * (4 + 4 + 4), moved
for tensor in launch.tensors:
    print(f"{tensor.parameter}: loaded {tensor.bytes_loaded} bytes, stored {tensor.bytes_stored}")
twice.table()

# %% [markdown]
# ### Does reading twice cost anything?
#
# Traffic as counted here is what programs *ask for*. If a row is still in a cache when the program
# comes back to it, the second read does not reach the memory. **Guess first:** below, a kernel that
# reads once and one that walks twice, on the same number of elements, cut into rows of different
# lengths. Where do the lines part?


# %%
@triton.jit
def centre_rows_kernel(y_ptr, x_ptr, n_columns, BLOCK: tl.constexpr):
    columns = tl.program_id(0).to(tl.int64) * n_columns + tl.arange(0, BLOCK)
    mask = tl.arange(0, BLOCK) < n_columns
    x = tl.load(x_ptr + columns, mask=mask, other=0.0)  # read once: 4 bytes
    tl.store(y_ptr + columns, x - tl.sum(x, axis=0) / n_columns, mask=mask)  # written: 4


def centre_rows(x):
    if x.shape[1] > 16384:
        raise ValueError("rows beyond 16384 do not fit into the registers of a program")
    y = torch.empty_like(x)
    BLOCK = triton.next_power_of_2(x.shape[1])
    warps = max(1, min(32, BLOCK // 512))
    centre_rows_kernel[(x.shape[0],)](y, x, x.shape[1], BLOCK=BLOCK, num_warps=warps)
    return y


torch.testing.assert_close(centre_rows(x), centre_long(x))

# %%
centre_speed = lab.benchmark(
    "lesson03/centre",
    {
        "two walks": lambda x: centre_long(x, min(4096, x.shape[1])),
        "one read": centre_rows,
        "torch eager": lambda x: x - x.mean(1, keepdim=True),
    },
    sizes=[2**10, 2**12, 2**14, 2**16, 2**18],
    make_inputs=lambda columns: (torch.randn(2**26 // columns, columns, device=lab.device),),
    bytes_moved=lambda columns: 8 * 2**26,
    xlabel="columns (fp32, 2^26 elements in all)",
    rounds=15,
)
centre_speed.plot("centred rows: useful bytes per second, 8 an element")

# %%
centre_speed.table()

# %% [markdown]
# Useful bytes are the same 8 an element for all, so a kernel that gets all of its 12 from memory ends
# at two thirds of the ceiling at best. (The two kernels of "torch eager" move 12, too.) Where "two
# walks" is above that, a cache has served some of its second reads. All programs that run share the
# cache, each with a row of its own: the longer the rows, the less of them it holds. So a redundant
# read is sometimes free, but you cannot rely on it.

# %% [markdown]
# ## Your turn
#
# Open `lesson03.py` beside this notebook. Stuck? `grade lesson03 --hint test_softmax_any_shape` in a
# terminal gives a nudge, then the idea, then nearly the answer.

# %%
mine

# %% [markdown]
# ### 1 · `softmax(x)`
#
# TODO 1 to 6. A program takes `BLOCK_M` whole rows: one if they are long, several if they are short,
# so that it always has enough to load. The mask has two conditions, one for rows and one for columns.
# The launch may pass `num_warps=...` beside the kernel's own arguments.
#
# When it works, 20 rows of 100 look like this. How many rows has each program, and why?

# %%
x = torch.randn(20, 100, device=lab.device)
short = lab.touches(lambda: mine.softmax(x))
short.plot("x_ptr", kernel="softmax_kernel")

# %%
short.table()

# %% [markdown]
# **Any shape** (2 points)

# %%
# %grade test_softmax_any_shape

# %% [markdown]
# **Large values** (1 point): rows near $10^4$ beside rows near 0. Each needs *its own* maximum.

# %%
# %grade test_softmax_large_values

# %% [markdown]
# **Negative values** (1 point): rows near $-50$, the case of the fourth lane above.

# %%
# %grade test_softmax_negative_values

# %% [markdown]
# **Special values** (1 point). Models write $-\infty$ over scores that must not win: $e^{-\infty} = 0$.
# What is the softmax of a row that holds nothing else? There is nothing to choose from, and torch says so:

# %%
inf = float("inf")
for row in ([0.0, -inf, 0.0], [-inf, -inf, -inf], [0.0, inf, 0.0], [0.0, float("nan"), 0.0]):
    print(row, "->", torch.softmax(torch.tensor(row), 0).tolist())

# %%
# %grade test_softmax_special_values

# %% [markdown]
# **Half precision** (1 point). **Guess first:** start at 0 and add 1 three thousand times, in fp16.
# Where do you end?

# %%
total = torch.tensor(0.0, dtype=torch.float16)
for _ in range(3000):
    total = total + 1
print("counted in fp16:", total.item())

# %% [markdown]
# An fp16 number has 11 significant bits: from some number on, the next one cannot be told from it.
# Sum in fp32, round once at the end.

# %%
# %grade test_softmax_half_precision

# %% [markdown]
# **Any row stride** (1 point): a part of a wider matrix, one row shown many times (stride 0), rows
# beyond $2^{31}$ elements.

# %%
# %grade test_softmax_any_stride

# %% [markdown]
# ### 2 · `softmax_(x)`
#
# TODO 7: one line, if your launch is done. The underscore is PyTorch's sign for *in place*.

# %%
scratch = x.clone()
held = lab.attempt(lambda: lab.peak_memory(lambda: mine.softmax_(scratch)))
same = lab.attempt(lambda: mine.softmax_(scratch) is scratch) if held is not None else None
if same is not None:
    print(f"allocated: {held} bytes; the result is x itself: {same}")

# %% [markdown]
# **In place** (1 point)

# %%
# %grade test_softmax_in_place

# %% [markdown]
# **Without any memory** (1 point)

# %%
# %grade test_softmax_in_place_memory

# %% [markdown]
# **Each element read once** (1 point): for `softmax` and `softmax_`.

# %%
# %grade test_softmax_reads_once

# %% [markdown]
# ### 3 · `softmax_long(x)`
#
# Three things are needed of a long row: its maximum, its sum, and at last each element. One walk
# each would read it three times. But maximum and sum can be found *in the same walk*. After each
# block you know the maximum so far and the sum of the exponentials **relative to it**. Then a block
# comes with a larger maximum. The sum so far is relative to the wrong one. What now?
#
# Below, a row that climbs. The lower picture is the sum after each block, and by what the old sum
# was multiplied. **Guess before you move the slider:** does the last bar depend on the block size?

# %%
torch.manual_seed(4)
climbing = (torch.linspace(0, 4, 32) + 1.2 * torch.randn(32)).tolist()
lab.explore(
    lambda BLOCK: lab.online_softmax(climbing, BLOCK), BLOCK=[2, 4, 8, 16], start={"BLOCK": 8}
)

# %% [markdown]
# TODO 8 to 10. What do you start with, when nothing has been seen? The maximum of nothing is $-\infty$;
# a row may also begin with a whole block of $-\infty$. **Guess:** what does the first turn compute?

# %%
low = torch.finfo(torch.float32).min
minus = torch.tensor(-inf)
print("(-inf) - (-inf)         =", (minus - minus).item())
print("exp of it               =", torch.exp(minus - minus).item())
print("exp(-inf - lowest)      =", torch.exp(minus - low).item(), "  lowest =", low)
print("exp(lowest - lowest) * 0 =", (torch.exp(torch.tensor(low - low)) * 0).item())

# %% [markdown]
# One NaN spoils the whole sum. Against it, your file has a constant `LOWEST`, the most negative finite
# number. (It is a `tl.constexpr`: a kernel can use no other globals.) When your kernel is ready, here
# are its walks:

# %%
# comes without output: see what your own file does
long_row = torch.randn(1, 40_000, device=lab.device)
long_walks = lab.touches(lambda: mine.softmax_long(long_row))
lab.walks(long_walks, kernel="softmax_long_kernel")

# %%
long_walks.table()

# %% [markdown]
# **Any length** (1 point)

# %%
# %grade test_softmax_long_any_length

# %% [markdown]
# **A new maximum anywhere** (1 point)

# %%
# %grade test_softmax_long_new_maximum

# %% [markdown]
# **Special values** (1 point)

# %%
# %grade test_softmax_long_special_values

# %% [markdown]
# **Each element read twice at most** (1 point)

# %%
# %grade test_softmax_long_reads_twice

# %% [markdown]
# ## How much memory does it take?
#
# Before speed: what does each way hold at the same time at most, beside its input? Solid: the result.
# Hatched: what is only needed on the way.

# %%
x = torch.randn(lab.sizes(gpu=8192, cpu=64), lab.sizes(gpu=4096, cpu=512), device=lab.device)
scratch = x.clone()
ways = {
    "five operations": lambda: naive(x),
    "torch.softmax": lambda: torch.softmax(x, dim=1),
    "your softmax": lambda: mine.softmax(x),
    "your softmax_": lambda: mine.softmax_(scratch),
}
found = {name: lab.attempt(lambda way=way: lab.peak_memory(way)) for name, way in ways.items()}
picture = Picture(9, 2.4, "Peak memory of softmax, relative to its input")
axes = picture.panel()
for name, peak in found.items():
    if peak is not None:
        share = peak / x.nbytes
        axes.barh([name], [min(share, 1)], color=PALETTE[0])
        axes.barh([name], [max(share - 1, 0)], left=1, color=PALETTE[1], hatch="///")
        axes.text(share, name, f" {share:.2f} x", va="center", fontsize=9)
axes.invert_yaxis()
axes.set_xlabel(f"memory at most, in sizes of the input ({quantity(x.nbytes, 'B')})")
picture

# %% [markdown]
# ## How fast is it?
#
# **Predict:** five operations move about four times the fewest bytes. So your kernel is ... times as
# fast as they are? And `torch.softmax`, one kernel like yours?

# %%
softmax_speed = lab.benchmark(
    "lesson03/softmax",
    {
        "yours": mine.softmax,
        "torch.softmax": lambda x: torch.softmax(x, dim=1),
        "five operations": naive,
        "torch.compile": lab.compiled(naive),
    },
    sizes=[256, 1024, 4096, 16384],
    make_inputs=lambda columns: (torch.randn(2**26 // columns, columns, device=lab.device),),
    bytes_moved=lambda columns: 8 * 2**26,
    xlabel="columns (fp32, 2^26 elements in all)",
    rounds=20,
)
softmax_speed.plot("softmax in fp32: useful bytes per second, 8 an element")

# %%
half_speed = lab.benchmark(
    "lesson03/softmax_bf16",
    {"yours": mine.softmax, "torch.softmax": lambda x: torch.softmax(x, dim=1)},
    sizes=[256, 1024, 4096, 16384],
    make_inputs=lambda columns: (
        torch.randn(2**26 // columns, columns, device=lab.device, dtype=torch.bfloat16),
    ),
    bytes_moved=lambda columns: 4 * 2**26,
    xlabel="columns (bf16, 2^26 elements in all)",
    rounds=20,
)
half_speed.plot("softmax in bf16: useful bytes per second, 4 an element")

# %% [markdown]
# **Read it.** A line at the ceiling reads and writes each element once and wastes nothing. Does the
# height of `torch.softmax` depend on the length of the rows? Count: at which share of the ceiling
# does a kernel end that reads each element twice? And three times?

# %%
for times in (1, 2, 3):
    share = 2 / (times + 1)
    rate = quantity(share * gpu.copy_bytes_per_s, "B/s")
    print(f"{times} x read, 1 x written: {share:.0%} of the ceiling, {rate}")
for title, speed in (("fp32", softmax_speed), ("bf16", half_speed)):
    for name, by_size in speed.times.items():
        shares = [speed.rate(at[0], size) / gpu.copy_bytes_per_s for size, at in by_size.items()]
        told = ", ".join(f"{s}: {a:.0%}" for s, a in zip(by_size, shares, strict=True))
        print(f"{title} {name}: {told}")
print(softmax_speed.found.source)

# %% [markdown]
# In bf16 an element has half the bytes, so the same bandwidth means twice as many elements a second:
# the same arithmetic in half the time. Who keeps up? A kernel falls behind if its threads have too
# few bytes under way (remember bandwidth × latency from lesson 1), or if its arithmetic takes longer
# than its loads.
#
# Long rows, with a fixed block. The ceiling counts 8 bytes an element; two walks need up to 12.

# %%
long_speed = lab.benchmark(
    "lesson03/softmax_long",
    {
        "yours": mine.softmax_long,
        "torch.softmax": lambda x: torch.softmax(x, dim=1),
        "five operations": naive,
    },
    sizes=[2**15, 2**17, 2**18, 2**20],
    make_inputs=lambda columns: (torch.randn(2**26 // columns, columns, device=lab.device),),
    bytes_moved=lambda columns: 8 * 2**26,
    xlabel="columns (fp32, 2^26 elements in all)",
    rounds=15,
)
long_speed.plot("long rows: useful bytes per second, 8 an element")

# %%
print(f"rows of 2^20: {2**26 // 2**20} programs for {gpu.multiprocessors} multiprocessors")
long_speed.table()

# %% [markdown]
# With one program a row, few rows mean few programs: look at the numbers above. If there are
# fewer programs than multiprocessors, some of the GPU is idle, however good the kernel is.
#
# **Many short rows** (2 points; the speed tests need a GPU, without one their points stay open)

# %%
# %grade test_softmax_narrow_speed

# %% [markdown]
# **Longer rows** (2 points)

# %%
# %grade test_softmax_wide_speed

# %% [markdown]
# **Longer rows in bf16** (1 point)

# %%
# %grade test_softmax_bf16_speed

# %% [markdown]
# **Against operations one after another** (1 point)

# %%
# %grade test_softmax_fusion_speed

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `max-not-subtracted` | the exponentials overflow | subtract the row's maximum first |
# | `max-of-tile` | one maximum for several rows | reduce along `axis=1`, then `[:, None]` |
# | `wrong-axis` | the *columns* add up to 1 | `axis=1` runs along a row |
# | `padding-counts` | lanes behind the end of the row count | a neutral `other=` in the load |
# | `sum-not-one` | the divisor is not the sum of the exponentials | look at what you divide by |
# | `over-guarded` | a row of $-\infty$ came out as 0 or 1/n | no special case: $0/0$ is the right NaN |
# | `nan-swallowed` | a NaN was left out | let it pass |
# | `wrong-row-stride`, `offset-overflow` | rows assumed back to back; offset beyond $2^{31}$ | stride of each tensor, rows in int64 |
# | `write-write-race`, `rows-not-written` | programs share rows, or rows are left out | rows of a program; grid rounded up |
# | `applied-twice`, `applied-many-times` | in place, the kernel ran more than once | one launch, no autotuner |
# | `not-in-place`, `too-much-memory` | another tensor was made | store to `x` itself |
# | `sum-not-rescaled` | the old sum is relative to the old maximum | multiply it by a power of $e$. Which one? |
# | `last-block-max`, `block-max`, `block-by-itself` | blocks are not combined to one row | one maximum and one sum for the row |
# | `empty-block` | $(-\infty) - (-\infty)$ at the start | begin with `LOWEST` |
# | `too-much-traffic` | a row is read too often | one load; for long rows two walks |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand, an exponential as one operation. For each element: maximum 1, difference 1,
# exponential 1, sum 1, quotient 1. The first walk of the long softmax does the first four, the second
# computes difference, exponential and quotient: 7. Rescaling costs a few more a *block*, not an element.
# The bytes are those that the programs ask for. Where a cache serves second reads, as it did above for
# the shorter rows, a kernel that walks twice can take less time than the last column says.

# %%
copy = gpu.copy_bytes_per_s
table = {  # bytes, operations: an element in fp32
    "unit_rows": (4 + 4, 3),
    "softmax, softmax_": (4 + 4, 5),
    "centre_long": (4 + 4 + 4, 2),
    "softmax_long": (4 + 4 + 4, 7),
    "five operations": (round(reads.total("five operations") / matrix.numel(), 2), 5),
}
rows = [
    [name, f"{size:g}", str(work), f"{work / size:.2f}", f"{2**26 * size / copy * 1e6:.0f} µs"]
    for name, (size, work) in table.items()
]
headings = ["", "bytes an element", "operations", "operations a byte", "2^26 elements, at least"]
lab.Table(headings, rows, note=f"{gpu.label}: {copy / 1e12:.2f} TB/s")

# %%
lab.roofline({name: (work / size, None) for name, (size, work) in table.items()})

# %% [markdown]
# ## Questions to think about
#
# 1. Why is the sum of the exponentials never 0 when the row's maximum is subtracted? When is it NaN?
#    (Here the maximum is the true one, not `LOWEST`.)
# 2. Could `softmax_long` work in place? Look at its walks, and apply the rule of lesson 2.
# 3. In which direction should the second walk go, so that the cache helps most? Try it.
# 4. A matrix has 8 rows of a million. One program a row leaves most of the GPU idle. How would you
#    share a row among programs, and what would they have to tell each other?
# 5. The mean can be carried along as a sum. What would you carry along for the *variance*, and would
#    large values hurt?
# 6. A softmax is often followed by a product with a matrix (attention). Need it ever be written?

# %% [markdown]
# ## Further reading
#
# - M. Milakov, N. Gimelshein, *Online normalizer calculation for softmax*, 2018,
#   [arXiv:1805.02867](https://arxiv.org/abs/1805.02867): the walk of `softmax_long`
# - T. Dao, D. Fu, S. Ermon, A. Rudra, C. Ré, *FlashAttention: Fast and Memory-Efficient Exact Attention
#   with IO-Awareness*, NeurIPS 2022, [arXiv:2205.14135](https://arxiv.org/abs/2205.14135): what the online
#   softmax made possible
# - Triton's tutorial [*Fused Softmax*](https://triton-lang.org/main/getting-started/tutorials/02-fused-softmax.html)
# - M. Harris, [*Optimizing Parallel Reduction in CUDA*](https://developer.download.nvidia.com/assets/cuda/files/reduction.pdf),
#   NVIDIA: what `tl.sum` does for you
# - B. P. Welford, *Note on a Method for Calculating Corrected Sums of Squares and Products*, Technometrics
#   4(3), 1962: a variance in one walk
# - N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd edition, SIAM 2002: chapter 4 is
#   about sums
#
# ## The whole lesson

# %%
# %grade
