"""Failures that no kernel of these tests brings about, and the folder of facts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl

from grader.worker.compile_check import ErrorKind, capture_launches, compile_launches, errors
from grader.worker.compile_check.cache import FOLDER, FactsCache, Key
from grader.worker.compile_check.processes import Outcome


@triton.jit
def copy(x_ptr, y_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(y_ptr + i, tl.load(x_ptr + i))


def first_line_of_copy() -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith("def copy("))


def test_a_crash_of_the_compiler_is_told_with_its_last_words() -> None:
    outcome = Outcome(None, "SIGABRT", printed="LLVM ERROR: Broken module found\n")
    error = errors.of_death(outcome, copy, site=None)
    assert error.kind is ErrorKind.DOES_NOT_COMPILE
    assert "SIGABRT" in error.message
    assert "Broken module found" in error.message
    assert error.line == first_line_of_copy()


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome(None, "SIGKILL", timed_out=True), ErrorKind.TIMED_OUT),
        (Outcome(None, "SIGKILL", printed="Out of memory"), ErrorKind.INTERRUPTED),
        (Outcome(None, "exit code 1", printed="No space left on device"), ErrorKind.INTERRUPTED),
    ],
)
def test_what_happens_to_the_machine_is_no_fault_of_the_kernel(
    outcome: Outcome, kind: ErrorKind
) -> None:
    error = errors.of_death(outcome, copy, (__file__, 3))
    assert error.kind is kind
    assert error.kind.says_nothing_about_kernel
    assert not ErrorKind.DOES_NOT_COMPILE.says_nothing_about_kernel
    assert outcome.printed in error.message


@pytest.mark.parametrize("form", ['loc("{}":{}:7): error: {}', "{}:{}:7: error: {}"])
def test_what_a_later_stage_prints_has_a_line(form: str) -> None:
    printed = "note: something\n" + form.format(__file__, 17, "'tt.dot' op is odd") + "\nmore\n"
    error = errors.explain(RuntimeError("PassManager::run failed"), copy, printed)
    assert (error.file, error.line, error.message) == (__file__, 17, "'tt.dot' op is odd")


def test_the_assemblers_complaint_is_found() -> None:
    log = "ptxas /tmp/a.ptx, line 9; error   : Label expected\nptxas fatal   : aborted"
    error = errors.explain(RuntimeError(f"Internal error\n{log}"), copy, "")
    assert error.message == "Label expected"
    assert error.line == first_line_of_copy()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("ValueError('it\\'s wrong')", "it's wrong"),
        ('AssertionError("a")', "a"),
        ("TypeError('b')", "TypeError: b"),
        ("NameError('x is not defined')", "NameError: x is not defined"),
        ("AssertionError()", "AssertionError: "),
        ("<function f at 0x7f0011223344> called", "<function f> called"),
        ("call(1, 2)", "call(1, 2)"),
        ("one\n\ntwo\nthree\nfour\nfive", "two\nthree\nfour\nfive"),
    ],
)
def test_messages_lose_their_wrapping(text: str, cleaned: str) -> None:
    assert errors.of_launch(RuntimeError(text), None).message == cleaned.strip()


def test_an_unknown_launch_option_is_told_by_name() -> None:
    error = errors.of_launch(KeyError("Keyword argument num_warp …"), (__file__, 3))
    assert "num_warp" in error.message
    assert error.line == 3


def test_facts_are_found_again_by_another_cache(tmp_path: Path) -> None:
    key = Key("a" * 64, lasting=True)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{key.text}.json").write_text('{"registers": 8}')
    assert FactsCache(tmp_path).get(key) == {"registers": 8}


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff"])
def test_a_damaged_file_is_no_hit(tmp_path: Path, content: str) -> None:
    key = Key("b" * 64, lasting=True)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{key.text}.json").write_text(content, encoding="latin-1")
    assert FactsCache(tmp_path).get(key) is None


def test_failures_are_not_written(tmp_path: Path) -> None:
    FactsCache(tmp_path).put(Key("c" * 64, lasting=True), {"error": {}})
    FactsCache(tmp_path).put(Key("d" * 64, lasting=False), {"registers": 8})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = FactsCache(tmp_path / "file")
    key = Key("e" * 64, lasting=True)
    cache.put(key, {"registers": 8})
    assert cache.get(key) == {"registers": 8}


@pytest.mark.usefixtures("launch_only")
def test_a_second_run_compiles_nothing(tmp_path: Path) -> None:
    with capture_launches() as launches:
        copy[(1,)](torch.ones(16), torch.ones(16), BLOCK=16)
    first, second = (compile_launches(launches, ["sm_80"], cache_dir=tmp_path)[0] for _ in range(2))
    assert (first.ok, first.cached, second.cached) == (True, False, True)
    assert first.registers == second.registers


@pytest.mark.usefixtures("launch_only")
def test_a_compiler_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    with capture_launches() as launches:
        copy[(1,)](torch.ones(32), torch.ones(32), BLOCK=32)
    (result,) = compile_launches(launches, ["sm_80"], cache_dir=tmp_path, timeout_s=0.001)
    assert result.error is not None
    assert result.error.kind is ErrorKind.TIMED_OUT
    (result,) = compile_launches(launches, ["sm_80"], cache_dir=tmp_path)
    assert (result.ok, result.cached) == (True, False)


@pytest.mark.usefixtures("launch_only")
def test_results_are_plain_values(tmp_path: Path) -> None:
    import json

    with capture_launches() as launches:
        copy[(1,)](torch.ones(16), torch.ones(16), BLOCK=16)
        copy[(1,)](torch.ones(16), torch.ones(16), BLOCK=16, num_warps=3)
    for result in compile_launches(launches, ["sm_80"], cache_dir=tmp_path):
        assert json.loads(json.dumps(result.to_json()))["kernel"] == "copy"
