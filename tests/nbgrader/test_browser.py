"""What instructor and student see in a browser: formgrader, and the notebook in JupyterLab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.nbgrader.browser import chromium, new_page
from tests.nbgrader.jupyter import jupyter_lab
from tests.nbgrader.lecture import NOTEBOOK, solution
from tests.nbgrader.term import Term

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="needs Chromium (Debian's package chromium)"
)


def test_formgrader_shows_scores_reports_and_files(term: Term, tmp_path: Path) -> None:
    with jupyter_lab(term.folder) as server, new_page(tmp_path) as page:
        page.send("Network.enable")
        page.send("Network.setExtraHTTPHeaders", headers=server.authorization)
        page.open(server.url("formgrader/gradebook/lesson01/01_Tiny"))
        rows = "[...document.querySelectorAll('tbody tr')]"
        page.wait_for(f"{rows}.length == {len(term.students)}")
        scores = {kind: float(term.row(kind)["score_so_far"]) for kind in ("full", "partial")}
        for score in scores.values():
            assert f"{score:g} / 9" in page.text()
        # Students are anonymous there, in an order of their own.
        full = f"{rows}.find(row => row.innerText.includes('{scores['full']:g} / 9'))"
        page.open(page.wait_for(f"{full}?.querySelector('a')?.href"))
        page.wait_for("document.readyState == 'complete' && $('input.score').length == 5")
        text = page.text()
        assert "The report of the grader" in text
        assert "Doubles vectors" in text
        assert "as it was handed in" in text


def test_a_cell_of_the_students_notebook_shows_the_report(term: Term, tmp_path: Path) -> None:
    folder = tmp_path / "student"
    shutil.copytree(term.folder / "release" / "lesson01", folder)
    (folder / "lesson01.py").write_text(solution())
    notebook = json.loads((folder / NOTEBOOK).read_text())
    sources = ["".join(cell["source"]) for cell in notebook["cells"]]
    del notebook["cells"][sources.index("%grade test_double") + 1 :]  # one test is enough
    (folder / NOTEBOOK).write_text(json.dumps(notebook))
    course = {"GRADER_COURSE": str(term.course.root)}
    with jupyter_lab(folder, **course) as server, new_page(tmp_path / "profile") as page:
        page.open(server.url(f"lab/tree/{NOTEBOOK}?token={server.token}"))
        page.wait_for("Boolean(window.jupyterapp && document.querySelector('.jp-CodeCell'))")
        page.wait_for("document.body.innerText.includes('| Idle')")  # the kernel is up
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for("document.querySelectorAll('.grade-report').length >= 1")
        text = page.text()
        assert "lesson01.py as saved at" in text
        assert "Doubles vectors" in text
        assert "2/2" in text
