"""``course validate``: which submissions are graded, and what counts as a difference."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader.authoring import outcome_table
from grader.authoring import validate as validate_module
from grader.authoring.subjects import Outcome, Subject, subjects
from grader.authoring.validate import validate
from grader.course_cli import course_main
from grader.errors import WorkerStartError
from grader.lesson import Course
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult

TOML = """\
title = "One"
notebook = "x"
points = 2
deadline_s = 10
[functions.add]
kernels = ["add_kernel"]
"""
TESTS = "@points(1)\ndef test_add(): ...\n@points(1)\ndef test_rows(): ...\n"


class FakeRun(ModuleType):
    """Stands in for ``grader.run``: a submission's last line is the verdict that it gets."""

    def __init__(self) -> None:
        super().__init__("grader.run")
        self.graded: list[tuple[str, tuple[str, ...], str]] = []
        self.unpoliced: list[str] = []

    def RunRequest(  # noqa: N802
        self, *arguments: Any, targets: Any, policed: bool = True
    ) -> tuple[Any, ...]:
        """What to grade."""
        if not policed:
            self.unpoliced.append(arguments[1].stem)
        return arguments

    def grade(self, request: tuple[Any, ...], observer: Any) -> Report:
        """The verdict that the file asks for, for every test."""
        lesson, file, device, only = request
        self.graded.append((file.stem, only, device))
        verdict = file.read_text().split("\n")[-1]
        if verdict == "no worker":
            raise WorkerStartError("no worker")
        status, _, kind = verdict.partition(" ")
        why = Diagnosis(kind, "m") if kind else None
        tests = tuple(
            TestResult(name, name, 1, (CaseResult("", Status(status), why, 1.0),))
            for name in only or ("test_add", "test_rows")
        )
        return Report(lesson.name, "", str(file), Device(device, "x"), "", "", 1.5, tests)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    """The stand-in."""
    fake = FakeRun()
    monkeypatch.setitem(sys.modules, "grader.run", fake)
    return fake


@pytest.fixture
def course(tmp_path: Path, run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course of one lesson with one submission of each role, all as expected."""
    for path, text in {
        "course/lesson01/lesson.toml": TOML,
        "course/lesson01/test_lesson01.py": TESTS,
        "solutions/lesson01.py": "passed",
        "exercises/lesson01/lesson01.py": "not_started",
        "tests/submissions/lesson01/right/other.py": "# expect: passed\npassed",
        "tests/submissions/lesson01/wrong/mask.py": "# expect: failed test_add m\nfailed m",
        "tests/submissions/cheats/torch.py": "# lessons: 01\n# expect: refused * p\nrefused p",
        "tests/submissions/cheats/late.py": "# lessons: 07\n# expect: refused * p\nrefused p",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRADER_COURSE", raising=False)
    return Course(tmp_path)


def outcomes(course: Course, **options: Any) -> dict[str, Outcome]:
    """Outcomes by role."""
    found = validate(course, course.lessons(), device="cpu", jobs=1, **options)
    return {outcome.role: outcome for outcome in found}


def test_solution_skeleton_and_every_kept_submission_are_graded(
    course: Course, run: FakeRun
) -> None:
    found = outcomes(course)
    assert list(found) == ["solution", "skeleton", "right", "wrong", "cheat"]
    assert all(outcome.state == "ok" for outcome in found.values())
    assert found["cheat"].file == "tests/submissions/cheats/torch.py"
    assert run.unpoliced == ["torch"]


def test_wrong_submissions_are_graded_by_the_named_test_unless_everything_is_asked(
    course: Course, run: FakeRun
) -> None:
    outcomes(course)
    assert ("mask", ("test_add",), "cpu") in run.graded
    assert ("other", (), "cpu") in run.graded
    run.graded.clear()
    outcomes(course, full=True)
    assert ("mask", (), "cpu") in run.graded


def test_a_skeleton_that_earns_points_is_a_difference(course: Course) -> None:
    (course.root / "exercises/lesson01/lesson01.py").write_text("passed")
    skeleton = outcomes(course)["skeleton"]
    assert skeleton.state == "different"
    assert skeleton.expected == "not_started"
    assert skeleton.found == "passed test_add; passed test_rows"


def test_the_released_skeleton_counts_and_not_a_copy_that_somebody_edits(course: Course) -> None:
    released = course.root / "course/source/lesson01/lesson01.py"
    released.parent.mkdir(parents=True)
    released.write_text("not_started")
    (course.root / "exercises/lesson01/lesson01.py").write_text("passed")
    assert outcomes(course)["skeleton"].ok


def test_a_missing_solution_is_an_error(course: Course) -> None:
    (course.root / "solutions/lesson01.py").unlink()
    assert outcomes(course)["solution"].state == "error"


def test_a_header_that_cannot_be_read_is_an_error_and_the_others_are_graded(
    course: Course,
) -> None:
    (course.root / "tests/submissions/lesson01/wrong/mask.py").write_text("failed m")
    found = outcomes(course)
    assert found["wrong"].state == "error"
    assert "no line says" in found["wrong"].found
    assert found["right"].ok


def test_a_cheat_without_lessons_is_an_error(course: Course) -> None:
    (course.root / "tests/submissions/cheats/torch.py").write_text("# expect: passed\npassed")
    (course.root / "tests/submissions/cheats/late.py").unlink()
    assert "# lessons" in outcomes(course)["cheat"].found


def test_a_run_that_breaks_off_is_an_error_and_the_others_go_on(course: Course) -> None:
    (course.root / "solutions/lesson01.py").write_text("no worker")
    found = outcomes(course)
    assert (found["solution"].state, found["solution"].found) == ("error", "no worker")
    assert found["cheat"].ok


def test_what_holds_on_a_gpu_only_is_skipped_elsewhere(course: Course, run: FakeRun) -> None:
    file = course.root / "tests/submissions/lesson01/wrong/mask.py"
    file.write_text("# expect: failed test_add m gpu\npassed")
    assert outcomes(course)["wrong"].state == "skipped"
    assert "mask" not in [name for name, _, _ in run.graded]


def test_subjects_come_in_a_fixed_order(course: Course) -> None:
    lesson = course.lesson("lesson01")
    assert list(subjects(course, lesson, full=False)) == list(subjects(course, lesson, full=False))


def test_the_command_fails_on_any_difference_and_writes_its_table(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        course_main(["validate", "1", "--jobs", "1", "--device", "cpu", "--allow-unconfined"]) == 0
    )
    assert "6 submissions: 6 ok" in capsys.readouterr().out
    (course.root / "tests/submissions/lesson01/right/other.py").write_text(
        "# expect: passed\nfailed a|b"
    )
    arguments = ["validate", "--jobs", "1", "--json", "-", "--markdown", "a.md"]
    assert course_main([*arguments, "--device", "cpu", "--allow-unconfined"]) == 1
    out, err = capsys.readouterr()
    assert [one["state"] for one in json.loads(out)].count("different") == 1
    assert "expected passed" in err
    assert "found    failed test_add a|b; failed test_rows a|b" in err
    lines = (course.root / "a.md").read_text().splitlines()
    assert lines[0] == "### course validate: 5 ok, 1 different"
    assert lines[4].startswith("| **different** | lesson01 | right: other.py | passed | failed")
    assert "a\\|b" in lines[4]
    assert "| lesson01 | 2/2 points | 0 of 1 | 1 of 1 | 2 of 2 | 9.0 s |" in lines
    assert lines.count("<details><summary>All submissions</summary>") == 1


def test_an_error_outranks_a_difference_in_the_exit_code(course: Course) -> None:
    (course.root / "solutions/lesson01.py").write_text("no worker")
    (course.root / "exercises/lesson01/lesson01.py").write_text("passed")
    assert course_main(["validate", "--jobs", "1", "--device", "cpu", "--allow-unconfined"]) == 3


def test_nothing_validated_is_told_as_such() -> None:
    assert outcome_table.summary([]) == "nothing"


def test_what_is_timed_on_a_gpu_is_alone_there_and_the_rest_is_graded_together(
    course: Course, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = course.root / "course/lesson01/lesson.toml"
    toml.write_text(TOML + "[speed.test_rows]\nfull = 1.0\n")
    pools: list[tuple[int, list[tuple[str, tuple[str, ...]]]]] = []

    def each(subjects: Mapping[Any, Subject], tier: str, jobs: int) -> Iterator[Any]:
        pools.append((jobs, [(subject.role, subject.only) for subject in subjects.values()]))
        return ((key, validate_module._grade(subject, tier)) for key, subject in subjects.items())

    monkeypatch.setattr(validate_module, "_each", each)
    monkeypatch.setattr("grader.judge.device.choose_device", lambda device: device)
    found = validate(course, course.lessons(), device="gpu", jobs=4)

    together = [("solution", ("test_add",)), ("skeleton", ()), ("right", ("test_add",)),
                ("wrong", ("test_add",)), *[("cheat", ("test_add",))] * 2]  # fmt: skip
    timed = [(role, ("test_rows",)) for role in ("solution", "right")]
    assert pools == [(4, together), (1, timed)]
    assert {outcome.state for outcome in found} == {"ok"}
    assert found[0].found == "2/2 points"
