"""Speed samples in pytest-benchmark's JSON, so that its tools read them.

``pytest-benchmark compare FILE…``, ``--benchmark-compare`` and ``--histogram`` work on what is
written here. Each speed test gives two benchmarks in a group of its own: the submission and
the baseline. Statistics, form and place in the storage folder come from pytest-benchmark's own
library; it is imported only when something is written.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from grader.results import CaseResult, Report, TestResult

SUBMISSION = "submission"

_STUDENT_TIMES = (1, 2)  # places of b1, b2 in a sample
_BASELINE_TIMES = (0, 3)


def benchmark_json(reports: Iterable[Report]) -> dict[str, Any]:
    """The reports' speed samples in pytest-benchmark's form; times in seconds per call."""
    found = list(reports)
    plugin: Any = importlib.import_module("pytest_benchmark.plugin")
    document: dict[str, Any] = plugin.pytest_benchmark_generate_json(
        config=None,
        benchmarks=[each for report in found for each in _benchmarks(report)],
        include_data=True,
        machine_info=_machine_info(plugin, found),
        commit_info=_commit_info(),
    )
    return document


def write(path: Path, reports: Iterable[Report]) -> None:
    """Write one file, as ``--benchmark-json`` does."""
    utils: Any = importlib.import_module("pytest_benchmark.utils")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = utils.safe_dumps(benchmark_json(reports), ensure_ascii=True, indent=4)
    path.write_text(text, encoding="utf-8")


def save(storage: Path, reports: Iterable[Report], name: str) -> Path:
    """Add a numbered run to a storage folder, as ``--benchmark-save NAME`` does.

    Args:
        storage: The folder, ``.benchmarks`` by default in pytest-benchmark.
        reports: What was graded.
        name: Name of the run; what no file name holds is replaced.

    Returns:
        The file written.
    """
    file_storage: Any = importlib.import_module("pytest_benchmark.storage.file")
    utils: Any = importlib.import_module("pytest_benchmark.utils")
    silent = SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)
    folder = file_storage.FileStorage(str(storage), silent, utils.get_machine_id())
    earlier = set(folder.query())
    folder.save(benchmark_json(reports), utils.slugify(name) or "run")
    (written,) = set(folder.query()) - earlier
    return Path(written)


def _benchmarks(report: Report) -> Iterator[Any]:
    """pytest-benchmark's own record of each side of each speed test that was measured."""
    for test in report.tests:
        for case in test.cases:
            if case.timing and case.timing.get("samples"):
                baseline = case.timing["baseline"]["name"]
                yield _benchmark(report, test, case, SUBMISSION, _STUDENT_TIMES)
                yield _benchmark(report, test, case, baseline, _BASELINE_TIMES)


def _benchmark(
    report: Report, test: TestResult, case: CaseResult, side: str, places: tuple[int, int]
) -> Any:
    stats: Any = importlib.import_module("pytest_benchmark.stats")
    timing = case.timing or {}
    parameters = "-".join(filter(None, (case.id, side)))
    name = f"{test.id}[{parameters}]"
    described = SimpleNamespace(
        name=name,
        fullname=f"course/{report.lesson}/{test.file}::{name}",
        group=" ".join(filter(None, (report.lesson, test.id, case.id))),
        param=parameters,
        params={"case": case.id, "side": side},
        extra_info=_extra_info(timing, side),
        cprofile_stats=None,
        has_error=False,
    )
    calls = timing.get("calls_per_batch") or 1
    record = stats.Metadata(described, iterations=calls, options={"timer": "wall"})
    for sample in timing["samples"]:
        for place in places:
            record.update(sample[place] * calls)  # divided by the iterations again
    return record


def _extra_info(timing: Mapping[str, Any], side: str) -> dict[str, Any]:
    if side != SUBMISSION:
        return {}
    names = ("ratio", "low", "high", "threshold", "achieved_bytes_per_s", "achieved_flops", "flags")
    return {name: timing[name] for name in names if name in timing}


def _machine_info(plugin: Any, reports: list[Report]) -> dict[str, Any]:
    info: dict[str, Any] = plugin.pytest_benchmark_generate_machine_info()
    devices = [report.device.to_json() for report in reports]
    info["gpu"] = devices[0] if devices else None
    return info


def _commit_info() -> dict[str, Any]:
    """A submission is no commit; its hash stands in the receipt."""
    return {
        "id": "unversioned",
        "time": None,
        "author_time": None,
        "dirty": False,
        "project": "submission",
        "branch": "(none)",
    }
