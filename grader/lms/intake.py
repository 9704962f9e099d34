"""What comes in as a submission, made safe to grade: plain files of a reasonable size.

Owns the limits, and what is done about what exceeds them. A student writes the folder that is
collected, with any names, links and sizes; the instructor's account reads it. So a link is never
followed, and what is left out is told to instructor and student in ``REMARKS``.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

import nbformat

from grader.lms.restoring import restored

REMARKS = "left-out-by-the-grader.txt"

MOST_BYTES_OF_A_LESSON = 1_000_000  # a solved lesson has 10 to 40 thousand
MOST_BYTES_OF_A_NOTEBOOK = 20_000_000  # with figures in it
MOST_BYTES_OF_ALL = 50_000_000
MOST_FILES = 500
_MOST_BYTES_OF_REMARKS = 20_000


class RefusedFileError(Exception):
    """A file that is not read; the text says why, to the student."""


def limit_for(name: str) -> int:
    """The most bytes that a file of this name may have."""
    if name.endswith(".py"):
        return MOST_BYTES_OF_A_LESSON
    return MOST_BYTES_OF_A_NOTEBOOK


def read_plain_file(name: str, folder: int | Path) -> bytes:
    """Read a file that somebody else wrote, following no link.

    Args:
        name: Its name in the folder.
        folder: The folder, or an open descriptor of it.

    Raises:
        RefusedFileError: It is a link, no regular file, too large or not readable.
        FileNotFoundError: There is none.
    """
    within = os.open(folder, os.O_RDONLY | os.O_DIRECTORY) if isinstance(folder, Path) else folder
    try:
        return _read(name, within)
    finally:
        if within != folder:
            os.close(within)


def _read(name: str, folder: int) -> bytes:
    try:
        # Not blocking, for a pipe would wait for a writer for good.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise RefusedFileError(
                f"{name} is a symbolic link; hand in the file itself."
            ) from error
        raise RefusedFileError(f"{name} cannot be read: {error.strerror}.") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFileError(f"{name} is no regular file.")
        # nbgrader's submit copies, so two names for one file were made by hand.
        if status.st_nlink > 1:
            raise RefusedFileError(f"{name} is a hard link; hand in the file itself.")
        return _content(name, descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _content(name: str, descriptor: int, size: int) -> bytes:
    """What an open file holds, if that is not too much."""
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        most = limit_for(name)
        content = file.read(most + 1)
        if len(content) > most:
            raise RefusedFileError(
                f"{name} has {_megabytes(max(size, len(content)))}; "
                f"at most {_megabytes(most)} are read."
            )
        return content


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def plain_files(folder: Path) -> Iterator[tuple[Path, int, list[str]]]:
    """Each folder below: its relative path, a descriptor, its entries that are no folders."""
    for at, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        links = [
            name
            for name in folders
            if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)
        ]
        yield Path(os.path.relpath(at, folder)), descriptor, sorted([*names, *links])


def remarks(folder: Path) -> list[str]:
    """What was left out of a submission when it was taken in."""
    try:
        text = read_plain_file(REMARKS, folder)[:_MOST_BYTES_OF_REMARKS]
    except (FileNotFoundError, RefusedFileError):
        return []
    return text.decode("utf-8", errors="replace").splitlines()


def add_remarks(folder: Path, lines: list[str]) -> None:
    """Keep remarks with the submission, each once."""
    told = remarks(folder)
    new = [line for line in dict.fromkeys(map(_printable, lines)) if line not in told]
    if new:
        path = folder / REMARKS
        if path.is_dir():
            _put_aside(path)
        path.unlink(missing_ok=True)
        path.write_text("".join(f"{line}\n" for line in [*told, *new]), encoding="utf-8")


def _printable(text: str) -> str:
    """A remark on one line, whatever the name of a file holds."""
    return "".join(c if c.isprintable() else "?" for c in text.encode("utf-8", "replace").decode())


def make_gradable(folder: Path, released: Path) -> None:
    """Bring a submission into a form that nbgrader can read.

    Links and special files go; a notebook that is missing or unreadable is replaced by the
    released one with what can be saved of the answers, and the unreadable one kept beside it.

    Args:
        folder: The submission.
        released: The released version of the assignment.
    """
    told = [
        _remove(descriptor, name) for _, descriptor, names in plain_files(folder) for name in names
    ]
    told.append(_mend_timestamp(folder / "timestamp.txt"))
    for original in sorted(released.glob("*.ipynb")):
        told.append(_mend_notebook(folder, original))
    add_remarks(folder, [line for line in told if line])


def _remove(folder: int, name: str) -> str:
    """Remove an entry that is neither a file nor a folder; a remark if it was one."""
    kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISREG(kind):
        return ""
    os.unlink(name, dir_fd=folder)
    what = "a symbolic link" if stat.S_ISLNK(kind) else "no regular file"
    return f"{name} is {what} and was left out; hand in the file itself."


def _mend_timestamp(path: Path) -> str:
    """Remove a time of handing in that nbgrader could not read."""
    from nbgrader.utils import parse_utc

    try:
        parse_utc(read_plain_file(path.name, path.parent).decode().strip())
    except FileNotFoundError:
        return ""
    except Exception:  # whatever a text can do to a parser of dates
        _put_aside(path)
        return f"{path.name} held no time, so nobody knows when this was handed in."
    return ""


def _mend_notebook(folder: Path, original: Path) -> str:
    path = folder / original.name
    try:
        content = read_plain_file(original.name, folder)
    except FileNotFoundError:
        _write(path, original, None)
        return f"{original.name} was missing; the released notebook takes its place."
    except RefusedFileError as error:
        _put_aside(path)
        _write(path, original, None)
        return f"{error} The released notebook takes its place."
    value = _json(content)
    if value is not None and _is_notebook(value):
        return ""
    _put_aside(path)
    _write(path, original, value)
    return (
        f"{original.name} is no valid notebook; the released one takes its place, with the "
        "answers that could be found."
    )


def _put_aside(path: Path) -> None:
    """Rename what cannot be read, so that an instructor can still look at it."""
    names = chain(["unreadable"], (f"unreadable-{number}" for number in count(2)))
    free = (path.with_name(f"{path.name}.{name}") for name in names)
    os.rename(path, next(target for target in free if not os.path.lexists(target)))


def _write(path: Path, original: Path, submitted: Any) -> None:
    notebook = restored(nbformat.read(original, as_version=4), submitted)
    path.write_text(nbformat.writes(notebook), encoding="utf-8")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _is_notebook(value: Any) -> bool:
    try:
        # Through text: nbformat's readers change the object that they are given.
        notebook = nbformat.reads(json.dumps(value), as_version=4)
        nbformat.validate(notebook)
    except Exception:  # whatever a file can do to a parser
        return False
    return True
