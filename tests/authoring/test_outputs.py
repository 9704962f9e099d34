from __future__ import annotations

from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from grader.authoring.execute import WITHOUT_OUTPUT, Executed, outputs


def test_readers_see_no_output_that_shows_the_solution() -> None:
    said = [new_output("stream", text="128 x 256")]
    shown = new_code_cell("print(mine)", outputs=said)
    kept_back = new_code_cell(f"{WITHOUT_OUTPUT}: see your own\nprint(mine)", outputs=said)
    verdict = new_code_cell("%grade test_add", outputs=said)
    notebook = new_notebook(cells=[shown, kept_back, verdict])
    done = Executed("lesson01", solved=True, notebook=notebook, seconds=1.0)
    assert list(outputs(done)) == [shown.id]


@pytest.mark.parametrize(
    ("output", "trouble"),
    [
        (new_output("error", ename="ValueError", evalue="no"), "ValueError: no"),
        (new_output("stream", name="stderr", text="a warning\n"), "stderr: a warning"),
        (new_output("stream", text="fine\nIt raised ValueError: no\n"), "It raised ValueError: no"),
        (
            new_output("display_data", {"text/plain": "reference solution: not measured. It rose"}),
            "reference solution: not measured. It rose",
        ),
        (new_output("display_data", {"text/plain": "yours, fp16: not measured, its result is"}),
         "yours, fp16: not measured, its result is"),
        (new_output("display_data", {"text/plain": "one read: not measured. It raised it"}), None),
        (new_output("display_data", {"text/plain": "[figure: It raised KeyError: 3]"}),
         "It raised KeyError: 3]"),
        (new_output("display_data", {"text/plain": "one: not measured. It raised E. yours: not "
                                                   "measured. It raised F."}),
         "yours: not measured. It raised F."),
        (new_output("stream", text="yours: 3 ms"), None),
    ],
)  # fmt: skip
def test_what_goes_wrong_in_a_notebook_is_told_even_where_no_cell_fails(
    output: Any, trouble: str | None
) -> None:
    notebook = new_notebook(cells=[new_code_cell("speed.plot()", outputs=[output])])
    found = Executed("lesson01", solved=True, notebook=notebook, seconds=1.0).errors
    assert found == ([f"lesson01: 'speed.plot()': {trouble}"] if trouble else [])
