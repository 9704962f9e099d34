"""Names of the GPUs that kernels can be compiled for on a machine without one.

What a name means to the compiler is the worker's (``grader.worker.compile_check.targets``); a
test holds the two lists against each other.
"""

from __future__ import annotations

from grader.errors import UsageError

NAMES = (
    "sm_75",
    "sm_80",
    "sm_86",
    "sm_87",
    "sm_89",
    "sm_90",
    "sm_100",
    "sm_103",
    "sm_120",
    "sm_121",
    "gfx90a",
    "gfx942",
    "gfx950",
)

# The oldest data-centre GPU in wide use that Triton fully supports, and the one after it.
DEFAULT = ("sm_80", "sm_90")
NO_TARGET = "none"


def parse(text: str) -> tuple[str, ...]:
    """Names between commas; ``none`` for no target at all.

    Raises:
        UsageError: A name is unknown; lists those there are.
    """
    if text.strip() == NO_TARGET:
        return ()
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            raise UsageError(
                f"--target {text}: there is no target {name!r}. "
                f"Known: {', '.join(NAMES)}, or {NO_TARGET}."
            )
    return names
