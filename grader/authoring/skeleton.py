"""From a reference solution to the skeleton that students fill in.

nbgrader's own ``ClearSolutions`` cuts the regions out, so that a skeleton is what nbgrader
itself would release; this module checks the markers first, chooses each region's stub and
makes sure that what comes out is Python. Pure: text in, text out, the same each time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.authoring.markers import BEGIN, Region, solution_regions
from grader.definitions import is_kernel
from grader.errors import SolutionMarkersError
from grader.judge.stubs import KERNEL_STUB, host_stub


def build_skeleton(source: str, path: Path) -> str:
    """The student's skeleton of a solution.

    Args:
        source: Text of the solution.
        path: Where it lies; its stem is the lesson, and messages name it.

    Raises:
        SolutionMarkersError: The markers are wrong, or what is left is not Python.
    """
    regions = solution_regions(source, path)
    if not regions:
        raise SolutionMarkersError(
            f"{path}:1",
            f"no line {BEGIN!r}: the skeleton would be the whole solution.",
            "Mark what students are to write.",
        )
    skeleton = header(path.stem) + "\n".join(_cleared(source.split("\n"), regions))
    _require_python(skeleton, path)
    return skeleton


def header(lesson: str) -> str:
    """The first line of every skeleton."""
    return f"# Fill in the TODOs, then see how far you are: grade {lesson}\n"


def stub(region: Region) -> str:
    """What takes the place of a region."""
    return KERNEL_STUB if is_kernel(region.function) else host_stub(region.function.name)


def _cleared(lines: Sequence[str], regions: Sequence[Region]) -> Iterator[str]:
    """The file in pieces, each with the stub of the one region that it ends with."""
    start = 0
    for region in regions:
        yield _clear("\n".join(lines[start : region.end]), stub(region))
        start = region.end
    yield "\n".join(lines[start:])


def _clear(source: str, code: str) -> str:
    """Let nbgrader replace the solution region of a code cell."""
    # Imported here: nbgrader takes seconds, and only what builds skeletons needs it.
    from nbformat.v4 import new_code_cell
    from nbgrader.preprocessors import ClearSolutions

    clear = ClearSolutions(code_stub={"python": code}, enforce_metadata=False)
    cell, _ = clear.preprocess_cell(new_code_cell(source), {"language": "python"}, 0)
    return str(cell.source)


def _require_python(skeleton: str, path: Path) -> None:
    try:
        ast.parse(skeleton)
    except SyntaxError as error:
        raise SolutionMarkersError(
            f"{path}:1",
            f"without its solution regions this is not Python: {error.msg} at "
            f"{(error.text or '').strip()!r}.",
            "Move the markers so that what is left stands by itself.",
        ) from error
