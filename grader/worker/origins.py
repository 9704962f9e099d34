"""Where the memory of a returned tensor comes from, as far as the audit of a call has seen it.

A note belongs to a storage and passes from the arguments of an operation to its result. So a
result that no kernel had in its hands is told from one that a kernel computed and torch copied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef

from grader.worker.stamps import Stamps

# Tensors of so many elements or fewer are settings, wherever they come from.
_FEW = 16

# Operations that take a tensor for its shape alone.
_SHAPE_ONLY = {"empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros",
               "new_ones", "new_full", "new_empty_strided"}  # fmt: skip


class Note:
    """What is known of a storage: plain numbers, which combine many times faster than flags."""

    SEEN = 1  # came to be, or was given, within sight
    KERNEL = 2  # a launched kernel had it among its arguments, or the course made it
    FOREIGN = 4  # holds data that were there before the call, or came from outside torch


class Origins:
    """Notes on the storages of one run of one call."""

    def __init__(self, inputs: Collection[Any] = ()) -> None:
        self._notes: dict[int, tuple[Any, int]] = {}
        self._stamps = Stamps()
        for tensor in tensors_in(inputs):
            self._add(tensor, Note.SEEN)

    def used(self, arguments: tuple[Any, ...]) -> None:
        """An operation of torch, or a kernel, is about to use these."""
        self._stamps.compare(tensors_in(arguments))

    def operation(
        self, func: Any, arguments: tuple[Any, ...], result: Any, *, trusted: bool
    ) -> None:
        """An operation of torch was run.

        Args:
            func: An overload of ``torch.ops``.
            arguments: Its positional and keyword arguments.
            result: What it returned.
            trusted: It was the course's or the worker's.
        """
        name = str(func._schema.name).rpartition("::")[2]
        note = Note.SEEN
        if trusted and not func.is_view:  # a view is of the same memory as before
            note |= Note.KERNEL
        given = note if name in _SHAPE_ONLY else note | self._of_arguments(arguments)
        for tensor in tensors_in((result,)):
            self._add(tensor, given)
        if func._schema.is_mutable:
            self._note_lists(func, arguments, note)
            self._stamps.renew(tensors_in(arguments))

    def _note_lists(self, func: Any, arguments: tuple[Any, ...], note: int) -> None:
        """Note the lists that an operation writes to, one tensor at a time, and does not return.

        Optimizers update all parameters of a GPU by one such operation.
        """
        for written in _written_lists(func, arguments):
            for at, tensor in enumerate(written):
                beside = [_element(each, at, len(written)) for each in arguments]
                self._add(tensor, note | self._of_arguments(beside))

    def copied(self, source: torch.Tensor, copy: Any) -> None:
        """``copy.deepcopy`` copies a storage without an operation of torch.

        What it gives is told by the caller, so the values must be the source's.
        """
        with torch._C._DisableTorchDispatch():
            is_copy = type(copy) is type(source) and torch.equal(copy, source)
        storage = _storage(copy) if is_copy else None
        if storage is not None:
            note = Note.SEEN | self._of_argument(source)
            self._notes[storage._cdata] = _reference(storage), note

    def launch(self, arguments: tuple[Any, ...]) -> None:
        """A kernel was launched.

        Data from before the call can be all that it stored, where they are as many as that;
        tables and locks are fewer. Whether it only stored to them cannot be seen on a GPU: so
        workspaces are to be allocated in each call, and ``docs/rules.md`` says so.
        """
        given = [*tensors_in(arguments)]
        foreign = [tensor.numel() for tensor in given if self._is_foreign(tensor)]
        most = max(foreign, default=0)
        for tensor in given:
            tainted = Note.FOREIGN if tensor.numel() <= most else 0
            self._add(tensor, Note.KERNEL | tainted)

    def ended(self, arguments: tuple[Any, ...]) -> None:
        """A kernel that was launched has stored what it stores."""
        self._stamps.take(tensors_in(arguments))

    def of(self, tensor: torch.Tensor) -> str:
        """``"kernel"``, ``"torch"``, ``"foreign"`` or ``"unseen"``."""
        self._stamps.compare([tensor])
        note = self._get(tensor)
        if not note & Note.SEEN:
            return "unseen"
        if note & Note.FOREIGN or self._stamps.was_overwritten(tensor):
            return "foreign"
        return "kernel" if note & Note.KERNEL else "torch"

    def _of_arguments(self, arguments: Collection[Any]) -> int:
        note = 0
        for tensor in tensors_in(arguments):
            note |= self._of_argument(tensor)
        return note

    def _of_argument(self, tensor: torch.Tensor) -> int:
        foreign = Note.FOREIGN if self._is_foreign(tensor) else 0
        return self._get(tensor) & ~Note.SEEN | foreign

    def _is_foreign(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor holds data of which this call has not seen where they come from."""
        note = self._get(tensor)
        unseen = not note & Note.SEEN and tensor.numel() > _FEW
        overwritten = self._stamps.was_overwritten(tensor)
        return unseen or overwritten or bool(note & Note.FOREIGN)

    def _get(self, tensor: torch.Tensor) -> int:
        storage = _storage(tensor)
        found = self._notes.get(storage._cdata) if storage is not None else None
        return found[1] if found is not None else 0

    def _add(self, tensor: torch.Tensor, note: int) -> None:
        storage = _storage(tensor)
        if storage is not None:
            # The reference keeps the storage's identity, not its memory: the key stays its own.
            kept, before = self._notes.get(storage._cdata) or (_reference(storage), 0)
            self._notes[storage._cdata] = kept, before | note


def _reference(storage: torch.UntypedStorage) -> StorageWeakRef:
    return StorageWeakRef(storage)  # type: ignore[no-untyped-call]


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    try:
        return tensor.untyped_storage()
    except (RuntimeError, NotImplementedError):  # sparse tensors and their kind have none
        return None


def _written_lists(func: Any, arguments: tuple[Any, ...]) -> Iterator[Collection[torch.Tensor]]:
    for declared, value in zip(func._schema.arguments, arguments, strict=False):
        alias = declared.alias_info
        if alias is not None and alias.is_write and isinstance(value, list | tuple):
            yield value


def _element(value: Any, at: int, length: int) -> Any:
    """What of an argument belongs to one element of a list of that length."""
    is_beside = isinstance(value, list | tuple) and len(value) == length
    return value[at] if is_beside else value


def tensors_in(values: Collection[Any], depth: int = 2) -> Iterator[torch.Tensor]:
    """The tensors among values, in lists and tuples and behind tensor descriptors."""
    for value in values:
        base = getattr(value, "base", None) if not isinstance(value, torch.Tensor) else None
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(base, torch.Tensor):
            yield base
        elif isinstance(value, list | tuple) and depth:
            yield from tensors_in(value, depth - 1)
