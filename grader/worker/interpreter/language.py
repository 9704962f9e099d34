"""``triton.language`` as kernels see it while they are interpreted.

Triton's functions normally emit code for a compiler; during a launch they are swapped for ones
that compute. Owns that swap and its reversal, so that compiling in the same process keeps
working between launches. Stock Triton looks all of them up again on each launch and on each
call of a nested function; here they are looked up once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import triton.language as tl

# Triton imports it when something is first compiled, and the table of builtins in it is filled
# then: were that in mid-swap, ``min`` and ``max`` would stay the interpreter's for good.
from triton.compiler import code_generator  # noqa: F401
from triton.language.extra import libdevice as libdevice_names
from triton.language.extra.cuda import libdevice
from triton.runtime.jit import JITFunction

from grader.worker.interpreter.repairs import reductions
from grader.worker.interpreter.semantics import loop
from grader.worker.interpreter.stock import TensorHandle, stock

_MISSING = object()


class Language:
    """All replacements, and whether they are in place.

    Args:
        semantic: Triton's typing rules, bound to the builder that computes.
    """

    def __init__(self, semantic: Any) -> None:
        self._semantic = semantic
        # (owner's id, name) to owner, name, replacement, original
        self._swaps: dict[tuple[int, str], tuple[Any, str, Any, Any]] = {}
        self._interpreted: dict[int, Any] = {}
        self._scanned: dict[int, dict[str, Any]] = {}
        self._depth = 0
        self._collect_stock()
        self._collect_own()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Swap inside the context; nests."""
        self._depth += 1
        try:
            if self._depth == 1:
                for owner, name, replacement, _ in self._swaps.values():
                    _put(owner, name, replacement)
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                for owner, name, _, original in self._swaps.values():
                    _put(owner, name, original)

    @property
    def is_active(self) -> bool:
        """Whether a kernel is being interpreted."""
        return self._depth > 0

    def include(self, module: dict[str, Any]) -> None:
        """Swap functions that a student's module imported by name, ``from … import exp``."""
        if id(module) in self._scanned:
            return
        self._scanned[id(module)] = module
        for name, value in list(module.items()):
            replacement = self._interpreted.get(id(value))
            if replacement is not None:
                self._add(module, name, replacement)

    def _collect_stock(self) -> None:
        """Let stock Triton patch everything once, and note what it did."""

        class Kernel:
            __globals__ = {"tl": tl, "core": tl.core}

        scope = stock._patch_lang(Kernel)
        for owner, name, original in scope._changes:
            original = _MISSING if original is stock._MISSING else original
            change = (owner, name, getattr(owner, name), original)
            self._swaps.setdefault((id(owner), name), change)
        scope.restore()
        self._interpreted = {
            id(original): replacement
            for _, _, replacement, original in self._swaps.values()
            if tl.core.is_builtin(original)
        }

    def _collect_own(self) -> None:
        for module in (tl, tl.core):
            self._add(module, "range", loop)
            self._add(module, "static_range", _static_range)
            self._add(module, "reduce", reductions.reduce)
            self._add(module, "associative_scan", reductions.associative_scan)
        self._add(tl.tensor, "__index__", _index)
        self._collect_types()
        for name, member in list(vars(tl.tensor).items()):
            if isinstance(member, JITFunction):
                self._add(tl.tensor, name, _method(member))
        self._collect_libdevice()

    def _collect_types(self) -> None:
        """A type is its own representation; stock makes a new one for each operation."""
        for owner in (tl.core.dtype, tl.core.pointer_type, tl.core.block_type):
            self._add(owner, "to_ir", _itself)
        self._add(tl.core.block_type, "with_element_ty", _same_shape)
        sample = (
            TensorHandle(np.zeros(2, dtype=np.float32), tl.float32),
            tl.block_type(tl.float32, [2]),
        )
        if vars(_FastTensor(*sample)).keys() == vars(tl.tensor(*sample)).keys():
            self._add(tl.tensor, "__init__", _FastTensor.__init__)

    def _collect_libdevice(self) -> None:
        for name, member in list(vars(libdevice).items()):
            if tl.core.is_builtin(member):
                replacement = self._bound(member)
                self._add(libdevice, name, replacement)
                stub = vars(libdevice_names).get(name)
                if stub is not None:
                    self._add(libdevice_names, name, replacement)
                    self._interpreted[id(stub)] = replacement

    def _bound(self, builtin: Any) -> Any:
        def interpreted(*args: Any, **kwargs: Any) -> Any:
            return builtin(*args, **{**kwargs, "_semantic": self._semantic})

        return interpreted

    def _add(self, owner: Any, name: str, replacement: Any) -> None:
        key = (id(owner), name)
        if key in self._swaps:
            original = self._swaps[key][3]
        else:
            namespace = owner if isinstance(owner, dict) else vars(owner)
            original = namespace.get(name, _MISSING)
        self._swaps[key] = (owner, name, replacement, original)
        if original is not _MISSING:
            self._interpreted[id(original)] = replacement
        if self._depth:
            _put(owner, name, replacement)


def _put(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    elif value is _MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def _static_range(start: Any, stop: Any = None, step: Any = None, **_: Any) -> Any:
    """``tl.static_range``: the loop is unrolled, its variable is a number."""
    first, last = (0, start) if stop is None else (start, stop)
    return range(int(first), int(last), int(1 if step is None else step))


def _index(self: Any) -> int:
    """A scalar as an integer; in stock Triton 3.6 this fails with numpy 2.4 and later."""
    data = self.handle.data
    if data.size != 1 or data.dtype.kind not in "biu":
        raise TypeError(f"{self.dtype} of shape {list(data.shape)} is no single integer")
    return int(data.reshape(-1)[0])


def _itself(self: Any, builder: Any) -> Any:
    return self


def _same_shape(self: Any, element: Any) -> Any:
    """The block type of the same shape and another element type, made once."""
    # Kept in the type itself: hashing types costs more than making them.
    made = self.__dict__.setdefault("_of_same_shape", {})
    if element.name not in made:
        made[element.name] = tl.block_type(element, self.shape)
    return made[element.name]


class _FastTensor:
    """``tl.tensor`` whose shape is computed once for each type, not for each tensor."""

    def __init__(self, handle: Any, type: Any) -> None:
        facts = type.__dict__.get("_facts")
        if facts is None:
            sizes = type.shape if type.is_block() else ()
            shape = tl.tuple([tl.constexpr(size) for size in sizes])
            facts = type.__dict__["_facts"] = (type.scalar, shape, tl.constexpr(math.prod(sizes)))
        self.handle = handle
        self.type = type
        self.dtype, self.shape, self.numel = facts


def _method(function: Any) -> Any:
    """``x.sum(axis)`` for ``tl.sum(x, axis)``: a JITFunction does not bind itself."""

    def method(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return method
