"""A course from nothing to feedback with nbgrader's own commands, a real gradebook and judge."""

from __future__ import annotations

import os
import re
from html import unescape

import pytest
from nbgrader.api import Gradebook

from tests.nbgrader.lecture import NOTEBOOK
from tests.nbgrader.term import ACCOUNTS, Term

# What each kind of submission earns without a GPU: test_double, _matrix, _negate, _large.
EARNED: dict[str, tuple[float | None, ...]] = {
    "full": (2.0, 1.0, 1.0, None),
    "partial": (2.0, 1.0, 0.0, None),
    "wrong": (0.0, 0.0, 0.0, None),
    "cheating": (0.0, 0.0, 0.0, None),
    "crashing": (0.0, 0.0, 0.0, None),
    "empty": (0.0, 0.0, 0.0, 0.0),
}
TESTS = ("test_double", "test_double_matrix", "test_negate", "test_double_large")


def test_all_commands_succeed(term: Term) -> None:
    assert set(term.codes) == {0}, "\n".join(term.log)


@pytest.mark.parametrize("kind", EARNED)
def test_each_submission_of_one_run_gets_its_own_verdict(term: Term, kind: str) -> None:
    scores = term.lecture.scores(term.students[kind])
    judged = tuple(scores[test] for test in TESTS)
    # A test that can fail without a GPU may do so; it can only earn with one.
    assert judged[:3] == EARNED[kind][:3]
    assert judged[3] in (None, 0.0)
    assert judged[3] is None or EARNED[kind][3] != 1


def test_what_needs_a_gpu_waits_for_one(term: Term) -> None:
    assert term.lecture.grades(term.students["full"])["test_double_large"] == (None, True)
    assert term.row("full")["score"] == "pending"
    assert "pending / 3.0" in term.page("full")


@pytest.mark.parametrize("kind", EARNED)
def test_gradebook_csv_and_feedback_agree_to_the_hundredth(term: Term, kind: str) -> None:
    student = term.students[kind]
    with Gradebook(f"sqlite:///{term.folder / 'gradebook.db'}") as gradebook:
        stored = gradebook.find_submission("lesson01", student).score
    row = term.row(kind)
    assert float(row["score_so_far"]) == pytest.approx(stored, abs=0.004)
    heading = re.search(
        r"\(Score: ([\d.]+)(?: so far, ([\d.]+) pending)? / 9\.0\)", _text(term, kind)
    )
    assert heading is not None
    assert float(heading[1]) == pytest.approx(stored, abs=0.004)
    assert float(heading[2] or 0.0) == pytest.approx(float(row["points_pending"]), abs=0.004)


def _text(term: Term, kind: str) -> str:
    page = term.page(kind)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page[page.index("<body>") :])))


def test_feedback_shows_report_and_file(term: Term) -> None:
    text = _text(term, "partial")
    assert "The report of the grader" in text
    assert "Negates vectors" in text
    assert "lesson01.py, as it was handed in" in text
    assert "def negate_kernel" in text


def test_an_empty_submission_is_told_what_is_missing(term: Term) -> None:
    text = _text(term, "empty")
    assert "There is no lesson01.py in this submission" in text
    assert f"{NOTEBOOK} was missing" in text


def test_students_can_read_their_feedback(term: Term) -> None:
    released = list((term.root / "exchange" / "demo" / "feedback").iterdir())
    assert len(released) == len(term.students)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two Unix users")
def test_two_unix_users_handed_in_what_is_theirs(term: Term) -> None:
    inbound = term.root / "exchange" / "demo" / "inbound"
    owners = {path.name.partition("+")[0]: path.owner() for path in inbound.iterdir()}
    assert {name: owners[name] for name in ACCOUNTS} == {name: name for name in ACCOUNTS}


def test_nothing_of_the_course_is_among_what_students_get(term: Term) -> None:
    released = term.root / "exchange" / "demo" / "outbound" / "lesson01"
    assert sorted(path.name for path in released.iterdir()) == [NOTEBOOK, "lesson01.py"]
    assert "BEGIN SOLUTION" not in (released / "lesson01.py").read_text()
