# %% [markdown]
# # 01 · GPU intro and elementwise operations
#
# A GPU adds two vectors at the speed at which its memory delivers them, if you let it. In this
# lesson you write three *kernels* (functions that run on the GPU) that let it, see every element
# that they touch, and measure them in a way that you can defend.
#
# **You will be able to**
# - say what a grid, a program, a block, a lane and a mask are, and draw them;
# - turn indices into addresses: offsets, strides, two-dimensional tiles;
# - count the bytes that a kernel must move, and from them the shortest time it can take;
# - time a kernel without fooling yourself.
#
# **You need** Python, and the basics of torch tensors. No GPU knowledge; not even a GPU: without
# one, kernels run in the course's *interpreter*, a stand-in for the GPU that executes them step by
# step on the CPU. It is slow, so tensors are small there, and every speed shown says where it was
# measured.
#
# **Time** about two and a half hours, half of it at the kernels.

# %% [markdown]
# ## Set up and check
#
# Everything is installed if you opened this notebook from the course's environment (`make setup`).
# Elsewhere, `pip install torch` on Linux brings the matching Triton along. Triton needs Linux, and
# for real speed an NVIDIA GPU with its driver, of *compute capability* (NVIDIA's number for the
# generation) 8.0 or later.
#
# The table below is about the GPU that this notebook speaks of. Its words come in the next section.

# %%
# %load_ext grader

import torch
import triton
import triton.language as tl

from grader import lab

mine = lab.exercise("lesson01")  # your file, lesson01.py beside this notebook
print(f"torch {torch.__version__}, triton {triton.__version__}, kernels run on: {lab.device}")
lab.machine()

# %% [markdown]
# Versions prove little; a kernel that gives the right answer proves more. This one runs eight
# times at once, and each of the eight writes its own number. Its parts are explained further down.


# %%
@triton.jit
def who_am_i(out_ptr):
    program = tl.program_id(0)
    tl.store(out_ptr + program, program)


numbers = torch.full((8,), -1, dtype=torch.int32, device=lab.device)
who_am_i[(8,)](numbers)
print(numbers.tolist())
assert numbers.tolist() == list(range(8)), "Triton does not work here: see `course doctor`"

# %% [markdown]
# ## Where the time goes
#
# **Before you read on, guess:** to add two numbers, what takes longer, the addition or fetching
# the numbers? By how much?
#
# A GPU is many small processors, the *streaming multiprocessors* (SMs), around one large memory.
# Each SM executes *threads*, sequences of instructions, in groups of 32, the *warps*: all 32 do the
# same instruction at the same time, on different data.
#
# What differs from a CPU is mostly what happens while data are on their way. A CPU tries hard not
# to wait (large caches, guesses). An SM lets one warp wait and goes on with another.

# %%
lab.memory_hierarchy()

# %% [markdown]
# From top to bottom, data get farther from the arithmetic. Your tensors live in *GPU memory*. A
# kernel brings pieces of them into *registers*, where each thread has the numbers that it works on,
# computes there, and sends results back. On the way are *caches*, which keep what was used last.
#
# How much arithmetic could the GPU do in the time that one byte takes on that way? Three words for
# the answer. *fp32* and *fp16* are floating-point numbers of 32 and 16 bits (*bf16*, too, has 16:
# the range of fp32 with fewer digits). A *FLOP* is one operation on such numbers. A GPU is
# fastest at matrix products; the rate below is that of large ones in fp16.

# %%
gpu = lab.machine()
rate, copy = gpu.ridge_rates("float16")
print(f"{gpu.label}")
print(f"memory:   {copy / 1e12:.2f} TB/s    products in fp16: {rate / 1e12:.0f} TFLOP/s")
print(f"so in the time of one byte it could do {gpu.balance():.0f} operations")
print(f"an fp32 addition needs 12 bytes (read 4 + 4, write 4): 1 operation in {12} bytes")

# %% [markdown]
# An addition uses almost none of the arithmetic. It is **bound by memory**: the bytes decide, and
# everything in this lesson is about moving each byte once, in long runs.
#
# ### Bandwidth is not latency
#
# *Bandwidth* is how many bytes arrive in a second; *latency* is how long one byte is under way.
# To measure latency, let one load follow the other along a chain: each gives the address of the
# next, so that none can start before the last has ended.


# %%
@triton.jit
def follow(chain_ptr, out_ptr, steps):
    place = tl.load(out_ptr)
    for _ in range(steps):
        place = tl.load(chain_ptr + place)
    tl.store(out_ptr, place)


def latency_seconds():
    n, stride, steps = 2**26, 2**20 + 513, 2_000  # far apart, more than the L2 cache holds
    chain = (torch.arange(n, device=lab.device) + stride) % n
    out = torch.zeros(1, dtype=torch.int64, device=lab.device)
    spread = lab.spreads({"follow": lambda: follow[(1,)](chain, out, steps)}, rounds=5)
    return spread["follow"].median / steps


latency = lab.measured("lesson01/latency", latency_seconds)
if latency.known:
    in_flight = latency.value * copy
    print(f"one load from far away: {latency.value * 1e9:.0f} ns")
    print(f"needed under way at any time, to keep the memory busy: {in_flight / 1e6:.1f} MB")
    print(f"that is {in_flight / gpu.multiprocessors / 1024:.0f} KiB for each SM")
print(latency.source)

# %% [markdown]
# Bytes under way = bandwidth × latency (*Little's law*). A thread that waits for one number at a
# time would reach a tiny fraction of the bandwidth. That is why a GPU wants very many threads, and
# why each should ask for several elements at once: the more loads are under way together, the less
# the latency of one matters.

# %% [markdown]
# ## Grid, program, block, lane
#
# You write a kernel for **one program**. A *launch*, `kernel[grid](arguments)`, starts a whole
# **grid** of programs: the tuple `grid` says how many. All run the same code, and each asks
# `tl.program_id(0)` which one it is. A tensor among the arguments arrives as a *pointer*, the
# address of its first element.
#
# In Triton a program does not work on single numbers but on a **block**: a vector of *lanes*, such
# as `tl.arange(0, 64)`, whose length is a power of two. The compiler spreads the lanes over threads.
#
# If the vector's length is no multiple of the block, the last program has lanes left over. Those
# are **masked**: they must neither read nor write. Move the slider: which block sizes waste most
# lanes on 300 elements, and which makes fewest programs?

# %%
lab.explore(lambda BLOCK: lab.block_mapping(300, BLOCK), BLOCK=[16, 32, 64, 128, 256, 512])

# %% [markdown]
# How many programs does it take? $n / \text{BLOCK}$ rounded **up**: `triton.cdiv(n, BLOCK)`.
# Rounded down, the tail would be forgotten.

# %%
rows = [
    [str(block), str(300 // block), str(triton.cdiv(300, block)), str(-300 % block)]
    for block in (16, 32, 64, 128, 256, 512)
]
lab.Table(["BLOCK", "300 // BLOCK", "cdiv(300, BLOCK)", "idle lanes"], rows)

# %% [markdown]
# ## A worked example: `clip`
#
# Not one of your exercises, but it has all that they need: `clip(x, low, high)` limits every
# element of a vector to `low ... high`.
#
# Four steps, in nearly every kernel you will ever write:
# 1. **Which elements are mine?** `program_id(0) * BLOCK`, and the `BLOCK` after it.
# 2. **Which of them exist?** the mask.
# 3. **Load**, compute in registers.
# 4. **Store** under the same mask.
#
# `x_ptr` is the address of the first element. `x_ptr + offsets` is a block of addresses, one a
# lane: pointer arithmetic counts in *elements*, not in bytes.


# %%
@triton.jit
def clip_kernel(z_ptr, x_ptr, low, high, n, BLOCK: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BLOCK  # int64: n may pass 2**31
    offsets = start + tl.arange(0, BLOCK)  # [BLOCK]
    mask = offsets < n  # [BLOCK], false beyond the end
    x = tl.load(x_ptr + offsets, mask=mask)  # read: 4 bytes a lane in fp32
    z = tl.minimum(tl.maximum(x, low), high)  # 2 operations, in registers
    tl.store(z_ptr + offsets, z, mask=mask)  # written: 4 bytes a lane


def clip(x, low, high, BLOCK=64):
    z = torch.empty_like(x)
    grid = (triton.cdiv(x.numel(), BLOCK),)
    clip_kernel[grid](z, x, low, high, x.numel(), BLOCK=BLOCK)
    return z


x = torch.randn(300, device=lab.device)
torch.testing.assert_close(clip(x, -1.0, 1.0), x.clamp(-1.0, 1.0))
print("clip agrees with torch.clamp on", x.numel(), "elements")

# %% [markdown]
# `BLOCK: tl.constexpr` is a number that the compiler knows: it has to, since a block has a fixed
# shape. `low`, `high` and `n` are ordinary arguments, known only when the kernel runs.
#
# ### See what it touches
#
# `lab.record()` runs launches in the course's interpreter, which notes every access of every
# program. Colour and number: the program. Hatched: lanes that the mask keeps away. Each program
# takes a run of neighbours, for a reason: memory comes in *sectors* of 32 bytes, whole or not at all.

# %%
with lab.record() as seen:
    clip(x, -1.0, 1.0)
seen.plot("x_ptr")

# %% [markdown]
# By hand: 300 elements, each read once and written once, 4 bytes each, make
# $300 \cdot (4 + 4) = 2400$ bytes and $300 \cdot 2 = 600$ operations. What did the launch do?

# %%
launch = seen.launches[0]
moved = sum(tensor.bytes_loaded + tensor.bytes_stored for tensor in launch.tensors)
assert moved == 300 * (4 + 4), moved
print(f"{launch.programs} programs moved {moved} bytes, as counted by hand")
seen.table()

# %% [markdown]
# ### And without the mask?
#
# Python would raise an IndexError. A GPU does not: beyond the end of a tensor lies other memory,
# and the kernel reads and overwrites it. The interpreter catches what a GPU lets pass.


# %%
@triton.jit
def clip_unmasked(z_ptr, x_ptr, low, high, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets)
    tl.store(z_ptr + offsets, tl.minimum(tl.maximum(x, low), high))


with lab.record() as broken:
    clip_unmasked[(5,)](torch.empty_like(x), x, -1.0, 1.0, 300, BLOCK=64)
for fault in broken.faults:
    print(f"{fault.kind}: {fault.message}")
broken.plot("z_ptr")

# %% [markdown]
# The crosses are 20 stores into memory that belongs to somebody else, and the first 300 results
# are still right: **a right result does not prove that a kernel is right.** That is why
# `grade` looks at accesses, too.
#
# ## What `@triton.jit` does, and when
#
# The decorator compiles nothing. The first *launch* does: Triton translates the function for the
# types of its arguments and the values of its `constexpr` arguments, and keeps the machine code,
# in this process and on disk (`~/.triton/cache`, so a restarted notebook only loads it).
#
# A launch with another dtype or another `BLOCK` compiles again, another `n` normally does not. Two
# exceptions: an integer that is 1 gets code of its own, and so does one that is a multiple of 16,
# as both allow better code. On a GPU the cell also prints, in PTX, NVIDIA's assembly language, those
# lines of the result that speak of GPU memory: the pointers among the parameters (`.param`), the
# loads (`ld`) and the stores (`st`).

# %%
if lab.on_gpu:
    before = clip_kernel[(1,)](x, x, -1.0, 1.0, 300, BLOCK=64)
    other_n = clip_kernel[(1,)](x, x, -1.0, 1.0, 299, BLOCK=64)
    third_n = clip_kernel[(1,)](x, x, -1.0, 1.0, 298, BLOCK=64)
    other_block = clip_kernel[(1,)](x, x, -1.0, 1.0, 300, BLOCK=128)
    print("n = 299 and 298: same code?", other_n is third_n)
    print("BLOCK = 64 and 128: same code?", before is other_block)
    print("registers a thread:", before.n_regs, "  instructions (PTX):")
    print("\n".join(line for line in before.asm["ptx"].splitlines() if "global" in line)[:800])
else:
    print("This machine has no GPU: kernels are interpreted, not compiled.")
    print("`grade` still compiles yours, for several GPUs, to see that a GPU could run them.")

# %% [markdown]
# ## Your turn
#
# Open `lesson01.py` beside this notebook. Its TODOs are numbered; fill them in, **save**, and run
# the cells below. They always use the saved file. Stuck? `grade lesson01 --hint test_add_any_length`
# in a terminal gives a nudge, then the idea, then nearly the answer.

# %%
mine

# %% [markdown]
# ### 1 · `add(x, y)`
#
# TODO 1 to 3: the kernel alone; its launch is given. It is `clip` with two inputs. New is only the
# type: sum in fp32 (`.to(tl.float32)`) whatever the tensors hold, so that there is one rounding.
# `tl.store` rounds to the type of the tensor.
#
# The picture shows what *your* kernel reads, once there is one. 2500 elements do not fill the last
# block: do you see its masked lanes?

# %%
x, y = torch.randn(2, 2500, device=lab.device)
lab.touches(lambda: mine.add(x, y)).plot("x_ptr", kernel="add_kernel")

# %% [markdown]
# **Vectors of any length** (2 points)

# %%
# %grade test_add_any_length

# %% [markdown]
# **Tensors of any shape** (1 point). The elements of a *contiguous* tensor lie one after another in
# memory, whatever its shape. Does your kernel need to know the shape?

# %%
# %grade test_add_any_shape

# %% [markdown]
# **Half precision**, that is fp16 and bf16 (1 point)

# %%
# %grade test_add_half_precision

# %% [markdown]
# **Special values** (1 point): infinities, and *NaN*, "not a number", which is what $\infty - \infty$
# or $0 / 0$ give. They have to come out as torch's `+` gives them.

# %%
# %grade test_add_special_values

# %% [markdown]
# ### 2 · `saxpy(a, x, y)`
#
# $a \cdot x + y$, TODO 4 to 6: kernel *and* launch. `a` is one number for all elements, passed by
# value like `low` and `high` above: it arrives as fp32 and costs no memory traffic. The grid is a
# tuple, even with one number in it.

# %%
lab.touches(lambda: mine.saxpy(2.0, x, y)).plot("z_ptr", kernel="saxpy_kernel")

# %% [markdown]
# **Vectors of any length, 0 included** (1 point)

# %%
# %grade test_saxpy_any_length

# %% [markdown]
# **Any factor** (1 point). Why is $0 \cdot \infty + y$ not $y$?

# %%
# %grade test_saxpy_scalar

# %% [markdown]
# **Computed in fp32** (1 point). How much does it matter? Below: the error of $0.3 x + y$ in fp16,
# for numbers whose two terms nearly cancel. Once every step is rounded, once only the last.

# %%
xs = torch.randn(4096).half()
ys = (-0.3 * xs.float() + 0.01 * torch.randn(4096)).half()
exact = 0.3 * xs.double() + ys.double()
stepwise = (torch.tensor(0.3).half() * xs) + ys
once = (0.3 * xs.float() + ys.float()).half()
lab.histograms(
    {"rounded at each step": stepwise.double() - exact, "rounded once": once.double() - exact},
    xlabel="error of 0.3 x + y",
)

# %%
# %grade test_saxpy_half_precision

# %% [markdown]
# ### 3 · `add_rows(x, row)`
#
# One row is added to every row of a matrix; TODO 7 to 11. Two things are new.
#
# **Tiles.** A program takes `BLOCK_M` rows and `BLOCK_N` columns. The grid has two axes, and a
# program two numbers: `tl.program_id(0)` and `tl.program_id(1)`. As in torch, a column of row
# indices `rows[:, None]` and a row of column indices `columns[None, :]` combine to a whole tile, of
# offsets or of masks. Two conditions on masks are joined by `&` (not by `and`).
#
# Which tiles hang over the edge of this matrix?

# %%
lab.explore(
    lambda BLOCK_M, BLOCK_N: lab.tile_mapping(10, 50, BLOCK_M, BLOCK_N),
    BLOCK_M=[1, 2, 4, 8],
    BLOCK_N=[8, 16, 32, 64],
    start={"BLOCK_M": 4, "BLOCK_N": 16},
)

# %% [markdown]
# **Strides.** Element $(i, j)$ lies $i \cdot \text{stride}_0 + j$ elements after element $(0, 0)$.
# The row stride is the number of columns only if the rows lie back to back.

# %%
wide = torch.arange(60.0, device=lab.device).reshape(5, 12)
part = wide[:, 2:9]
print("shape", tuple(part.shape), " strides", part.stride(), " contiguous:", part.is_contiguous())
i, j = 3, 4
flat = wide.reshape(-1)
start = part.storage_offset()
print("part[3, 4] =", part[i, j].item(), "=", flat[start + i * part.stride(0) + j].item())
print("with 7 for the row stride we would read", flat[start + i * 7 + j].item())
repeated = wide[:1].expand(5, 12)
print("one row shown five times:", tuple(repeated.shape), repeated.stride())

# %% [markdown]
# Your kernel on such a part of a wider matrix. Rows of the picture are rows of `x`; does each
# program read a rectangle? (Beyond the last row and the last column, the picture has room for one
# line of cells each, however many lanes are masked there.)

# %%
matrix = torch.randn(10, 700, device=lab.device)[:, :600]
row = torch.randn(600, device=lab.device)
lab.touches(lambda: mine.add_rows(matrix, row)).plot("x_ptr", kernel="add_rows_kernel")

# %% [markdown]
# **Matrices of any height and width** (2 points)

# %%
# %grade test_add_rows_any_shape

# %% [markdown]
# **Any row stride** (1 point)

# %%
# %grade test_add_rows_any_stride

# %% [markdown]
# **Rows far apart** (1 point). Program ids and `tl.arange` are 32-bit integers. What is row 2 times
# a stride of $2^{30} + 64$ in 32 bits?

# %%
stride = torch.tensor(2**30 + 64, dtype=torch.int32)
print("in int32:", (2 * stride).item(), "   in int64:", (2 * stride.long()).item())

# %%
# %grade test_add_rows_far_apart

# %% [markdown]
# ### All three
#
# **No access out of bounds** (1 point)

# %%
# %grade test_stays_in_bounds

# %% [markdown]
# **Each element read once and written once** (1 point). Before you ask the grader: what does the
# record say? The dashed line is the fewest bytes that `add` (or `saxpy`) can move.

# %%
lab.traffic(
    {
        "torch: x + y": lambda: x + y,
        "torch: 2 * x + y": lambda: 2 * x + y,
        "your add": lambda: mine.add(x, y),
        "your saxpy": lambda: mine.saxpy(2.0, x, y),
    },
    least=3 * 4 * x.numel(),
).plot()

# %% [markdown]
# `2 * x + y` in torch is two kernels: the first writes $2x$ to memory, the second reads it back.
# Doing both in one kernel is called *fusion*, and the subject of lesson 2.

# %%
# %grade test_moves_each_byte_once

# %% [markdown]
# ## How fast is it?
#
# Timing a kernel is easy to get wrong, in five ways:
#
# 1. **The first call compiles.** Warm up first.
# 2. **Launches are asynchronous.** A launch puts work into a queue and returns. A clock of the
#    *host*, that is the CPU's, measures only the queueing if it does not wait for the end.
# 3. **Waiting costs, too.** A short kernel drowns in the time of the way to the GPU and back.
#    Timestamps of the GPU itself (*events*) go into the same queue as the kernel, around it.
# 4. **Caches.** Called again on the same data, a kernel finds them in L2, where they would not
#    be in a real program. Between calls the cache has to be filled with something else.
# 5. **Clocks and neighbours.** GPUs change their clock rate with heat and power. Whatever is
#    compared is measured in turns, many times; the median counts, and the spread is shown.


# %%
n = lab.sizes(gpu=2**22, cpu=2**10)
values = torch.randn(n, device=lab.device)
timed = lab.clocks(
    "lesson01/clocks",
    first=lambda: clip(values, -0.7, 0.7, BLOCK=2048),  # this BLOCK was never compiled
    again=lambda: clip(values, -0.7, 0.7, BLOCK=2048),
)
lab.clocks_plot(timed)

# %% [markdown]
# All five clocks timed the same call. The last one is what `lab.benchmark` and the grader's speed
# tests do. Now yours: `add` over sizes, against torch, `torch.compile`, and the machine's ceiling,
# which is the bandwidth that a large copy reaches. (In the outputs that this notebook came with, the
# *reference solution* stands where you will see *yours*.)

# %%
speed = lab.benchmark(
    "lesson01/add",
    {"yours": mine.add, "torch": torch.add, "torch.compile": lab.compiled(torch.add)},
    sizes=[2**16, 2**18, 2**20, 2**22, 2**24, 2**26],
    make_inputs=lambda n: tuple(torch.randn(2, n, device=lab.device)),
    bytes_moved=lambda n: 3 * 4 * n,
    xlabel="elements (fp32)",
)
speed.plot("add: useful bytes per second")

# %%
speed.table()

# %% [markdown]
# **Read it.** Left, all lines are far below the ceiling: the kernels are so short that starting and
# ending them is most of their time. Right, they flatten out: there, only bytes count. Nobody can be
# much faster than the copy. So where `torch.add` is near the ceiling, the best you can do is to be
# as fast as torch. Where do the lines begin to flatten? Compare torch's time with the time that the
# bytes alone would take:

# %%
if speed.times:
    at = {size: times[0] for size, times in sorted(speed.times["torch"].items())}
    for size, seconds in at.items():
        least = 12 * size / copy
        print(f"{size:>12,}: {seconds * 1e6:8.1f} µs, bytes alone {least * 1e6:7.1f} µs")
print(speed.found.source)

# %% [markdown]
# **As fast as torch.add** (6 points; needs a GPU, so without one the points stay open). You need not
# reach torch's speed on *your* GPU entirely, and being close to the copy bandwidth is enough, too.

# %%
# %grade test_add_speed

# %% [markdown]
# ## Common mistakes
#
# | The report says | It means | Do this |
# |---|---|---|
# | `todo-left` | a TODO of what this test needs is still there | the report names the line |
# | `tail-not-written` | the last, partly filled block is missing | round the grid up: `triton.cdiv` |
# | `missing-program-offset` | every program works on the first block | `tl.program_id(0) * BLOCK` |
# | `out-of-bounds`, `missing-store-mask` | lanes beyond the end read or write | `mask=` on *every* load and store |
# | `operand-used-twice` | `x + x` or `y + y` | look at both pointers |
# | `scalar-truncated` | `a` became an integer | pass it as it is |
# | `low-precision` | computed in fp16 or bf16 | `.to(tl.float32)` right after each load |
# | `row-indexed-by-row` | `row[i]` where `row[j]` belongs | column indices for `row` |
# | `wrong-row-stride` | rows assumed back to back | multiply by the stride argument |
# | `offset-overflow` | an offset passed $2^{31}$ in int32 | `.to(tl.int64)` *before* multiplying |
# | `wrong-dtype` | the output has another type than the input | `torch.empty_like(x)` |
# | `too-much-traffic` | an element is loaded or stored twice | keep it in a variable |

# %% [markdown]
# ## Bytes and FLOPs
#
# Counted by hand, for $n$ elements of $b$ bytes, and a matrix of $m$ rows and $n$ columns. The last
# two columns are for $n = 2^{26}$ in fp32, and for `add_rows` $2^{13} \times 2^{13}$: the bytes, and
# the time in which a large copy moves as many, on the GPU of the table at the top. No kernel can be
# much faster, but a few percent may be left: on the H200 of the stored outputs, `torch.add` took
# 184 µs, not 189.

# %%
n, b, side = 2**26, 4, 2**13
counts = {
    "add": ("3 n b", "n", 3 * n * b, n),
    "saxpy": ("3 n b", "2 n", 3 * n * b, 2 * n),
    "add_rows": ("2 m n b + n b", "m n", 2 * side * side * b + side * b, side * side),
    "clip": ("2 n b", "2 n", 2 * n * b, 2 * n),
}
rows = [
    [
        name,
        nbytes,
        flops,
        f"{work / total:.3f}",
        f"{total / 1e6:.0f} MB",
        f"{total / copy * 1e6:.0f} µs",
    ]
    for name, (nbytes, flops, total, work) in counts.items()
]
headings = ["", "bytes", "operations", "operations a byte", "bytes here", "at least"]
lab.Table(headings, rows, note=f"{gpu.label}: {copy / 1e12:.2f} TB/s")

# %% [markdown]
# The same in a picture, which comes again in every lesson: the **roofline**. To the right, more
# operations for each byte; upwards, more operations in a second. No kernel gets above the line,
# but for those few percent. On the left the memory's bandwidth sets it, on the right the rate of the
# arithmetic. Where the two meet, at the *ridge*, are the operations a byte that you computed at the
# beginning.

# %%
points = {name: (work / total, None) for name, (_, _, total, work) in counts.items()}
lab.roofline(points)

# %% [markdown]
# All four sit far left of the ridge: no arithmetic, however clever, makes them faster. Fewer bytes do.

# %% [markdown]
# ## Questions to think about
#
# 1. Your kernel runs as fast in fp16 as in fp32 per *byte*. How much faster is it per *element*?
# 2. With `BLOCK = 16`, the result is right. Why could it be slow? Think of bytes under way.
# 3. `add_rows` reads `row` again in every tile down the matrix. Why does that hardly cost time?
# 4. A lane that is masked moves no bytes. Does it cost anything?
# 5. Let lane `k` of a program take element `k * programs + program_id`: each element is still
#    touched once. Draw it with `lab.record()`, and print `seen.launches[0].tensors`:
#    `sector_efficiency` is the share of the fetched sectors that would have been enough. What does
#    a warp ask of the memory now?

# %% [markdown]
# ## Further reading
#
# - P. Tillet, H. T. Kung, D. Cox, *Triton: An Intermediate Language and Compiler for Tiled Neural
#   Network Computations*, MAPL 2019, [doi:10.1145/3315508.3329973](https://doi.org/10.1145/3315508.3329973)
# - [Triton's tutorials](https://triton-lang.org/main/getting-started/tutorials/index.html), of which
#   *Vector Addition* is the first
# - S. Rush, [Triton-Puzzles](https://github.com/srush/Triton-Puzzles): small kernels to solve, with pictures
# - NVIDIA, [CUDA Programming Guide](https://docs.nvidia.com/cuda/cuda-programming-guide/):
#   the chapters on the programming model and on hardware
# - S. Williams, A. Waterman, D. Patterson, *Roofline: An Insightful Visual Performance Model for
#   Multicore Architectures*, CACM 52(4), 2009, [doi:10.1145/1498765.1498785](https://doi.org/10.1145/1498765.1498785)
# - C. L. Lawson, R. J. Hanson, D. R. Kincaid, F. T. Krogh, *Basic Linear Algebra Subprograms for
#   Fortran Usage*, ACM TOMS 5(3), 1979: where `saxpy` has its name from
#
# ## The whole lesson

# %%
# %grade
