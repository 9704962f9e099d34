"""How tests become results: verdicts, what is nobody's verdict, and what may not interfere."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.errors import ExitCode, LessonDefinitionError
from grader.lesson import Course, Lesson
from grader.lesson_tests import UnknownTestError
from grader.results import Report, Status
from tests.grading.tiny import (
    RIGHT,
    SKELETON,
    Observed,
    graded,
    result_of,
    tiny_lesson,
    verdict_of,
    with_double,
)

TOML = """
title = "Made up"
notebook = "none"
points = 1
deadline_s = 5
[functions.f]
kernels = []
"""
HEADER = "from grader.testing import Mistake, Judged, cases, defer, fail, hint, points\n"
MakeLesson = Callable[..., Lesson]
_numbers = itertools.count(10)


@pytest.fixture
def make_lesson(tmp_path: Path) -> MakeLesson:
    """Writes a lesson with these tests, and perhaps hidden cases and hints."""

    def make(tests: str, *, hidden: str | None = None, hints: str = "", **files: str) -> Lesson:
        name = f"lesson{next(_numbers)}"
        folder = tmp_path / "course" / name
        folder.mkdir(parents=True)
        (folder / "lesson.toml").write_text(TOML)
        (folder / f"test_{name}.py").write_text(HEADER + tests)
        (folder / "reference.py").write_text("")
        (folder / "hints.md").write_text(hints)
        for file, text in files.items():
            (folder / f"{file}.py").write_text(text)
        if hidden is not None:
            (folder / "hidden").mkdir()
            (folder / "hidden" / "cases.py").write_text(hidden)
        return Course(tmp_path).lesson(name)

    return make


def run(lesson: Lesson, tmp_path: Path, text: str = "def f(): ...\n", **request: Any) -> Report:
    return graded(tmp_path, text, lesson, **request)


pytestmark = pytest.mark.usefixtures("no_workers")


# ---------------------------------------------------- how a case may end

VERDICTS = '''
class Counted:
    verdicts = 1

import pytest

@pytest.fixture
def counted():
    return Counted()

@points(1)
def test_passes(counted):
    """A title.

    More for instructors.
    """

@points(1)
def test_fails():
    fail("some-kind", "What is wrong.", 7)

@points(1)
def test_is_deferred():
    defer("Not here.")

@points(1)
def test_checks_nothing(check):
    pass

@points(1)
def test_has_a_plain_assert(counted):
    assert 1 == 2

@points(1)
def test_raises(counted):
    {}["key"]

@points(1)
def test_needs_what_there_is_not(absent_fixture):
    pass

@points(1)
def test_is_skipped(counted):
    pytest.skip("no reason")

@points(1)
def test_exits(counted):
    raise SystemExit(0)

def test_is_not_graded():
    raise RuntimeError("nobody's business")
'''


@pytest.fixture
def verdicts(make_lesson: MakeLesson, tmp_path: Path) -> Report:
    """A run with a test for every way to end."""
    return run(make_lesson(VERDICTS), tmp_path)


def test_every_way_to_end_has_its_status(verdicts: Report) -> None:
    assert {test.id: test.status for test in verdicts.tests} == {
        "test_passes": Status.PASSED,
        "test_fails": Status.FAILED,
        "test_is_deferred": Status.DEFERRED,
        "test_checks_nothing": Status.GRADER_ERROR,
        "test_has_a_plain_assert": Status.GRADER_ERROR,
        "test_raises": Status.GRADER_ERROR,
        "test_needs_what_there_is_not": Status.GRADER_ERROR,
        "test_is_skipped": Status.GRADER_ERROR,
        "test_exits": Status.GRADER_ERROR,
    }


def test_only_the_students_own_failures_cost_points(verdicts: Report) -> None:
    points = {test.id: (test.points, test.deferred_points) for test in verdicts.tests}
    assert points.pop("test_passes") == (1, 0)
    assert points.pop("test_fails") == (0, 0)
    assert set(points.values()) == {(0, 1)}
    assert (verdicts.score, verdicts.max_score, verdicts.deferred_points) == (1, 9, 7)
    assert verdicts.exit_code is ExitCode.NOT_JUDGED


def test_a_verdict_carries_kind_message_and_line(verdicts: Report) -> None:
    found = result_of(verdicts, "test_fails").diagnosis
    assert found is not None
    assert (found.kind, found.message, found.line) == ("some-kind", "What is wrong.", 7)


def test_a_mistake_of_the_lesson_says_what_it_was(verdicts: Report) -> None:
    assert "KeyError: 'key'" in str(result_of(verdicts, "test_raises").diagnosis)
    assert "absent_fixture" in str(result_of(verdicts, "test_needs_what_there_is_not").diagnosis)
    assert "without checking" in str(result_of(verdicts, "test_checks_nothing").diagnosis)


def test_the_title_is_the_first_line_of_the_docstring(verdicts: Report) -> None:
    assert result_of(verdicts, "test_passes").title.rstrip(".") == "A title"
    assert result_of(verdicts, "test_fails").title == "test_fails"


# ----------------------------------------------------------------- cases

CASES = """
class Counted:
    verdicts = 1

import pytest

@pytest.fixture
def counted():
    return Counted()

@points(3)
@cases("n, kind", cpu=[(1, "a"), (2, "b::c"), (3, "d[e]")], gpu=[(4, "f")])
def test_cases(counted, n, kind):
    if n == {wrong}:
        {how}
"""


def cases_of(report: Report) -> list[tuple[str, Status]]:
    return [(case.id, case.status) for case in report.tests[0].cases]


def test_a_test_runs_the_cases_of_its_device_each_named_by_its_parameters(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    report = run(make_lesson(CASES.format(wrong=0, how="pass")), tmp_path)
    assert cases_of(report) == [
        ("n=1, kind='a'", Status.PASSED),
        ("n=2, kind='b::c'", Status.PASSED),
        ("n=3, kind='d[e]'", Status.PASSED),
    ]
    assert report.score == 3


def test_one_failed_case_costs_all_points_and_the_others_still_run(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    report = run(make_lesson(CASES.format(wrong=1, how="fail('k', 'm')")), tmp_path)
    assert [status for _, status in cases_of(report)] == [Status.FAILED, *[Status.PASSED] * 2]
    assert report.score == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("NOT_STARTED", "not-started"),
        ("CRASHED", "segfault"),
        ("TIMED_OUT", "timeout"),
        ("REFUSED", "malformed-frame"),
        ("FAILED", "syntax-error"),
        ("FAILED", "import-error"),
        ("FAILED", "todo-left"),
        ("FAILED", "missing-function"),
    ],
)
def test_a_final_verdict_ends_its_test(
    make_lesson: MakeLesson, tmp_path: Path, status: str, kind: str
) -> None:
    imports = "from grader.results import Diagnosis, Status\n"
    how = f"raise Judged(Status.{status}, Diagnosis({kind!r}, 'm'))"
    report = run(make_lesson(imports + CASES.format(wrong=1, how=how)), tmp_path)
    assert cases_of(report) == [("n=1, kind='a'", Status[status])]


def test_a_case_that_did_not_run_is_no_passed_case(make_lesson: MakeLesson, tmp_path: Path) -> None:
    report = run(make_lesson(CASES.format(wrong=2, how="pytest.skip('why')")), tmp_path)
    assert report.tests[0].status is Status.GRADER_ERROR
    assert report.score == 0


def test_cases_of_a_run_that_broke_off_are_not_passed(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    report = run(make_lesson(CASES.format(wrong=2, how="pytest.exit('why')")), tmp_path)
    assert report.tests[0].status is Status.GRADER_ERROR


def test_a_test_without_a_case_on_this_device_is_deferred(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    tests = '@points(2)\n@cases("n, m", cpu=[], gpu=[(1, 2)])\ndef test_it(check, n, m): ...\n'
    report = run(make_lesson(tests), tmp_path)
    assert verdict_of(report, "test_it") == (Status.DEFERRED, "needs-gpu", None)
    assert report.exit_code is ExitCode.OK


def test_hidden_cases_are_added_to_the_visible_ones(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    tests = CASES.format(wrong=77, how="fail('hidden', 'm')")
    hidden = "CASES = {'test_cases': {'cpu': [(77, 'z')], 'gpu': [(78, 'z')]}, 'other': {}}\n"
    report = run(make_lesson(tests, hidden=hidden), tmp_path)
    assert len(report.tests[0].cases) == 4
    assert verdict_of(report, "test_cases")[:2] == (Status.FAILED, "hidden")
    assert report.max_score == 3


# ------------------------------------------------------------------ hints


def test_a_failed_test_shows_the_first_step_of_its_hints(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    tests = '@points(1)\n@hint("mask")\ndef test_it():\n    fail("k", "m")\n'
    hints = "## other\n1. No.\n## mask\n1. Think of\n   the end.\n2. Use n.\n"
    report = run(make_lesson(tests, hints=hints), tmp_path)
    found = report.tests[0].diagnosis
    assert found is not None
    assert found.hint == "Think of the end."


# ------------------------------------------------------- which tests run


def test_only_names_the_tests_to_run(make_lesson: MakeLesson, tmp_path: Path) -> None:
    lesson = make_lesson(VERDICTS)
    report = run(lesson, tmp_path, only=("test_fails", "passes"))
    assert sorted(test.id for test in report.tests) == ["test_fails", "test_passes"]
    assert report.max_score == 2


def test_only_an_unknown_test_is_a_mistake_of_the_caller(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    lesson = make_lesson(VERDICTS)
    with pytest.raises(UnknownTestError, match="Did you mean test_fails"):
        run(lesson, tmp_path, only=("test_fail",))


def test_the_observer_is_told_the_plan_each_case_and_each_result(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    observed = Observed()
    report = run(
        make_lesson(CASES.format(wrong=1, how="fail('k', 'm')")), tmp_path, observer=observed
    )
    (plan,) = observed.plans
    assert (plan.id, plan.max_points, plan.cases) == ("test_cases", 3, 3)
    assert observed.started == [
        ("test_cases", "n=1, kind='a'"),
        ("test_cases", "n=2, kind='b::c'"),
        ("test_cases", "n=3, kind='d[e]'"),
    ]
    assert observed.finished == list(report.tests)
    assert observed.device == report.device


# --------------------------------------------- a lesson that is not right


@pytest.mark.parametrize(
    ("tests", "words"),
    [
        ("import absent_module_of_nobody\n@points(1)\ndef test_it(): ...\n", "absent_module"),
        ("@points(1)\ndef test_it(:\n", "SyntaxError"),
        ("1 / 0\n@points(1)\ndef test_it(): ...\n", "ZeroDivisionError"),
        ("@points(1)\n@cases('n', cpu=[(1, 2)])\ndef test_it(n, m): ...\n\n"
         "@points(1)\n@cases('absent', cpu=[1])\ndef test_other(): ...\n", "absent"),
        ("def test_it(): ...\n", "no graded test"),
        ("", "no graded test"),
    ],
    ids=["import", "syntax", "exception", "parameters", "no points", "empty"],
)  # fmt: skip
def test_a_lesson_whose_tests_cannot_be_collected_says_where(
    make_lesson: MakeLesson, tmp_path: Path, tests: str, words: str
) -> None:
    lesson = make_lesson(tests)
    with pytest.raises(LessonDefinitionError) as raised:
        run(lesson, tmp_path)
    assert str(lesson.test_files[0]) in str(raised.value)
    assert words in str(raised.value)


def test_hidden_cases_that_cannot_be_read_stop_the_run(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    lesson = make_lesson(CASES.format(wrong=0, how="pass"), hidden="1 / 0\n")
    with pytest.raises(LessonDefinitionError, match="ZeroDivisionError"):
        run(lesson, tmp_path)


def test_tests_in_several_files_are_graded_in_the_order_of_the_files(
    make_lesson: MakeLesson, tmp_path: Path
) -> None:
    lesson = make_lesson("@points(1)\ndef test_it():\n    fail('one', 'm')\n")
    text = HEADER + "@points(1)\ndef test_last():\n    fail('two', 'm')\n"
    (lesson.folder / "test_then.py").write_text(text)
    report = run(lesson, tmp_path)
    assert [(test.id, test.file) for test in report.tests] == [
        ("test_it", f"test_{lesson.name}.py"),
        ("test_last", "test_then.py"),
    ]
    alone = run(lesson, tmp_path, only=("test_last",))
    assert [test.id for test in alone.tests] == ["test_last"]


def test_tests_that_were_edited_are_read_again(make_lesson: MakeLesson, tmp_path: Path) -> None:
    lesson = make_lesson("@points(1)\ndef test_it():\n    fail('before', 'm')\n")
    assert verdict_of(run(lesson, tmp_path), "test_it")[1] == "before"
    lesson.test_files[0].write_text(
        HEADER + "@points(1)\ndef test_it():\n    fail('afterwards', 'm')\n"
    )
    assert verdict_of(run(lesson, tmp_path), "test_it")[1] == "afterwards"


# ------------------------------------------------- what may not interfere


def test_nothing_around_the_student_changes_how_a_lesson_is_graded(
    make_lesson: MakeLesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = make_lesson(CASES.format(wrong=1, how="fail('k', 'm')"))
    folder = tmp_path / "student"
    folder.mkdir()
    cheat = "import pytest\nraise SystemExit('conftest was read')\n"
    for place in (folder, lesson.folder, tmp_path):
        (place / "conftest.py").write_text(cheat)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --absent-option\n")
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--absent'\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --absent-option\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only --absent-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "absent_plugin")
    report = run(lesson, folder)
    assert verdict_of(report, "test_cases")[:2] == (Status.FAILED, "k")
    assert len(report.tests[0].cases) == 3
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only --absent-option"
    assert os.environ["PYTEST_PLUGINS"] == "absent_plugin"


def test_a_run_leaves_the_import_system_as_it_was(make_lesson: MakeLesson, tmp_path: Path) -> None:
    lesson = make_lesson(CASES.format(wrong=1, how="fail('k', 'm')"))
    before = list(sys.path)
    run(lesson, tmp_path)
    assert sys.path == before


# --------------------------------------------------------- plain pytest


class Reports:
    """pytest plugin that remembers what became of each case."""

    def __init__(self) -> None:
        self.outcomes: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.rpartition("::")[2]
            self.outcomes[name] = (report.outcome, str(report.longrepr))


def test_a_lesson_can_be_run_by_pytest_alone(tmp_path: Path) -> None:
    file = tmp_path / "lesson01.py"
    file.write_text(SKELETON)
    reports = Reports()
    (tests,) = tiny_lesson().test_files
    sys.modules.pop(tests.stem, None)
    code = pytest.main(
        [str(tests), f"--rootdir={tests.parent}", "-c/dev/null", "--import-mode=importlib",
         "-pno:terminal", "-pno:cacheprovider", "-pgrader.plugin", "--disable-plugin-autoload",
         "--submission", str(file), "--grade-device", "cpu"],
        plugins=[reports],
    )  # fmt: skip
    assert code is pytest.ExitCode.TESTS_FAILED
    outcomes = {name: outcome for name, (outcome, _) in reports.outcomes.items()}
    assert outcomes == {
        "test_double[n=37]": "failed",
        "test_double[n=64]": "skipped",
        "test_double_matrix": "failed",
        "test_negate": "failed",
        "test_double_large[no-case-on-this-device]": "skipped",
    }
    shown = reports.outcomes["test_double[n=37]"][1]
    assert shown.startswith("not_started: Not started yet.")
    assert shown.endswith("(line 14)")


# ---------------------------------------------------------- the report


def test_the_json_report_keeps_its_contract(tmp_path: Path) -> None:
    report = json.loads(json.dumps(graded(tmp_path, SKELETON, seed="5eed").to_json()))
    assert {"lesson", "score", "max_score", "device", "sandbox", "seed", "duration_s",
            "tests"} <= report.keys()  # fmt: skip
    assert (report["lesson"], report["score"], report["max_score"]) == ("lesson01", 0, 7)
    assert report["device"]["kind"] == "cpu"
    assert report["device"]["name"] == "interpreter"
    assert report["seed"] == "5eed"
    assert {"id", "title", "status", "points", "max_points", "deferred_points", "diagnosis",
            "cases", "timing", "traffic"} <= report["tests"][0].keys()  # fmt: skip
    statuses = {test["id"]: test["status"] for test in report["tests"]}
    assert statuses == {
        "test_double": "not_started",
        "test_double_matrix": "not_started",
        "test_negate": "not_started",
        "test_double_large": "deferred",
    }
    first = report["tests"][0]
    assert first["diagnosis"].keys() == {"kind", "message", "line", "hint"}
    assert first["diagnosis"]["hint"] == "How many elements does the last block have?"
    assert first["cases"][0].keys() >= {"id", "status", "diagnosis"}
    assert (first["timing"], first["traffic"]) == (None, None)


def test_the_lesson_of_the_tiny_course_has_the_points_of_its_tests(tmp_path: Path) -> None:
    assert graded(tmp_path, SKELETON).max_score == tiny_lesson().points


def test_the_skeleton_and_the_solution_of_the_tiny_course_belong_together() -> None:
    assert with_double("pass") != RIGHT
    assert set(SKELETON.splitlines()) - set(RIGHT.splitlines()) <= {
        "# Fill in the TODOs, then see how far you are: grade lesson01",
        "    pass",
        '    raise NotImplementedError("double: TODO not done yet")',
    }
