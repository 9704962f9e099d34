"""Runs kernels and checks that they compile, in a process of its own, as a worker does.

    run_kernels.py PLAN.json RESULTS.json

A plan is a list of steps {"file", "cases" or null, "cache", "execute"}. With "execute" kernels
run interpreted before they are compiled; without, they are only launched, and the process never
interprets anything. Results are a list of {case: {"raised", "launches", "results"}}.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from grader.worker.compile_check import DEFAULT_TARGETS, capture_launches, compile_launches

PREFIX = "launch_"


def main(plan: Path, answer: Path) -> None:
    steps = json.loads(plan.read_text())
    if any(step["execute"] for step in steps):
        from grader.worker import interpreter

        interpreter.install()
    else:
        JITFunction.run = lambda self, *args, grid, warmup, **kwargs: None
        Autotuner.run = launch_first_configuration
    answer.write_text(json.dumps([run(step) for step in steps]))


def launch_first_configuration(tuner: Any, *args: Any, **kwargs: Any) -> None:
    tuner.nargs = dict(zip(tuner.arg_names, args, strict=False))
    tuner.best_config = tuner.prune_configs(kwargs)[0]
    tuner.fn.run(*args, **kwargs, **tuner.best_config.all_kwargs())


def run(step: dict[str, Any]) -> dict[str, Any]:
    module = load(Path(step["file"]))
    on_amd = getattr(module, "ALSO_ON_AMD", ())
    cases = step["cases"] or [
        name.removeprefix(PREFIX) for name in vars(module) if name.startswith(PREFIX)
    ]
    return {
        case: run_case(module, case, [*DEFAULT_TARGETS, *["gfx942"] * (case in on_amd)], step)
        for case in cases
    }


def run_case(
    module: ModuleType, case: str, targets: list[str], step: dict[str, Any]
) -> dict[str, Any]:
    raised = None
    with capture_launches() as launches:
        try:
            getattr(module, PREFIX + case)()
        except Exception as error:
            raised = repr(error)
    results = compile_launches(launches, targets, cache_dir=Path(step["cache"]))
    return {
        "raised": raised,
        "launches": len(launches),
        "results": [result.to_json() for result in results],
    }


def load(path: Path) -> ModuleType:
    if path.stem not in sys.modules:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[path.stem]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
