"""``course``: what it calls, what it prints, how it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from grader.authoring import doctor
from grader.authoring.doctor import Finding
from grader.course_cli import course_main
from grader.errors import LessonDefinitionError
from grader.lesson import Lesson

Output = pytest.CaptureFixture[str]


@pytest.fixture
def authoring(course: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stand-ins for ``grader.authoring.build`` and ``check`` that remember their lessons."""
    told = SimpleNamespace(lessons=[], problems=[])

    def note(lessons: list[Lesson]) -> None:
        told.lessons = [lesson.name for lesson in lessons]

    def check(course: Any, lessons: list[Lesson]) -> list[str]:
        note(lessons)
        return list(told.problems)

    module = ModuleType("grader.authoring.check")
    module.check = check  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "grader.authoring.check", module)
    return told


def test_check_looks_at_all_lessons_unless_some_are_named(authoring: SimpleNamespace) -> None:
    assert course_main(["check"]) == 0
    assert authoring.lessons == ["lesson01", "lesson02"]
    assert course_main(["check", "2"]) == 0
    assert authoring.lessons == ["lesson02"]


def test_check_prints_each_problem_and_fails(authoring: SimpleNamespace, capsys: Output) -> None:
    authoring.problems = ["course/lesson01/hints.md:3: empty."]
    assert course_main(["check"]) == 1
    out = capsys.readouterr().out
    assert out == "course/lesson01/hints.md:3: empty.\n1 problem\n"


def test_an_unknown_lesson_is_wrong_usage(authoring: SimpleNamespace, capsys: Output) -> None:
    assert course_main(["check", "lesson1"]) == 2
    assert "Did you mean lesson01?" in capsys.readouterr().err


def test_a_lesson_that_is_wrong_is_told_without_a_traceback(
    course: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*lessons: Any, force: bool) -> None:
        raise LessonDefinitionError("solutions/lesson01.py:3: marker")

    monkeypatch.setattr("grader.authoring.build.build", build)
    assert course_main(["build"]) == 3
    assert capsys.readouterr().err == "error: solutions/lesson01.py:3: marker\n"


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([Finding("GPU", None, "none"), Finding("python", True, "3.12")], 0),
        ([Finding("python", False, "3.9", "Install Python 3.11.")], 3),
    ],
)
def test_doctor_fails_only_on_what_is_needed(
    findings: list[Finding], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    assert course_main(["doctor"]) == code


def test_doctor_tells_the_remedy_of_what_is_wrong_only(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    findings = Finding("a", True, "fine", "unneeded"), Finding("b", False, "broken", "Do this.")
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    course_main(["doctor"])
    out = capsys.readouterr().out
    assert "unneeded" not in out
    assert "not ok" in out
    assert "Do this." in out


def test_a_check_of_the_doctor_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def checks() -> Iterator[str]:
        raise OSError("no such thing")

    for name in ("_gpu", "_sandbox", "_interpreter"):
        monkeypatch.setattr(doctor, name, checks)
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["checks"].ok is False
    assert found["checks"].detail == "OSError: no such thing"
    assert found["python"].ok is True
