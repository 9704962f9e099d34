"""Recognises mistakes by the pattern that they leave in the values of a result.

Each pattern is a function from a mismatch to a diagnosis or ``None``; ``diagnose`` asks them
in order, the most specific first. The patterns hold for any kernel; what is special to one
lesson's formula, the lesson gives as ``Mistake`` models.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from grader.judge.compare import Mismatch, equal_elements, mismatch
from grader.judge.diagnosis.regions import contiguous, describe, span_text
from grader.judge.tolerance import allowance
from grader.protocol.poison import as_words, unwritten_word
from grader.results import Diagnosis
from grader.testing import Mistake

# Blocks are powers of two, and nobody uses smaller ones.
_SMALLEST_BLOCK = 16


def diagnose(found: Mismatch, mistakes: Sequence[Mistake] = ()) -> Diagnosis | None:
    """The specific mistake behind a mismatch, ``None`` when no pattern fits."""
    return _not_written(found) or _modelled(found, mistakes) or _row_stride(found)


def generic(found: Mismatch, error: torch.Tensor | float) -> Diagnosis:
    """What can be said of any mismatch: where, what came out, what was expected."""
    if (nan := _unexpected_nan(found)) is not None:
        return nan
    got, expected = found.got[found.first], found.expected[found.first]
    text = f"{_where(found.wrong)} wrong: got {_number(got)}, expected {_number(expected)}"
    if not found.exact and (excess := _excess(found, error)) is not None:
        return Diagnosis(
            "inaccurate",
            f"{text}. The error is up to {excess:.3g} times what is allowed: right formula, "
            "too little precision? Compute in float32 and round once, when storing.",
        )
    if found.wrong.dim() > 1:
        text += f" at {list(found.first)}"
    return Diagnosis("wrong-value", f"{text}.")


def unwritten(tensor: torch.Tensor) -> torch.Tensor:
    """Which elements of a result of the first run still hold what fresh memory holds."""
    if not tensor.numel() or tensor.dtype == torch.bool:
        return torch.zeros_like(tensor, dtype=torch.bool)
    return as_words(tensor.contiguous()) == unwritten_word(tensor.dtype, run=0)


def _not_written(found: Mismatch) -> Diagnosis | None:
    empty = unwritten(found.got) & found.wrong
    if not bool(empty.any()):
        return None
    if bool(empty.all()):
        return Diagnosis(
            "not-written",
            "Nothing was written to the output. Was the kernel launched with at least one "
            "program, and does it store its result?",
        )
    rest_is_right = not bool((found.wrong & ~empty).any())
    flat = contiguous(empty.flatten())
    total = empty.numel()
    if rest_is_right and flat and flat[1] == total - 1 and (empty.dim() == 1 or _partial(empty)):
        return _unwritten_tail(flat[0], total)
    return _unwritten_rows_or_columns(empty) or (_unwritten(empty) if rest_is_right else None)


def _unwritten_tail(first: int, total: int) -> Diagnosis:
    tail = total - first
    if first >= _SMALLEST_BLOCK and first & (first - 1) == 0 and tail >= first:
        return Diagnosis(
            "missing-program-offset",
            f"Only the first {first} of {total} elements were written: every program works on "
            "the first block, or only one program is launched. A program's elements start at "
            "program_id * BLOCK.",
        )
    return Diagnosis(
        "tail-not-written",
        f"{_tail_text(first, total)} never written: the grid does not cover the end, or the mask "
        "leaves it out. A partly filled last block needs a program too.",
    )


def _tail_text(first: int, total: int) -> str:
    if first == total - 1:
        return f"The last of {total} elements was"
    return f"The last {total - first} of {total} elements ({first}–{total - 1}) were"


def _unwritten_rows_or_columns(empty: torch.Tensor) -> Diagnosis | None:
    if empty.dim() != 2:
        return None
    rows, columns = empty.all(dim=1), empty.all(dim=0)
    if run := contiguous(columns):
        return Diagnosis(
            "columns-not-written",
            f"{_sentence(span_text(*run, 'column'))} of every row {_was(run)} never written: is "
            "the block smaller than the row, or the grid too small along the columns?",
        )
    if run := contiguous(rows):
        return Diagnosis(
            "rows-not-written",
            f"{_sentence(span_text(*run, 'row'))} of {empty.shape[0]} {_was(run)} never written: "
            "does the grid have a program for every row?",
        )
    return None


def _unwritten(empty: torch.Tensor) -> Diagnosis:
    verb = "were" if int(empty.sum()) > 1 else "was"
    return Diagnosis("not-written", f"{_sentence(describe(empty))} {verb} never written.")


def _was(run: tuple[int, int]) -> str:
    return "was" if run[0] == run[1] else "were"


def _modelled(found: Mismatch, mistakes: Sequence[Mistake]) -> Diagnosis | None:
    for mistake in mistakes:
        predicted = mistake.output()
        if predicted.shape != found.got.shape:
            continue
        if _explains(found, predicted, everywhere=mistake.everywhere):
            return Diagnosis(mistake.kind, mistake.message)
    return None


def _explains(found: Mismatch, predicted: torch.Tensor, *, everywhere: bool) -> bool:
    """Whether the wrong elements are what the mistake predicts, not by coincidence."""
    different = _differs(found, predicted)
    return not bool((different if everywhere else different & found.wrong).any())


def _differs(found: Mismatch, predicted: torch.Tensor) -> torch.Tensor:
    """Where a result is not the predicted one, by more than the test allows and by rounding."""
    if found.exact:
        return ~equal_elements(found.got, predicted.to(found.got.dtype))
    # The mistake's own rounding is as free as the right formula's.
    error = torch.as_tensor(found.error, dtype=torch.float64) + _slack(predicted)
    other = mismatch(found.got, predicted, exact=False, error=error)
    return torch.zeros_like(found.wrong) if other is None else other.wrong


def _slack(predicted: torch.Tensor) -> torch.Tensor:
    return 1e-5 * predicted.double().abs().nan_to_num(0.0, 0.0, 0.0) + 1e-7


def _row_stride(found: Mismatch) -> Diagnosis | None:
    wrong = found.wrong
    if wrong.dim() != 2 or wrong.shape[0] < 2 or bool(wrong[0].any()):
        return None
    later = wrong[1:]
    if not bool(later.any(dim=1).all()) or float(later.double().mean()) < 0.5:
        return None
    return Diagnosis(
        "wrong-row-stride",
        f"Row 0 is right, rows 1–{wrong.shape[0] - 1} are wrong: the address of a row is its "
        "number times the row stride of that tensor, and two tensors may have different strides.",
    )


def _unexpected_nan(found: Mismatch) -> Diagnosis | None:
    if not found.got.dtype.is_floating_point:
        return None
    nan = found.got.isnan() & ~found.expected.isnan()
    if not bool(nan.any()):
        return None
    expected = found.expected[tuple(nan.nonzero()[0])]
    return Diagnosis(
        "unexpected-nan",
        f"{_where(nan)} NaN, expected e.g. {_number(expected)}. A NaN comes from memory that "
        "was never set, from masked lanes without a value (other=), or from inf - inf and 0 / 0.",
    )


def _excess(found: Mismatch, error: torch.Tensor | float) -> float | None:
    """Largest error in units of the allowance if all are small, else ``None``."""
    if not found.got.dtype.is_floating_point:
        return None
    exact = found.expected.double()
    off = (found.got.double() - exact).abs()
    ratio = (off / allowance(exact, found.got.dtype, error).clamp_min(1e-300))[found.wrong]
    relative = (off / exact.abs().clamp_min(1e-30))[found.wrong]
    small = bool(torch.isfinite(ratio).all()) and float(relative.median()) < 2e-2
    return float(ratio.max()) if small else None


def _partial(empty: torch.Tensor) -> bool:
    """Whether a flat tail of a tensor of several dimensions starts inside a row."""
    return int(empty.sum()) % empty.shape[-1] != 0 or empty.shape[-1] == 1


def _where(mask: torch.Tensor) -> str:
    plural = int(mask.sum()) > 1
    return f"{_sentence(describe(mask))} {'are' if plural else 'is'}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: torch.Tensor) -> str:
    item = value.item()
    return f"{item:.7g}" if isinstance(item, float) else str(item)
