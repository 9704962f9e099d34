"""The verdict on peak memory: what a call allocates at most beyond its inputs, on the GPU.

Measured by the worker without guarded allocations, so it is evidence from beside the student's
code and worth few points.
"""

from __future__ import annotations

from typing import Any

from grader.judge import provenance
from grader.judge.conduct import Conduct
from grader.judge.submission import GradedFunction
from grader.testing import defer, fail

# The allocator hands out multiples of this.
_GRANULARITY_BYTES = 512


class PeakMemory:
    """The ``peak_memory`` fixture: call it with a function of ``submission`` and its arguments.

    Attributes:
        verdicts: How many calls were judged.
    """

    def __init__(self) -> None:
        self.verdicts = 0

    def __call__(
        self,
        function: GradedFunction,
        *args: Any,
        at_most_bytes: int,
        scenario: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Run the function once and compare its peak memory with a limit.

        Args:
            function: A function of the ``submission``.
            *args: Its arguments.
            at_most_bytes: Largest accepted peak beyond the inputs; an output counts.
            scenario: Scenario of the lesson to run around the function.
            **kwargs: Its keyword arguments.

        Raises:
            Judged: It needs more; or there is no GPU, which defers the test.
        """
        self.verdicts += 1
        whole = function.differentiated() if scenario else function
        whole.require_started()
        if function.session.tier != "compiled":
            defer("Peak memory is measured on a GPU. Run it on one.")
        around = whole.scenario(scenario) if scenario else None
        asked = whole.invocation(args, kwargs, around, runs=1)
        # A function that computes nothing needs little memory.
        conduct = Conduct.of(function.session.call(asked))
        provenance.require_own_work(conduct)
        provenance.require_launches(conduct)
        peak = function.session.peak_memory(asked)
        if peak > at_most_bytes + 4 * _GRANULARITY_BYTES:
            fail(
                "too-much-memory",
                f"{function.name}() allocated up to {peak} bytes beside its inputs, at most "
                f"{at_most_bytes} are needed. Is there a temporary tensor?",
            )
