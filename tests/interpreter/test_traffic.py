"""How much each tensor costs, as the traffic tests of a lesson grade it."""

from __future__ import annotations

import json

import pytest
import torch
import triton
import triton.language as tl

from grader.worker.interpreter import Launch, TensorTraffic, record
from tests.interpreter.kernels.sound import add, add_kernel, matmul, softmax


def launches(*tensors: torch.Tensor) -> Launch:
    with record() as recording:
        add(*tensors)
    (launch,) = recording.launches
    return launch


def by_name(launch: Launch) -> dict[str, TensorTraffic]:
    return {tensor.parameter: tensor for tensor in launch.tensors}


def test_a_launch_knows_its_kernel_and_grid() -> None:
    launch = launches(torch.ones(1000), torch.ones(1000), torch.empty(1000))
    assert (launch.kernel, launch.grid, launch.programs) == ("add_kernel", (16, 1, 1), 16)
    assert [tensor.parameter for tensor in launch.tensors] == ["x_ptr", "y_ptr", "o_ptr"]
    assert not launch.rehearsal
    assert json.loads(json.dumps(launch.to_json()))["tensors"][0]["loads"] == 1000


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int8])
def test_each_element_is_counted_once_and_masked_lanes_are_not(dtype: torch.dtype) -> None:
    x = torch.ones(1000).to(dtype)
    traffic = by_name(launches(x, x.clone(), torch.empty_like(x)))
    read, written = traffic["x_ptr"], traffic["o_ptr"]
    assert (read.loads, read.unique_loads, read.reads_per_element) == (1000, 1000, 1.0)
    assert (read.bytes_loaded, read.bytes_stored, read.stores) == (1000 * x.itemsize, 0, 0)
    assert (written.stores, written.unique_stores, written.loads) == (1000, 1000, 0)
    assert written.bytes_stored == 1000 * x.itemsize
    assert (read.shape, read.dtype) == ((1000,), str(dtype).removeprefix("torch."))
    assert read.sector_efficiency == 1.0


def test_tensors_that_share_a_storage_are_counted_apart() -> None:
    x = torch.ones(100)
    traffic = by_name(launches(x, torch.ones(100), x))
    assert (traffic["x_ptr"].unique_loads, traffic["x_ptr"].unique_stores) == (100, 0)
    assert (traffic["o_ptr"].unique_loads, traffic["o_ptr"].unique_stores) == (0, 100)


def test_tiles_of_a_product_are_read_again() -> None:
    with record() as recording:
        matmul(torch.ones(64, 64).half(), torch.ones(64, 96).half())
    traffic = by_name(recording.launches[0])
    assert traffic["a_ptr"].reads_per_element == 3.0
    assert traffic["b_ptr"].reads_per_element == 2.0
    assert traffic["c_ptr"].unique_stores == 64 * 96


def test_a_view_counts_its_own_elements() -> None:
    with record() as recording:
        softmax(torch.ones(8, 256)[:, 20:120], torch.empty(8, 100))
    x = by_name(recording.launches[0])["x_ptr"]
    assert (x.shape, x.unique_loads, x.reads_per_element) == ((8, 100), 800, 1.0)


@triton.jit
def strided_kernel(x_ptr, o_ptr, STRIDE: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr + i, tl.load(x_ptr + i * STRIDE))


@pytest.mark.parametrize(("stride", "efficiency"), [(1, 1.0), (2, 0.5), (8, 0.125), (100, 0.125)])
def test_lanes_far_apart_waste_sectors(stride: int, efficiency: float) -> None:
    with record() as recording:
        strided_kernel[(1,)](torch.ones(128 * stride), torch.empty(128), stride, 128)
    assert by_name(recording.launches[0])["x_ptr"].sector_efficiency == efficiency


@triton.jit
def transposed_kernel(x_ptr, o_ptr, N: tl.constexpr):
    r, c = tl.arange(0, N)[:, None], tl.arange(0, N)[None, :]
    tl.store(o_ptr + c * N + r, tl.load(x_ptr + r * N + c))


def test_a_transposed_tile_is_coalesced_along_its_other_axis() -> None:
    with record() as recording:
        transposed_kernel[(1,)](torch.ones(32, 32), torch.empty(32, 32), 32)
    assert by_name(recording.launches[0])["o_ptr"].sector_efficiency == 1.0


@triton.jit
def atomic_kernel(x_ptr, o_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    tl.atomic_add(o_ptr, tl.sum(x, 0))


def test_atomics_count_as_stores() -> None:
    o = torch.zeros(1)
    with record() as recording:
        atomic_kernel[(3,)](torch.ones(32), o, 32)
    traffic = by_name(recording.launches[0])["o_ptr"]
    assert (traffic.atomics, traffic.stores, traffic.unique_stores, traffic.loads) == (3, 3, 1, 0)
    assert traffic.sector_efficiency is None


def test_huge_tensors_are_counted_too() -> None:
    stride = 2**30
    x = torch.empty(stride + 64).as_strided((2, 64), (stride, 1))
    x.fill_(1.0)
    with record() as recording:
        add_kernel[(1,)](x[1], x[0], torch.empty(64), 64, BLOCK=64)
        add_kernel[(1,)](x[1], x[1], x[0], 64, BLOCK=64)
    first, second = map(by_name, recording.launches)
    assert (first["x_ptr"].unique_loads, first["x_ptr"].loads) == (64, 64)
    assert (second["o_ptr"].unique_stores, second["y_ptr"].unique_loads) == (64, 64)
    assert recording.findings == []


@triton.jit
def huge_race_kernel(x_ptr, stride):
    tl.store(x_ptr + stride, tl.program_id(0).to(tl.float32))


def test_races_in_huge_tensors_are_found() -> None:
    x = torch.empty(2**28)
    with record() as recording:
        huge_race_kernel[(2,)](x, 2**27)
    (finding,) = recording.findings
    assert finding.index == 2**27
