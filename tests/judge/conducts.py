"""What was noted of a call, as the judge reads it, made up for tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from grader.judge.conduct import Conduct
from grader.judge.provenance import require_own_work
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged

TEXT = "@triton.jit\ndef add_kernel(z, x):\n    pass\n\ndef add(x):\n    pass\n"


def audit(
    *operations: str,
    line: int | None = 7,
    count: int = 1,
    elements: int = 6,
    starts: Sequence[Message] = (),
    beside: Sequence[str] = (),
    device_kernels: Sequence[str] = (),
    tampered: Sequence[str] = (),
) -> Message:
    """What was seen of one run: operations of torch, each on that line, and what else ran."""
    return {
        "operations": [
            {"name": name, "line": line, "count": count, "elements": elements}
            for name in operations
        ],
        "beside": list(beside),
        "starts": list(starts),
        "device_kernels": list(device_kernels),
        "tampered": list(tampered),
    }


def conduct(
    seen: Message,
    *launched: str,
    allowed: Sequence[str] = (),
    function: str = "add",
    most_elements: int | None = None,
) -> Conduct:
    """One run of a function that launched these kernels, and what was seen of it."""
    launches = [{"kernel": name} for name in launched or ("add_kernel",)]
    return Conduct(function, ("add_kernel",), frozenset(allowed), [launches], [seen], most_elements)


def refusal(found: Conduct, text: str | None = TEXT) -> Judged:
    """The refusal of what was noted; there must be one."""
    with pytest.raises(Judged) as caught:
        require_own_work(found, text)
    assert caught.value.status is Status.REFUSED
    return caught.value


def kind(found: Conduct, text: str | None = TEXT) -> str:
    """What that refusal is for."""
    return refusal(found, text).diagnosis.kind
