"""Each rule is broken by a line of a submission, and told with that line and a way out."""

from __future__ import annotations

import pytest

from tests.policy.texts import DOUBLE, FIRST_LINE, KERNEL, inside, judged, kind


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import os", "forbidden-import"),
        ("import sys", "forbidden-import"),
        ("import ctypes", "forbidden-import"),
        ("import subprocess", "forbidden-import"),
        ("import threading", "forbidden-import"),
        ("import gc", "forbidden-import"),
        ("import inspect", "forbidden-import"),
        ("import importlib", "forbidden-import"),
        ("import grader", "forbidden-import"),
        ("import math, os", "forbidden-import"),
        ("import os.path as math", "forbidden-import"),
        ("from os import environ", "forbidden-import"),
        ("from . import reference", "forbidden-import"),
        ("from .reference import softmax", "forbidden-import"),
        ("from torch import *", "forbidden-import"),
        ("import torch._C", "forbidden-import"),
        ("import torch.utils.cpp_extension", "forbidden-import"),
        ("from torch.utils._python_dispatch import TorchDispatchMode", "forbidden-import"),
        ("from torch import library", "forbidden-call"),
        ("from torch import _C", "forbidden-attribute"),
        ("from dataclasses import sys", "forbidden-attribute"),
        ("from triton import knobs", "forbidden-attribute"),
        ("exec('x = 1')", "forbidden-call"),
        ("eval('1')", "forbidden-call"),
        ("compile('1', '', 'eval')", "forbidden-call"),
        ("__import__('os')", "forbidden-call"),
        ("open('notes.txt')", "forbidden-call"),
        ("input()", "forbidden-call"),
        ("globals()['x'] = 1", "forbidden-call"),
        ("locals()", "forbidden-call"),
        ("vars(torch)", "forbidden-call"),
        ("setattr(torch, 'x', 1)", "forbidden-call"),
        ("delattr(torch, 'mm')", "forbidden-call"),
        ("breakpoint()", "forbidden-call"),
        ("name = 'mm'; getattr(tl, name)", "forbidden-call"),
        ("torch.set_default_device('cuda')", "forbidden-call"),
        ("torch.set_float32_matmul_precision('high')", "forbidden-call"),
        ("torch.ops.load_library('x')", "forbidden-call"),
        ("torch.load('answers.pt')", "forbidden-call"),
        ("().__class__.__base__", "forbidden-attribute"),
        ("print.__self__", "forbidden-attribute"),
        ("(lambda: 0).__globals__", "forbidden-attribute"),
        ("__builtins__", "forbidden-attribute"),
        ("__name__ = '__main__'", "forbidden-attribute"),
        ("def __getattr__(name): return 1", "forbidden-attribute"),
        ("(i for i in ()).gi_frame", "forbidden-attribute"),
        ("torch._dynamo", "forbidden-attribute"),
        ("triton.knobs.runtime.launch_enter_hook.add(print)", "forbidden-attribute"),
        ("triton.runtime.driver.set_active(None)", "forbidden-attribute"),
        ("torch.softmax = print", "patched-module"),
        ("torch.Tensor.add = print", "patched-module"),
        ("tl.load = print", "patched-module"),
        ("triton.cdiv = print", "patched-module"),
        ("del torch.softmax", "patched-module"),
        ("torch.backends.cuda.matmul.allow_tf32 = True", "patched-module"),
        ("torch.x: int = 1", "patched-module"),
        ("torch.x += 1", "patched-module"),
        ("for torch.x in (1,): pass", "patched-module"),
        ("double_kernel.run = print", "patched-kernel"),
        ("class Lazy(torch.Tensor): pass", "forbidden-class"),
        ("class Lazy:\n    def __torch_function__(self): pass", "forbidden-attribute"),
        ("t = torch", "module-as-value"),
        ("print(torch)", "module-as-value"),
    ],
)
def test_what_a_file_does_on_import_refuses_every_function(line: str, expected: str) -> None:
    found = judged(f"{line}\n{KERNEL}{DOUBLE}")
    assert found is not None
    assert (found.kind, found.line) == (expected, FIRST_LINE + line.count("\n"))
    assert judged(f"{line}\n{KERNEL}{DOUBLE}", function="other") is not None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return torch.softmax(x, -1)", "torch-instead-of-kernel"),
        ("return torch.nn.functional.softmax(x, -1)", "torch-instead-of-kernel"),
        ("return torch.special.erf(x)", "torch-instead-of-kernel"),
        ("return torch.Tensor.matmul(x, y)", "torch-instead-of-kernel"),
        ("return torch.rand_like(x)", "torch-instead-of-kernel"),
        ("return x.softmax(-1)", "torch-instead-of-kernel"),
        ("return x.view(-1).matmul(y)", "torch-instead-of-kernel"),
        ("return x.float().sum()", "torch-instead-of-kernel"),
        ("return x.max()", "torch-instead-of-kernel"),
        ("x.exp_()", "torch-instead-of-kernel"),
        ("x.add_(y)", "torch-instead-of-kernel"),
        ("return x @ y", "torch-instead-of-kernel"),
        ("x @= y", "torch-instead-of-kernel"),
        ("return x.numpy()", "torch-instead-of-kernel"),
        ("return x.tolist()", "torch-instead-of-kernel"),
        ("product = x.matmul", "torch-instead-of-kernel"),
        ("import numpy as np; return np.matmul(x, y)", "torch-instead-of-kernel"),
        ("import operator; return operator.matmul(x, y)", "torch-instead-of-kernel"),
        ("with torch.cuda.stream(y): pass", "forbidden-call"),
        ("stream = torch.cuda.Stream()", "forbidden-call"),
        ("event = torch.cuda.Event(enable_timing=True)", "forbidden-call"),
        ("graph = torch.cuda.CUDAGraph()", "forbidden-call"),
        ("return torch.compile(double)(x)", "forbidden-call"),
        ("return torch._int_mm(x, y)", "forbidden-attribute"),
        ("return x.__matmul__(y)", "forbidden-attribute"),
        ("x.register_hook(double)", "forbidden-attribute"),
        ("double_kernel.add_pre_run_hook(double)", "forbidden-attribute"),
        ("double_kernel.fn(x, y)", "forbidden-attribute"),
        ("return double_kernel.run(x, grid=(1,))", "forbidden-attribute"),
        ("torch.set_printoptions(threshold=10**9)", "forbidden-attribute"),
        ("import os", "forbidden-import"),
        ("return eval('x + y')", "forbidden-call"),
        ("torch.empty = None", "patched-module"),
    ],
)
def test_what_a_graded_function_does_refuses_it(line: str, expected: str) -> None:
    found = judged(inside(line))
    assert found is not None
    assert (found.kind, found.line) == (expected, FIRST_LINE + 1)


def test_a_message_says_what_to_do_instead_and_where_the_rules_are() -> None:
    found = judged(inside("return torch.softmax(x, -1)"))
    assert found is not None
    assert found.message == (
        "torch.softmax: It is not among what this function may use of torch. Compute it in your "
        "kernel. docs/rules.md says what a submission may use."
    )


def test_a_message_names_the_other_lines_too() -> None:
    lines = "\n".join(f"x = torch.exp(x + {n})" for n in range(8))
    found = judged(inside(lines))
    assert found is not None
    assert "Also not allowed: torch.exp in line 7, torch.exp in line 8" in found.message
    assert ", and 2 more" in found.message


def test_what_nothing_could_allow_is_told_before_what_a_kernel_should_compute() -> None:
    found = judged(inside("x = torch.exp(x)\nexec('y = 1')"))
    assert found is not None
    assert (found.kind, found.line) == ("forbidden-call", FIRST_LINE + 2)


@pytest.mark.parametrize(
    ("statement", "torch"),
    [
        ("return torch.relu(x)", ("relu",)),
        ("return torch.nn.functional.relu(x)", ("relu",)),
        ("return x.relu_()", ("relu",)),
        ("return x.clamp_min(1)", ("clamp",)),
        ("return x.true_divide(2)", ("div",)),
        ("return torch.ne(x, 0)", ("not_equal",)),
        ("return x @ y", ("matmul",)),
        ("return torch.autograd.grad(x, y)", ("autograd.grad",)),
        ("return torch.optim.SGD([x])", ("optim.SGD",)),
        ("event = torch.cuda.Event()", ("cuda.Event",)),
    ],
)
def test_a_lesson_may_allow_an_operation_of_torch(statement: str, torch: tuple[str, ...]) -> None:
    assert judged(inside(statement)) is not None
    assert judged(inside(statement), torch=torch) is None
    assert judged(inside(statement), torch=("other",)) is not None


def test_a_lesson_may_allow_an_import_with_all_below() -> None:
    for line in ("import einops", "from einops.layers import torch as layers"):
        assert kind(judged(f"{line}\n{DOUBLE}")) == "forbidden-import"
        assert judged(f"{line}\n{DOUBLE}", imports=("einops",)) is None


def test_an_import_in_a_class_belongs_at_the_top() -> None:
    assert kind(judged(f"class A:\n    import torch as t\n{DOUBLE}")) == "forbidden-import"
