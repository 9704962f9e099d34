"""Executes lessons' notebooks from top to bottom, in a folder laid out as a student has it.

For authors, tests and the run that makes the outputs that readers see. A notebook runs in a
fresh kernel beside a skeleton or beside the reference solution.

    python -m grader.authoring.execute lesson03 --solved
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from grader.authoring.assignment import build_assignment
from grader.authoring.outputs import write_outputs
from grader.authoring.skeleton import build_skeleton
from grader.lesson import COURSE_VARIABLE, Course, Lesson
from grader.lms.assignment import graded_by

CELL_DEADLINE_S = 300

Grading = Literal["all", "lesson", "none"]

# A cell that begins with this comment would show readers how the exercise is solved.
WITHOUT_OUTPUT = "# comes without output"

# What the toolkit says, in place of failing, where the file beside the notebook failed.
# (Of another implementation, a benchmark says that on purpose.)
_REMARK = re.compile(
    r"(?<!not measured\. )It raised \w+.*|\b(?:yours|reference solution)\b[^:\n]*: not measured.*"
)

# What the run for readers sets; see grader.lab.
FOR_READERS = {"LAB_STATIC": "1", "LAB_SHOWS_REFERENCE": "1"}


@dataclass(frozen=True)
class Executed:
    """A notebook that was run.

    Attributes:
        lesson: Name of its lesson.
        solved: Whether the reference solution lay beside it.
        notebook: With outputs.
        seconds: Time of all cells and of the kernel's start.
    """

    lesson: str
    solved: bool
    notebook: NotebookNode
    seconds: float

    @property
    def errors(self) -> list[str]:
        """What went wrong: a cell's first line, the exception, or what it wrote to stderr."""
        return [
            f"{self.lesson}: {cell.source.splitlines()[0]!r}: {told}"
            for cell in code_cells(self.notebook)
            for told in _troubles(cell)
        ]


def execute(
    lesson: Lesson,
    folder: Path,
    *,
    solved: bool,
    grading: Grading = "all",
    environment: Mapping[str, str] | None = None,
) -> Executed:
    """Run a lesson's notebook in a fresh kernel; a cell that fails does not stop it.

    Args:
        lesson: Whose notebook.
        folder: Where the student's folder is laid out.
        solved: Put the reference solution beside it, in place of the skeleton.
        grading: Which of the cells that grade run: all, the one that grades the whole lesson,
            or none; the others stay as they are.
        environment: More variables of the kernel.
    """
    place = folder / lesson.name
    place.mkdir(parents=True, exist_ok=True)
    solution = lesson.solution.read_text()
    text = solution if solved else build_skeleton(solution, lesson.solution)
    (place / f"{lesson.name}.py").write_text(text)
    notebook = nbformat.reads(build_assignment(lesson), as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells if _is_left_out(cell, grading)}
    for cell in notebook.cells:
        cell.source = "" if cell.id in sources else cell.source
    client = NotebookClient(
        notebook,
        timeout=CELL_DEADLINE_S,
        kernel_name="python3",
        allow_errors=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(place)}},
    )
    begin = time.monotonic()
    client.execute(env={**os.environ, **_variables(lesson), **(environment or {})})
    seconds = time.monotonic() - begin
    for cell in notebook.cells:
        cell.source = sources.get(cell.id, cell.source)
    return Executed(lesson.name, solved, notebook, seconds)


def code_cells(notebook: NotebookNode) -> Iterator[NotebookNode]:
    """The cells that hold code."""
    return (cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip())


def slowest(notebook: NotebookNode, count: int = 3) -> list[str]:
    """Seconds and first line of the cells that took longest."""
    timed = [(_seconds(cell), cell.source.splitlines()[0]) for cell in code_cells(notebook)]
    return [f"{seconds:5.1f} s  {line}" for seconds, line in sorted(timed)[-count:][::-1]]


def _seconds(cell: NotebookNode) -> float:
    times = cell.metadata.get("execution", {})
    try:
        begin, end = (
            datetime.fromisoformat(times[f"iopub.status.{state}"].replace("Z", "+00:00"))
            for state in ("busy", "idle")
        )
    except KeyError:
        return 0.0
    return (end - begin).total_seconds()


def outputs(executed: Executed) -> dict[str, list[dict[str, Any]]]:
    """What readers see below each cell, by the cell's id; a student's verdicts are none of it."""
    return {
        cell.id: [_for_readers(output) for output in cell.outputs]
        for cell in code_cells(executed.notebook)
        if cell.outputs and not _grades(cell) and not cell.source.startswith(WITHOUT_OUTPUT)
    }


def _grades(cell: NotebookNode) -> bool:
    return graded_by(cell) is not None or cell.source.strip() == "%grade"


def _is_left_out(cell: NotebookNode, grading: Grading) -> bool:
    if grading == "lesson":
        return graded_by(cell) is not None
    return grading == "none" and _grades(cell)


def _for_readers(output: NotebookNode) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(output))
    plain.pop("execution_count", None)
    return {**plain, "execution_count": None} if output.output_type == "execute_result" else plain


def _variables(lesson: Lesson) -> dict[str, str]:
    """The kernel finds this course and this package, wherever it runs."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {COURSE_VARIABLE: str(lesson.root), "PYTHONPATH": os.pathsep.join(paths)}


def _troubles(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"{output.ename}: {output.evalue}"
        elif output.output_type == "stream" and output.name == "stderr":
            yield f"stderr: {output.text.strip()[:500]}"
        else:
            yield from _REMARK.findall(_text(output))


def _text(output: NotebookNode) -> str:
    text: str = output.text if output.output_type == "stream" else output.data.get("text/plain", "")
    return text


def main() -> int:
    """Execute, print time and trouble of each notebook; 1 if there was any."""
    options = _options()
    course = Course.find()
    lessons = [course.lesson(name) for name in options.lessons or course.names()]
    lessons = [lesson for lesson in lessons if lesson.notebook_source.is_file()]
    with TemporaryDirectory() as place, ThreadPoolExecutor(options.jobs) as pool:
        runs = [
            pool.submit(_run, lesson, Path(place), solved, options)
            for lesson in lessons
            for solved in _states(options)
        ]
        return int(any([run.result() for run in runs]))


def _run(lesson: Lesson, place: Path, solved: bool, options: argparse.Namespace) -> bool:
    state = "solved" if solved else "unsolved"
    environment = {**FOR_READERS, "LAB_STORE": str(lesson.root)} if options.readers else {}
    done = execute(
        lesson,
        place / state,
        solved=solved,
        grading=options.grade,
        environment=environment,
    )
    print(f"{lesson.name} {state}: {done.seconds:.1f} s, {len(done.errors)} errors", flush=True)
    for line in (*done.errors, *slowest(done.notebook)):
        print(f"  {line}", flush=True)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        name = options.out / f"{lesson.name}-{state}.ipynb"
        name.write_text(nbformat.writes(done.notebook) + "\n")
    if options.readers and not done.errors:
        write_outputs(lesson.folder, outputs(done))
    return bool(done.errors)


def _states(options: argparse.Namespace) -> list[bool]:
    if options.readers or options.solved:
        return [True]
    return [False] if options.unsolved else [False, True]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m grader.authoring.execute")
    parser.add_argument("lessons", nargs="*", help="lesson03, or 3; all if left out")
    parser.add_argument("--solved", action="store_true", help="beside the solution only")
    parser.add_argument("--unsolved", action="store_true", help="beside the skeleton only")
    parser.add_argument(
        "--grade",
        choices=("all", "lesson", "none"),
        default="all",
        help="which of the cells that grade run",
    )
    parser.add_argument(
        "--readers",
        action="store_true",
        help="write course/lessonNN/outputs.json and measured.json; meant for a GPU",
    )
    parser.add_argument("--out", type=Path, help="folder for the executed notebooks")
    parser.add_argument("--jobs", type=int, default=1, help="notebooks at the same time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
