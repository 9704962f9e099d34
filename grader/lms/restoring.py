"""The released notebook with a student's answers: all that is taken from a submitted notebook.

Cells that a student removed, copied, renamed, unlocked or rewrote cannot matter, because none of
them is looked at, apart from the text under the id of an answer.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode

MOST_CHARACTERS = 20_000  # of an answer

# Invisible and without width: takes the meaning from a piece of markup, not from the text.
_JOINER = "\u2060"

# Where Markdown turns into HTML or into a link, and TeX into a link. Pages of nbgrader show
# answers with the rights of the instructor who grades them.
_ACTIVE = re.compile(r"<(?=[A-Za-z/!?])|\](?=[(:])|\\(?=href)")


def restored(released: NotebookNode, submitted: Any) -> NotebookNode:
    """The released notebook, filled with the answers found in another one.

    Args:
        released: The notebook as students got it; not changed.
        submitted: What they handed in: a notebook, or whatever its JSON held.
    """
    notebook = copy.deepcopy(released)
    answers = dict(_answers(submitted))
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution") and about.get("grade_id") in answers:
            cell.source = harmless(answers[about["grade_id"]])
    return notebook


def _answers(submitted: Any) -> Iterator[tuple[str, str]]:
    """Source of cells by their grade id; the last one told wins, which is the first in the file."""
    cells = submitted.get("cells") if isinstance(submitted, dict) else None
    for cell in reversed(cells if isinstance(cells, list) else []):
        name = _at(cell, "metadata", "nbgrader", "grade_id")
        source = _at(cell, "source")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if isinstance(name, str) and isinstance(source, str):
            yield name, source


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def harmless(answer: str) -> str:
    """An answer that reads the same, without HTML or links; cut off where it is too long."""
    if len(answer) > MOST_CHARACTERS:
        answer = f"{answer[:MOST_CHARACTERS]}\n\n[cut off after {MOST_CHARACTERS} characters]"
    text = answer.encode("utf-8", "replace").decode()
    return _ACTIVE.sub(lambda match: match[0] + _JOINER, text)
