"""Speed over size: measured in turn on a GPU, compared with the ceiling, drawn.

Each implementation is called on the same inputs, its result compared with the baseline's before
anything is timed. Without a GPU nothing is timed: stored figures are shown, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from grader.lab.benchmark_plot import plot
from grader.lab.device import on_gpu
from grader.lab.exercise import Unfinished, Work, explain
from grader.lab.measure import spreads
from grader.lab.rates import Count, Rates
from grader.lab.stored import REFERENCE, measured, shows_reference
from grader.lab.style import Picture

Inputs = tuple[Any, ...]


class Benchmark(Rates):
    """Rates that a notebook shows as a plot."""

    def plot(self, title: str = "") -> Picture:
        """Rates over sizes, spread as bars, the ceiling as a line."""
        return plot(self, title)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, about = self.plot()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": str(self.table())}, about


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``torch.compile`` of a function, at each size anew and only on a GPU."""
    return _Compiled(function)


class _Compiled:
    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def fresh(self) -> Callable[..., Any]:
        """Compiled for the next size alone."""
        if not on_gpu:
            return self.function
        import torch

        torch._dynamo.reset()
        return torch.compile(self.function, dynamic=False)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


def benchmark(
    key: str,
    implementations: Mapping[str, Callable[..., Any]],
    sizes: Sequence[int],
    make_inputs: Callable[[int], Inputs],
    *,
    bytes_moved: Count | None = None,
    flops: Count | None = None,
    dtype: str = "float16",
    xlabel: str = "elements",
    rounds: int = 30,
    tolerance: float | None = 2e-2,
) -> Benchmark:
    """Measure implementations in turn over sizes, on a GPU; else show what was stored.

    Args:
        key: Lesson and name under which the figures are stored: ``"lesson01/add"``.
        implementations: What to call with the inputs, by name; the student's under ``"yours"``,
            ``compiled(f)`` under ``"torch.compile"``. The first that is not the student's is
            the baseline that all results are compared with.
        sizes: What ``make_inputs`` takes.
        make_inputs: Makes the arguments of one call on ``lab.device``.
        bytes_moved: The fewest bytes that a call must move, by size; shown as a rate.
        flops: Operations of a call by size; shown as a rate, if given.
        dtype: What products are computed in, for the ceiling.
        xlabel: What the sizes count.
        rounds: Timed calls of each implementation at each size.
        tolerance: Largest relative deviation from the baseline's result; None to not compare.
    """
    remarks: dict[str, str] = {}
    run = partial(_times, implementations, sizes, make_inputs, rounds, tolerance, remarks)
    found = measured(key, lambda: {"times": run()})
    if not on_gpu:
        remarks.update(_unfinished(implementations))
    return Benchmark(found, remarks, bytes_moved, flops, dtype, xlabel)


def _unfinished(implementations: Mapping[str, Any]) -> dict[str, str]:
    found = {name: each.remark for name, each in implementations.items() if isinstance(each, Work)}
    return {name: remark for name, remark in found.items() if remark}


def _times(
    implementations: Mapping[str, Callable[..., Any]],
    sizes: Sequence[int],
    make_inputs: Callable[[int], Inputs],
    rounds: int,
    tolerance: float | None,
    remarks: dict[str, str],
) -> dict[str, dict[str, list[float]]]:
    import torch

    times: dict[str, dict[str, list[float]]] = {_shown(name): {} for name in implementations}
    for size in sizes:
        inputs = make_inputs(size)
        calls = _runnable(implementations, inputs, tolerance, remarks)
        for name, spread in spreads(calls, rounds).items():
            times[_shown(name)][str(size)] = [spread.median, spread.low, spread.high]
        del inputs, calls
        torch.cuda.empty_cache()
    return {name: by_size for name, by_size in times.items() if by_size}


def _runnable(
    implementations: Mapping[str, Callable[..., Any]],
    inputs: Inputs,
    tolerance: float | None,
    remarks: dict[str, str],
) -> dict[str, Callable[[], Any]]:
    """Those that give the baseline's result, ready to be called."""
    baseline = next((f for name, f in implementations.items() if name != "yours"), None)
    expected = baseline(*inputs) if baseline is not None and tolerance is not None else None
    calls: dict[str, Callable[[], Any]] = {}
    for name, function in implementations.items():
        if name in remarks:
            continue
        ready = function.fresh() if isinstance(function, _Compiled) else function
        try:
            got = ready(*inputs)
        except Unfinished as error:
            remarks[name] = str(error)
            continue
        except Exception as error:
            remarks[name] = f"{_shown(name)}: not measured. {explain(error).rstrip('.')}."
            continue
        if expected is not None and tolerance is not None and not _agree(got, expected, tolerance):
            remarks[name] = (
                f"{_shown(name)}: not measured, its result is wrong. See what grade says."
            )
            continue
        calls[name] = partial(ready, *inputs)
    return calls


def _agree(got: Any, expected: Any, tolerance: float) -> bool:
    """Whether two results are the same up to rounding, relative to their size."""
    import torch

    if isinstance(expected, tuple | list):
        return len(got) == len(expected) and all(
            _agree(one, other, tolerance) for one, other in zip(got, expected, strict=True)
        )
    if not isinstance(expected, torch.Tensor):
        return True
    if not isinstance(got, torch.Tensor) or got.shape != expected.shape:
        return False
    exact = expected.double()
    scale = exact.abs() + exact.square().mean().sqrt()
    return bool(((got.double() - exact).abs() <= tolerance * scale + 1e-12).all())


def _shown(name: str) -> str:
    """The student's line bears another name where the reference solution stands in for it."""
    return REFERENCE if name == "yours" and shows_reference() else name
