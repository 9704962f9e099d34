from __future__ import annotations

from pathlib import Path

import pytest

from grader.worker.compile_check import (
    DEFAULT_TARGETS,
    TARGETS,
    UnknownTarget,
    compile_launches,
    parse_target,
)


def test_names_lead_to_targets() -> None:
    assert parse_target("sm_90").gpu.arch == 90
    assert parse_target(" SM_80 ").shared_limit == 163 * 1024
    assert parse_target("gfx942").gpu.warp_size == 64


@pytest.mark.parametrize("name", ["sm_99", "90", "h100", "", "gfx000"])
def test_an_unknown_name_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UnknownTarget, match="known: sm_75, .*gfx942"):
        parse_target(name)


def test_defaults_are_known() -> None:
    assert set(DEFAULT_TARGETS) <= set(TARGETS)


def test_an_unknown_name_is_refused_even_without_launches(tmp_path: Path) -> None:
    with pytest.raises(UnknownTarget):
        compile_launches([], ["sm_1"], cache_dir=tmp_path)
