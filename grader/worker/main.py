"""Main loop of a worker process: read a request, answer it, until the judge closes."""

from __future__ import annotations

import faulthandler
import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from grader.protocol.frames import Channel, Message, PeerClosed, field, naturals
from grader.protocol.slots import Slot
from grader.worker.kept_facts import KeptFacts
from grader.worker.limits import set_limits
from grader.worker.shortening import fitted

# The traceback of a call that hangs is written shortly before the judge's deadline.
_TRACE_MARGIN = 0.9


def main(control: int, trace: int, facts: int, processes: int) -> None:
    """Serve the judge.

    Args:
        control: File descriptor of the socket to the judge.
        trace: File descriptor that takes tracebacks of hanging and crashing code.
        facts: Memory that carries facts of compiled kernels from run to run.
        processes: The most processes that the user of this one may have.
    """
    set_limits(processes)
    faulthandler.enable(file=trace, all_threads=False)
    channel = Channel(socket.socket(fileno=control))
    try:
        Worker(channel, trace, KeptFacts(facts)).serve()
    except PeerClosed:
        # Threads and atexit handlers of the submission have nothing left to say.
        os._exit(0)


class Worker:
    """One process's state: the tier it runs kernels on, the submission, the judge's slots."""

    def __init__(self, channel: Channel, trace: int, facts: KeptFacts) -> None:
        # Imported here so that a worker that cannot import torch still reports a traceback;
        # timing binds torch's functions before any submission can replace them.
        from grader.scenarios import import_for_gradients
        from grader.worker.calls import Outcome
        from grader.worker.hooks import Hooks
        from grader.worker.tiers import start_tier
        from grader.worker.timing import Bench

        self._channel = channel
        self._trace = trace
        self._facts = facts
        self._input: Slot | None = None
        self._output: Slot | None = None
        self._outcome: Outcome | None = None
        self._bench: Bench | None = None
        self._module: ModuleType | None = None
        self._path = Path()
        self._hooks: Hooks | None = None
        first = channel.receive()
        self._asked = field(first, "id", str)
        self._process = os.getpid()
        self._tier = start_tier(field(first, "tier", str))
        if first.get("gradients") is True:
            import_for_gradients()

    def serve(self) -> None:
        """Answer requests until the judge closes the channel."""
        self._reply({"ready": True, **self._tier.describe()})
        operations = {
            "load": self._load,
            "call": self._call,
            "output": self._write_output,
            "peak": self._peak,
            "prepare": self._prepare,
            "reserve": self._reserve,
            "arm": self._arm,
            "go": self._go,
        }
        while True:
            request, descriptors = self._channel.receive_with_descriptors()
            self._asked = field(request, "id", str)
            self._take_slots(request, descriptors)
            self._reply(self._guarded(operations[field(request, "op", str)], request))

    def _reply(self, message: Message) -> None:
        """Answer the last request, by its number."""
        self._channel.send(fitted({**message, "id": self._asked}))

    def _guarded(self, operation: Callable[[Message], Message], request: Message) -> Message:
        """Run an operation; what the submission raises in it becomes the answer."""
        from grader.worker.hooks import WorkerChanged
        from grader.worker.loading import LONGEST_MESSAGE, Shortage, SubmissionRaised, describe

        deadline = request.get("deadline_s")
        if deadline is not None:
            faulthandler.dump_traceback_later(deadline * _TRACE_MARGIN, file=self._trace)
        try:
            reply = operation(request)
            # Takes milliseconds: "go" is timed, and the operation after it looks instead.
            if self._hooks is not None and request["op"] != "go":
                self._hooks.require_unchanged()
            return reply
        except WorkerChanged as changed:
            return {"error": describe(changed, self._path)}
        except Shortage as shortage:
            return {"shortage": str(shortage)[:1000]}
        except SubmissionRaised as raised:
            return {"error": describe(raised, self._path)}
        except Exception as error:
            told = describe(error, self._path)
            if told["line"] is not None:  # its code ran, though nobody called it
                return {"error": told}
            return {"fault": traceback.format_exc()[-LONGEST_MESSAGE:]}
        finally:
            self._end_if_forked()
            faulthandler.cancel_dump_traceback_later()

    def _end_if_forked(self) -> None:
        """A process that the submission forked has nothing to tell the judge."""
        if os.getpid() != self._process:
            os._exit(1)

    def _take_slots(self, request: Message, descriptors: list[int]) -> None:
        for name, descriptor in zip(request.get("slots", ()), descriptors, strict=True):
            if name == "input":
                self._input = _replaced(self._input, descriptor)
            else:
                self._output = _replaced(self._output, descriptor)

    def _load(self, request: Message) -> Message:
        from grader.worker.hooks import Hooks
        from grader.worker.loading import load

        self._path = Path(field(request, "path", str))
        self._tier.targets = tuple(field(request, "targets", list))
        self._tier.compile_cache = self._facts.unpack()
        self._hooks = Hooks()
        self._module = load(self._path)
        return {"loaded": True}

    def _call(self, request: Message) -> Message:
        from grader.worker.calls import execute

        self._outcome = execute(request, self._module, self._input, self._tier)
        self._facts.pack()
        return {"runs": self._outcome.runs, "nbytes": self._outcome.nbytes}

    def _write_output(self, _: Message) -> Message:
        if self._outcome is not None and self._output is not None:
            self._outcome.write(self._output)
        self._outcome = None
        return {"written": True}

    def _peak(self, request: Message) -> Message:
        from grader.worker.calls import peak_memory

        return {"peak_bytes": peak_memory(request, self._module, self._input, self._tier)}

    def _reserve(self, request: Message) -> Message:
        from grader.worker.calls import reserve

        sizes = naturals(request, "nbytes", limit=1 << 16)
        free_bytes, total_bytes = reserve(sizes, self._tier.device)
        return {"free_bytes": free_bytes, "total_bytes": total_bytes}

    def _prepare(self, request: Message) -> Message:
        from grader.worker.timing import prepare

        assert self._module is not None
        self._bench = None  # frees the inputs of the measurement before
        self._bench = prepare(request, self._module, self._tier.device)
        return {"seconds_per_call": self._bench.warm_up()}

    def _arm(self, request: Message) -> Message:
        assert self._bench is not None
        self._bench.arm(field(request, "seed", int), field(request, "calls", int))
        return {"armed": True}

    def _go(self, request: Message) -> Message:
        from grader.worker.timing import samples_of

        assert self._bench is not None
        assert self._output is not None
        return self._bench.go(samples_of(request, self._output), request.get("audit") is True)


def _replaced(old: Slot | None, descriptor: int) -> Slot:
    if old is not None:
        old.close()
    return Slot(descriptor)
