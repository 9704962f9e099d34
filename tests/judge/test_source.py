from __future__ import annotations

import pytest

from grader.judge.diagnosis.source import access_lines, unmasked_lines

SOURCE = """\
import triton
import triton.language as tl

@triton.jit
def add_kernel(z, x, n, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    mask = offsets < n
    a = tl.load(x + offsets)
    b = tl.load(x + offsets, mask)
    c = tl.load(x + offsets, mask=mask, other=0.0)
    tl.store(z + offsets, a)
    tl.store(z + offsets, b, mask)
    tl.store(z + offsets, c, mask=mask)
    if n > 3:
        tl.store(z, 1.0, **{"mask": mask})

@triton.jit
def other_kernel(z, BLOCK: tl.constexpr):
    tl.store(z + tl.arange(0, BLOCK),
             1.0)

def add(x):
    torch.load("file")
    return add_kernel.store(x)
"""


def test_loads_and_stores_without_a_mask_are_found_by_line() -> None:
    assert unmasked_lines(SOURCE, ["add_kernel"], "load") == [8]
    assert unmasked_lines(SOURCE, ["add_kernel"], "store") == [11]
    assert unmasked_lines(SOURCE, ["other_kernel"], "store") == [19]


def test_all_accesses_of_a_kernel_are_found() -> None:
    assert access_lines(SOURCE, ["add_kernel"], "load") == [8, 9, 10]
    assert access_lines(SOURCE, ["add_kernel"], "store") == [11, 12, 13, 15]


def test_without_names_every_function_is_searched() -> None:
    assert unmasked_lines(SOURCE, [], "store") == [11, 19]


def test_a_kernel_that_is_not_there_has_no_accesses() -> None:
    assert access_lines(SOURCE, ["absent_kernel"], "store") == []


def test_methods_of_other_objects_are_no_accesses() -> None:
    assert access_lines(SOURCE, ["add"], "load") == []
    assert access_lines(SOURCE, ["add"], "store") == []


def test_the_language_under_its_full_name_is_recognised() -> None:
    source = "def k(x):\n    triton.language.load(x)\n    language.load(x)\n"
    assert access_lines(source, ["k"], "load") == [2, 3]


@pytest.mark.parametrize("source", ["", "def f(:", "x = '\0'", "\ud800", "-" * 100_000 + "1"])
def test_a_source_that_does_not_parse_has_no_lines_to_show(source: str) -> None:
    assert unmasked_lines(source, ["k"], "store") == []
