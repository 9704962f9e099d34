from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from triton.tools.tensor_descriptor import TensorDescriptor

from grader import lab
from grader.lab.on_cpu import Copies
from tests.lab.kernels import count, double, double_tiles, double_unmasked

ROOT = Path(__file__).parents[2]


def test_a_record_knows_who_reads_which_element() -> None:
    x = torch.ones(100)
    with lab.record() as seen:
        double[(4,)](torch.empty(100), x, 100, BLOCK=32)
    trace = seen.trace("double")
    loads = [access for access in trace.accesses if access.kind == "load"]
    assert [access.program for access in loads] == [(n, 0, 0) for n in range(4)]
    assert loads[3].elements.tolist() == [96, 97, 98, 99]
    assert loads[3].masked.tolist() == list(range(100, 128))


def test_elements_of_a_strided_tensor_are_counted_in_memory() -> None:
    x = torch.ones(4, 30)[:, :10]
    with lab.record() as seen:
        double_tiles[(2, 2)](torch.empty(4, 10), x, 4, 10, 30, M=2, N=8)
    trace = seen.trace(0)
    first = next(access for access in trace.accesses if access.kind == "load")
    assert first.elements.tolist() == [*range(8), *range(30, 38)]
    assert trace.argument("x_ptr").strides == (30, 1)


def test_the_table_counts_bytes_and_the_fewest_possible() -> None:
    with lab.record() as seen:
        double[(4,)](torch.empty(100), torch.ones(100), 100, BLOCK=32)
    rows = {row[1].split()[0]: row for row in seen.table().rows}
    assert rows["x_ptr"][2:] == ["400 B", "0.00 B", "400 B", "1.00 x"]


def test_faults_are_told_and_drawn() -> None:
    with lab.record() as seen:
        double_unmasked[(4,)](torch.empty(100), torch.ones(100), 100, BLOCK=32)
    assert {fault.kind.value for fault in seen.faults} == {"out-of-bounds"}
    assert seen.plot("z_ptr").png()


def test_one_program_alone_can_be_drawn() -> None:
    with lab.record() as seen:
        double[(4,)](torch.empty(100), torch.ones(100), 100, BLOCK=32)
    assert "program (2, 0)" in seen.plot("x_ptr", program=2).axes[0].get_title(loc="left")
    assert "program (2, 0)" in seen.plot("x_ptr", program=(2, 0)).axes[0].get_title(loc="left")


@pytest.mark.parametrize("shape", [(0, 5), (3, 4, 5), (1,), (100, 300)])
def test_tensors_of_any_shape_can_be_drawn(shape: tuple[int, ...]) -> None:
    x = torch.ones(shape)
    with lab.record() as seen:
        double[(max(1, -(-x.numel() // 1024)),)](torch.empty(shape), x, x.numel(), BLOCK=1024)
    assert seen.plot("x_ptr").png()


def test_atomics_are_updates() -> None:
    total = torch.zeros(8)
    with lab.record() as seen:
        count[(3,)](total, BLOCK=8)
    assert "updates" in seen.plot("total_ptr").axes[0].get_title(loc="left")
    assert total.tolist() == [3.0] * 8


def test_an_unknown_tensor_is_answered_with_those_there_are() -> None:
    with lab.record() as seen:
        double[(1,)](torch.empty(4), torch.ones(4), 4, BLOCK=4)
    with pytest.raises(KeyError, match="z_ptr, x_ptr"):
        seen.plot("y_ptr")


def test_kernels_run_as_before_after_a_record() -> None:
    with lab.record():
        pass
    z = torch.empty(4)
    double[(1,)](z, torch.ones(4), 4, BLOCK=4)
    assert z.tolist() == [2.0] * 4


def test_a_call_that_fails_leaves_a_record_that_says_so() -> None:
    seen = lab.touches(lambda: double[(1,)](torch.empty(4), 3, BLOCK=4))
    assert "It raised TypeError" in seen.plot("x_ptr").says


def test_a_descriptor_is_copied_with_the_tensor_that_it_describes() -> None:
    x = torch.ones(32, 32)
    given = TensorDescriptor.from_tensor(x, [16, 16])
    seen = Copies().of(given)
    assert seen is not given
    assert seen.base is x
    assert seen.block_shape == [16, 16]


_RECORDS_THEN_COMPILES = """
import torch
import triton
import triton.language as tl
from grader import lab

@triton.jit
def smaller_kernel(o_ptr, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(o_ptr + i, i, mask=i < min(n, max(3, 2)))

lab.touches(lambda: smaller_kernel[(1,)](torch.empty(8), 5, BLOCK=8))

from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

types = {"o_ptr": "*fp32", "n": "i32", "BLOCK": "constexpr"}
source = ASTSource(fn=smaller_kernel, signature=types, constexprs={(2,): 8})
triton.compile(source, target=GPUTarget("cuda", 90, 32))
"""


def test_min_and_max_compile_where_a_recorded_launch_came_first(tmp_path: Path) -> None:
    """As in a notebook on a GPU: what Triton imports late must not see the interpreter's."""
    script = tmp_path / "notebook.py"
    script.write_text(_RECORDS_THEN_COMPILES)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TRITON_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
