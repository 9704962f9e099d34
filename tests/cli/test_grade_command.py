"""``grade``: options, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from grader.cli import grade_main
from grader.errors import WorkerStartError
from grader.results import Status
from tests.cli.conftest import FakeRun

Output = pytest.CaptureFixture[str]


def test_a_lesson_is_graded_and_shown(run: FakeRun, course: Path, capsys: Output) -> None:
    assert grade_main(["1"]) == 0
    (request,) = run.requests
    assert request.file == course / "exercises/lesson01/lesson01.py"
    assert (request.device, request.only, request.seed) == ("auto", (), None)
    out = capsys.readouterr().out
    assert "Elementwise" in out
    assert "Score 4/4" in out


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ([Status.PASSED, Status.PASSED], 0),
        ([Status.PASSED, Status.DEFERRED], 0),
        ([Status.PASSED, Status.FAILED], 1),
        ([Status.NOT_STARTED, Status.NOT_STARTED], 1),
        ([Status.PASSED, Status.INCONCLUSIVE], 3),
        ([Status.FAILED, Status.GRADER_ERROR], 3),
    ],
)
def test_the_exit_code_says_whether_points_were_lost(
    run: FakeRun, statuses: list[Status], code: int
) -> None:
    run.statuses = statuses
    assert grade_main(["lesson01"]) == code


def test_options_reach_the_run(run: FakeRun, course: Path) -> None:
    file = course / "mine.py"
    file.write_text("")
    arguments = ["1", "--file", "mine.py", "--only", "types", "--device", "cpu", "--seed", "0x7f"]
    assert grade_main(arguments) == 0
    (request,) = run.requests
    assert request.file == file
    assert request.only == ("test_types",)
    assert (request.device, request.seed) == ("cpu", "0x7f")


def test_json_on_stdout_is_all_that_stdout_holds(run: FakeRun, capsys: Output) -> None:
    run.before = lambda: print("something that a plugin prints")
    assert grade_main(["1", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["lesson"] == "lesson01"
    assert "something" in err


def test_several_lessons_are_a_json_array(run: FakeRun, course: Path, capsys: Output) -> None:
    (course / "lesson02.py").write_text("")
    assert grade_main(["1", "2", "--json", "-"]) == 0
    assert [one["lesson"] for one in json.loads(capsys.readouterr().out)] == [
        "lesson01",
        "lesson02",
    ]


def test_every_form_can_be_written_beside_the_page(
    run: FakeRun, course: Path, capsys: Output
) -> None:
    assert grade_main(["1", "--json", "a.json", "--html", "a.html", "--junit", "a.xml"]) == 0
    assert json.loads((course / "a.json").read_text())["score"] == 4
    assert (course / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert ElementTree.parse(course / "a.xml").getroot().get("tests") == "2"
    assert "Score 4/4" in capsys.readouterr().out


def test_without_a_lesson_it_shows_progress_over_all(run: FakeRun, capsys: Output) -> None:
    run.statuses = [Status.PASSED, Status.FAILED]
    assert grade_main([]) == 1
    out = capsys.readouterr().out
    first, second = out.splitlines()[:2]
    assert "lesson01" in first
    assert "in progress" in first
    assert "lesson02" in second
    assert "not here" in second
    assert "Together 3/4" in out


def test_progress_goes_on_when_one_lesson_cannot_be_graded(
    run: FakeRun, course: Path, capsys: Output
) -> None:
    (course / "lesson02.py").write_text("")
    (course / "course/lesson01/lesson.toml").write_text("title = 3")
    assert grade_main([]) == 3
    out, err = capsys.readouterr()
    assert "not graded" in out
    assert "done" in out
    assert "lesson.toml" in err


def test_progress_is_a_json_array_of_what_is_here(run: FakeRun, capsys: Output) -> None:
    assert grade_main(["--json", "-"]) == 0
    assert [one["lesson"] for one in json.loads(capsys.readouterr().out)] == ["lesson01"]


def test_a_file_tells_its_lesson_by_its_name(run: FakeRun, course: Path) -> None:
    (course / "lesson02.py").write_text("")
    assert grade_main(["--file", "lesson02.py"]) == 0
    assert run.requests[0].lesson.name == "lesson02"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lesson1"], "Did you mean lesson01?"),
        (["9"], "Lessons: lesson01, lesson02."),
        (["2"], "No file to grade for lesson02"),
        (["1", "--file", "nowhere.py"], "nowhere.py"),
        (["1", "--only", "tpyes"], "Did you mean test_types?"),
        (["1", "--only", "test_of_the_course_itself"], "test_any_length  Vectors of any length"),
        (["1", "2", "--file", "exercises/lesson01/lesson01.py"], "several lessons"),
        (["--only", "types"], "--only names a test of one lesson"),
        (["--watch"], "--watch watches one file"),
        (["1", "--watch", "--json", "-"], "--json PATH"),
        (["1", "--html", "missing/a.html"], "there is no folder"),
        (["1", "--junit", "course"], "is a folder"),
        (["--file", "mine.py"], "grade LESSON --file mine.py"),
        (["1", "--file", "course/lesson01/hints.md"], "is no .py file"),
        (["--hint"], "grade LESSON --hint"),
        (["1", "--hint", "test_any_length:4"], "hint steps 1 to 3"),
        (["1", "--hint", "any_length:last"], "hint steps 1 to 3"),
        (["1", "--hint", "types"], "no hint for test_types"),
        (["1", "--hint", "nothing"], "no graded test 'nothing'"),
    ],
)
def test_wrong_usage_is_told_on_stderr_with_a_remedy(
    run: FakeRun, arguments: list[str], told: str, capsys: Output
) -> None:
    assert grade_main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert told in err
    assert not run.requests


@pytest.mark.parametrize("arguments", [["--nope"], ["1", "--device", "tpu"]])
def test_an_unknown_option_is_wrong_usage(
    run: FakeRun, arguments: list[str], capsys: Output
) -> None:
    assert grade_main(arguments) == 2
    assert arguments[-1].strip("-") in capsys.readouterr().err


def test_a_lesson_that_does_not_parse_is_named_with_its_line(
    run: FakeRun, course: Path, capsys: Output
) -> None:
    (course / "course/lesson01/test_lesson01.py").write_text("def test_(:\n")
    assert grade_main(["1", "--only", "types"]) == 3
    assert "test_lesson01.py:1" in capsys.readouterr().err


def test_what_the_machine_cannot_do_is_no_traceback(run: FakeRun, capsys: Output) -> None:
    def fail() -> None:
        raise WorkerStartError("The worker did not start.\nRun course doctor.")

    run.before = fail
    assert grade_main(["1"]) == 3
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: The worker did not start.\nRun course doctor.\n")


def test_a_fault_of_the_grader_tells_how_to_see_more(
    run: FakeRun, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("x")

    run.before = fail
    assert grade_main(["1"]) == 3
    err = capsys.readouterr().err
    assert "KeyError: 'x'" in err
    assert "GRADER_DEBUG=1" in err
    assert "Traceback" not in err
    monkeypatch.setenv("GRADER_DEBUG", "1")
    assert grade_main(["1"]) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_interruption_is_told_in_one_line(run: FakeRun, capsys: Output) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    run.before = interrupt
    assert grade_main(["1"]) == 130
    assert capsys.readouterr().err == "Stopped. Nothing was recorded.\n"


def test_termination_unwinds_as_an_interruption_does(run: FakeRun) -> None:
    unwound = []

    def terminate() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            unwound.append(True)

    before = signal.getsignal(signal.SIGTERM)
    run.before = terminate
    assert grade_main(["1"]) == 143
    assert unwound
    assert signal.getsignal(signal.SIGTERM) == before


def test_hints_come_one_step_at_a_time(course: Path, capsys: Output) -> None:
    assert grade_main(["1", "--hint", "any_length"]) == 0
    out = capsys.readouterr().out
    assert "step 1 of 3" in out
    assert "How many elements has the last block?" in out
    assert "Compare offsets" not in out
    assert "grade lesson01 --hint test_any_length:2" in out
    assert grade_main(["1", "--hint", "test_any_length:3"]) == 0
    assert "`mask = offsets < n`." in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["1", "--hint"], ["--hint", "1"], ["--hint", "lesson01"]])
def test_all_hints_are_listed_without_grading(
    run: FakeRun, arguments: list[str], capsys: Output
) -> None:
    assert grade_main(arguments) == 0
    out = capsys.readouterr().out
    assert "How many elements has the last block?" in out
    assert "There is no hint for this test." in out
    assert "course_itself" not in out
    assert not run.requests


def test_nothing_heavy_is_imported_for_help_hints_and_wrong_usage(course: Path) -> None:
    script = (
        "import sys; from grader.cli import grade_main\n"
        "codes = [int(grade_main(a)) for a in (['--help'], ['1', '--hint'], ['nope'])]\n"
        "heavy = {'torch', 'pytest', 'triton', 'numpy'} & set(sys.modules)\n"
        "sys.exit(f'{codes} {heavy}')"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "[0, 0, 2] set()"
