"""Compiles what was launched, as far as it is not known yet, and tells the results.

Owns the order of work and what an autotuner forgives: on a GPU it passes over a configuration
that needs too many resources, but not over one with an error in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import triton
from triton.compiler import make_backend

from grader.worker.compile_check.cache import FactsCache, Key, cache_key
from grader.worker.compile_check.capture import Launch
from grader.worker.compile_check.compilation import Depth, Facts, compile_facts
from grader.worker.compile_check.errors import of_death, of_launch
from grader.worker.compile_check.processes import Outcome, run_forked
from grader.worker.compile_check.results import CompileResult, ErrorKind
from grader.worker.compile_check.specialise import Specialisation, specialise
from grader.worker.compile_check.targets import DEFAULT_TARGETS, Target, parse_target
from grader.worker.compile_check.verdicts import judged

# Configurations compiled to the end in search of one that fits. More would take minutes.
MOST_FULL_ALTERNATIVES = 8

# There are seldom more kernels than these have done within a second or two.
MOST_PROCESSES = 8


def compile_launches(
    launches: Iterable[Launch],
    targets: Sequence[str] = DEFAULT_TARGETS,
    *,
    cache_dir: Path | None = None,
    processes: int | None = None,
    timeout_s: float = 60.0,
) -> list[CompileResult]:
    """Compile each launch for each target.

    Args:
        launches: What ``capture_launches`` noted.
        targets: Names of targets.
        cache_dir: Folder whose contents make a later run fast; Triton's cache folder if None.
        processes: How many compile at a time; as many as there are cores, up to
            ``MOST_PROCESSES``, if None.
        timeout_s: Longest time for one kernel and target.

    Returns:
        One result for each different specialisation and target, launches in order. An autotuned
        kernel gives the result of the configuration that was launched, or of the first that fits
        if that one needs too many resources; the autotuner's other configurations add a result
        each if they have an error.

    Raises:
        UnknownTarget: There is no target of that name.
        OSError: No process can be started.
        RuntimeError: A process was started and did nothing.
    """
    known = FactsCache(cache_dir or Path(triton.knobs.cache.dir))
    compiler = _Compiler(known, processes or _cores(), timeout_s)
    parsed = [parse_target(name) for name in targets]
    chosen = [_Job(launch, target) for launch in launches for target in parsed]
    others = [
        [_Job(other, job.target, Depth.FRONTEND) for other in job.launch.alternatives]
        for job in chosen
    ]
    compiler.finish([*chosen, *(job for jobs in others for job in jobs)])
    results: dict[Key | str, list[CompileResult]] = {}
    for job, alternatives in zip(chosen, others, strict=True):
        identity = job.key or repr(job.result())
        if identity not in results:
            results[identity] = list(compiler.results(job, alternatives))
    return [result for found in results.values() for result in found]


@dataclass
class _Job:
    """One launch to be compiled for one target.

    Attributes:
        launch: The launch.
        target: The target.
        depth: How far to compile.
        specialisation: What to compile; None if the launch's arguments are wrong.
        key: Its key; None likewise.
        facts: What came out, as soon as it has.
        cached: It had come out before.
    """

    launch: Launch
    target: Target
    depth: Depth = Depth.FULL
    specialisation: Specialisation | None = field(init=False, default=None)
    key: Key | None = field(init=False, default=None)
    facts: Facts = field(init=False, default_factory=dict)
    cached: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        launch = self.launch
        try:
            self.specialisation = specialise(
                launch.function, launch.args, launch.kwargs, self.target
            )
            self.key = cache_key(self.specialisation, self.depth)
        except Exception as error:
            self.specialisation = None
            self.facts = {"error": asdict(of_launch(error, launch.site))}

    def result(self) -> CompileResult:
        """What the facts mean."""
        arguments = self.specialisation.arguments() if self.specialisation is not None else {}
        result = judged(self.launch, self.target, self.facts)
        return replace(result, arguments=arguments, cached=self.cached)

    def is_forgiven(self, result: CompileResult) -> bool:
        """Whether an autotuner goes on with its other configurations after such a result."""
        kind = result.error.kind if result.error is not None else None
        return bool(self.facts.get("forgiven")) or kind in (
            ErrorKind.OUT_OF_SHARED_MEMORY,
            ErrorKind.TOO_MANY_THREADS,
        )


@dataclass(frozen=True)
class _Compiler:
    """Gives jobs their facts."""

    known: FactsCache
    processes: int
    timeout_s: float

    def results(self, job: _Job, alternatives: Sequence[_Job]) -> Iterator[CompileResult]:
        """The result of a launch, and those that its autotuner's other choices add to it."""
        result = job.result()
        if not result.ok and job.is_forgiven(result):
            result = self._first_that_fits(alternatives) or result
        yield result
        if result.ok:
            for other in alternatives:
                found = other.result()
                if not found.ok and not other.is_forgiven(found):
                    yield found

    def _first_that_fits(self, alternatives: Sequence[_Job]) -> CompileResult | None:
        for other in alternatives[:MOST_FULL_ALTERNATIVES]:
            full = _Job(other.launch, other.target)
            self.finish([full])
            result = full.result()
            if result.ok:
                return result
        return None

    def finish(self, jobs: Sequence[_Job]) -> None:
        """Look up what is known of the jobs and compile the others, equal ones once."""
        unknown: dict[Key, _Job] = {}
        for job in jobs:
            if job.key is None:
                continue
            facts = self.known.get(job.key)
            if facts is None:
                unknown.setdefault(job.key, job)
            else:
                job.facts, job.cached = facts, True
        self._compile(list(unknown.values()))
        for job in jobs:
            if job.key in unknown:
                job.facts = unknown[job.key].facts

    def _compile(self, jobs: Sequence[_Job]) -> None:
        if not jobs:
            return
        _prepare({job.target for job in jobs})
        with tempfile.TemporaryDirectory(prefix="compile-check-") as scratch:
            tasks = [
                partial(compile_facts, job.specialisation, job.depth, Path(scratch))
                for job in jobs
                if job.specialisation is not None
            ]
            outcomes = run_forked(tasks, self.processes, self.timeout_s)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.facts = _facts(job.launch, outcome)
            kind = job.facts.get("error", {}).get("kind")
            if job.key is not None and not (kind and ErrorKind(kind).says_nothing_about_kernel):
                self.known.put(job.key, job.facts)


def _facts(launch: Launch, outcome: Outcome) -> Facts:
    if outcome.value is not None:
        return outcome.value
    return {"error": asdict(of_death(outcome, launch.function, launch.site))}


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def _prepare(targets: Iterable[Target]) -> None:
    """Have Triton ask its tools for their versions once, not in each child."""
    for target in targets:
        make_backend(target.gpu).hash()
        if target.is_cuda:
            _ = triton.knobs.nvidia.ptxas.version
