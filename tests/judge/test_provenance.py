"""Whose work a result is: what may be seen of an honest call, and what may not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.judge.call import Call, Input, Returned, Run
from grader.judge.conduct import Conduct
from grader.judge.provenance import require_launches, require_origins, require_own_work
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged, Output
from tests.grading.tiny import graded, line_of, result_of, verdict_of, with_double
from tests.judge.conducts import TEXT, audit, conduct, kind, refusal

# ------------------------------------------------------------ threads, processes, kernels


@pytest.mark.parametrize("what", ["thread", "process"])
def test_work_outside_the_call_is_refused(what: str) -> None:
    diagnosis = refusal(conduct(audit(starts=[{"what": what, "line": 3}]))).diagnosis

    assert (diagnosis.kind, diagnosis.line) == ("work-outside-the-call", 3)
    assert what in diagnosis.message


def test_who_replaces_the_graders_code_is_refused_before_anything_it_says() -> None:
    found = conduct(audit("aten::exp", tampered=["grader.worker.calls._run"]))

    assert kind(found) == "tampered"


def test_a_launched_kernel_must_stand_in_the_file() -> None:
    assert kind(conduct(audit(), "add_kernel", "triton_poi_fused_0")) == "foreign-kernel"
    require_own_work(conduct(audit(), "add_kernel", "triton_poi_fused_0"))  # no text to ask


@pytest.mark.parametrize(
    "name",
    [
        "add_kernel",
        "Memcpy DtoD (Device -> Device)",
        "Memset (Device)",
        "void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>, X>",
        "void at::native::elementwise_kernel<128, 2, at::native::direct_copy_kernel_cuda(Y)>",
        "void at::native::vectorized_elementwise_kernel<8, at::native::float16_copy_kernel_cuda>",
    ],
)
def test_a_gpu_may_run_the_submissions_kernels_fills_and_copies(name: str) -> None:
    require_own_work(conduct(audit(device_kernels=[name])), TEXT)


@pytest.mark.parametrize(
    "name",
    [
        "nvjet_sm90_hsh_64x8_64x16_1x4_h_bz_NNT",
        "void (anonymous namespace)::softmax_warp_forward<float, float, float, 11, false, false>",
        "void at::native::reduce_kernel<512, 1, at::native::ReduceOp<float>>",
        "triton_per_fused__softmax_0",
    ],
)
def test_another_kernel_on_the_gpu_is_refused_and_named(name: str) -> None:
    diagnosis = refusal(conduct(audit(device_kernels=["add_kernel", name]))).diagnosis

    assert diagnosis.kind == "foreign-kernel"
    assert name[:100] in diagnosis.message


def test_kernels_of_allowed_operations_and_of_the_course_go_by_any_name() -> None:
    blas = ["nvjet_sm90_hsh_64x8"]

    require_own_work(conduct(audit("aten::mm", device_kernels=blas), allowed=["mm"]), TEXT)
    require_own_work(conduct(audit(beside=["aten::mm"], device_kernels=blas)), TEXT)


def test_kernels_of_torchs_compiler_are_refused_even_there() -> None:
    found = conduct(audit(beside=["aten::mm"], device_kernels=["triton_per_fused_0"]))

    assert kind(found) == "foreign-kernel"


@pytest.mark.parametrize(
    "forged",
    [
        {"operations": 3},
        {"operations": [{}]},
        {"operations": [{"name": 1, "line": 1, "count": 1, "elements": 1}]},
        {"operations": [{"name": "aten::add", "line": -1, "count": 1, "elements": 1}]},
        {"operations": [{"name": "aten::add", "line": 10**9, "count": 1, "elements": 1}]},
        {"operations": [{"name": "aten::empty", "line": 1, "count": "many", "elements": 1}]},
        {"operations": [{"name": "aten::sum", "line": 1, "count": 1}]},
        {"operations": [{"name": "aten::sum", "line": 1, "count": 1, "elements": -6}]},
        {"operations": [{"name": "aten::empty", "line": 1, "count": 1, "elements": 1}] * 5000},
        {"starts": [{"what": "miracle", "line": 1}]},
        {"device_kernels": [1]},
        {"device_kernels": "add_kernel"},
        {"device_kernels": ["x"] * 5000},
        {"beside": None},
    ],
)
def test_forged_notes_are_refused_and_harm_nobody(forged: Message) -> None:
    assert kind(conduct({**audit(), **forged})) == "malformed-frame"


def test_notes_that_tell_of_nothing_prove_nothing() -> None:
    require_own_work(conduct({}), TEXT)


def test_each_run_must_launch_the_kernel() -> None:
    once = Conduct("add", ("add_kernel",), frozenset(), [[{"kernel": "add_kernel"}], []], [{}, {}])

    with pytest.raises(Judged) as caught:
        require_launches(once)

    assert caught.value.diagnosis.kind == "kernel-not-launched"


# ------------------------------------------------------------------ where a result comes from

X = torch.arange(1.0, 7.0)


def call(result: torch.Tensor, origin: str | None) -> Call:
    returned = Returned(result, result.stride(), "cpu", None, None, None, origin)
    return Call("add", (Input("x", X),), (Run(returned, (X,), (), (), ()),), "interpreter")


@pytest.mark.parametrize("origin", ["torch", "foreign", "unseen"])
def test_a_result_that_no_kernel_had_in_its_hands_is_refused(origin: str) -> None:
    with pytest.raises(Judged) as caught:
        require_origins(call(X * 2, origin), [Output("", X * 2)])

    assert caught.value.status is Status.REFUSED
    assert caught.value.diagnosis.kind == "result-not-from-kernel"


@pytest.mark.parametrize("origin", ["kernel", None])
def test_a_result_of_a_kernel_or_of_unknown_origin_passes(origin: str | None) -> None:
    require_origins(call(X * 2, origin), [Output("", X * 2)])


@pytest.mark.parametrize(
    "result",
    [torch.zeros(6), torch.ones(6), torch.full((6,), float("nan")), X.clone(), torch.empty(0)],
    ids=["zeros", "ones", "NaN", "a copy of the input", "empty"],
)
def test_what_needs_no_computing_may_come_from_torch(result: torch.Tensor) -> None:
    require_origins(call(result, "torch"), [Output("", result)])


def test_a_result_of_several_tensors_is_asked_for_each() -> None:
    one = call(X * 2, "kernel")
    other = replace(one.runs[0].result, origin="torch")  # type: ignore[type-var]
    runs = (replace(one.runs[0], result=(one.runs[0].result, other)),)

    with pytest.raises(Judged) as caught:
        require_origins(replace(one, runs=runs), [Output("y", X * 2), Output("z", X * 2)])

    assert caught.value.diagnosis.message.startswith("z of add():")


# --------------------------------------------------------------------------- real submissions

ALL = "double_kernel[(triton.cdiv(x.numel(), 64),)](y, x, x.numel(), BLOCK=64)"
BYPASSES = {
    "torch behind a launch": ("return y.copy_(x + x)", "torch-instead-of-kernel"),
    "torch for long inputs": ("return x * 2 if x.numel() > 1 else y", "torch-instead-of-kernel"),
    "lists": ("return torch.tensor([2 * v for v in x.tolist()])", "torch-instead-of-kernel"),
    "without torch's modes": (
        "from torch.utils._python_dispatch import _disable_current_modes\n"
        "with _disable_current_modes():\n    return x * 2",
        "result-not-from-kernel",
    ),
    "copied by the kernel": (
        "from torch.utils._python_dispatch import _disable_current_modes\n"
        "with _disable_current_modes():\n    half = x * 1.0\n"
        f"{ALL.replace('(y, x,', '(y, half,')}\nreturn y",
        "result-not-from-kernel",
    ),
    "watching replaced": (
        "import sys\nsys.modules['grader.worker.calls']._copied = lambda tensor: tensor\nreturn y",
        "tampered",
    ),
    "in a thread": (
        "import threading\nthread = threading.Thread(target=lambda: y.copy_(x + x))\n"
        "thread.start()\nthread.join()\nreturn y",
        "work-outside-the-call",
    ),
}
HONEST = {
    "a copy": "return y.clone()",
    "a cast there and back": "return y.double().to(x.dtype)",
    "a view": "return y.view(-1).reshape(x.shape)",
    "part of a longer tensor": "return torch.cat([y, y])[: len(y)].clone()",
    "an error that is caught": "try:\n    x[10**9]\nexcept IndexError:\n    pass\nreturn y",
}  # fmt: skip


def launched_then(rest: str) -> str:
    return with_double(f"y = torch.empty_like(x)\nif x.numel():\n    {ALL}\n{rest}")


@pytest.mark.usefixtures("lent_workers")
@pytest.mark.parametrize("way", BYPASSES)
def test_a_launch_does_not_cover_for_work_done_elsewhere(way: str, tmp_path: Path) -> None:
    rest, expected = BYPASSES[way]

    report = graded(tmp_path, launched_then(rest), only=("test_double",), policed=False)

    assert verdict_of(report, "test_double")[:2] == (Status.REFUSED, expected)


@pytest.mark.usefixtures("lent_workers")
def test_the_refusal_of_a_real_submission_names_the_line(tmp_path: Path) -> None:
    text = launched_then("return y.copy_(x + x)  # here")

    report = graded(tmp_path, text, only=("test_double",), policed=False)

    assert verdict_of(report, "test_double")[2] == line_of(text, "# here")


@pytest.mark.usefixtures("lent_workers")
@pytest.mark.parametrize("way", HONEST)
def test_honest_ways_to_hand_a_result_over_pass(way: str, tmp_path: Path) -> None:
    report = graded(tmp_path, launched_then(HONEST[way]), only=("test_double",), policed=False)

    result: Any = result_of(report, "test_double")
    assert (result.status, result.diagnosis) == (Status.PASSED, None)
