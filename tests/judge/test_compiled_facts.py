"""Facts of compiled kernels from run to run: kept apart by submission, bounded, never trusted."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.judge import compiled_facts
from grader.judge.compiled_facts import FactsBlock, facts_file
from grader.worker.kept_facts import KeptFacts


@pytest.fixture
def block() -> Iterator[FactsBlock]:
    made = FactsBlock()
    yield made
    made.close()


def worker_of(block: FactsBlock) -> KeptFacts:
    """The worker's end, in this process."""
    return KeptFacts(os.dup(block.descriptor))


def test_what_one_run_found_out_the_next_one_knows(block: FactsBlock, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "submission.json"
    block.load(file)
    worker = worker_of(block)
    folder = worker.unpack()
    assert list(folder.iterdir()) == []
    (folder / "compile-check").mkdir()
    (folder / "compile-check" / "key.json").write_text('{"registers": 32}')
    worker.pack()
    block.close()
    following = FactsBlock()
    following.load(file)
    again = worker_of(following).unpack()
    assert (again / "compile-check" / "key.json").read_text() == '{"registers": 32}'
    following.close()


def test_a_run_that_compiled_nothing_writes_nothing(block: FactsBlock, tmp_path: Path) -> None:
    block.load(tmp_path / "file.json")
    worker = worker_of(block)
    worker.unpack()
    worker.pack()
    block.close()
    assert not (tmp_path / "file.json").exists()


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\x00\xff",
        b"[1]",
        b"[" * 100_000,
        b'{"../../outside/x.json": "1"}',
        b'{"/tmp/x/y.json": ""}',
        b'{"a/b.json": 1}',
    ],
    ids=["empty", "no text", "a list", "nested", "outside", "absolute", "a number"],
)
def test_nothing_that_was_stored_harms_the_next_run(
    stored: bytes, block: FactsBlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "file.json"
    file.write_bytes(stored)
    block.load(file)
    folder = worker_of(block).unpack()
    assert list(folder.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"file.json", folder.name}


@pytest.mark.parametrize("length", [0, 1 << 63, (1 << 64) - 1])
def test_a_length_that_is_none_stores_at_most_the_block(
    length: int, block: FactsBlock, tmp_path: Path
) -> None:
    file = tmp_path / "file.json"
    block.load(file)
    os.pwrite(block.descriptor, length.to_bytes(8, "big"), 0)
    block.store()
    assert (file.stat().st_size if file.exists() else 0) <= compiled_facts.CAPACITY


def test_the_block_cannot_be_resized(block: FactsBlock) -> None:
    for size in (0, compiled_facts.CAPACITY * 2):
        with pytest.raises(PermissionError):
            os.ftruncate(block.descriptor, size)


def test_submissions_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    ann, bob = tmp_path / "ann" / "lesson01.py", tmp_path / "bob" / "lesson01.py"
    assert facts_file(ann, b"same") != facts_file(bob, b"same")
    assert facts_file(ann, b"before") == facts_file(ann, b"after an edit")
    passing = tmp_path / "temporary" / "x" / "lesson01.py"
    assert facts_file(passing, b"before") != facts_file(passing, b"after an edit")
    assert facts_file(passing, str(ann).encode()) != facts_file(ann, b"")


def test_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_facts, "MOST_SUBMISSIONS", 3)
    for number in range(5):
        compiled_facts._write(tmp_path / f"{number}.json", b"{}")
        os.utime(tmp_path / f"{number}.json", (number, number))
    assert {path.name for path in tmp_path.iterdir()} <= {"1.json", "2.json", "3.json", "4.json"}
