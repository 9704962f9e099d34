"""Arguments, grids, autotuning, locks: what a launch accepts, and what it says otherwise."""

from __future__ import annotations

import pytest
import torch
import triton
import triton.language as tl
from triton.runtime.errors import InterpreterError

from grader.worker.interpreter import Kind, record
from tests.interpreter.kernels.sound import add, add_kernel


@triton.jit
def ids_kernel(o_ptr):
    x, y, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    width, height = tl.num_programs(0), tl.num_programs(1)
    tl.store(o_ptr + x + width * (y + height * z), x + 10 * y + 100 * z)


def test_all_programs_of_a_grid_run() -> None:
    o = torch.empty(2, 3, 4, dtype=torch.int32)
    ids_kernel[(4, 3, 2)](o)
    z, y, x = torch.meshgrid(torch.arange(2), torch.arange(3), torch.arange(4), indexing="ij")
    assert torch.equal(o, (x + 10 * y + 100 * z).int())


def test_a_grid_may_depend_on_the_arguments() -> None:
    x, o = torch.ones(100), torch.empty(100)
    grid = lambda args: (triton.cdiv(args["n"], args["BLOCK"]),)  # noqa: E731
    add_kernel[grid](x, x, o, n=100, BLOCK=32)
    assert torch.equal(o, x * 2)


def test_a_grid_of_nothing_runs_nothing() -> None:
    o = torch.zeros(1, dtype=torch.int32)
    ids_kernel[(0,)](o)
    assert o.item() == 0


@pytest.mark.parametrize("grid", [(1, 65536), (1, 1, 65536), (2**31,), (-1,)])
def test_a_grid_that_a_gpu_refuses_is_refused(grid: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="invalid argument"):
        ids_kernel[grid](torch.zeros(1))


@pytest.mark.parametrize("grid", [(), (1, 1, 1, 1), (1.5,), 4])
def test_a_grid_is_one_to_three_integers(grid: object) -> None:
    with pytest.raises(TypeError):
        ids_kernel[grid](torch.zeros(1))


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(TypeError, match="'n'"):
        add_kernel[(1,)](torch.ones(1), torch.ones(1), torch.ones(1), BLOCK=64)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(KeyError, match="num_warp "):
        ids_kernel[(1,)](torch.zeros(1), num_warp=4)


def test_launch_options_are_accepted() -> None:
    ids_kernel[(1,)](torch.zeros(1, dtype=torch.int32), num_warps=8, num_stages=2)


def test_what_is_no_argument_of_a_kernel_is_named() -> None:
    with pytest.raises(TypeError, match="o_ptr, a list"):
        ids_kernel[(1,)]([1.0])


def test_a_tensor_elsewhere_is_refused() -> None:
    with pytest.raises(TypeError, match="o_ptr is on meta"):
        ids_kernel[(1,)](torch.zeros(1, device="meta"))


def test_a_function_called_outside_of_a_kernel_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside of the scope of a kernel"):
        ids_kernel(torch.zeros(1))


@triton.jit
def failing_kernel(x_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    x = tl.load(x_ptr + i, mask=i < 2)
    y = x.no_such_method()
    tl.store(x_ptr + i, y)


def test_an_exception_names_kernel_line_and_program() -> None:
    with pytest.raises(InterpreterError) as caught:
        failing_kernel[(3,)](torch.ones(4), 4)
    message = str(caught.value)
    assert message.startswith("kernel failing_kernel, line ")
    assert "(y = x.no_such_method()), program (0, 0, 0): AttributeError" in message
    assert isinstance(caught.value.__cause__, AttributeError)


def test_a_failed_launch_leaves_nothing_behind() -> None:
    original = tl.load
    with record() as recording, pytest.raises(InterpreterError):
        failing_kernel[(1,)](torch.ones(4), 4)
    assert tl.load is original
    assert [launch.kernel for launch in recording.launches] == ["failing_kernel"]


def test_a_warmup_compiles_nothing_and_runs_nothing() -> None:
    o = torch.zeros(1, dtype=torch.int32)
    kernel = ids_kernel.warmup(o, grid=(1,))
    assert kernel.n_regs > 0
    assert o.item() == 0


def test_hooks_run_before_the_kernel() -> None:
    seen = []
    ids_kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append(len(args)))
    try:
        ids_kernel[(1,)](torch.zeros(1, dtype=torch.int32))
    finally:
        ids_kernel.pre_run_hooks.clear()
    assert seen == [1]


# Autotuning --------------------------------------------------------------------------------------


def tuned(kernel: object, **options: object) -> object:
    configs = [triton.Config({"BLOCK": 32}), triton.Config({"BLOCK": 64})]
    return triton.autotune(configs=configs, key=["n"], **options)(kernel)  # type: ignore[arg-type]


@triton.jit
def double_kernel(x_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x_ptr + i, tl.load(x_ptr + i, mask=i < n) * 2, mask=i < n)


def grid(args: dict[str, int]) -> tuple[int]:
    return (triton.cdiv(args["n"], args["BLOCK"]),)


def test_autotuning_in_place_without_restoring_shows_its_damage() -> None:
    x = torch.ones(100)
    with record() as recording:
        tuned(double_kernel)[grid](x, 100)  # type: ignore[index]
    assert [launch.rehearsal for launch in recording.launches] == [True, False]
    assert torch.equal(x, torch.full((100,), 4.0))


def test_autotuning_in_place_with_restoring_is_right() -> None:
    kernel, x = tuned(double_kernel, restore_value=["x_ptr"]), torch.ones(100)
    with record() as recording:
        kernel[grid](x, 100)  # type: ignore[index]
        kernel[grid](x, 100)  # type: ignore[index]
    assert [launch.rehearsal for launch in recording.launches] == [True, False, False]
    assert torch.equal(x, torch.full((100,), 4.0))


def test_autotuning_a_pure_kernel_launches_it_once() -> None:
    kernel, x, o = tuned(add_kernel), torch.ones(100), torch.empty(100)
    with record() as recording:
        kernel[grid](x, x, o, 100)  # type: ignore[index]
    assert len(recording.launches) == 1
    assert kernel.best_config.kwargs == {"BLOCK": 32}  # type: ignore[attr-defined]


def test_the_first_configuration_that_pruning_leaves_is_taken() -> None:
    prune = {"early_config_prune": lambda configs, named, **_: configs[1:]}
    kernel, x, o = tuned(add_kernel, prune_configs_by=prune), torch.ones(100), torch.empty(100)
    kernel[grid](x, x, o, 100)  # type: ignore[index]
    assert kernel.best_config.kwargs == {"BLOCK": 64}  # type: ignore[attr-defined]


def test_a_configurations_own_hook_runs() -> None:
    def clear(named: dict[str, torch.Tensor]) -> None:
        named["o_ptr"].zero_()

    config = triton.Config({"BLOCK": 32}, pre_hook=clear)
    kernel = triton.autotune(configs=[config], key=[])(add_kernel)
    o = torch.ones(40)
    kernel[(1,)](torch.ones(40), torch.ones(40), o, 40)
    assert o.tolist() == [2.0] * 32 + [0.0] * 8


# Locks -------------------------------------------------------------------------------------------


@triton.jit
def never_released_kernel(lock_ptr):
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass


def test_a_lock_that_nobody_releases_is_an_error_not_a_hang() -> None:
    lock = torch.zeros(1, dtype=torch.int32)
    with record(), pytest.raises(InterpreterError, match="never released"):
        never_released_kernel[(2,)](lock)


@triton.jit
def unlocked_too_early_kernel(lock_ptr, count_ptr, other_ptr):
    while tl.atomic_cas(lock_ptr, 0, 1) == 1:
        pass
    tl.store(count_ptr, tl.load(count_ptr) + 1)
    tl.atomic_xchg(lock_ptr, 0)
    other = tl.program_id(0)
    tl.store(other_ptr, other)


def test_a_lock_does_not_excuse_what_it_does_not_guard() -> None:
    lock, count, other = torch.zeros(3, dtype=torch.int32).split(1)
    with record() as recording:
        unlocked_too_early_kernel[(3,)](lock, count, other)
    assert count.item() == 3
    # Program 2 comes after program 1 by the lock, so this is as much as an order can tell.
    assert {f.kind for f in recording.findings} <= {Kind.WRITE_WRITE_RACE}


def test_two_recordings_at_a_time_are_refused() -> None:
    with (
        record(),
        pytest.raises(RuntimeError, match="being recorded already"),
        record(),
    ):
        pass


def test_unknown_poison_is_refused() -> None:
    with pytest.raises(ValueError, match="poison is 0 or 1"), record(poison=2):
        pass


@triton.jit
def unmasked_max_kernel(x_ptr, o_ptr, n, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(o_ptr, tl.max(tl.load(x_ptr + i, mask=i < n), 0))


def test_the_second_poison_shows_what_nan_hides() -> None:
    results = []
    for poison in (0, 1):
        o = torch.empty(1)
        with record(poison=poison):
            unmasked_max_kernel[(1,)](torch.ones(5), o, 5, 8)
        results.append(o.item())
    assert results[0] == 1.0
    assert results[1] > 1e15


def test_empty_launches_of_helpers_still_work_inside_a_dispatch_mode() -> None:
    with record():
        x = torch.ones(10)
        assert torch.equal(add(x, x, torch.empty(10)), x * 2)
