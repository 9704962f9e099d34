"""Which kernels choose anew, and that nothing else of a submission is touched."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import triton
import triton.language as tl

from grader.worker.tuners import forget_choices

ONE, OTHER = triton.Config({"BLOCK": 64}), triton.Config({"BLOCK": 128})


def kernel(x_ptr: Any, n: Any, BLOCK: tl.constexpr) -> None: ...


def tuned(*configs: triton.Config) -> Any:
    tuner = triton.autotune([*configs], key=["n"])(triton.jit(kernel))
    tuner.cache[7,] = configs[0]
    return tuner


def module(**names: Any) -> ModuleType:
    made = ModuleType("submission")
    vars(made).update(names)
    return made


def test_an_autotuned_kernel_forgets_what_it_chose() -> None:
    tuner = tuned(ONE, OTHER)

    assert forget_choices(module(kernel=tuner)) is True
    assert not tuner.cache


def test_so_does_one_behind_heuristics() -> None:
    tuner = tuned(ONE, OTHER)
    heuristics = triton.heuristics({"EVEN": lambda _: True})(tuner)

    assert forget_choices(module(kernel=heuristics)) is True
    assert not tuner.cache


def test_a_single_configuration_is_no_choice() -> None:
    assert forget_choices(module(kernel=tuned(ONE))) is False


def test_objects_of_the_submission_are_left_alone() -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    plain = triton.jit(kernel)

    assert forget_choices(module(odd=Odd(), kernel=plain, BLOCK=tl.constexpr(4))) is False
