"""Turns a faulty access into a finding: finds the line, words the message, counts repetitions."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import triton

from grader.worker.interpreter.findings import Finding, Kind, Recording
from grader.worker.interpreter.sanitizer.views import View

Program = tuple[int, int, int]

# Code that is not the student's.
_OURS = (
    str(Path(triton.__file__).parent),
    str(Path(__file__).resolve().parents[1]),
    "<",
)


@dataclass(frozen=True)
class Access:
    """One load, store or atomic of a program.

    Attributes:
        kind: ``load``, ``store`` or ``atomic``.
        nbytes: Bytes that each lane accesses.
        masked: ``none``, ``some`` or ``all``; see ``Finding``.
        program: Who does it.
    """

    kind: str
    nbytes: int
    masked: str
    program: Program


@dataclass(frozen=True)
class Fault:
    """What is wrong with an access.

    Attributes:
        kind: The kind of fault.
        lanes: How many lanes are faulty.
        element: Element of the first, counted from the view's first; None without a view.
        other: The program on the other side of a race.
        value: Address of a wild pointer.
    """

    kind: Kind
    lanes: int
    element: int | None = None
    other: Program | None = None
    value: int = 0


class Reporter:
    """Collects the findings of one recording."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._known: dict[tuple[Kind, str, int, str | None, str], int] = {}
        self.kernel = ""

    def report(self, fault: Fault, access: Access, view: View | None) -> None:
        """Add a finding, or count it once more."""
        file, line = _source()
        parameter = None if view is None else view.parameter
        key = (fault.kind, file, line, parameter, access.kind)
        findings = self._recording.findings
        if key in self._known:
            place = self._known[key]
            findings[place] = replace(findings[place], count=findings[place].count + 1)
            return
        self._known[key] = len(findings)
        wrapped = _is_wrapped(fault, view)
        findings.append(
            Finding(
                kind=fault.kind,
                kernel=self.kernel,
                file=file,
                line=line,
                source_line=linecache.getline(file, line).strip(),
                tensor=parameter,
                access=access.kind,
                masked=access.masked,
                program=access.program,
                other_program=fault.other,
                index=fault.element,
                multi_index=_multi_index(fault, view),
                valid="" if view is None else view.valid_range(),
                lanes=fault.lanes,
                count=1,
                int32_overflow=wrapped,
                message=_message(fault, access, view) + (_OVERFLOW if wrapped else ""),
            )
        )


_OVERFLOW = (
    " The offset overflowed int32: it is too small by a multiple of 2**32; compute it in int64, "
    "for example with tl.program_id(0).to(tl.int64)."
)

_MASKS = {
    "none": "there is no mask",
    "all": "no lane is masked",
    "some": "the mask does not exclude them",
}

_VERBS = {"load": "reads", "store": "writes", "atomic": "updates"}


def _source() -> tuple[str, int]:
    """File and line of the innermost frame that is neither Triton's nor ours."""
    frame = sys._getframe(2)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_OURS):
            return frame.f_code.co_filename, frame.f_lineno
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "?", 0


def _is_wrapped(fault: Fault, view: View | None) -> bool:
    return (
        fault.kind is Kind.OUT_OF_BOUNDS
        and view is not None
        and fault.element is not None
        and view.is_wrapped_int32(fault.element)
    )


def _multi_index(fault: Fault, view: View | None) -> tuple[int, ...] | None:
    if view is None or fault.element is None:
        return None
    return view.multi_index(fault.element)


def _element(fault: Fault, view: View) -> str:
    index = _multi_index(fault, view)
    numbers: Sequence[int | None] = index if index else [fault.element]
    return f"{view.parameter}[{', '.join(map(str, numbers))}]"


def _message(fault: Fault, access: Access, view: View | None) -> str:
    verb = _VERBS[access.kind]
    who = f"Program {_short(access.program)}"
    if view is None:
        return (
            f"{who} {verb} through a pointer that comes from no tensor argument "
            f"(address {fault.value:#x})."
        )
    element = _element(fault, view)
    other = "other programs" if fault.other is None else f"program {_short(fault.other)}"
    lanes = "1 lane" if fault.lanes == 1 else f"{fault.lanes} lanes"
    messages = {
        Kind.OUT_OF_BOUNDS: f"{who} {verb} {element}, but {view.parameter} holds "
        f"{view.valid_range()}: {lanes} out of bounds, and {_MASKS[access.masked]}.",
        Kind.MISALIGNED: f"{who} {verb} {access.nbytes} bytes near {element} at an address that "
        f"is no multiple of {access.nbytes}.",
        Kind.UNINITIALISED: f"{who} reads {element}, which nobody has written since torch.empty "
        f"made it ({lanes}).",
        Kind.WRITE_WRITE_RACE: f"{who} and {other} both write {element}, in no defined order: "
        "use an atomic, or let one program own each element.",
        Kind.READ_AFTER_WRITE_RACE: f"{who} reads {element}, which {other} wrote in the same "
        "launch: programs run in no defined order, split the kernel in two.",
        Kind.WRITE_AFTER_READ_RACE: f"{who} writes {element}, which {other} "
        "read in the same launch: programs run in no defined order, write to another tensor.",
        Kind.LANE_CONFLICT: f"{who} writes different values to {element} from two lanes of one "
        "tl.store: which one stays is undefined.",
    }
    return messages[fault.kind]


def _short(program: Program) -> str:
    """A program id without the axes that are not used."""
    x, y, z = program
    return f"({x}, {y}, {z})" if y or z else str(x)
