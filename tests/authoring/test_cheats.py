"""Cheats: one trick, tried on several lessons, with the policy and without, for no points."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.cheats import (
    attacked_tests,
    cheat_differences,
    declared,
    whole_cheat,
)
from grader.authoring.edits import EditsError
from grader.authoring.expectations import EVERY_TEST, Expectation, read_header
from grader.authoring.subjects import SUBMISSIONS, Outcome, Subject, subjects
from grader.lesson import Course, Lesson
from grader.lesson_tests import graded_tests
from grader.results import CaseResult, Device, Diagnosis, Report, Status, TestResult

ROOT = Path(__file__).parents[2]
TESTS = ("test_add", "test_rows", "test_speed")
HEADER = "# lessons: 01 03\n# expect: refused * policy\n"
TRICK = "def attack(function, name):\n    return print\n"


@pytest.fixture
def lesson() -> Lesson:
    """Lesson 1."""
    return Course(ROOT).lesson("lesson01")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A cheat beside a hollow lesson."""
    hollow = tmp_path / "hollow" / "lesson01.py"
    hollow.parent.mkdir()
    hollow.write_text('"""Hollow."""\n\n\ndef add(x, y):\n    return zeros(x)\n')
    return tmp_path / "trick.py"


def report(*results: tuple[str, Status, str, float], kind: str = "cpu") -> Report:
    """A report with these tests: name, status, kind of diagnosis, share of 2 points."""
    tests = tuple(
        TestResult(name, name, 2, (CaseResult("", status, Diagnosis(why, "m"), share),))
        for name, status, why, share in results
    )
    return Report("lesson01", "T", "f", Device(kind, "x"), "s", "0", 1.0, tests)


def line(status: Status, kind: str, test: str = EVERY_TEST) -> Expectation:
    """A line of a header."""
    return Expectation(status, test, kind, None, 1)


def test_the_trick_takes_the_place_of_each_graded_function(file: Path, lesson: Lesson) -> None:
    file.write_text(f"{HEADER}# based-on: hollow\n{TRICK}")
    whole = whole_cheat(file, lesson)
    assert whole.endswith('\n\n\nadd = attack(add, "add")\n')
    assert "def add(x, y):\n    return zeros(x)" in whole
    assert "saxpy" not in whole  # this hollow lesson has none


def test_a_trick_without_attack_leaves_the_functions_as_they_are(
    file: Path, lesson: Lesson
) -> None:
    file.write_text(f"{HEADER}# based-on: hollow\nprint('passed')\n")
    whole = whole_cheat(file, lesson)
    assert "print('passed')" in whole
    assert "add =" not in whole


def test_a_trick_may_stand_on_the_solution(file: Path, lesson: Lesson) -> None:
    file.write_text(f"{HEADER}# based-on: solution\n{TRICK}")
    whole = whole_cheat(file, lesson)
    assert "tl.store(z_ptr + offsets, x + y, mask=mask)" in whole
    assert whole.endswith('add_rows = attack(add_rows, "add_rows")\n')


def test_a_whole_cheat_stays_as_it_is(file: Path, lesson: Lesson) -> None:
    file.write_text(f"{HEADER}def add(x, y): ...\n")
    assert whole_cheat(file, lesson) == file.read_text()


def test_a_lesson_without_a_hollow_version_is_told(file: Path) -> None:
    file.write_text(f"{HEADER}# based-on: hollow\n{TRICK}")
    with pytest.raises(EditsError, match=r"there is no .*lesson03\.py"):
        whole_cheat(file, Course(ROOT).lesson("lesson03"))


def test_a_trick_that_is_no_python_is_told_with_its_line(file: Path, lesson: Lesson) -> None:
    file.write_text(f"{HEADER}# based-on: hollow\ndef attack(:\n")
    with pytest.raises(EditsError, match="line 4"):
        whole_cheat(file, lesson)


def test_a_cheat_is_tried_on_the_tests_that_it_names_or_on_the_first(file: Path) -> None:
    file.write_text(HEADER)
    assert attacked_tests(read_header(file), TESTS) == ("test_add",)
    file.write_text(f"{HEADER}# attacks: test_speed test_of_another_lesson\n")
    assert attacked_tests(read_header(file), TESTS) == ("test_speed",)
    file.write_text(f"{HEADER}# unpoliced: failed test_rows wrong-value\n")
    assert attacked_tests(read_header(file), TESTS) == ("test_rows",)


def test_the_verdict_may_be_another_without_the_policy(file: Path) -> None:
    file.write_text(f"{HEADER}# unpoliced: failed * wrong-value\n")
    header = read_header(file)
    assert [one.kind for one in declared(header, TESTS, policed=True)] == ["policy"]
    assert [one.kind for one in declared(header, TESTS, policed=False)] == ["wrong-value"]
    file.write_text(HEADER)
    assert [one.kind for one in declared(read_header(file), TESTS, policed=False)] == ["policy"]


def test_points_are_a_difference_whatever_the_header_says() -> None:
    earned = report(("test_speed", Status.SLOW, "too-slow", 0.5))
    found = cheat_differences([line(Status.SLOW, "too-slow")], earned)
    assert found == ["EARNED 1 of 2 points: slow test_speed too-slow"]
    nothing = report(("test_speed", Status.SLOW, "too-slow", 0.0))
    assert cheat_differences([line(Status.SLOW, "too-slow")], nothing) == []


def test_several_lines_and_kinds_are_alternatives() -> None:
    lines = [line(Status.FAILED, "wrong-value|unexpected-nan"), line(Status.CRASHED, "segfault")]
    assert cheat_differences(lines, report(("test_add", Status.CRASHED, "segfault", 0))) == []
    assert cheat_differences(lines, report(("test_add", Status.FAILED, "unexpected-nan", 0))) == []
    other = report(("test_add", Status.FAILED, "segfault", 0))
    assert cheat_differences(lines, other) == ["failed test_add segfault"]


def test_a_cheat_that_nothing_could_judge_is_a_difference() -> None:
    deferred = report(("test_speed", Status.DEFERRED, "needs-gpu", 0))
    told = ["nothing could be judged on this machine"]
    assert cheat_differences([line(Status.SLOW, "too-slow")], deferred) == told


def test_each_cheat_is_tried_with_the_policy_and_without() -> None:
    course = Course(ROOT)
    found = [
        entry
        for lesson in course.lessons()
        for entry in subjects(course, lesson, full=False)
        if entry.role == "cheat" and Path(entry.file).parent.name != "hollow"
    ]
    assert [entry.found for entry in found if isinstance(entry, Outcome)] == []
    tried = [entry for entry in found if isinstance(entry, Subject)]
    assert sum(entry.policed for entry in tried) == len(tried) / 2
    assert all(entry.only for entry in tried)


def test_what_cheats_start_from_is_tried_on_the_whole_lesson() -> None:
    course = Course(ROOT)
    (hollow,) = [
        entry
        for entry in subjects(course, course.lesson("lesson01"), full=False)
        if Path(entry.file).parent.name == "hollow"
    ]
    assert isinstance(hollow, Subject)
    assert (hollow.only, hollow.policed) == ((), False)
    assert cheat_differences(hollow.expectations, report(("a", Status.PASSED, "", 1)))


def test_each_test_that_a_cheat_names_is_one_of_a_lesson_that_it_names() -> None:
    tests = {
        lesson.name: {test.name for test in graded_tests(lesson)}
        for lesson in Course(ROOT).lessons()
    }
    for file in (ROOT / SUBMISSIONS / "cheats").glob("*.py"):
        header = read_header(file)
        known = set().union({EVERY_TEST}, *(tests[name] for name in header.lessons))
        lines = (*header.expectations, *header.unpoliced)
        assert {*header.attacks, *(line.test for line in lines)} <= known, file.name
