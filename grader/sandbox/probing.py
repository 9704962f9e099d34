"""Which level works on this machine: found out once, by confining a small program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from grader.errors import UnconfinedError
from grader.sandbox import bubblewrap, confine, view
from grader.sandbox.levels import Level
from grader.sandbox.processes import count_threads
from grader.sandbox.room import Room

# What a worker needs of the environment: a compiler for Triton's launcher, the GPU's libraries
# and the choice of GPU. Everything else stays outside.
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "CC",
    "LD_LIBRARY_PATH",
    "CUDA_HOME",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES",
    "NVIDIA_DRIVER_CAPABILITIES",
)

# Processes and threads that a worker may start, beyond those that its user has elsewhere.
MOST_PROCESSES = 1024

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_BOOT = view.GRADER / "worker" / "boot.py"

_TRIAL_S = 20.0
_TRIAL = """
import os, sys
unseen = [path for path in sys.argv[1:] if not os.access(path, os.R_OK)]
sys.exit("cannot be read: " + ", ".join(unseen) if unseen else 0)
"""


@dataclass(frozen=True)
class Launch:
    """How to start a confined process.

    Attributes:
        command: The command; its process ends as the confined one does.
        environment: The environment.
    """

    command: list[str]
    environment: dict[str, str]


@dataclass(frozen=True)
class Sandbox:
    """A way to confine a worker.

    Attributes:
        level: What it is worth.
        other_user: Whether the worker is a user of its own; takes a judge that is root.
        failures: Why the stronger levels do not work here, a line each.
    """

    level: Level
    other_user: bool = False
    failures: tuple[str, ...] = ()

    @property
    def layers(self) -> int:
        """How many processes stand between the one that is started and the worker."""
        return {Level.BUBBLEWRAP: 3, Level.NAMESPACES: 2}.get(self.level, 1)

    def worker(self, room: Room, tier: str, judge: int, keep: Sequence[int]) -> Launch:
        """Start of a worker.

        Args:
            room: The judge's folder for it.
            tier: ``"interpreted"`` or ``"compiled"``.
            judge: A pidfd of the judge, with which the worker ends.
            keep: Descriptors that stay open in it; its program is told their numbers, then the
                most processes that its user may have.
        """
        boot = str(view.PROGRAM / "worker" / "boot.py") if self.level.is_private else str(_BOOT)
        elsewhere = count_threads(confine.NOBODY if self.other_user else os.geteuid())
        told = [*map(str, keep), str(elsewhere + MOST_PROCESSES)]
        return self.launch(room, tier, judge, ["-I", boot, *told], keep)

    def launch(
        self,
        room: Room,
        tier: str,
        judge: int,
        arguments: Sequence[str],
        keep: Sequence[int] = (),
    ) -> Launch:
        """Start of any Python program; see ``worker``."""
        command = [sys.executable, *arguments]
        steps = view.steps(tier, room.files) if self.level.is_private else []
        if self.level is Level.BUBBLEWRAP:
            command = bubblewrap.command(str(shutil.which("bwrap")), steps, command)
            steps = []
        inside = self.level is Level.NAMESPACES
        plan = {
            "how": str(self.level),
            "command": command,
            "keep": list(keep),
            "judge": judge,
            "directory": str(view.HOME if inside else room.work),
            "root": str(room.root),
            "steps": [asdict(step) for step in steps],
            "other_user": self.other_user,
        }
        supervise = [sys.executable, "-I", "-S", str(_SUPERVISOR), json.dumps(plan)]
        home = view.HOME if self.level.is_private else room.work
        return Launch(supervise, _environment(str(home)))

    def path(self, room: Room, placed: Path) -> Path:
        """What a worker calls a file that was placed in the room."""
        return Path(view.FILES if self.level.is_private else room.files, placed)

    def failure(self) -> str:
        """Confine a small program; why that does not work, or nothing."""
        room = Room()
        judge = os.pidfd_open(os.getpid())
        try:
            program = ["-I", "-S", "-c", _TRIAL, *self._needs()]
            launch = self.launch(room, "compiled", judge, program)
            done = subprocess.run(
                launch.command,
                env=launch.environment,
                pass_fds=[judge],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TRIAL_S,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            os.close(judge)
            room.close()
        lines = done.stderr.strip().splitlines()
        return (lines or [f"exit code {done.returncode}"])[-1] if done.returncode else ""

    def _needs(self) -> list[str]:
        devices = [step.target for step in view.steps("compiled", Path()) if step.kind == "device"]
        program = view.PROGRAM / "worker" if self.level.is_private else view.GRADER / "worker"
        return [str(program), *(str(path / "__init__.py") for path in view.packages()), *devices]


@cache
def probe() -> Sandbox:
    """The strongest level that works on this machine."""
    failures: list[str] = []
    for sandbox in _ways():
        failure = "" if sandbox.level is Level.PROCESS_GROUP else sandbox.failure()
        if not failure:
            return replace(sandbox, failures=tuple(failures))
        failures.append(f"{sandbox.level}: {failure}")
    raise AssertionError("a process group always works")


def _ways() -> Iterator[Sandbox]:
    if os.geteuid() == 0:
        # In bubblewrap root would remain root for the files of /proc/sys.
        yield Sandbox(Level.NAMESPACES, other_user=True)
    elif shutil.which("bwrap"):
        yield Sandbox(Level.BUBBLEWRAP)
    yield Sandbox(Level.NAMESPACES)
    yield Sandbox(Level.USER_NAMESPACES)
    yield Sandbox(Level.PROCESS_GROUP)


def require_confinement(allowed: bool = False) -> None:
    """Refuse to run other people's code where it could read and change this user's files.

    Args:
        allowed: Whether the user has asked for it all the same.

    Raises:
        UnconfinedError: No private level works here.
    """
    found = probe()
    if found.level.is_private or allowed:
        return
    raise UnconfinedError(
        f"This machine cannot confine other people's code. Its level is {found.level}: "
        f"{found.level.explanation}. `course doctor` says how to get a better one; "
        "--allow-unconfined grades all the same."
    )


def _environment(home: str) -> dict[str, str]:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        "HOME": home,
        "TMPDIR": home,
        "USER": "nobody",
        "TRITON_CACHE_DIR": f"{home}/triton-cache",
        "TORCHINDUCTOR_CACHE_DIR": f"{home}/inductor-cache",
        "PYTHONDONTWRITEBYTECODE": "1",
        # On small tensors, and beside other jobs, threads wait for longer than they work.
        "OMP_NUM_THREADS": "1",
    }
