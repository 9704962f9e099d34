"""This machine's GPU in numbers: what it has, and what it was seen to do.

Counts come from the driver, rates from the course's calibration of this GPU model or from a
short measurement with the grader's own methods. Without a GPU the numbers are those of the GPU
that the course was made on, and are labelled so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from grader.errors import GraderError
from grader.judge.timing import calibration, ceiling
from grader.judge.timing.roofline import Ceiling
from grader.lab.device import on_gpu
from grader.lab.tables import Table
from grader.lesson import Course
from grader.units import operations, quantity


@dataclass(frozen=True)
class Machine:
    """A GPU.

    Attributes:
        name: Marketing name as the driver gives it.
        here: Whether it is in this machine.
        capability: Compute capability, ``"9.0"``.
        multiprocessors: How many SMs.
        memory_bytes: Size of its memory.
        l2_bytes: Size of the L2 cache.
        shared_bytes: Shared memory of one SM.
        registers: 32-bit registers of one SM.
        threads: Threads that one SM holds at most.
        warp: Threads of a warp.
        copy_bytes_per_s: Bytes read plus written per second by a large copy, measured.
        flops_per_s: Rate of a large product by dtype, measured.
        rates_from: Where the two rates come from, in words.
    """

    name: str
    here: bool
    capability: str
    multiprocessors: int
    memory_bytes: int
    l2_bytes: int
    shared_bytes: int
    registers: int
    threads: int
    warp: int
    copy_bytes_per_s: float
    flops_per_s: dict[str, float]
    rates_from: str

    @property
    def register_bytes(self) -> int:
        """Register file of one SM."""
        return 4 * self.registers

    @property
    def label(self) -> str:
        """The name, and a remark where the GPU is elsewhere."""
        return self.name if self.here else f"{self.name} (stored: this machine has no GPU)"

    def product_rate(self, dtype: str = "float16") -> float | None:
        """Operations per second of products in a dtype, as the grader's roofline has it.

        None if never measured. For int8 at least twice that of fp16, which every tensor core
        does, where the vendor's product stays below.
        """
        return Ceiling(flops_per_s=self.flops_per_s).product_rate(dtype)

    def ridge_rates(self, dtype: str = "float16") -> tuple[float, float]:
        """Operations and bytes per second; their ratio is the roofline's ridge.

        Raises:
            KeyError: Products of this dtype were never measured on this GPU.
        """
        rate = self.product_rate(dtype)
        if rate is None:
            raise KeyError(f"products of {dtype} were not measured on the {self.name}")
        return rate, self.copy_bytes_per_s

    def balance(self, dtype: str = "float16") -> float:
        """Operations that the GPU does in the time that one byte takes: the roofline's ridge."""
        rate, copy = self.ridge_rates(dtype)
        return rate / copy

    def table(self) -> Table:
        """All of it, in words."""
        rates = [
            [f"large product, {dtype}", quantity(rate, operations(dtype))]
            for dtype, rate in self.flops_per_s.items()
        ]
        sms = self.multiprocessors
        rows = [
            ["compute capability", self.capability],
            ["streaming multiprocessors (SMs)", str(sms)],
            ["threads that run at once, at most", f"{sms * self.threads:,}"],
            ["registers", f"{_size(self.register_bytes)} per SM"],
            ["shared memory", f"{_size(self.shared_bytes)} per SM"],
            ["L2 cache", _size(self.l2_bytes)],
            ["memory", _size(self.memory_bytes)],
            ["large copy, read plus written", quantity(self.copy_bytes_per_s, "B/s")],
            *rates,
        ]
        return Table(["", self.name], rows, title=self.label, note=self.rates_from)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __str__(self) -> str:
        return str(self.table())


@cache
def machine() -> Machine:
    """This machine's GPU, or the stored one; measured at most once in a notebook."""
    return _this_machine() if on_gpu else _stored_machine()


def machine_facts() -> dict[str, Any]:
    """What the driver says of this machine's GPU, by the names of ``Machine``'s attributes."""
    import torch

    found: Any = torch.cuda.get_device_properties(torch.cuda.current_device())
    return {
        "name": found.name,
        "capability": f"{found.major}.{found.minor}",
        "multiprocessors": found.multi_processor_count,
        "memory_bytes": found.total_memory,
        "l2_bytes": found.L2_cache_size,
        "shared_bytes": found.shared_memory_per_multiprocessor,
        "registers": found.regs_per_multiprocessor,
        "threads": found.max_threads_per_multi_processor,
        "warp": found.warp_size,
    }


# What torch.cuda.get_device_properties says of the GPU that the course was made on.
_AUTHORED_ON: dict[str, Any] = {
    "name": "NVIDIA H200",
    "capability": "9.0",
    "multiprocessors": 132,
    "memory_bytes": 150_109_880_320,
    "l2_bytes": 62_914_560,
    "shared_bytes": 233_472,
    "registers": 65_536,
    "threads": 2_048,
    "warp": 32,
}


def _this_machine() -> Machine:
    facts = machine_facts()
    known = _calibration(facts["name"])
    if known is not None:
        source = f"Rates: measured on a GPU of this model on {known.date}, stored in the course."
        return Machine(**facts, here=True, **_rates(known), rates_from=source)
    import torch

    device = torch.device("cuda", torch.cuda.current_device())
    copy, product = ceiling.copy_bandwidth(device), ceiling.matmul_rate(device)
    torch.cuda.empty_cache()
    return Machine(
        **facts,
        here=True,
        copy_bytes_per_s=copy,
        flops_per_s={"float16": product},
        rates_from="Rates: measured just now with the grader's own methods.",
    )


def _stored_machine() -> Machine:
    known = _calibration(_AUTHORED_ON["name"])
    if known is None:
        raise GraderError("The course has no calibration of the GPU that it was made on.")
    source = (
        f"This machine has no GPU. These are the numbers of an {known.gpu}, measured on "
        f"{known.date}; kernels run here in the course's interpreter."
    )
    return Machine(**_AUTHORED_ON, here=False, **_rates(known), rates_from=source)


def _calibration(gpu: str) -> calibration.Calibration | None:
    try:
        return calibration.find(Course.find().root, gpu)
    except GraderError:
        return None


def _rates(known: calibration.Calibration) -> dict[str, Any]:
    return {
        "copy_bytes_per_s": known.copy_bandwidth_bytes_per_s,
        "flops_per_s": dict(known.matmul_flops_per_s),
    }


def _size(nbytes: int) -> str:
    """A size in binary units."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if nbytes >= factor:
            return f"{nbytes / factor:.3g} {unit}"
    return f"{nbytes} B"
