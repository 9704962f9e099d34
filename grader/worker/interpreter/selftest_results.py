"""What a self-test says about one repair. Knows nothing about how it is tested."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RepairCheck:
    """Whether one repair does what it should on this installation.

    Attributes:
        name: The repair, as in the list of repairs.
        passed: The kernel gave what torch gives.
        detail: What was different, or the exception; empty when passed.
        seconds: How long it took.
    """

    name: str
    passed: bool
    detail: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)
