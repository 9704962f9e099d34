from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.judge import loaded_worker
from grader.judge.session import Session
from tests.judge.scripted import DEADLINE_S, Scripted


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Scripted]:
    """All workers of the session under test: the first, and those that it started itself."""
    made = [Scripted(tmp_path / "worker 0")]

    def start(tier: str, gradients: bool = False) -> Scripted:
        made.append(Scripted(tmp_path / f"worker {len(made)}"))
        return made[-1]

    monkeypatch.setattr(loaded_worker, "WorkerProcess", start)
    return made


@pytest.fixture
def session(workers: list[Scripted]) -> Iterator[Session]:
    """A session on a worker that does as the test says."""
    made = Session(b"SOURCE", "lesson01", workers[0], DEADLINE_S)  # type: ignore[arg-type]
    yield made
    made.close()
    assert all(worker.closed for worker in workers)
