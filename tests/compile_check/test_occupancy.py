"""Against what the driver's own calculator gives, and the tables of the programming guide."""

from __future__ import annotations

import pytest

from grader.worker.compile_check.occupancy import KIB, MULTIPROCESSORS, occupancy


@pytest.mark.parametrize(
    ("warps", "registers", "shared_bytes", "blocks"),
    [
        # As cuOccupancyMaxActiveBlocksPerMultiprocessor gives them on an H200.
        (4, 26, 0, 16),
        (8, 20, 32, 8),
        (1, 24, 0, 32),
        (4, 46, 18432, 10),
        (4, 30, 4096, 16),
        (4, 20, 4104, 16),
        # By hand.
        (16, 128, 0, 1),  # 4096 registers a warp: 4 warps in each quarter
        (8, 32, 7168, 8),  # 8192 bytes a block: 28 would fit, 64 warps do not allow them
        (2, 16, 10000, 20),  # 11136 bytes a block
    ],
)
def test_hopper(warps: int, registers: int, shared_bytes: int, blocks: int) -> None:
    found = occupancy(
        MULTIPROCESSORS[90], warps=warps, registers=registers, shared_bytes=shared_bytes
    )
    assert found.blocks_per_sm == blocks
    assert found.fraction == pytest.approx(blocks * warps / 64, abs=1e-4)


@pytest.mark.parametrize(
    ("capability", "warps", "registers", "shared_bytes", "limiter"),
    [
        (80, 8, 32, 0, "warps"),
        (80, 8, 128, 0, "registers"),
        (80, 4, 32, 80 * KIB, "shared memory"),
        (80, 1, 32, 0, "blocks"),
        (89, 1, 32, 0, "blocks"),
        (75, 4, 32, 64 * KIB, "shared memory"),
    ],
)
def test_says_what_runs_out_first(
    capability: int, warps: int, registers: int, shared_bytes: int, limiter: str
) -> None:
    found = occupancy(
        MULTIPROCESSORS[capability], warps=warps, registers=registers, shared_bytes=shared_bytes
    )
    assert found.limiter == limiter


def test_a_warp_stays_in_one_quarter_of_the_multiprocessor() -> None:
    """Four quarters of 4 warps each, although all registers together would hold 19."""
    found = occupancy(MULTIPROCESSORS[90], warps=1, registers=104, shared_bytes=0)
    assert (found.blocks_per_sm, found.limiter) == (16, "registers")


@pytest.mark.parametrize("capability", MULTIPROCESSORS)
def test_one_block_with_all_the_shared_memory_fits_and_two_do_not(capability: int) -> None:
    multiprocessor = MULTIPROCESSORS[capability]
    most = multiprocessor.shared_bytes_per_block
    assert most + multiprocessor.shared_reserved <= multiprocessor.shared_bytes
    for shared_bytes, blocks in ((most, 1), (most + 1, 0)):
        found = occupancy(multiprocessor, warps=4, registers=32, shared_bytes=shared_bytes)
        assert found.blocks_per_sm == blocks
