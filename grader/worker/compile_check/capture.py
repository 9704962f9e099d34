"""Notes each kernel launch while it happens.

Owns the hooks on ``JITFunction.run`` and ``Autotuner.run``. They wrap whatever these are when
the context is entered, so that it makes no difference how kernels are executed. Compiles
nothing.

An autotuned kernel is noted with the configuration that was launched; the others that its own
pruning leaves are noted beside it, because on a GPU the autotuner compiles those too.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from triton.runtime.autotuner import Autotuner
from triton.runtime.jit import JITFunction

from grader.worker.compile_check.specialise import Binder
from grader.worker.compile_check.standins import stand_in

# Nobody tunes over more; and a list this long would take minutes to check.
MOST_CONFIGURATIONS = 64

# A loop whose step is a constexpr makes another specialisation each time. On a GPU that is slow
# but right, and some of them stand for all: which ones, nobody can foresee.
MOST_SPECIALISATIONS = 16
MOST_TOLD_APART = 4096
_random = random.SystemRandom()


@dataclass(frozen=True)
class Launch:
    """One launch, without the memory that it worked on.

    Attributes:
        function: The kernel, a ``JITFunction``.
        args: Positional arguments, tensors replaced by stand-ins.
        kwargs: Keyword arguments likewise, launch options such as ``num_warps`` included.
        site: File and line of the launch.
        configuration: The autotuner's choice, if it made one.
        alternatives: The same launch in the autotuner's other configurations.
    """

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    site: tuple[str, int] | None = None
    configuration: str | None = None
    alternatives: tuple[Launch, ...] = ()


@contextmanager
def capture_launches() -> Iterator[list[Launch]]:
    """Note all launches inside the context that differ in what they are compiled to.

    ``kernel.warmup`` is no launch. Contexts do not nest. Of one kernel at most
    ``MOST_SPECIALISATIONS`` are kept, at a few kilobytes each; of more, an even choice (reservoir
    sampling: Vitter, Random sampling with a reservoir, 1985).

    Yields:
        A list of the launches so far.
    """
    recorder = _Recorder()
    run, tune = JITFunction.run, Autotuner.run

    def noting_run(function: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        if not warmup:
            recorder.note(function, args, kwargs)
        if recorder.rehearsing:
            return None
        return run(function, *args, grid=grid, warmup=warmup, **kwargs)

    def noting_tune(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        with recorder.tuning(tuner, args, kwargs):
            return tune(tuner, *args, **kwargs)

    JITFunction.run, Autotuner.run = noting_run, noting_tune
    try:
        yield recorder.launches
    finally:
        JITFunction.run, Autotuner.run = run, tune


class _Recorder:
    """Launches so far, and whether an autotuner is at work.

    Attributes:
        launches: The first launch of each specialisation that is kept.
        rehearsing: Launches are noted, but must not happen.
    """

    def __init__(self) -> None:
        self.launches: list[Launch] = []
        self.rehearsing = False
        self._binder = Binder()
        self._seen: dict[int, set[str]] = defaultdict(set)
        self._places: dict[int, list[int]] = defaultdict(list)
        self._tuned: list[Launch] | None = None

    def note(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A kernel is about to be launched."""
        launch = Launch(
            function,
            tuple(stand_in(value) for value in args),
            {name: stand_in(value) for name, value in kwargs.items()},
            _site(function, sys._getframe(2)),
        )
        if self._tuned is not None:
            self._tuned.append(launch)
        elif (place := self._place(launch)) is not None:
            self._keep(place, launch)

    @contextmanager
    def tuning(self, tuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[None]:
        """An autotuner launches its kernel inside; the last launch is the one that counts."""
        tuned: list[Launch] = []
        self._tuned = tuned
        try:
            yield
        finally:
            self._tuned = None
            if tuned and (place := self._place(tuned[-1])) is not None:
                chosen = getattr(tuner, "best_config", None)
                others = self._rehearse(tuner, args, kwargs, chosen)
                self._keep(place, _chosen(tuned[-1], chosen, others))

    def _rehearse(
        self, tuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any], chosen: Any
    ) -> list[Launch]:
        """Go through the launch once more for each other configuration, without launching."""
        others: list[Launch] = []
        self.rehearsing, self._tuned = True, others
        try:
            for config in _pruned(tuner, args, kwargs):
                # A configuration's own hook may change its arguments or clear an output.
                if config is not chosen and config.pre_hook is None:
                    tuner.fn.run(*args, **{**kwargs, **config.all_kwargs()})
                    others[-1] = replace(others[-1], configuration=str(config))
        except Exception:
            return []  # what is wrong with the arguments shows in the launch itself
        finally:
            self.rehearsing, self._tuned = False, None
        return others

    def _keep(self, place: int, launch: Launch) -> None:
        self.launches[place : place + 1] = [launch]

    def _place(self, launch: Launch) -> int | None:
        """Where a launch belongs among those that are kept; ``None`` if nowhere."""
        seen, places = self._seen[id(launch.function)], self._places[id(launch.function)]
        known = len(seen)
        if known < MOST_TOLD_APART:
            seen.add(self._binder.key(launch.function, launch.args, launch.kwargs))
        if len(seen) == known:
            return None
        if known < MOST_SPECIALISATIONS:
            places.append(len(self.launches))
            return places[-1]
        drawn = _random.randrange(len(seen))
        return places[drawn] if drawn < MOST_SPECIALISATIONS else None


def _chosen(launch: Launch, config: Any, others: Sequence[Launch]) -> Launch:
    """A launch with what its autotuner chose, and what it could have chosen."""
    alternatives = tuple(replace(other, site=launch.site) for other in others)
    return replace(launch, configuration=str(config), alternatives=alternatives)


def _pruned(tuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    before = tuner.nargs if hasattr(tuner, "nargs") else None
    tuner.nargs = dict(zip(tuner.arg_names, args, strict=False))
    try:
        return list(tuner.prune_configs(kwargs))[:MOST_CONFIGURATIONS]
    finally:
        tuner.nargs = before


def _site(function: Any, frame: FrameType | None) -> tuple[str, int] | None:
    """Where the launch is written: the nearest line of the kernel's file on the stack.

    A kernel of another file is launched from the nearest line outside Triton and this program.
    """
    file = function.fn.__code__.co_filename
    outside = None
    while frame is not None:
        if frame.f_code.co_filename == file:
            return file, frame.f_lineno
        name = str(frame.f_globals.get("__name__", ""))
        if outside is None and name.partition(".")[0] not in ("triton", "grader"):
            outside = frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return outside
