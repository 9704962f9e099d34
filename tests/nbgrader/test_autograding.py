"""``nbgrader autograde`` with our steps and a real gradebook; the judge is a stand-in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nbgrader.api import Gradebook

from grader.lesson_tests import graded_tests
from grader.lms.autograding import GradeOutOfProcess
from grader.lms.intake import REMARKS
from grader.lms.verdicts import NotJudgedError, Verdict
from grader.results import Status
from tests.nbgrader.conftest import JudgeStandIn
from tests.nbgrader.lecture import NOTEBOOK, POINTS, Lecture, solution

# nbgrader's own, about SQLAlchemy and about notebooks that a test doubles cells in.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
    pytest.mark.filterwarnings("ignore:Non-unique cell id"),
]

PASSED = {**POINTS, "question": 0.0}  # nobody answered
NOTHING = dict.fromkeys(PASSED, 0.0)


def test_each_cell_gets_the_points_of_its_test(lecture: Lecture, judge: JudgeStandIn) -> None:
    judge.statuses["test_negate"] = Status.FAILED
    judge.statuses["test_double_large"] = Status.SLOW
    judge.points["test_double_large"] = 1.55
    lecture.hand_in("alice", solution())
    assert lecture.autograde()["success"]
    assert lecture.grades("alice") == {
        "test_double": (2.0, False),
        "test_double_matrix": (1.0, False),
        "test_negate": (0.0, False),
        "test_double_large": (1.55, False),
        "question": (0.0, False),
    }


def test_the_judge_gets_the_file_as_it_was_handed_in(lecture: Lecture, judge: JudgeStandIn) -> None:
    lecture.hand_in("alice", "x = 1\n")
    lecture.autograde()
    assert judge.seen[0][0] == "x = 1\n"


def test_options_reach_the_judge(lecture: Lecture, judge: JudgeStandIn) -> None:
    config = lecture.config()
    config.GradeOutOfProcess.device = "cpu"
    config.GradeOutOfProcess.timeout_s = 7.0
    config.GradeOutOfProcess.allow_unconfined = True
    lecture.hand_in("alice", solution())
    assert lecture.autograde(config=config)["success"]
    options = judge.seen[0][1]
    assert (options.device, options.timeout_s, options.allow_unconfined) == ("cpu", 7.0, True)


@pytest.mark.parametrize("status", [Status.DEFERRED, Status.INCONCLUSIVE, Status.GRADER_ERROR])
def test_what_was_not_judged_has_no_score_and_needs_a_person(
    lecture: Lecture, judge: JudgeStandIn, status: Status
) -> None:
    judge.statuses["test_double_large"] = status
    lecture.hand_in("alice", solution())
    assert lecture.autograde()["success"]
    grades = lecture.grades("alice")
    assert grades.pop("test_double_large") == (None, True)
    assert all(score is not None and not needed for score, needed in grades.values())


def test_what_waited_for_a_gpu_is_completed_by_a_run_on_one(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    judge.statuses["test_double_large"] = Status.DEFERRED
    lecture.hand_in("alice", solution())
    lecture.autograde()
    judge.statuses.clear()
    lecture.autograde()
    assert lecture.scores("alice") == PASSED
    assert not any(needed for _, needed in lecture.grades("alice").values())


def test_a_regrade_after_a_mended_test_replaces_the_score(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    judge.statuses["test_double"] = Status.FAILED
    lecture.hand_in("alice", solution())
    lecture.autograde()
    assert lecture.scores("alice")["test_double"] == 0.0
    judge.statuses.clear()
    lecture.autograde()
    assert lecture.scores("alice")["test_double"] == 2.0


def test_a_run_that_fails_leaves_neither_the_old_score_nor_a_false_one(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    lecture.hand_in("alice", solution())
    lecture.autograde()
    judge.failure = NotJudgedError("the GPU fell off")
    result = lecture.autograde()
    assert not result["success"]
    assert "the GPU fell off" in result["log"]
    assert lecture.grades("alice") == dict.fromkeys(PASSED, (None, True))
    judge.failure = None
    assert lecture.autograde()["success"]
    assert lecture.scores("alice") == PASSED


def test_one_submission_that_fails_does_not_stop_the_others(
    lecture: Lecture, judge: JudgeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("alice", "bob", "carol"):
        lecture.hand_in(student, f"# {student}\n")

    def fail_for_bob(*arguments: Any) -> Any:
        judgement = judge(*arguments)
        if "bob" in judge.seen[-1][0]:
            raise NotJudgedError("bad luck")
        return judgement

    monkeypatch.setattr("grader.lms.autograding.judge", fail_for_bob)
    result = lecture.autograde()
    assert not result["success"]
    assert lecture.scores("alice") == lecture.scores("carol") == PASSED
    assert set(lecture.scores("bob").values()) == {None}


def test_a_score_that_a_person_gave_stays_and_is_looked_at_again(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    lecture.hand_in("alice", solution(), answer="For the tail.")
    lecture.autograde()
    assert lecture.grades("alice")["question"] == (None, True)
    lecture.set_grade("alice", "question", manual_score=1.5, needs_manual_grade=False)
    lecture.set_grade("alice", "test_double", manual_score=1.0, needs_manual_grade=False)
    lecture.autograde()
    with Gradebook(f"sqlite:///{lecture.root / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade("test_double", "01_Tiny", "lesson01", "alice")
        assert (grade.auto_score, grade.manual_score, grade.needs_manual_grade) == (2.0, 1.0, True)
        assert gradebook.find_submission("lesson01", "alice").score == 1.0 + 5.0 + 1.5


def test_a_submission_without_the_file_earns_nothing_and_says_why(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    (lecture.hand_in("alice") / "lesson02.py").write_text("x = 1\n")
    assert lecture.autograde()["success"]
    assert judge.seen == []
    assert lecture.scores("alice") == NOTHING
    assert "There is no lesson01.py in this submission" in lecture.shown("alice")
    assert "It holds lesson02.py" in lecture.shown("alice")


def test_a_linked_file_is_not_followed(lecture: Lecture, judge: JudgeStandIn) -> None:
    secret = lecture.root / "solution.py"
    secret.write_text(solution())
    (lecture.hand_in("eve") / "lesson01.py").symlink_to(secret)
    assert lecture.autograde()["success"]
    assert lecture.scores("eve") == NOTHING
    assert "symbolic link" in lecture.shown("eve")


def test_a_file_of_50_megabytes_is_refused(lecture: Lecture, judge: JudgeStandIn) -> None:
    lecture.hand_in("alice", b"#" * 50_000_000)
    assert lecture.autograde()["success"]
    assert judge.seen == []
    assert lecture.scores("alice") == NOTHING
    assert "50.0 MB" in lecture.shown("alice")


def test_a_broken_notebook_costs_nothing_but_the_answer(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    folder = lecture.hand_in("alice", solution())
    (folder / NOTEBOOK).write_text("{ broken")
    assert lecture.autograde()["success"]
    assert lecture.scores("alice") == PASSED
    assert "no valid notebook" in lecture.shown("alice")
    assert (folder / REMARKS).is_file()


def test_a_notebook_of_another_lesson_does_not_matter(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    folder = lecture.hand_in("alice", solution())
    (folder / NOTEBOOK).rename(folder / "02_Other.ipynb")
    assert lecture.autograde()["success"]
    assert lecture.scores("alice") == PASSED


def _spoilt(notebook: dict[str, Any], how: str) -> dict[str, Any]:
    cells = notebook["cells"]
    graded = [cell for cell in cells if cell["metadata"].get("nbgrader")]
    match how:
        case "emptied":
            cells.clear()
        case "doubled":
            cells.extend(json.loads(json.dumps(graded)))
        case "renamed":
            for at, cell in enumerate(graded):
                cell["metadata"]["nbgrader"]["grade_id"] = f"other{at}"
        case "unlocked":
            for cell in graded:
                cell["metadata"]["nbgrader"].update(locked=False, solution=True, grade=False)
        case "dearer":
            for cell in graded:
                cell["metadata"]["nbgrader"]["points"] = 1000
        case "without metadata":
            for cell in cells:
                cell["metadata"] = {}
    return notebook


@pytest.mark.parametrize(
    "how", ["emptied", "doubled", "renamed", "unlocked", "dearer", "without metadata"]
)
def test_a_spoilt_notebook_changes_no_verdict(
    lecture: Lecture, judge: JudgeStandIn, how: str
) -> None:
    judge.statuses["test_double"] = Status.FAILED
    path = lecture.hand_in("alice", solution()) / NOTEBOOK
    path.write_text(json.dumps(_spoilt(json.loads(path.read_text()), how)))
    assert lecture.autograde()["success"]
    assert lecture.scores("alice") == {**PASSED, "test_double": 0.0}


FORGED = {
    "a number as output": ("%grade test_double", "2.0"),
    "a cell that returns the maximum": ("import sys; sys.displayhook(2.0)", "2.0"),
    "no output at all": ("", None),
    "text as output": ("'full marks'", "'full marks'"),
    "not a number": ("float('nan')", "nan"),
    "a negative number": ("-1", "-1"),
}


@pytest.mark.parametrize("attack", FORGED)
def test_what_gives_full_marks_in_stock_nbgrader_gives_none_here(
    lecture: Lecture, judge: JudgeStandIn, attack: str
) -> None:
    """Outputs and sources of the grade cells are the student's to write; nobody reads them."""
    judge.statuses = dict.fromkeys(POINTS, Status.FAILED)
    source, output = FORGED[attack]
    path = lecture.hand_in("mallory", "# nothing\n") / NOTEBOOK
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"], cell["execution_count"] = source, 1
            result = {"output_type": "execute_result", "metadata": {}, "execution_count": 1}
            cell["outputs"] = [{**result, "data": {"text/plain": output}}] if output else []
    path.write_text(json.dumps(notebook))
    assert lecture.autograde()["success"]
    assert lecture.scores("mallory") == NOTHING


def test_the_notebook_is_never_executed(
    lecture: Lecture, judge: JudgeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*_: Any) -> None:
        raise AssertionError("a student's notebook was to be executed")

    monkeypatch.setattr("nbgrader.preprocessors.execute.Execute.preprocess", execute)
    path = lecture.hand_in("alice", solution()) / NOTEBOOK
    notebook = json.loads(path.read_text())
    code = {"cell_type": "code", "id": "evil", "metadata": {}, "outputs": []}
    notebook["cells"].insert(0, {**code, "execution_count": None, "source": "1 / 0"})
    path.write_text(json.dumps(notebook))
    assert lecture.autograde()["success"]
    assert all("1 / 0" not in cell.source for cell in lecture.autograded("alice").cells)


def test_an_assignment_that_is_no_lesson_is_graded_as_nbgrader_does(
    lecture: Lecture, judge: JudgeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "nbgrader.preprocessors.execute.Execute.preprocess",
        lambda self, nb, resources: (nb, resources),
    )
    source = lecture.root / "source" / "homework"
    source.mkdir()
    text = (lecture.root / "source/lesson01" / NOTEBOOK).read_text()
    notebook = json.loads(text)
    del notebook["metadata"]["grader"]
    (source / "homework.ipynb").write_text(json.dumps(notebook))
    assert lecture.api().generate_assignment("homework")["success"]
    submitted = lecture.root / "submitted" / "alice" / "homework"
    submitted.mkdir(parents=True)
    released = (lecture.root / "release/homework/homework.ipynb").read_text()
    (submitted / "homework.ipynb").write_text(released)
    result = lecture.api().autograde("homework", "alice")
    assert result["success"], result["log"]
    assert judge.seen == []


def test_a_lesson_that_changed_since_its_release_is_not_graded(
    lecture: Lecture, judge: JudgeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "grader.lms.autograding.graded_tests", lambda lesson: graded_tests(lesson)[:-1]
    )
    lecture.hand_in("alice", solution())
    result = lecture.autograde()
    assert not result["success"]
    assert "which is no graded test" in result["log"]
    assert "course build lesson01" in result["log"]
    assert set(lecture.scores("alice").values()) == {None}


def test_without_the_released_version_nothing_is_graded(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    lecture.hand_in("alice", solution())
    (lecture.root / "release/lesson01" / NOTEBOOK).unlink()
    result = lecture.autograde()
    assert not result["success"]
    assert "nbgrader generate_assignment lesson01" in result["log"]


def test_report_and_file_are_shown_and_nothing_of_it_runs(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    lecture.hand_in("alice", "x = '<script>alert(1)</script>'\n")
    lecture.autograde()
    shown = lecture.shown("alice")
    assert "<p>Report</p>" in shown
    assert "1  x = &#x27;&lt;script&gt;" in shown
    assert all("alert" not in cell.source for cell in lecture.autograded("alice").cells)


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -0.1, 2.01])
def test_a_score_outside_its_bounds_is_no_verdict(points: float) -> None:
    with pytest.raises(NotJudgedError, match="between 0 and 2"):
        Verdict("test_double", "Doubles", Status.PASSED, points, 2.0, "")


def test_verdicts_that_are_missing_are_an_error_and_no_full_marks(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    config = lecture.config()
    steps = config.Autograde.autograde_preprocessors
    config.Autograde.autograde_preprocessors = [
        step for step in steps if step is not GradeOutOfProcess
    ]
    lecture.hand_in("alice", solution())
    result = lecture.autograde(config=config)
    assert not result["success"]
    assert "GradeOutOfProcess must come before" in result["log"]
    assert set(lecture.scores("alice").values()) == {None}
