"""From addresses to lanes of arguments: what lies outside is reported and dropped here."""

from __future__ import annotations

import numpy as np

from grader.worker.interpreter.findings import Kind
from grader.worker.interpreter.sanitizer.allocations import Array
from grader.worker.interpreter.sanitizer.arguments import Lanes, Tensors
from grader.worker.interpreter.sanitizer.reporter import Access, Fault, Reporter
from grader.worker.interpreter.sanitizer.views import WINDOW_BITS, window


def resolve(
    access: Access, pointers: Array, mask: Array | None, tensors: Tensors, reporter: Reporter
) -> list[Lanes]:
    """Lanes that may access memory, by argument.

    Args:
        access: Whose lanes they are.
        pointers: The address of each lane.
        mask: Which lanes are active, of the same shape; None for all.
        tensors: Arguments of the launch.
        reporter: Told of lanes that leave their argument's view.
    """
    addresses, numbers = pointers.reshape(-1), None
    if mask is not None:
        numbers = np.flatnonzero(mask)
        addresses = addresses[numbers]
    if not addresses.size:
        return []
    low, high = window(int(addresses.min())), window(int(addresses.max()))
    if low == high:
        found = [_inside(access, low, numbers, addresses, tensors, reporter)]
    else:
        numbers = np.arange(addresses.size) if numbers is None else numbers
        windows = addresses >> np.uint64(WINDOW_BITS)
        found = []
        for w in np.unique(windows):
            there = windows == w
            group = numbers[there], addresses[there]
            found.append(_inside(access, int(w) - 1, *group, tensors, reporter))
    return [lanes for lanes in found if lanes is not None and lanes.count]


def _inside(
    access: Access,
    number: int,
    numbers: Array | None,
    addresses: Array,
    tensors: Tensors,
    reporter: Reporter,
) -> Lanes | None:
    argument = tensors.get(number)
    if argument is None:
        fault = Fault(Kind.WILD_POINTER, addresses.size, value=int(addresses[0]))
        reporter.report(fault, access, None)
        return None
    lanes = Lanes(argument, numbers, addresses, access.nbytes)
    for kind, check in ((Kind.OUT_OF_BOUNDS, Lanes.outside), (Kind.MISALIGNED, Lanes.misaligned)):
        faulty = check(lanes)
        if faulty is not None:
            reporter.report(lanes.fault(kind, faulty), access, argument.view)
            lanes = lanes.without(faulty)
    return lanes
