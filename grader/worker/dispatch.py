"""The base of this process's dispatch modes: torch's, without its compiler.

The first operation under a ``TorchDispatchMode`` makes torch import ``torch._dynamo``, so that
the mode's method is never compiled: some 900 modules, 2.5 s on a CPU, in each worker of a run.
Modes of a worker watch calls that are not compiled, so they do without.
"""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A ``TorchDispatchMode`` that starts at once."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # A private name of torch's: a version that does not ask for it just starts later.
        return False
