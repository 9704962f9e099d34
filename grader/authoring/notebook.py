"""From a notebook's source in py:percent form to the ``.ipynb`` that students open.

Owns what makes the result the same each time: cell ids that follow from the cells' content, a
fixed kernel, no trace of the tool's version.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import jupytext
import nbformat

KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def build_notebook(source: str) -> str:
    """The text of the notebook that a py:percent source describes."""
    notebook = jupytext.reads(source, fmt="py:percent")
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        content = f"{cell.cell_type}\n{cell.source}"
        seen[content] += 1
        cell.id = hashlib.sha256(f"{seen[content]}\n{content}".encode()).hexdigest()[:12]
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return str(nbformat.writes(notebook)) + "\n"
