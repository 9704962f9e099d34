from __future__ import annotations

import pytest

from grader import lab
from grader.judge.timing.roofline import Ceiling


@pytest.mark.skipif(lab.on_gpu, reason="shows what a machine without a GPU shows")
def test_without_a_gpu_the_numbers_are_called_another_machines() -> None:
    found = lab.machine()
    assert not found.here
    assert "stored: this machine has no GPU" in str(found)


def test_its_ceilings_are_the_graders() -> None:
    found = lab.machine()
    rates = Ceiling(flops_per_s=found.flops_per_s)
    for dtype in found.flops_per_s:
        assert found.product_rate(dtype) == rates.product_rate(dtype)
    assert found.product_rate("float8") is None
    with pytest.raises(KeyError, match="float8"):
        found.balance("float8")


def test_a_table_is_text_and_html() -> None:
    table = lab.Table(["a", "b"], [["1", "<2>"]], title="T", note="N")
    assert str(table).splitlines() == ["T", "a  b", "-  ---", "1  <2>", "N"]
    assert "&lt;2&gt;" in table._repr_html_()
