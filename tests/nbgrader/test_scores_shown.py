"""CSV, feedback and gradebook say the same, and pending where nobody knows yet."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from grader.lms.export import COLUMNS, CsvWithPending
from grader.lms.late import PenaltyPerDay
from grader.results import Status
from tests.nbgrader.conftest import JudgeStandIn
from tests.nbgrader.lecture import Lecture, solution

pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")

DUE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _exported(lecture: Lecture) -> dict[str, dict[str, str]]:
    api = lecture.api()
    path = lecture.root / "grades.csv"
    exporter = CsvWithPending(parent=api)
    exporter.to = str(path)
    with api.gradebook as gradebook:
        exporter.export(gradebook)
    with path.open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def _feedback(lecture: Lecture, student: str) -> str:
    result = lecture.api().generate_feedback("lesson01", student)
    assert result["success"], result["log"]
    page = (lecture.root / "feedback" / student / "lesson01" / "01_Tiny.html").read_text()
    body = re.sub(r"<style.*?</style>", "", page[page.index("<body>") :], flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def test_a_graded_submission_is_exported_with_its_score(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    judge.statuses["test_double_large"] = Status.SLOW
    judge.points["test_double_large"] = 1.37
    lecture.hand_in("alice", solution())
    lecture.autograde()
    row = _exported(lecture)["alice"]
    assert (row["raw_score"], row["score"], row["max_score"]) == ("5.37", "5.37", "9.0")
    assert (row["points_pending"], row["cells_pending"]) == ("0.0", "")
    page = _feedback(lecture, "alice")
    assert "(Score: 5.37 / 9.0)" in page
    assert "test_double_large (Score: 1.37 / 3.0)" in page


def test_pending_points_are_never_shown_as_zero(lecture: Lecture, judge: JudgeStandIn) -> None:
    judge.statuses["test_double_large"] = Status.DEFERRED
    lecture.hand_in("alice", solution(), answer="For the tail.")
    lecture.autograde()
    row = _exported(lecture)["alice"]
    assert (row["raw_score"], row["score"]) == ("pending", "pending")
    assert (row["score_so_far"], row["points_pending"]) == ("4.0", "5.0")
    assert row["cells_pending"] == "question test_double_large"
    page = _feedback(lecture, "alice")
    assert "(Score: 4.0 so far, 5.0 pending / 9.0)" in page
    assert "test_double_large (Score: pending / 3.0)" in page


def test_points_given_by_hand_end_the_waiting(lecture: Lecture, judge: JudgeStandIn) -> None:
    lecture.hand_in("alice", solution(), answer="For the tail.")
    lecture.autograde()
    assert _exported(lecture)["alice"]["score"] == "pending"
    lecture.set_grade("alice", "question", manual_score=1.5, needs_manual_grade=False)
    assert _exported(lecture)["alice"]["score"] == "8.5"
    assert "(Score: 8.5 / 9.0)" in _feedback(lecture, "alice")


def test_a_pending_cell_that_was_only_waved_through_stays_pending(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    judge.statuses["test_double_large"] = Status.INCONCLUSIVE
    lecture.hand_in("alice", solution())
    lecture.autograde()
    lecture.set_grade("alice", "test_double_large", needs_manual_grade=False)
    assert _exported(lecture)["alice"]["score"] == "pending"


def test_handed_in_and_never_graded_is_pending_and_nothing_handed_in_is_zero(
    lecture: Lecture, judge: JudgeStandIn
) -> None:
    with Gradebook(f"sqlite:///{lecture.root / 'gradebook.db'}") as gradebook:
        for student in ("alice", "bob"):
            gradebook.add_student(student)
    lecture.hand_in("alice", solution())
    rows = _exported(lecture)
    assert (rows["alice"]["score"], rows["alice"]["points_pending"]) == ("pending", "9.0")
    assert (rows["bob"]["score"], rows["bob"]["points_pending"]) == ("0.0", "0.0")


def test_columns_begin_as_those_of_nbgrader(lecture: Lecture) -> None:
    assert COLUMNS[:3] == ("assignment", "duedate", "timestamp")
    assert COLUMNS[7:11] == ("raw_score", "late_submission_penalty", "score", "max_score")


def test_a_name_with_a_comma_stays_in_its_column(lecture: Lecture) -> None:
    with Gradebook(f"sqlite:///{lecture.root / 'gradebook.db'}") as gradebook:
        gradebook.add_student("alice", last_name='Smith, "Al"')
    assert _exported(lecture)["alice"]["last_name"] == 'Smith, "Al"'


def _late_config(lecture: Lecture) -> Config:
    return lecture.config(late_penalty_per_day=0.1)


def _hand_in_late(lecture: Lecture, late: timedelta) -> None:
    with Gradebook(f"sqlite:///{lecture.root / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment("lesson01", duedate=DUE.replace(tzinfo=None))
    folder = lecture.hand_in("alice", solution())
    (folder / "timestamp.txt").write_text(f"{DUE + late:%Y-%m-%d %H:%M:%S} UTC")


@pytest.mark.parametrize(
    ("late", "penalty"),
    [
        (timedelta(minutes=-1), "0.0"),
        (timedelta(seconds=1), "0.7"),
        (timedelta(days=1), "0.7"),
        (timedelta(days=1, seconds=1), "1.4"),
        (timedelta(days=400), "7.0"),
    ],
)
def test_each_day_begun_costs_its_share(
    lecture: Lecture, judge: JudgeStandIn, late: timedelta, penalty: str
) -> None:
    _hand_in_late(lecture, late)
    assert lecture.autograde(config=_late_config(lecture))["success"]
    row = _exported(lecture)["alice"]
    assert (row["raw_score"], row["late_submission_penalty"]) == ("7.0", penalty)
    assert float(row["score"]) == pytest.approx(7.0 - float(penalty))


def test_without_the_option_being_late_costs_nothing(lecture: Lecture, judge: JudgeStandIn) -> None:
    _hand_in_late(lecture, timedelta(days=3))
    lecture.autograde()
    assert _exported(lecture)["alice"]["score"] == "7.0"


def test_seconds_of_grace_are_not_late() -> None:
    plugin = PenaltyPerDay(per_day=0.1, grace_s=3600.0)
    assert plugin.late_submission_penalty("alice", 10.0, 3600.0) == 0.0
    assert plugin.late_submission_penalty("alice", 10.0, 3601.0) == 1.0
