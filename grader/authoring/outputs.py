"""Outputs that readers of the repository see below a notebook's cells.

Made by executing the notebook once on a GPU, kept as ``course/lessonNN/outputs.json`` by cell id,
and put in by the build. An id follows from what the cell holds, so that a cell that was changed
since shows nothing rather than something else's output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

Outputs = Mapping[str, list[dict[str, Any]]]


def outputs_file(folder: Path) -> Path:
    """Where the outputs of the lesson in a folder lie."""
    return folder / "outputs.json"


def read_outputs(folder: Path) -> Outputs:
    """The outputs of a lesson's cells by id; none if it was never executed for readers."""
    path = outputs_file(folder)
    found: Outputs = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return found


def write_outputs(folder: Path, found: Outputs) -> None:
    """Keep the outputs of a lesson's cells."""
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    outputs_file(folder).write_text(text, encoding="utf-8")


def add_outputs(notebook: NotebookNode, found: Outputs) -> None:
    """Put outputs below the cells whose ids they bear."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id in found:
            cell.outputs = [from_dict(output) for output in found[cell.id]]
