"""How a process ended counts, not how far it had come with its reply: a crash is no cheat."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from grader import sandbox
from grader.judge import loaded_worker, process
from grader.judge.call import Input
from grader.judge.invocation import Invocation
from grader.judge.process import WorkerProcess
from grader.judge.session import Session
from grader.lesson import Function
from grader.results import Status
from grader.testing import Judged
from tests.security import honest
from tests.security.puppets import PLACEHOLDER, Cheap, encoded

X = torch.arange(4.0)
CALL = Invocation(Function("f", ()), (X,), inputs=(Input("x", X),))
REPLY = encoded(honest.REPLIES["call"] | {"id": PLACEHOLDER})

# A child that holds the worker's end of the socket until the judge has closed the other.
LEAVE_A_CHILD = """
if os.fork() == 0:
    os.closerange(0, control), os.closerange(control + 1, 64)
    import select
    judge = select.poll()
    judge.register(control, 0)
    judge.poll()
    os._exit(0)
"""


@pytest.mark.parametrize("length", [0, 2, 4, 100])
@pytest.mark.parametrize(
    ("afterwards", "status", "kind"),
    [
        ("os.kill(os.getpid(), 11)", Status.CRASHED, "segfault"),
        # As where memory runs out; the workers after it, without a submission, end like that, too.
        ("os.kill(os.getpid(), 9)", Status.DEFERRED, "no-memory"),
        ("os._exit(3)", Status.CRASHED, "process-exited"),
        ("raise ValueError", Status.CRASHED, "process-exited"),
        (LEAVE_A_CHILD + "os.kill(os.getpid(), 11)", Status.CRASHED, "segfault"),
        ("os.close(control); import select; select.poll().poll()",
         Status.REFUSED, "malformed-frame"),
        ("import select; select.poll().poll()", Status.TIMED_OUT, "timeout"),
    ],
    ids=["segfault", "killed", "exits", "raises", "leaves a child", "closes the channel", "hangs"],
)  # fmt: skip
def test_a_worker_that_ends_in_the_middle_of_its_reply(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
    afterwards: str,
    status: Status,
    kind: str,
) -> None:
    cheap = Cheap(tmp_path, afterwards)
    cheap.attack.write_bytes(REPLY[:length])
    monkeypatch.setattr(sandbox, "probe", lambda: cheap)
    monkeypatch.setattr(loaded_worker, "WorkerProcess", WorkerProcess)
    monkeypatch.setattr(process, "_EXIT_S", 0.2 if kind == "malformed-frame" else 10.0)
    deadline_s = 0.5 if status is Status.TIMED_OUT else 15.0
    session = Session(b"", "lesson01", WorkerProcess("interpreted"), deadline_s)
    with pytest.raises(Judged) as judged:
        session.call(CALL)
    assert (judged.value.status, judged.value.diagnosis.kind) == (status, kind)
    session.close()
