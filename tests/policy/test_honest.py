"""What students write in good faith is never refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grader.authoring.edits import whole_text
from grader.authoring.expectations import read_header
from grader.lesson import Course
from grader.policy import violation
from grader.results import Status
from tests.policy.texts import DOUBLE, KERNEL, inside, judged

ROOT = Path(__file__).parents[2]
COURSE = Course(ROOT)
KEPT = sorted((ROOT / "tests" / "submissions").glob("lesson*/*/*.py"))


@pytest.mark.parametrize("name", COURSE.names())
def test_a_solution_and_a_skeleton_break_no_rule(name: str) -> None:
    lesson = COURSE.lesson(name)
    for path in (lesson.solution, lesson.pristine_skeleton):
        for function in lesson.functions.values():
            whole = replace(function, differentiated=True)
            assert violation(path.read_text(), whole, lesson.imports) is None


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_an_honest_mistake_breaks_no_rule(file: Path) -> None:
    if any(line.status is Status.REFUSED for line in read_header(file).expectations):
        pytest.skip("says itself that it is refused")
    lesson = COURSE.lesson(file.parts[-3])
    text = whole_text(file, lesson.solution)
    for function in lesson.functions.values():
        whole = replace(function, differentiated=True)
        assert violation(text, whole, lesson.imports) is None


@pytest.mark.parametrize(
    "line",
    [
        "from __future__ import annotations",
        "import math",
        "import time, random, itertools, functools, collections, enum, dataclasses, typing",
        "from collections.abc import Callable, Sequence",
        "from typing import TYPE_CHECKING, Any, NamedTuple, Protocol",
        "from dataclasses import dataclass, field",
        "from functools import cache, lru_cache, partial, reduce, wraps",
        "import numpy as np",
        "import torch.nn.functional as F",
        "from torch import nn, Tensor",
        "from torch.autograd.function import once_differentiable",
        "from triton import Config, autotune, cdiv, jit",
        "from triton.runtime import driver",
        "from triton.testing import do_bench",
        "from triton.tools.tensor_descriptor import TensorDescriptor",
        "from triton.language.extra import libdevice",
        "try:\n    from triton.language.extra import libdevice\n"
        "except ImportError:\n    libdevice = None\nHAS = libdevice is not None",
        "__all__ = ['double']",
        "__author__ = 'A student'",
        "LOG2_E: tl.constexpr = tl.constexpr(1.4426950408889634)",
        "DEVICE = triton.runtime.driver.active.get_active_torch_device()",
        "DEVICE = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "properties = triton.runtime.driver.active.utils.get_device_properties(0)",
        "from triton.runtime import driver\nTARGET = driver.active.get_current_target().arch",
        "HAS_FP8 = hasattr(torch, 'float8_e4m3fn')",
        "FP8 = getattr(torch, 'float8_e4m3fn', None)",
        "Parameters = tuple[torch.Tensor, ...]",
        "CONFIGS = [triton.Config({'BLOCK': b}, num_warps=w) for b in (64, 128) for w in (4, 8)]",
        "@triton.heuristics({'EVEN': lambda args: args['n'] % args['BLOCK'] == 0})\n"
        "@triton.jit\ndef k(x_ptr, n, BLOCK: tl.constexpr, EVEN: tl.constexpr): pass",
        "torch.manual_seed(0)",
        "print(torch.__version__, triton.__version__)",
        "assert torch.cuda.is_available() or True, 'runs without as well'",
        "def exp(x):\n    return math_exp(x)",
        "def reference(x):\n    return torch.softmax(x, -1)",
        "@torch.compile\ndef baseline(x):\n    return torch.softmax(x, -1)",
        "def benchmark():\n    start = torch.cuda.Event(enable_timing=True)\n    import sys",
        "@triton.testing.perf_report([])\ndef benchmark(size):\n    return torch.rand(size)",
        "class Mode(__import_enum := object): pass",
        "if __name__ == '__main__':\n    import sys\n    sys.exit(main())",
        "triton.set_allocator(lambda size, align, stream: torch.empty(size, dtype=torch.int8))",
        "# import os; exec() and a stream of words: only a comment",
        "'''The stream of torch.softmax is evaluated (eval) elsewhere.'''",
    ],
)
def test_an_honest_line_at_the_top_is_fine(line: str) -> None:
    assert judged(f"{line}\n{KERNEL}{DOUBLE}") is None


@pytest.mark.parametrize(
    "statements",
    [
        "z = torch.zeros(x.shape, dtype=torch.float32, device=x.device)",
        "z = x.new_empty((3, 4)).reshape(-1).contiguous().view(4, 3).t().permute(1, 0)",
        "z = torch.full_like(x, float('-inf')).to(torch.float16).clone().float().half()",
        "z = torch.cat([x, y]); z = torch.stack((x, y)); z = torch.nn.functional.pad(x, (0, 3))",
        "x = x.unsqueeze(0).expand(3, -1).squeeze(0).flatten(); x.fill_(0); x.zero_(); x.copy_(y)",
        "if x.dtype not in (torch.float32, torch.bfloat16): raise TypeError(f'{x.dtype}')",
        "limit = torch.finfo(x.dtype).max, torch.iinfo(torch.int8).min, torch.float32.itemsize",
        "assert x.is_contiguous() and x.stride(0) == 1, f'stride {x.stride()}'",
        "import math\nn = math.prod(x.shape) if y else x.numel() * x.element_size() // x.dim()",
        "with torch.no_grad():\n    z = torch.empty_like(x)",
        "with torch.cuda.device(x.device):\n    torch.cuda.synchronize()",
        "sms = torch.cuda.get_device_properties(x.device).multi_processor_count",
        "grid = lambda meta: (triton.cdiv(x.numel(), meta['BLOCK']),)",
        "try:\n    double_kernel[(1,)](x)\nexcept Exception as e:\n    raise ValueError from e",
        "try:\n    z = torch.empty_like(x)\nfinally:\n    print(f'{x.shape=} {max(1, 2)}')",
        "import numpy as np\nblocks = int(np.ceil(x.numel() / 1024)) * np.prod(x.shape)",
        "numbers = sorted({1, 2} | {3}); numbers.sort(); numbers.index(1); {1}.add(2)",
        "text = ', '.join(str(n) for n in x.shape).replace('1', '2').split('x')[0].format(x)",
        "counts = {}; counts.setdefault(x.shape, []).append(1); counts.pop(x.shape, None)",
        "known = double.cache if hasattr(double, 'cache') else {}; double.cache = known",
        "key = (id(x), x.data_ptr(), hash(x.shape), type(x).__name__, x.__class__.__name__)",
        "ctx = y; ctx.save_for_backward(x); ctx.beta = 1.0; ctx.mark_non_differentiable(x)",
        "grad = x.grad if x.requires_grad else None; x.detach().requires_grad_()",
        "F, T, sum_, mean = x.shape[0], 2, 3, 4; total = sum([F, T]) + abs(-1) + round(1.5)",
        "stream = x; streams = [stream]  # only a name",
        "first, *rest = x.unbind(0); largest = max(len(rest), 1)",
        "device = getattr(x, 'device', None)",
        "double.__doc__, double.__name__",
        "seed = int(y.item())",
    ],
)
def test_an_honest_line_of_a_function_is_fine(statements: str) -> None:
    assert judged(inside(statements)) is None


def test_names_of_ones_own_are_free() -> None:
    text = """
import math
from dataclasses import dataclass
from typing import NamedTuple

class Range(NamedTuple):
    min: float
    max: float

@dataclass(frozen=True)
class Scale:
    mean: float = 0.0

    def __post_init__(self):
        super().__init__()

    def exp(self):
        return math.exp(self.mean)

    def __call__(self, n):
        return self.mean * n

def exp(value):
    return math.exp(value)

def double(x, matmul=None, torch_like=None):
    scale, limits = Scale(), Range(0.0, 1.0)
    return exp(scale.exp() + limits.max + scale.mean) + scale(3)
"""
    assert judged(text) is None


def test_a_local_name_may_hide_an_imported_one() -> None:
    text = """
import torch.nn.functional as F

def double(x):
    F = x.shape[-1]
    sizes = [F, 2 * F]
    return [T for T in sizes if T > F]
"""
    assert judged(text) is None


def test_methods_of_blocks_in_a_kernel_are_tritons() -> None:
    text = """
@triton.jit
def double_kernel(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, BLOCK))
    x = x.exp().sum(axis=0).max().abs().log().sqrt()
    y = tl.inline_asm_elementwise("mov.b32 $0, $1;", "=r,r", [x], tl.int32, True, 1)
    z = tl.extra.cuda.libdevice.tanh(y) + tl.math.exp2(y) + tl.sum(x, axis=0)
    tl.store(z_ptr, z.to(tl.float32))
""" + DOUBLE.lstrip()
    assert judged(text) is None


def test_a_tutorial_with_its_benchmark_is_fine() -> None:
    text = f"""
import time
{KERNEL}{DOUBLE}

def check(n: int = 1 << 20) -> None:
    x = torch.randn(n)
    torch.testing.assert_close(double(x), x * 2)


def benchmark(n: int) -> float:
    start = time.perf_counter()
    double(torch.randn(n)).sum().item()
    return time.perf_counter() - start


if __name__ == "__main__":
    import matplotlib.pyplot as plt

    check()
    plt.plot([benchmark(2**i) for i in range(20)])
    assert torch.allclose(double(torch.ones(3)), torch.full((3,), 2.0))
"""
    assert judged(text) is None
