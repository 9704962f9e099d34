"""Other ways to say the same are read as the same."""

from __future__ import annotations

import pytest

from tests.policy.texts import inside, judged, kind


@pytest.mark.parametrize(
    "statements",
    [
        "from torch import matmul as f\nreturn f(x, y)",
        "from torch.nn import functional\nreturn functional.linear(x, y)",
        "from torch.nn.functional import linear as f\nreturn f(x, y)",
        "import torch.nn.functional as F\nreturn F.linear(x, y)",
        "import torch as t\nreturn t.mm(x, y)",
        "f = torch.mm\nreturn f(x, y)",
        "f = g = torch.mm\nreturn g(x, y)",
        "T = torch.Tensor\nreturn T.mm(x, y)",
        "(T := torch.Tensor).mm(x, y)",
        "return getattr(torch, 'mm')(x, y)",
        "return getattr(x, 'mm')(y)",
        "return getattr(getattr(torch, 'nn'), 'functional').linear(x, y)",
        "return (torch if x is y else None).mm(x, y)",
        "return (None or torch).mm(x, y)",
        "return (lambda: torch)().mm(x, y)",
        "return [f(x, y) for f in [torch.mm]]",
        "return f'{torch.mm(x, y)}'",
        "def g(f=torch.mm):\n    return f(x, y)\nreturn g()",
        "class A:\n    f = torch.mm\nreturn A.f(x, y)",
        "match x:\n    case torch.Tensor(mm=f):\n        return f(y)",
        "import functools\nreturn functools.partial(torch.mm, x)(y)",
        "return list(map(torch.mm, [x], [y]))",
        "try:\n    return torch.mm(x, y)\nexcept Exception:\n    return x",
        "assert torch.mm(x, y) is not None",
        "return (yield torch.mm(x, y))",
        "async def g():\n    return torch.mm(x, y)",
        "[0 for torch in ()]\nreturn torch.mm(x, y)",
        "x.mm.__call__(y)",
    ],
)
def test_a_computation_of_torch_is_found_under_another_name(statements: str) -> None:
    assert kind(judged(inside(statements))) in ("torch-instead-of-kernel", "module-as-value")


@pytest.mark.parametrize(
    "statements",
    [
        "run = exec\nrun('1')",
        "[run for run in (eval,)]",
        "getattr(torch, 'm' + 'm')(x, y)",
        "getattr(*(torch, 'mm'))(x, y)",
        "map(getattr, [torch], ['mm'])",
        "from functools import partial\npartial(getattr, torch)('mm')",
        "hasattr(x, name := 'mm')",
        "import operator\noperator.methodcaller('mm', y)(x)",
        "from operator import attrgetter\nattrgetter('mm')(x)",
        "import typing\ntyping.get_type_hints(x)",
        "import builtins as math",
        "import importlib.util",
        "from importlib import import_module",
        "getattr(x, '__class__')",
        "match x:\n    case object(__class__=c):\n        pass",
        "__loader__.load_module('os')",
        "import dataclasses\ndataclasses.sys.modules",
        "import collections.abc\ncollections.abc.sys",
        "torch.os.system('true')",
        "torch.Tensor.__dict__['mm'](x, y)",
        "type(x).__subclasses__()",
        "x.__class__.mm(x, y)",
        "try:\n    1 / 0\nexcept Exception as error:\n    error.__traceback__.tb_frame",
        "modules = [torch]",
        "modules = {'torch': torch}",
        "print(*[torch])",
        "def g(t=torch): pass",
        "for t in (torch,): pass",
        "match torch:\n    case t: pass",
        "x.t = torch",
        "return torch",
        "t = torch\nt.softmax = print",
        "Tensor = torch.Tensor\nTensor.add = print",
        "from torch import Tensor\nTensor.add = print",
        "(torch.x, y) = 1, 2",
        "with x as torch.y: pass",
        "getattr(torch, 'Tensor').add = print",
        "torch.cuda.__dict__['Event'] = None",
        "tl.math.names['x'] = 1",
        "jit = torch.jit\njit.script(x)",
    ],
)
def test_other_ways_around_are_found(statements: str) -> None:
    assert judged(inside(statements)) is not None


def test_a_decorator_of_the_same_name_makes_no_kernel() -> None:
    text = "def jit(f):\n    return f\n@jit\ndef product(x, y):\n    return x.mm(y)\n"
    found = judged(text + inside("return product(x, y)"))
    assert kind(found) == "torch-instead-of-kernel"


def test_a_kernel_is_one_under_whatever_name_jit_has() -> None:
    text = """
from triton import jit as compiled

@compiled
def maximum(x):
    return x.exp().max()

@triton.autotune(configs=[triton.Config({})], key=[])
@triton.jit(noinline=True)
def double_kernel(x):
    return maximum(x).sum()

def double(x):
    return double_kernel[(1,)](x)
"""
    assert judged(text) is None


def test_global_at_the_top_hides_nothing() -> None:
    assert judged("global torch\n" + inside("return torch.mm(x, y)")) is not None
