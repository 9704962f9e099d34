from __future__ import annotations

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
