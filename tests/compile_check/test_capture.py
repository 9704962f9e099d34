"""Launches noted in pytest's own process, where they do nothing."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl
from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from grader.worker.compile_check import capture_launches
from grader.worker.compile_check.capture import MOST_SPECIALISATIONS
from grader.worker.compile_check.specialise import specialise
from grader.worker.compile_check.targets import parse_target

pytestmark = pytest.mark.usefixtures("launch_only")


@triton.jit
def scale(x_ptr, factor, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(x_ptr + i, tl.load(x_ptr + i, mask=i < n) * factor, mask=i < n)


def test_one_launch_is_noted_with_its_place() -> None:
    with capture_launches() as launches:
        scale[(1,)](torch.ones(64), 2.0, 64, BLOCK=64, num_warps=2)  # HERE
    (launch,) = launches
    source = Path(__file__).read_text().splitlines()
    assert launch.function is scale
    assert launch.site is not None
    assert launch.site[0] == __file__
    assert source[launch.site[1] - 1].endswith("# HERE")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((64, 2.0), (48, 3.0), True),  # both lengths divisible by 16
        ((64, 2.0), (63, 2.0), False),
        ((64, 2.0), (1, 2.0), False),  # 1 becomes a constant
        ((63, 2.0), (65, 2.0), True),
        ((64, 2.0), (2**40, 2.0), False),  # int64
        ((64, 2.0), (64, 2), False),
    ],
)
def test_launches_are_told_apart_by_what_they_compile_to(
    first: tuple[int, float], second: tuple[int, float], same: bool
) -> None:
    with capture_launches() as launches:
        for n, factor in (first, second):
            scale[(1,)](torch.ones(64), factor, n, BLOCK=64)
    assert len(launches) == (1 if same else 2)


def test_dtype_alignment_constants_and_options_matter() -> None:
    x = torch.ones(65)
    with capture_launches() as launches:
        for tensor in (x, x[1:], x[4:], x.double(), x.to(torch.bfloat16)):
            scale[(1,)](tensor, 2.0, 64, BLOCK=64)
        scale[(1,)](x, 2.0, 64, BLOCK=32)
        scale[(1,)](x, 2.0, 64, BLOCK=64, num_warps=8)
    assert len(launches) == 6  # x[4:] is aligned to 16 bytes as x is


def test_endless_specialisation_is_cut_off() -> None:
    with capture_launches() as launches:
        for step in range(100):
            scale[(1,)](torch.ones(64), 2.0, 64, BLOCK=step)
    assert len(launches) == MOST_SPECIALISATIONS


def test_which_of_many_specialisations_are_kept_cannot_be_foreseen() -> None:
    kept: set[tuple[int, ...]] = set()
    x = torch.ones(64)
    for _ in range(10):
        with capture_launches() as launches:
            for step in range(3 * MOST_SPECIALISATIONS):
                scale[(1,)](x, 2.0, 64, BLOCK=step)
        kept.add(tuple(sorted(launch.kwargs["BLOCK"] for launch in launches)))
    assert len(kept) == 10
    assert max(max(blocks) for blocks in kept) >= MOST_SPECIALISATIONS


def test_memory_of_the_arguments_is_let_go() -> None:
    x = torch.ones(64)
    storage = weakref.ref(x)
    with capture_launches() as launches:
        scale[(1,)](x, 2.0, 64, BLOCK=64)
        del x
        gc.collect()
        assert storage() is None
    assert len(launches) == 1


def test_warming_up_is_no_launch() -> None:
    with capture_launches() as launches:
        scale.warmup(torch.ones(64), 2.0, 64, BLOCK=64, grid=(1,))
    assert launches == []


def test_the_kernel_runs_as_it_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(function, *args, grid, warmup, **kwargs):
        seen.append((function, args, grid, warmup, kwargs))
        return "the kernel"

    monkeypatch.setattr(JITFunction, "run", run)
    x = torch.ones(64)
    with capture_launches():
        assert scale[(3,)](x, 2.0, 64, BLOCK=64) == "the kernel"
    ((function, args, grid, warmup, kwargs),) = seen
    assert (function, grid, warmup, kwargs) == (scale, (3,), False, {"BLOCK": 64})
    assert args[0] is x


def test_a_launch_that_raises_is_noted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_, **__):
        raise ValueError("the interpreter gives up")

    monkeypatch.setattr(JITFunction, "run", run)
    with capture_launches() as launches, pytest.raises(ValueError, match="gives up"):
        scale[(1,)](torch.ones(64), 2.0, 64, BLOCK=64)
    assert len(launches) == 1


def test_hooks_are_gone_afterwards() -> None:
    run, tune = JITFunction.run, Autotuner.run
    with capture_launches():
        assert JITFunction.run is not run
        assert Autotuner.run is not tune
    assert JITFunction.run is run
    assert Autotuner.run is tune


def test_wrong_arguments_are_noted_and_told_by_the_binder() -> None:
    with capture_launches() as launches:
        scale[(1,)](torch.ones(64), 2.0, BLOCK=64)
    (launch,) = launches
    with pytest.raises(TypeError, match="'n'"):
        specialise(launch.function, launch.args, launch.kwargs, parse_target("sm_80"))


def test_specialisation_is_the_one_of_a_real_launch() -> None:
    with capture_launches() as launches:
        scale[(1,)](torch.ones(65)[1:], 2.0, 1, BLOCK=64, num_stages=5)
    (launch,) = launches
    found = specialise(launch.function, launch.args, launch.kwargs, parse_target("sm_90"))
    assert list(found.signature.values()) == ["*fp32", "fp32", "constexpr", "constexpr"]
    assert found.constants == {(2,): 1, (3,): 64}
    assert not any(found.attributes.get((0,), ()))
    assert found.options.num_stages == 5


def test_amd_code_depends_on_the_size_of_the_tensor() -> None:
    with capture_launches() as launches:
        scale[(1,)](torch.ones(64), 2.0, 64, BLOCK=64)
    (launch,) = launches
    for name, attributes in (("gfx942", 2), ("sm_90", 1)):
        found = specialise(launch.function, launch.args, launch.kwargs, parse_target(name))
        assert len(found.attributes[(0,)]) == attributes
