from __future__ import annotations

import pytest
import torch

from grader.worker.first_launch import launch_first
from grader.worker.tiers import Compiled, compiled_launches

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_a_worker_on_a_gpu_launches_a_kernel_while_it_starts() -> None:
    with compiled_launches() as launches:
        Compiled()
    assert launches == [{"kernel": "fill_kernel"}]


def test_the_first_launch_stores_what_its_kernel_says() -> None:
    assert launch_first(torch.device("cuda", 0)).tolist() == [*range(16)]
