"""Keeps what a worker reports within one frame, whatever an honest submission did.

A function may launch a kernel a thousand times, or damage a thousand tensors. What a verdict
rests on, results, kernels and bytes moved, is kept in full; examples of the same are left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from grader.protocol.frames import MAX_FRAME_BYTES, Message

# More launches than this are summed up, kernel by kernel.
MOST_LAUNCHES = 64
MOST_VIOLATIONS = 16

# What a length is shortened to when a reply does not fit; the last resort keeps no example.
_FEW = {"findings": 4, "violations": 4, "compiled": 8}
_NONE = dict.fromkeys(_FEW, 1)
_LONGEST_TEXT = 400

_COUNTED = ("parameter", "bytes_loaded", "bytes_stored", "reads_per_element", "sector_efficiency")


def fitted(reply: Message) -> Message:
    """The reply, with fewer and shorter examples if it would not fit into a frame."""
    if "runs" not in reply:
        return reply
    short: Message = {**reply, "runs": [_shortened(run, _MOST) for run in reply["runs"]]}
    steps: Sequence[Callable[[Message], Message]] = (
        lambda run: _clipped(_shortened(run, _FEW)),
        lambda run: _clipped(_shortened(run, _NONE)),
        lambda run: {**run, "result": {"other": "a result of very many parts"}},
    )
    for step in steps:
        if len(json.dumps(short)) <= MAX_FRAME_BYTES:
            break
        short["runs"] = [step(run) for run in short["runs"]]
    return short


_MOST = {"violations": MOST_VIOLATIONS}


def _shortened(run: Message, lengths: dict[str, int]) -> Message:
    return {**run, **{name: run[name][:most] for name, most in lengths.items()}}


def _clipped(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST_TEXT]
    if isinstance(value, dict):
        return {name: _clipped(item) for name, item in value.items()}
    return [_clipped(item) for item in value] if isinstance(value, list | tuple) else value


def launches_to_report(launches: Iterable[Message]) -> list[Message]:
    """The launches of a run with what they moved; if there are many, summed kernel by kernel.

    Args:
        launches: As ``interpreter.Launch.to_json`` gives them.
    """
    every = list(launches)
    if len(every) <= MOST_LAUNCHES:
        return [_counted(launch, launch["tensors"]) for launch in every]
    groups: dict[tuple[str, ...], list[Message]] = {}
    for launch in every:
        parameters = (tensor["parameter"] for tensor in launch["tensors"])
        groups.setdefault((launch["kernel"], *parameters), []).append(launch)
    return [
        _counted(group[0], map(_summed, zip(*(one["tensors"] for one in group), strict=True)))
        for group in list(groups.values())[:MOST_LAUNCHES]
    ]


def _counted(launch: Message, tensors: Iterable[Message]) -> Message:
    return {
        "kernel": launch["kernel"],
        "tensors": [{name: tensor[name] for name in _COUNTED} for tensor in tensors],
    }


def _summed(tensors: Sequence[Message]) -> Message:
    """What all launches of a kernel moved of one parameter."""
    total = {
        name: sum(tensor[name] for tensor in tensors)
        for name in ("loads", "unique_loads", "bytes_loaded", "bytes_stored")
    }
    efficiencies = [one["sector_efficiency"] for one in tensors]
    known = [efficiency for efficiency in efficiencies if efficiency is not None]
    return {
        **total,
        "parameter": tensors[0]["parameter"],
        "reads_per_element": total["loads"] / max(total["unique_loads"], 1),
        "sector_efficiency": min(known, default=None),
    }
