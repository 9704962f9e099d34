from __future__ import annotations

import torch

from grader import lab
from tests.lab.kernels import double

N = 1000


def steps(call: object) -> list[tuple[str, int, int]]:
    found = lab.traffic({"it": call})  # type: ignore[dict-item]
    return [(step.name, step.read, step.written) for step in found.steps["it"]]


def test_an_operation_reads_its_inputs_and_writes_its_output() -> None:
    x, y = torch.ones(N), torch.ones(N)
    assert steps(lambda: x + y) == [("add", 8 * N, 4 * N)]


def test_views_and_empty_tensors_cost_nothing() -> None:
    x = torch.ones(N)
    assert steps(lambda: torch.empty_like(x).view(10, 100).t()) == []


def test_an_expanded_tensor_costs_what_it_holds() -> None:
    x, one = torch.ones(N), torch.ones(1)
    assert steps(lambda: x * one.expand(N)) == [("mul", 4 * N + 4, 4 * N)]


def test_kernels_and_operations_stand_in_their_order() -> None:
    x = torch.ones(N)

    def call() -> torch.Tensor:
        z = torch.empty_like(x)
        double[(1,)](z, x, N, BLOCK=1024)
        return z + 1

    assert steps(call) == [("double", 4 * N, 4 * N), ("add", 4 * N, 4 * N)]


def test_what_fails_is_a_remark_and_the_others_are_counted() -> None:
    x = torch.ones(N)
    found = lab.traffic({"good": lambda: x + x, "bad": lambda: 1 // 0}, least=12 * N)
    assert found.total("good") == 12 * N
    assert "ZeroDivisionError" in found.remarks["bad"]
    assert found.plot().png()


def test_what_out_names_is_written_and_not_read() -> None:
    x, y, out = torch.zeros(3, 100)
    (step,) = lab.traffic({"add": lambda: torch.add(x, y, out=out)}).steps["add"]
    assert (step.read, step.written) == (800, 400)


def test_an_operation_with_an_index_reads_what_it_picks() -> None:
    x, picks = torch.ones(10, 100), torch.zeros(10, 1, dtype=torch.int64)
    assert steps(lambda: x.gather(1, picks)) == [("gather", 40 + 80, 40)]


def test_adding_at_an_index_touches_only_those_places() -> None:
    x, picks, one = torch.ones(10, 100), torch.zeros(10, 1, dtype=torch.int64), torch.ones(10, 1)
    (step,) = lab.traffic({"it": lambda: x.scatter_add_(1, picks, one)}).steps["it"]
    assert (step.read, step.written) == (40 + 80 + 40, 40)


def test_what_takes_only_a_shape_reads_nothing() -> None:
    x = torch.ones(N)
    assert steps(lambda: torch.zeros_like(x)) == [("zeros_like", 0, 4 * N)]


def test_a_bar_names_its_operations_as_far_as_they_fit() -> None:
    x = torch.ones(N)

    def long() -> torch.Tensor:
        z = x
        for _ in range(40):
            z = z.sqrt()
        return z

    axes = lab.traffic({"short": lambda: x + 1, "long": long}).plot().axes[0]
    short, longer = (text.get_text() for text in axes.texts)
    assert short == "add"
    assert longer.startswith("sqrt + sqrt")
    assert longer.endswith(" more")
    names = longer.split(" + ")
    assert len(names) - 1 + int(names[-1].removesuffix(" more")) == 40
