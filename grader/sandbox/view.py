"""What a worker can see: its root, built up from nothing in a few steps.

The system's programs and libraries, Python with its packages, the worker's part of the grader
and the files that the judge hands over, all of it read-only; devices; and folders in memory to
write to. Neither the course, nor solutions, nor anybody's home: where one of these lies inside
of what is shown, as in a package that is installed with the course, an empty folder covers it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path, PurePosixPath

GRADER = Path(__file__).resolve().parents[1]

# Where a worker finds its program, and what the judge hands over.
PROGRAM = PurePosixPath("/grader")
FILES = PurePosixPath("/files")
HOME = PurePosixPath("/tmp")

# The modules that run beside the submission. None of them decides anything. The last two are
# plain data, for a lesson's reference.py, which may model mistakes with them.
WORKER_MODULES = (
    "__init__.py",
    "errors.py",
    "course_files.py",
    "scenarios.py",
    "protocol",
    "worker",
    "results.py",
    "testing.py",
)

# More folders to show, as in PATH: for a compiler or a Python in an unusual place.
VARIABLE = "GRADER_SANDBOX_READ"

MEMORY_BYTES = 2 * 2**30
_SHARED_BYTES = 256 * 2**20
_COVER_BYTES = 2**20

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LIBRARY_VARIABLES = ("LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", VARIABLE)
_OWN_FOLDERS = ("/", "/dev", "/proc", "/tmp")
_PARTS_OF_A_PREFIX = ("bin", "lib", "lib64", "include", "pyvenv.cfg")


@dataclass(frozen=True)
class Step:
    """One step on the way to the worker's root.

    Attributes:
        kind: ``"show"`` (a file or folder, read-only), ``"device"``, ``"link"``, ``"memory"``
            (an empty folder) or ``"processes"`` (``/proc``).
        target: Where, as the worker sees it.
        source: What of the system is shown, or where a link points.
        size: Most bytes that an empty folder takes.
        writable: Whether the worker may write there.
    """

    kind: str
    target: str
    source: str = ""
    size: int = 0
    writable: bool = False


def steps(tier: str, files: Path) -> list[Step]:
    """The worker's root, outer folders before inner ones.

    Args:
        tier: ``"compiled"`` also sees the GPU.
        files: The folder of what the judge hands over.
    """
    found = [*_places(), *_devices()]
    if tier == "compiled":
        found += [*_gpu_devices(), _show("/sys")]
    found.append(Step("show", str(FILES), str(files)))
    found += [Step("show", str(PROGRAM / name), str(GRADER / name)) for name in WORKER_MODULES]
    return _in_order(found)


@cache
def packages() -> tuple[Path, ...]:
    """The folders of the packages that every worker imports."""
    specs = [find_spec(name) for name in ("torch", "triton", "numpy")]
    return tuple(Path(spec.origin).parent for spec in specs if spec is not None and spec.origin)


def _places() -> tuple[Step, ...]:
    """What is shown of the file system and what covers parts of it."""
    system = [Step("link", path, os.readlink(path)) if os.path.islink(path) else _show(path)
              for path in _SYSTEM if os.path.lexists(path)]  # fmt: skip
    covers = [Step("memory", str(path), size=_COVER_BYTES) for path in _hidden()]
    return (
        *system,
        *(_show(path) for path in (*_python(), *_named_by_environment(), *_compilers())),
        *covers,
        Step("processes", "/proc", writable=True),
        Step("memory", str(HOME), size=MEMORY_BYTES, writable=True),
        Step("memory", "/dev/shm", size=_SHARED_BYTES, writable=True),
    )


def _show(path: str) -> Step:
    return Step("show", os.path.normpath(path), os.path.realpath(path))


def _python() -> list[str]:
    """Folders of the interpreter, of its environment and of the packages.

    Of an environment that holds more than that, such as one made in the course's own folder,
    the usual parts.
    """
    prefixes = {sys.prefix, sys.base_prefix, str(Path(os.path.realpath(sys.executable)).parents[1])}
    found: set[str] = set()
    for prefix in prefixes | {os.path.realpath(prefix) for prefix in prefixes}:
        parts = [f"{prefix}/{name}" for name in _PARTS_OF_A_PREFIX]
        found.update(parts if _holds_private(prefix) else [prefix])
    return sorted(path for path in found if os.path.exists(path)) + [
        str(folder.parent) for folder in packages()
    ]


def _named_by_environment() -> Iterator[str]:
    """Folders of libraries and of CUDA; none that the worker has of its own, or private ones."""
    named = (os.environ.get(name, "").split(os.pathsep) for name in _LIBRARY_VARIABLES)
    for path in (*chain.from_iterable(named), "/usr/local/cuda"):
        real = os.path.realpath(path)
        if os.path.isabs(path) and os.path.isdir(real) and real not in _OWN_FOLDERS:
            yield from () if _holds_private(real) else (path, real)


def _compilers() -> Iterator[str]:
    """Folders of the C compilers that Triton may take to build a launcher, wherever they are."""
    for name in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        found = shutil.which(name) if name else None
        if found is None:
            continue
        for program in (os.path.abspath(found), os.path.realpath(found)):
            folder = os.path.dirname(program)
            prefix = os.path.dirname(folder) if os.path.basename(folder) == "bin" else folder
            if prefix not in _OWN_FOLDERS and not _holds_private(prefix):
                yield prefix


def _holds_private(folder: str) -> bool:
    """Whether a home or a checkout lies in a folder; an installed grader is covered instead."""
    return any(path.is_relative_to(folder) for path in (_course(), _home()) if path != GRADER)


def _home() -> Path:
    return Path(os.path.expanduser("~")).resolve()


def _course() -> Path:
    """The checkout that the grader lies in; of an installed grader, its own folder."""
    return GRADER.parent if (GRADER.parent / "course").is_dir() else GRADER


def _hidden() -> list[Path]:
    """What must not be seen, wherever it lies; but never what the interpreter is made of."""
    named = (os.environ.get("GRADER_COURSE"), os.environ.get("PWD"))
    places = {GRADER, _course(), _home(), *(Path(path).resolve() for path in named if path)}
    return sorted(place for place in places if not _is_needed(place))


def _is_needed(place: Path) -> bool:
    """Whether an empty folder there would cover what no inner folder shows again."""
    shown = [path for path in _python() if Path(path) != place and place in Path(path).parents]
    needed = [Path(os.__file__), *packages()]
    return any(
        need.is_relative_to(place) and not any(need.is_relative_to(path) for path in shown)
        for need in needed
    )


def _devices() -> Iterator[Step]:
    yield from (Step("device", f"/dev/{name}", f"/dev/{name}", writable=True) for name in _DEVICES)
    yield Step("link", "/dev/fd", "/proc/self/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield Step("link", f"/dev/{name}", f"/proc/self/fd/{number}")


def _gpu_devices() -> Iterator[Step]:
    """NVIDIA's device files, and the one of WSL; none that is only for their owner."""
    found = [Path("/dev/dxg"), *Path("/dev").glob("nvidia*"), *Path("/dev").glob("nvidia-caps/*")]
    for path in sorted(found):
        mode = path.stat().st_mode if path.exists() else 0
        if stat.S_ISCHR(mode) and mode & stat.S_IROTH:
            yield Step("device", str(path), str(path), writable=True)


def _in_order(found: Iterable[Step]) -> list[Step]:
    """Outer folders first, without what an outer one shows already or what covers nothing."""
    chosen: list[Step] = []
    for step in sorted(
        set(found), key=lambda each: (each.target.count("/"), each.target, each.kind)
    ):
        around = [each for each in chosen if _is_inside(step.target, each.target)]
        nearest = around[-1] if around else None
        if step.kind == "memory" and not step.writable:
            if nearest is None or nearest.kind != "show":
                continue
        elif nearest is not None and nearest.kind == "show":
            continue
        chosen.append(step)
    return chosen


def _depth(step: Step) -> tuple[int, str, str]:
    return step.target.count("/"), step.target, step.kind


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
