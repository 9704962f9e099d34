"""Autotuned kernels whose configurations differ in whether they compile and fit."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


def configurations(*choices: tuple[int, int]) -> list[triton.Config]:
    return [
        triton.Config({"BLOCK": block, "STAGES": stages}, num_warps=16) for block, stages in choices
    ]


@triton.jit
def adds_up_rows(x_ptr, y_ptr, n, BLOCK: tl.constexpr, STAGES: tl.constexpr):
    tl.static_assert(BLOCK != 16, "too small to be worth it")
    i = tl.arange(0, BLOCK)  # DEFECT
    total = tl.zeros((BLOCK,), tl.float32)
    for start in tl.range(0, n, BLOCK, num_stages=STAGES):
        total += tl.load(x_ptr + start + i)
    tl.store(y_ptr + i, total)


def tuned(*choices: tuple[int, int], **pruning):
    return triton.autotune(configurations(*choices), key=["n"], **pruning)(adds_up_rows)


def launch(kernel):
    kernel[(1,)](torch.ones(32768), torch.empty(16384), 32768)


FITS, ALSO_FITS, NO_POWER_OF_TWO, REFUSED = (1024, 2), (2048, 2), (48, 2), (16, 2)
TOO_LARGE, LARGER = (16384, 6), (16384, 7)

all_fit = tuned(FITS, ALSO_FITS)
first_too_large = tuned(TOO_LARGE, FITS)
second_too_large = tuned(FITS, TOO_LARGE)
none_fits = tuned(TOO_LARGE, LARGER)
second_wrong = tuned(FITS, NO_POWER_OF_TWO)
second_refused = tuned(FITS, REFUSED)
pruned = tuned(
    NO_POWER_OF_TWO,
    FITS,
    prune_configs_by={"early_config_prune": lambda configs, named, **_: configs[1:]},
)


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
