"""Autotuned kernels whose configurations differ in whether they compile and fit."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


def configurations(*choices: tuple[int, int]) -> list[triton.Config]:
    return [triton.Config({"BLOCK": block}, num_stages=stages) for block, stages in choices]


@triton.jit
def square_product(a_ptr, c_ptr, N, BLOCK: tl.constexpr):
    tl.static_assert(BLOCK != 16, "too small to be worth it")
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)  # DEFECT
    tile = rows[:, None] * N + tl.arange(0, BLOCK)[None, :]
    total = tl.zeros((BLOCK, BLOCK), tl.float32)
    for k in range(0, N, BLOCK):
        total = tl.dot(tl.load(a_ptr + tile + k), tl.load(a_ptr + tile + k * N), total)
    tl.store(c_ptr + tile, total)


def launch(kernel):
    a = torch.ones(128, 128, dtype=torch.float16)
    kernel[lambda meta: (128 // meta["BLOCK"],)](a, torch.empty(128, 128), 128)


FITS, TOO_LARGE, NO_POWER_OF_TWO, REFUSED = (32, 2), (128, 9), (48, 2), (16, 2)

all_fit = triton.autotune(configurations(FITS, (64, 2)), key=["N"])(square_product)
first_too_large = triton.autotune(configurations(TOO_LARGE, FITS), key=["N"])(square_product)
second_too_large = triton.autotune(configurations(FITS, TOO_LARGE), key=["N"])(square_product)
none_fits = triton.autotune(configurations(TOO_LARGE, (128, 10)), key=["N"])(square_product)
second_wrong = triton.autotune(configurations(FITS, NO_POWER_OF_TWO), key=["N"])(square_product)
second_refused = triton.autotune(configurations(FITS, REFUSED), key=["N"])(square_product)
pruned = triton.autotune(
    configurations(NO_POWER_OF_TWO, FITS),
    key=["N"],
    prune_configs_by={"early_config_prune": lambda configs, named, **_: configs[1:]},
)(square_product)


def launch_all_fit():
    launch(all_fit)


def launch_first_too_large():
    launch(first_too_large)


def launch_second_too_large():
    launch(second_too_large)


def launch_none_fits():
    launch(none_fits)


def launch_second_wrong():
    launch(second_wrong)


def launch_second_refused():
    launch(second_refused)


def launch_pruned():
    launch(pruned)
