"""The same view of the system, made by bubblewrap where it is installed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.sandbox.view import HOME, Step

NOBODY = "65534"

_ALONE = (
    *("--die-with-parent", "--new-session", "--unshare-all", "--unshare-user", "--disable-userns"),
    *("--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL", "--hostname", "worker"),
)


def command(program: str, steps: Sequence[Step], worker: Sequence[str]) -> list[str]:
    """The command line that confines a worker.

    Args:
        program: Path of ``bwrap``.
        steps: The worker's root.
        worker: The worker's own command.
    """
    covers = [step.target for step in steps if step.kind == "memory" and not step.writable]
    closed = [part for path in ("/", *covers) for part in ("--remount-ro", path)]
    made = [part for step in steps for part in _option(step)]
    return [program, *_ALONE, *made, *closed, "--chdir", str(HOME), "--", *worker]


def _option(step: Step) -> Iterator[str]:
    match step.kind:
        case "link":
            yield from ("--symlink", step.source, step.target)
        case "memory":
            mode = "1777" if step.writable else "0755"
            yield from ("--perms", mode, "--size", str(step.size), "--tmpfs", step.target)
        case "processes":
            yield from ("--proc", step.target)
        case "device":
            yield from ("--dev-bind", step.source, step.target)
        case _:
            yield from ("--ro-bind", step.source, step.target)
