"""Submissions of a few lines, and what the policy says of them."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from grader.lesson import Function
from grader.policy import Violation, violation

HEADER = """\
import torch
import triton
import triton.language as tl

"""
FIRST_LINE = HEADER.count("\n") + 1

KERNEL = """
@triton.jit
def double_kernel(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(z_ptr + at, tl.load(x_ptr + at, mask=at < n) * 2, mask=at < n)
"""

DOUBLE = """
def double(x):
    z = torch.empty_like(x)
    double_kernel[(triton.cdiv(x.numel(), 1024),)](z, x, x.numel(), BLOCK=1024)
    return z
"""

FUNCTION = Function("double", ("double_kernel",))


def judged(
    text: str,
    *,
    function: str = "double",
    torch: tuple[str, ...] = (),
    imports: tuple[str, ...] = (),
    differentiated: bool = False,
) -> Violation | None:
    """What the policy says of a text below the usual imports."""
    asked = replace(FUNCTION, name=function, torch=torch, differentiated=differentiated)
    return violation(HEADER + dedent(text).lstrip("\n"), asked, imports)


def inside(statements: str) -> str:
    """A graded function with these statements before it launches its kernel."""
    lines = dedent(statements).strip("\n").splitlines()
    body = "\n".join(f"    {line}" for line in lines)
    return f"def double(x, y=None):\n{body}\n    return x\n{KERNEL}"


def kind(found: Violation | None) -> str | None:
    """The kind of a violation, None for none."""
    return found.kind if found else None
