from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.judge.conduct import base_name
from grader.policy.spellings import all_spellings
from grader.worker.dispatch import DispatchMode

WITH_ONE_TENSOR = ["abs", "neg"]
WITH_A_NUMBER = ["clamp", "div", "ge", "gt", "le", "lt", "mul", "ne", "sub"]


class Noted(DispatchMode):
    """Notes what torch runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(base_name(func._schema.name))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [*WITH_ONE_TENSOR, *WITH_A_NUMBER])
def test_what_torch_runs_by_any_name_of_an_operation_goes_by_one_of_them(name: str) -> None:
    known = all_spellings([name])
    assert len(known) > 1
    for spelled in known:
        arguments = () if name in WITH_ONE_TENSOR else (2.0,)
        given = torch.ones(3)
        with Noted() as noted:
            getattr(given, spelled)(*arguments)
        assert noted.names, spelled
        assert noted.names <= known, spelled


def test_an_operation_of_one_name_stays_alone() -> None:
    assert all_spellings(["sum", "mean"]) == {"sum", "mean"}


def test_all_names_of_what_is_given_are_there() -> None:
    assert all_spellings(["sum", "clip"]) == {"sum", "clamp", "clamp_max", "clamp_min", "clip"}
