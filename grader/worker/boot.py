"""Start of a worker process: run by path under ``python -I``.

Makes ``grader`` importable without putting its parent folder on ``sys.path``: in a checkout
that folder also holds the solutions.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def _import_package(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        folder.name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[folder.name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _import_package(Path(__file__).resolve().parents[1])
    from grader.worker.main import main

    control, trace, facts, processes = map(int, sys.argv[1:])
    main(control, trace, facts, processes)
