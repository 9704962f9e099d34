"""Everything that one lesson run needs of the judge, made once and closed once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from grader import sandbox
from grader.judge.compiled_facts import facts_file
from grader.judge.device import tier_of
from grader.judge.process import WorkerProcess
from grader.judge.session import Session
from grader.judge.source import SubmissionSource
from grader.judge.submission import Submission
from grader.judge.timing.turns import PATIENCE_S
from grader.lesson import Lesson
from grader.results import Device

_BASELINE = "baseline"
_TIMING = "timing"


@dataclass
class Grading:
    """One lesson, one submission, one device.

    Attributes:
        lesson: The lesson.
        source: The submission's text.
        device: ``"cpu"`` or ``"gpu"``.
        seed: The run's seed; each case derives its own from it.
        targets: GPU targets that interpreted kernels are compiled for, on machines without one.
        speed_probe: Takes each speed measurement instead of the verdict; for calibration.
        policed: Whether the policy has a say.
        patience_s: How long to wait for other gradings that measure on the same GPU.
    """

    lesson: Lesson
    source: SubmissionSource
    device: str
    seed: str
    targets: tuple[str, ...] = ()
    speed_probe: Callable[..., None] | None = None  # takes a SpeedRequest
    policed: bool = True
    patience_s: float = PATIENCE_S
    _sessions: dict[str, Session] = field(default_factory=dict)

    def adopt(self, worker: WorkerProcess) -> None:
        """Use a worker that was started ahead, while the judge was still importing."""
        self._sessions[worker.tier] = self._new_session(worker)

    @property
    def tier(self) -> str:
        """How the worker of this device runs kernels."""
        return tier_of(self.device)

    def submission(self, tier: str) -> Submission:
        """The submission on a tier; ``"interpreted"`` is there on GPU machines too."""
        return Submission(self.lesson, self.source, self.session(tier), self.policed)

    def describe(self) -> Device:
        """The device as the report names it; waits for the worker to be up."""
        details = dict(self.session(self.tier).describe())
        details.pop("ready", None)
        name = str(details.pop("device", "unknown"))
        return Device(kind=self.device, name=name, details=details)

    @property
    def sandbox_level(self) -> str:
        """How the workers of this run are confined."""
        return sandbox.probe().level

    def baseline_session(self) -> Session:
        """A worker that runs the lesson's own reference, confined like the student's."""
        if _BASELINE not in self._sessions:
            source = self.lesson.reference.read_bytes()
            worker = self._new_worker(self.tier)
            self._sessions[_BASELINE] = Session(
                source,
                "baseline",
                worker,
                self.lesson.deadline_s,
                ours=True,
                let_all_go=self.let_go,
            )
        return self._sessions[_BASELINE]

    def timing_session(self) -> Session:
        """A worker of the student's in which nothing but timing happens.

        No driver's profiler has looked at kernels there: once it has, each later launch of the
        process takes longer. And nothing can have been kept from the tests before.
        """
        if _TIMING not in self._sessions:
            self._sessions[_TIMING] = self._new_session(self._new_worker(self.tier))
        return self._sessions[_TIMING]

    def processes(self) -> set[int]:
        """Ids of this process and of all workers."""
        return {os.getpid(), *(pid for s in self._sessions.values() for pid in s.processes())}

    def let_go(self) -> None:
        """End every worker that runs the submission or the reference: their memory is free.

        What the judge itself no longer uses is given back to the GPU, too.
        """
        for session in self._sessions.values():
            session.let_go()
        if self.device == "gpu":
            import torch

            torch.cuda.empty_cache()

    def close(self) -> None:
        """End all workers."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def session(self, tier: str) -> Session:
        """The student's worker of a tier, started if need be."""
        if tier not in self._sessions:
            self._sessions[tier] = self._new_session(self._new_worker(tier))
        return self._sessions[tier]

    def _new_worker(self, tier: str) -> WorkerProcess:
        return WorkerProcess(tier, self.lesson.differentiates)

    def _new_session(self, worker: WorkerProcess) -> Session:
        # With a GPU at hand the kernels are compiled for it by running them.
        targets = self.targets if self.device == "cpu" else ()
        source = self.source
        facts = facts_file(source.path, source.content) if targets else None
        return Session(
            source.content,
            self.lesson.name,
            worker,
            self.lesson.deadline_s,
            targets,
            facts,
            let_all_go=self.let_go,
        )
