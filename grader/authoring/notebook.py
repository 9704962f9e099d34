"""From a notebook's source in py:percent form to the ``.ipynb`` that students open.

Owns what makes the result the same each time: cell ids that follow from the cells' content, a
fixed kernel, no trace of the tool's version.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import jupytext
import nbformat

from grader.authoring.outputs import Outputs, add_outputs

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def read_source(source: str) -> nbformat.NotebookNode:
    """The notebook that a py:percent source describes."""
    notebook: nbformat.NotebookNode = jupytext.reads(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC})
    return notebook


def write_notebook(notebook: nbformat.NotebookNode, outputs: Outputs | None = None) -> str:
    """The text of a notebook file, with ids that follow from what the cells hold.

    Args:
        notebook: Its ids are set.
        outputs: What readers see below cells, by id.
    """
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        content = f"{cell.cell_type}\n{cell.source}"
        seen[content] += 1
        cell.id = hashlib.sha256(f"{seen[content]}\n{content}".encode()).hexdigest()[:12]
    add_outputs(notebook, outputs or {})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return str(nbformat.writes(notebook)) + "\n"
