"""What the course's notebooks are made with: ``from grader import lab``.

Runs in the student's notebook, never in the judge. Importing it makes kernels run on a machine
without a GPU. Owns measurements and pictures for learning; verdicts are ``grade``'s.

Everything that fails because an exercise is unfinished says so and lets the notebook go on.
"""

from __future__ import annotations

from grader.lab.benchmark import Benchmark, benchmark, compiled
from grader.lab.clocks import clocks, clocks_plot, clocks_table
from grader.lab.device import device, on_gpu, sizes
from grader.lab.duel import Duel, duel
from grader.lab.exercise import Exercise, Unfinished, attempt, exercise
from grader.lab.explore import Explorer, explore
from grader.lab.figures.blocks import block_mapping, tile_mapping
from grader.lab.figures.curves import histograms, lines, roofline
from grader.lab.figures.hierarchy import memory_hierarchy
from grader.lab.figures.images import images
from grader.lab.figures.pipeline import pipeline
from grader.lab.figures.quantization import error_maps, latency_bars, quantizer
from grader.lab.figures.reduction import reduction_tree
from grader.lab.figures.softmax import online_softmax
from grader.lab.figures.tiles import (
    grouped,
    loads_by_group,
    program_order,
    row_major,
    tile_loads,
)
from grader.lab.figures.walks import walks
from grader.lab.live import Live
from grader.lab.machine import Machine, machine
from grader.lab.measure import Spread, spreads
from grader.lab.memory import peak_memory
from grader.lab.occupancy import Occupancy, occupancy, occupancy_plot
from grader.lab.seen import Seen, record, touches
from grader.lab.stored import Measured, measured, stored
from grader.lab.style import Picture
from grader.lab.tables import Table
from grader.lab.traffic import Step, Traffic, traffic

__all__ = [
    "Benchmark",
    "Duel",
    "Exercise",
    "Explorer",
    "Live",
    "Machine",
    "Measured",
    "Occupancy",
    "Picture",
    "Seen",
    "Spread",
    "Step",
    "Table",
    "Traffic",
    "Unfinished",
    "attempt",
    "benchmark",
    "block_mapping",
    "clocks",
    "clocks_plot",
    "clocks_table",
    "compiled",
    "device",
    "duel",
    "error_maps",
    "exercise",
    "explore",
    "grouped",
    "histograms",
    "images",
    "latency_bars",
    "lines",
    "loads_by_group",
    "machine",
    "measured",
    "memory_hierarchy",
    "occupancy",
    "occupancy_plot",
    "on_gpu",
    "online_softmax",
    "peak_memory",
    "pipeline",
    "program_order",
    "quantizer",
    "reduction_tree",
    "record",
    "roofline",
    "row_major",
    "sizes",
    "spreads",
    "stored",
    "tile_loads",
    "tile_mapping",
    "touches",
    "traffic",
    "walks",
]
