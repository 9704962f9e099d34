"""From a launch to what Triton compiles: a signature, constants, alignments and options.

Goes through Triton's own binder, which is what decides that an address divisible by 16 allows
vector loads and that the integer 1 becomes a constant. A signature written by hand would describe
another kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, make_backend
from triton.runtime.jit import JITFunction, create_function_from_signature

from grader.worker.compile_check.targets import Target


@dataclass(frozen=True)
class Specialisation:
    """All that the compiler's output depends on.

    Attributes:
        function: The kernel, a ``JITFunction``.
        target: What it is compiled for.
        signature: Triton's type of each parameter; ``constexpr`` for constants.
        constants: Values of the constants, by path (a parameter's number, then tuple indices).
        attributes: Divisibility of parameters, by the same paths.
        options: The backend's options, ``num_warps`` among them.
    """

    function: Any
    target: Target
    signature: dict[str, str]
    constants: dict[tuple[int, ...], Any]
    attributes: dict[tuple[int, ...], Any]
    options: Any

    def source(self) -> ASTSource:
        """What ``triton.compile`` takes."""
        return ASTSource(self.function, self.signature, self.constants, self.attributes)

    def arguments(self) -> dict[str, str]:
        """What each parameter became, for a person to read."""
        return {
            name: self._argument((number,), kind)
            for number, (name, kind) in enumerate(self.signature.items())
        }

    def _argument(self, path: tuple[int, ...], kind: Any) -> str:
        if path in self.constants:
            return _constant(self.constants[path])
        if isinstance(kind, tuple):
            items = [self._argument((*path, number), item) for number, item in enumerate(kind)]
            return f"({', '.join(items)})"
        if ["tt.divisibility", 16] not in self.attributes.get(path, ()):
            return str(kind)
        pointer = str(kind).startswith("*")
        return f"{kind}, {'16-byte aligned' if pointer else 'divisible by 16'}"


def specialise(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], target: Target
) -> Specialisation:
    """Bind the arguments as ``JITFunction.run`` does.

    Raises:
        Exception: Whatever Triton raises on arguments and options that it does not take.
    """
    backend = make_backend(target.gpu)
    given = _with_options(function, kwargs)
    binder = create_function_from_signature(function.signature, function.params, backend)
    bound, specialisation, options = binder(*args, **given)
    options, signature, constants, attributes = function._pack_args(
        backend, given, bound, specialisation, options
    )
    return Specialisation(function, target, signature, constants, attributes, options)


class Binder:
    """Tells launches apart that are compiled to different code, quickly."""

    def __init__(self) -> None:
        # AMD's backend makes all the distinctions that NVIDIA's makes, and one more.
        self._backend = make_backend(GPUTarget("hip", "gfx942", 64))
        self._binders: dict[int, tuple[Any, Any]] = {}

    def key(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Equal for two launches of one function if they give the same code on any target."""
        # Not the function itself: hashing a JITFunction reads the source of all that it calls.
        identity = id(function)
        if identity not in self._binders:
            binder = create_function_from_signature(
                function.signature, function.params, self._backend
            )
            self._binders[identity] = (binder, function)
        try:
            _, specialisation, options = self._binders[identity][0](*args, **kwargs)
        except Exception as error:  # ``specialise`` will say more about it
            return repr(error)
        return f"{specialisation} {sorted(options.items())}"


def _with_options(function: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What ``JITFunction.run`` adds to the keyword arguments."""
    debug = kwargs.get("debug", function.debug) or triton.knobs.runtime.debug
    mode = triton.knobs.compilation.instrumentation_mode
    return {**kwargs, "debug": debug, "instrumentation_mode": mode}


def _constant(value: Any) -> str:
    if isinstance(value, JITFunction):
        return str(value.__name__)
    return repr(value)[:80]
