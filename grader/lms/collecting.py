"""``nbgrader collect`` that cannot be made to read, or stop at, what a student put in its way.

Students write into the exchange themselves, not only through ``nbgrader submit``. nbgrader's own
collecting follows their symbolic links with the instructor's rights, so that a link to a solution
hands the solution in, and it ends for everybody at the first folder that it cannot copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect

from grader.lms.course_folders import CourseFolders
from grader.lms.intake import (
    MOST_BYTES_OF_ALL,
    MOST_FILES,
    REMARKS,
    RefusedFileError,
    add_remarks,
    make_gradable,
    plain_files,
    read_plain_file,
    remarks,
)

_NEVER = datetime.min  # sorts a folder without a readable time behind all others
_SLACK = timedelta(minutes=10)  # between handing in and the last change of the folder


class CollectPlainFiles(ExchangeCollect):  # type: ignore[misc]
    """Collects regular files of a reasonable size, and tells of what it leaves out."""

    src_records: list[dict[str, Any]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        """As nbgrader's, but a name that it cannot read stops nobody else's collecting."""
        try:
            record: dict[str, Any] = super()._path_to_record(path)
        except Exception as error:
            self.log.error("Not collected: %s has no name of nbgrader's: %s", path, error)
            name = os.path.basename(path)
            return {"username": name, "filename": name, "timestamp": _NEVER}
        return record

    def copy_files(self) -> None:
        """Copy all submissions; one that cannot be copied is reported, the others are not lost."""
        records = [each for each in self.src_records if each["timestamp"] is not _NEVER]
        for record in records:
            self.src_records, self._handed_in = [record], record["timestamp"]
            try:
                super().copy_files()
            except Exception:
                self.log.exception("Not collected: %s", record["filename"])
        if not records:
            self.src_records = []
            super().copy_files()

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy what a student handed in, as plain files, and make it gradable."""
        if os.path.islink(src):
            raise OSError(f"{src} is a symbolic link")
        target = Path(dest)
        target.mkdir(parents=True, exist_ok=True)
        told = _copy_plain_files(Path(src), target, self._is_wanted)
        # What the folder's name says; the file in it says whatever a student wrote there.
        (target / "timestamp.txt").write_text(f"{self._handed_in:%Y-%m-%d %H:%M:%S.%f} UTC")
        add_remarks(target, told)
        released = CourseFolders(self.coursedir).released(self.coursedir.assignment_id)
        make_gradable(target, released)
        for line in remarks(target):
            self.log.warning("%s: %s", dest, line)
        self._compare_times(src)
        if self.coursedir.groupshared:
            _share_with_group(target)

    def _is_wanted(self, path: Path) -> bool:
        """Whether the course's settings ask for a file: no part ignored, its name included."""
        ignored = any(fnmatch(part, glob) for part in path.parts for glob in self.coursedir.ignore)
        included = any(fnmatch(path.name, glob) for glob in self.coursedir.include)
        return included and not ignored

    def _compare_times(self, src: str) -> None:
        """Warn where a submission claims to be older than the kernel says that it is."""
        changed = datetime.fromtimestamp(os.lstat(src).st_ctime, UTC).replace(tzinfo=None)
        if changed - self._handed_in > _SLACK:
            self.log.warning(
                "%s says that it was handed in at %s, but it was changed at %s UTC.",
                src, self._handed_in, changed,
            )  # fmt: skip


def _copy_plain_files(source: Path, target: Path, is_wanted: Callable[[Path], bool]) -> list[str]:
    """Copy a folder without following links; what was left out, in words."""
    told: list[str] = []
    count = size = 0
    for place, descriptor, names in plain_files(source):
        for name in names:
            if not is_wanted(place / name) or name == REMARKS:
                continue
            try:
                content = read_plain_file(name, descriptor)
            except (RefusedFileError, FileNotFoundError) as error:
                told.append(str(error))
                continue
            count, size = count + 1, size + len(content)
            if count > MOST_FILES or size > MOST_BYTES_OF_ALL:
                most = f"{MOST_FILES} files or {MOST_BYTES_OF_ALL / 1e6:g} MB"
                return [*told, f"More than {most}: the rest, from {name} on, was left out."]
            (target / place).mkdir(parents=True, exist_ok=True)
            (target / place / name).write_bytes(content)
    return told


def _share_with_group(folder: Path) -> None:
    for at, _, names in os.walk(folder):
        os.chmod(at, os.stat(at).st_mode & 0o777 | 0o2770)
        for name in names:
            path = os.path.join(at, name)
            os.chmod(path, os.stat(path).st_mode & 0o777 | 0o660)
