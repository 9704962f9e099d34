"""Speed against what the GPU can do: bytes and operations per second, and the share of it.

The ceiling is a roofline: a call that must move so many bytes and do so many operations takes
at least the longer of both times. Source: Williams, Waterman, Patterson, "Roofline: An
Insightful Visual Performance Model for Multicore Architectures", CACM 52(4), 2009.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.judge.timing.calibration import Calibration
from grader.units import operations, quantity

IMPOSSIBLE = 1.05
"""Share of the ceiling above which the work cannot have been done."""


@dataclass(frozen=True)
class Work:
    """The least that one call must do.

    Attributes:
        bytes_moved: Bytes to and from GPU memory, each element once; None if not told.
        flops: Arithmetic operations, a multiply-add counting two; None if not told.
        dtype: What the products are computed in: decides the compute ceiling.
    """

    bytes_moved: float | None = None
    flops: float | None = None
    dtype: str = "float16"


@dataclass(frozen=True)
class Ceiling:
    """What this GPU can do.

    Attributes:
        bytes_per_s: Copy bandwidth, read plus written bytes per second.
        most_bytes_per_s: Highest bandwidth of any kind; for kernels that mostly read.
        flops_per_s: Rate of a large product by dtype.
        source: ``"measured"``, or ``"theoretical"`` for the data sheet's peak.
    """

    bytes_per_s: float | None = None
    most_bytes_per_s: float | None = None
    flops_per_s: Mapping[str, float] = field(default_factory=dict)
    source: str = "measured"

    def product_rate(self, dtype: str) -> float | None:
        """Operations per second of products in a dtype, None if unknown.

        Every tensor core does int8 at twice its fp16 rate or more, and the vendor's int8
        product stays further below that than a good kernel does.
        """
        measured = self.flops_per_s.get(dtype)
        half = self.flops_per_s.get("float16")
        if dtype != "int8" or half is None:
            return measured
        return max(measured or 0.0, 2 * half)

    def most_product_rate(self, dtype: str) -> float | None:
        """What no kernel exceeds: some GPUs do int8 at four times their fp16 rate."""
        rate = self.product_rate(dtype)
        half = self.flops_per_s.get("float16")
        if dtype != "int8" or rate is None or half is None:
            return rate
        return max(rate, 4 * half)

    @staticmethod
    def of(calibration: Calibration) -> Ceiling:
        """The measured ceiling of a calibrated GPU."""
        copy = calibration.copy_bandwidth_bytes_per_s
        read = calibration.read_bandwidth_bytes_per_s or 0.0
        return Ceiling(copy, max(copy, read), calibration.matmul_flops_per_s)


@dataclass(frozen=True)
class Achieved:
    """What one call reached.

    Attributes:
        work: What it had to do.
        seconds: Time of one call.
        ceiling: What the GPU can do.
    """

    work: Work
    seconds: float
    ceiling: Ceiling

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes per second that the result needed at the least."""
        return None if self.work.bytes_moved is None else self.work.bytes_moved / self.seconds

    @property
    def flops_per_s(self) -> float | None:
        """Operations per second."""
        return None if self.work.flops is None else self.work.flops / self.seconds

    @property
    def memory_share(self) -> float | None:
        """Share of the copy bandwidth."""
        return _share(self.bytes_per_s, self.ceiling.bytes_per_s)

    @property
    def compute_share(self) -> float | None:
        """Share of the product rate of this dtype."""
        return _share(self.flops_per_s, self.ceiling.product_rate(self.work.dtype))

    @property
    def limit(self) -> str | None:
        """Which ceiling binds, ``"memory"`` or ``"compute"``; None if neither is known."""
        memory, compute = self.memory_share, self.compute_share
        if memory is None and compute is None:
            return None
        return "memory" if (memory or 0.0) >= (compute or 0.0) else "compute"

    @property
    def share(self) -> float | None:
        """Shortest possible time over the time taken; None without a ceiling."""
        known = [share for share in (self.memory_share, self.compute_share) if share is not None]
        return max(known, default=None)

    def impossible(self, baseline: Achieved) -> str | None:
        """Why this time cannot be true, or None.

        The baseline's own rate, taken in the same minutes, raises a ceiling that was
        measured on a hotter or slower GPU of this model: products vary by a quarter with
        power. So a student is refused only for being faster than everything ever seen here.

        Args:
            baseline: What the baseline reached with the same work.
        """
        most = self.ceiling.most_bytes_per_s or self.ceiling.bytes_per_s
        product = self.ceiling.most_product_rate(self.work.dtype)
        for rate, top, theirs, unit in (
            (self.bytes_per_s, most, baseline.bytes_per_s, "B/s"),
            (self.flops_per_s, product, baseline.flops_per_s, operations(self.work.dtype)),
        ):
            if rate is not None and top is not None and rate > IMPOSSIBLE * max(top, theirs or 0):
                return (
                    f"{quantity(rate, unit)} is more than this GPU can do "
                    f"({quantity(top, unit)}): the work was not done in the time measured"
                )
        return None

    def to_json(self) -> dict[str, Any]:
        """The part of a test's ``timing`` that concerns rates."""
        return {
            "bytes_moved": self.work.bytes_moved,
            "flops": self.work.flops,
            "dtype": self.work.dtype,
            "achieved_bytes_per_s": self.bytes_per_s,
            "achieved_flops": self.flops_per_s,
            "ceiling": {
                "bytes_per_s": self.ceiling.bytes_per_s,
                "flops_per_s": self.ceiling.product_rate(self.work.dtype),
                "limit": self.limit,
                "source": self.ceiling.source,
            },
            "share_of_ceiling": self.share,
        }


def _share(value: float | None, top: float | None) -> float | None:
    return None if value is None or top is None else value / top
