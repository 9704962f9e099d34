"""What instructor and student see in an autograded notebook: reports and the submitted file.

All of it is HTML of our own, every text escaped; it stands in outputs, so that nothing of it can
be run by whoever opens the notebook.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from grader.lesson_tests import LessonTest
from grader.lms.verdicts import Judgement, Verdict
from grader.report.clean import clean
from grader.report.words import number
from grader.results import Status

_MOST_CHARACTERS = 200_000  # of a file that is shown


def verdict_output(verdict: Verdict) -> NotebookNode:
    """The output of a grade cell: a finite number for nbgrader, the report for people."""
    data = {"text/plain": repr(verdict.points), "text/html": verdict.html}
    output: NotebookNode = new_output("execute_result", execution_count=1, data=data)
    return output


def report_cell(judgement: Judgement, remarks: Sequence[str]) -> NotebookNode:
    """The whole report, above everything else."""
    waiting = ""
    if judgement.pending:
        waiting = _notice(
            f"{number(judgement.pending)} points are not judged yet. They count as 0 in sums that "
            "nbgrader shows; nothing is lost, and the cells below say what they wait for."
        )
    left_out = "".join(_notice(line) for line in remarks)
    return _shown("# The report of the grader", f"{waiting}{left_out}{judgement.html}")


def file_cell(name: str, text: str) -> NotebookNode:
    """The student's file with line numbers, to be read, not run."""
    lines = text[:_MOST_CHARACTERS].splitlines()
    width = len(str(len(lines)))
    shown = [f"{at:>{width}}  {_text(line)}" for at, line in enumerate(lines, start=1)]
    if len(text) > _MOST_CHARACTERS:
        shown.append(f"… cut off after {_MOST_CHARACTERS} characters")
    return _shown(f"# {name}, as it was handed in", "<pre>" + "\n".join(shown) + "</pre>")


def refusal(tests: Iterable[LessonTest], reason: str) -> Judgement:
    """The judgement on a submission without a file to judge: no points, and the reason."""
    verdicts = {
        test.name: Verdict(
            test.name, test.title, Status.REFUSED, 0.0, test.points or 0.0, _notice(reason)
        )
        for test in tests
    }
    return Judgement(verdicts, _notice(reason))


def _notice(text: str) -> str:
    return (
        '<p role="note" style="border-left: 4px solid #b58900; padding: 0.3em 0.8em">'
        f"{_text(text)}</p>\n"
    )


def _text(value: str) -> str:
    return html.escape(clean(value))


def _shown(comment: str, content: str) -> NotebookNode:
    cell: NotebookNode = new_code_cell(
        comment, outputs=[new_output("display_data", {"text/html": content})]
    )
    cell.metadata.update({"deletable": False, "editable": False})
    return cell
