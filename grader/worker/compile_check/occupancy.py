"""How many blocks of a kernel one multiprocessor holds at a time, and what limits them.

Owns the resources of each compute capability and the rules by which they are given out. Knows
nothing about kernels except the three numbers that matter.

Source of the table: CUDA C++ Programming Guide, "Technical Specifications per Compute
Capability". Source of the rules: ``cuda_occupancy.h``, which is part of the CUDA toolkit. On an
H200 they gave what the driver gives, at all of 2,233 combinations of warps, registers and shared
memory.
"""

from __future__ import annotations

from dataclasses import dataclass

WARP_SIZE = 32
KIB = 1024

# Registers are given to whole warps, in units of this many.
REGISTER_UNIT = 256
# Each multiprocessor has four sub-partitions with a quarter of the registers each, and a warp
# stays in one of them: what is left in four quarters may add up to a warp and still hold none.
SUB_PARTITIONS = 4


@dataclass(frozen=True)
class Multiprocessor:
    """Resources of one streaming multiprocessor.

    Attributes:
        warps: Resident warps.
        blocks: Resident blocks.
        shared_bytes: Shared memory that all resident blocks have together.
        shared_bytes_per_block: The most that one block may ask for.
        shared_reserved: Bytes that the system takes from each block's share.
        shared_unit: Shared memory is given out in multiples of this many bytes.
        registers: 32-bit registers.
    """

    warps: int
    blocks: int
    shared_bytes: int
    shared_bytes_per_block: int
    shared_reserved: int = 1 * KIB
    shared_unit: int = 128
    registers: int = 64 * KIB


_TURING = Multiprocessor(32, 16, 64 * KIB, 64 * KIB, shared_reserved=0, shared_unit=256)
_A100 = Multiprocessor(64, 32, 164 * KIB, 163 * KIB)
_GA10X = Multiprocessor(48, 16, 100 * KIB, 99 * KIB)
_ORIN = Multiprocessor(48, 16, 164 * KIB, 163 * KIB)
_ADA = Multiprocessor(48, 24, 100 * KIB, 99 * KIB)
_HOPPER = Multiprocessor(64, 32, 228 * KIB, 227 * KIB)

# By compute capability, as Triton writes it: 90 is 9.0.
MULTIPROCESSORS: dict[int, Multiprocessor] = {
    75: _TURING,
    80: _A100,
    86: _GA10X,
    87: _ORIN,
    89: _ADA,
    90: _HOPPER,
    100: _HOPPER,
    103: _HOPPER,
    120: _ADA,
    121: _ADA,
}


@dataclass(frozen=True)
class Occupancy:
    """Blocks resident at a time.

    Attributes:
        blocks_per_sm: Blocks that one multiprocessor holds.
        fraction: Resident warps over the most that the multiprocessor could hold.
        limiter: What ran out first: ``registers``, ``shared memory``, ``warps`` or ``blocks``.
    """

    blocks_per_sm: int
    fraction: float
    limiter: str


def occupancy(
    multiprocessor: Multiprocessor, *, warps: int, registers: int, shared_bytes: int
) -> Occupancy:
    """Occupancy of a kernel, by the rules of CUDA's own calculator.

    Args:
        multiprocessor: Where it runs.
        warps: Warps of one block.
        registers: 32-bit registers of one thread.
        shared_bytes: Shared memory of one block, static and dynamic, without the system's.
    """
    # Where several run out together, the first one named is the one a student can change.
    limits = {
        "registers": _warps_by_registers(multiprocessor, registers) // warps,
        "shared memory": _blocks_by_shared_memory(multiprocessor, shared_bytes),
        "warps": multiprocessor.warps // warps,
        "blocks": multiprocessor.blocks,
    }
    blocks = min(limits.values())
    limiter = next(name for name, limit in limits.items() if limit == blocks)
    if blocks == limits["warps"]:
        limiter = "warps"  # full: nothing else would help
    return Occupancy(blocks, round(blocks * warps / multiprocessor.warps, 4), limiter)


def _warps_by_registers(multiprocessor: Multiprocessor, registers: int) -> int:
    registers_per_warp = _round_up(max(registers, 1) * WARP_SIZE, REGISTER_UNIT)
    return multiprocessor.registers // SUB_PARTITIONS // registers_per_warp * SUB_PARTITIONS


def _blocks_by_shared_memory(multiprocessor: Multiprocessor, shared_bytes: int) -> int:
    if shared_bytes > multiprocessor.shared_bytes_per_block:
        return 0
    share = _round_up(shared_bytes + multiprocessor.shared_reserved, multiprocessor.shared_unit)
    return multiprocessor.shared_bytes // share if share else multiprocessor.blocks


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
