"""Says in words which elements of a tensor are meant."""

from __future__ import annotations

import torch


def describe(mask: torch.Tensor) -> str:
    """The elements where ``mask`` is true, as shortly as they can be named.

    Args:
        mask: Bool tensor of any shape with at least one true element.
    """
    count, total = int(mask.sum()), mask.numel()
    if count == total:
        return "all elements" if total > 1 else "the only element"
    if mask.dim() == 2 and (text := _rows_or_columns(mask)):
        return text
    flat = mask.flatten().nonzero().flatten()
    first, last = int(flat[0]), int(flat[-1])
    if last - first + 1 == count:
        return _run(first, last, total)
    return f"{count} of {total} elements, the first at {index_text(mask)},"


def index_text(mask: torch.Tensor) -> str:
    """Index of the first true element, as one writes it in Python."""
    return "[" + ", ".join(str(int(i)) for i in mask.nonzero()[0]) + "]"


def span_text(first: int, last: int, noun: str) -> str:
    """``"rows 3–7"`` or ``"row 3"``."""
    return f"{noun} {first}" if first == last else f"{noun}s {first}–{last}"


def contiguous(flags: torch.Tensor) -> tuple[int, int] | None:
    """First and last index of the true elements of a 1-D mask if they form one run."""
    where = flags.nonzero().flatten()
    if not where.numel():
        return None
    first, last = int(where[0]), int(where[-1])
    return (first, last) if last - first + 1 == where.numel() else None


def _run(first: int, last: int, total: int) -> str:
    count = last - first + 1
    if last == total - 1 and count > 1:
        return f"the last {count} of {total} elements ({first}–{last})"
    if first == 0 and count > 1:
        return f"the first {count} of {total} elements"
    return f"{span_text(first, last, 'element')} of {total}"


def _rows_or_columns(mask: torch.Tensor) -> str | None:
    rows, columns = mask.any(dim=1), mask.any(dim=0)
    if bool(mask[rows].all()) and (run := contiguous(rows)):
        return f"{span_text(*run, 'row')} of {mask.shape[0]}"
    if bool(mask[:, columns].all()) and (run := contiguous(columns)):
        return f"{span_text(*run, 'column')} of every row"
    return None
