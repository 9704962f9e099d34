"""What is noted of a call beside its kernels, and to whom each operation of torch is put down."""

from __future__ import annotations

import shutil
import threading
import types
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.protocol.frames import Message
from grader.protocol.notes import MOST_LINES
from grader.scenarios import gradients
from grader.worker.audit import TOO_MANY, audited
from grader.worker.callers import Files
from grader.worker.launchers import quick_launchers

DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    ),
]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


class Submission:
    """A module made from a text, and what an audited call of its function ``f`` shows."""

    def __init__(self, path: Path, text: str) -> None:
        path.write_text(text)
        self.text = text
        self.module = types.ModuleType("submission")
        self.module.__file__ = str(path)
        exec(compile(text, str(path), "exec"), self.module.__dict__)

    def line(self, code: str) -> int:
        (number,) = (n for n, line in enumerate(self.text.splitlines(), 1) if code in line)
        return number

    def run(self, *args: Any, call: Callable[..., Any] | None = None) -> tuple[Message, list[str]]:
        """Notes, and the origins of what was returned."""
        inputs = [value for value in args if isinstance(value, torch.Tensor)]
        device = inputs[0].device if inputs else torch.device("cpu")
        course = [__file__] if call else []  # whoever calls it stands for the course
        with audited(Files.of(self.module, course), device, inputs) as audit:
            function = self.module.f
            result = call(function, *args) if call else function(*args)
            if device.type == "cuda":
                torch.cuda.synchronize()
        leaves = result if isinstance(result, tuple) else (result,)
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        return audit.to_json(), [audit.origins.of(tensor) for tensor in tensors]

    def operations(
        self, *args: Any, call: Callable[..., Any] | None = None
    ) -> set[tuple[str, Any]]:
        """Name and line of each operation that is put down to the submission."""
        notes, _ = self.run(*args, call=call)
        return {(note["name"], note["line"]) for note in notes["operations"]}


@pytest.fixture
def submission(tmp_path: Path) -> Callable[[str], Submission]:
    return lambda text: Submission(tmp_path / "submission.py", "import torch\n" + text)


def names(noted: set[tuple[str, Any]]) -> set[str]:
    return {name for name, _ in noted}


# ------------------------------------------------------------------ whose operation it is


def test_an_operation_is_noted_with_the_line_that_asked_for_it(
    submission: Any, device: torch.device
) -> None:
    made = submission("def f(x):\n    y = torch.empty_like(x)\n    return x + y\n")

    noted = made.operations(torch.ones(4, device=device))

    assert noted == {("aten::empty_like", 3), ("aten::add", 4)}


def test_an_operation_inside_torchs_own_python_is_the_callers(submission: Any) -> None:
    made = submission("def f(x):\n    return torch.nn.functional.pairwise_distance(x, x)  # here\n")

    assert {line for _, line in made.operations(torch.ones(2, 4))} == {made.line("# here")}


def test_the_elements_that_an_operation_works_on_are_counted(submission: Any) -> None:
    made = submission(
        "def f(x):\n    for row in x:\n        row.sum()\n"
        "    torch._foreach_mul([x, x], 2)\n    return x.new_zeros(7)\n"
    )

    notes, _ = made.run(torch.ones(3, 10))

    counted = {note["name"]: (note["count"], note["elements"]) for note in notes["operations"]}
    assert counted["aten::sum"] == (3, 30)
    assert counted["aten::_foreach_mul"] == (1, 60)
    assert counted["aten::new_zeros"] == (1, 30)  # it is the larger of the two


def test_views_are_no_operations(submission: Any) -> None:
    made = submission("def f(x):\n    return x.t()[1:].view(-1).detach()\n")

    assert made.operations(torch.ones(1, 4)) == set()


def test_code_without_a_file_is_the_submissions_with_the_line_that_ran_it(submission: Any) -> None:
    made = submission('def f(x):\n    return eval("x * 2")\n')

    assert made.operations(torch.ones(4)) == {("aten::mul", 3)}


def test_what_a_scenario_computes_is_not_the_submissions(submission: Any) -> None:
    made = submission("def f(x):\n    return x.view(-1)\n")

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(4),))

    assert made.operations(torch.ones(4), call=scenario) == set()


BACKWARD = """\
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx, g):
        return g * 2  # computed

def f(x):
    return Double.apply(x)
"""


def test_a_backward_method_is_the_submissions_in_whichever_thread_it_runs(
    submission: Any, device: torch.device
) -> None:
    made = submission(BACKWARD)

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(4, device=device),))

    noted = made.operations(torch.ones(4, device=device), call=scenario)

    assert ("aten::mul", made.line("# computed")) in noted


def test_what_autograd_adds_up_for_a_scenario_is_not_the_submissions(
    submission: Any, device: torch.device
) -> None:
    made = submission("def f(x):\n    return x.view(-1), x.view(-1)\n")

    ones = torch.ones(4, device=device)
    scenario = partial(gradients, wrt=(0,), upstream=(ones, ones))

    assert made.operations(torch.ones(4, device=device), call=scenario) == set()


def test_what_autograd_adds_up_for_a_scenario_counts_when_it_is_a_computation(
    submission: Any, device: torch.device
) -> None:
    made = submission("def f(x):\n    return tuple(x.view(-1) for _ in range(80))\n")

    upstream = tuple(torch.ones(4, device=device) for _ in range(80))
    scenario = partial(gradients, wrt=(0,), upstream=upstream)

    assert ("aten::add", None) in made.operations(torch.ones(4, device=device), call=scenario)


def test_parts_that_are_no_inputs_gradient_are_not_added_up_for_free(
    submission: Any, device: torch.device
) -> None:
    # Doubling rows again and again: what undoes it sums over all of them.
    made = submission(
        "def f(x):\n    rows = x[None]\n"
        "    for _ in range(3):\n        rows = torch.cat([rows, rows])\n    return rows\n"
    )

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(8, 4, device=device),))

    assert ("aten::add", None) in made.operations(torch.ones(4, device=device), call=scenario)


def test_undoing_a_dimension_of_length_one_is_no_sum(submission: Any, device: torch.device) -> None:
    made = submission("def f(x):\n    return x.expand(1, -1)\n")

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(1, 4, device=device),))

    assert made.operations(torch.ones(4, device=device), call=scenario) == set()


def test_callbacks_of_autograds_engine_are_the_submissions(submission: Any) -> None:
    made = submission(
        "from functools import partial\n\n"
        "class Late(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return torch.empty_like(x)\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n"
        "        queue = torch.autograd.Variable._execution_engine.queue_callback\n"
        "        queue(partial(torch.exp, g.detach()))\n        return g\n\n"
        "def f(x):\n    return Late.apply(x)\n"
    )

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(4),))

    assert "aten::exp" in names(made.operations(torch.ones(4), call=scenario))


def test_what_autograd_computes_in_the_submissions_graph_is_the_submissions(
    submission: Any, device: torch.device
) -> None:
    # The backward pass of expand() is a sum, which no line of the submission asks for.
    made = submission("def f(x):\n    return x.expand(3, 4)\n")

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(3, 4, device=device),))

    assert ("aten::sum", None) in made.operations(torch.ones(4, device=device), call=scenario)


def test_hooks_of_the_submission_that_call_torch_are_the_submissions(submission: Any) -> None:
    made = submission(
        "from functools import partial\n\ndef f(x):\n"
        "    x.register_hook(partial(torch.mul, other=2.0))\n    return x.view(-1)\n"
    )

    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(4),))

    assert ("aten::mul", None) in made.operations(torch.ones(4), call=scenario)


def test_what_autograd_adds_up_for_the_submission_is_its_own(
    submission: Any, device: torch.device
) -> None:
    # The sum of two tensors, without an operation that says so.
    made = submission(
        "def f(x, y):\n"
        "    z = torch.empty_like(x, requires_grad=True)\n"
        "    return torch.autograd.grad([z.view(-1), z.view(-1)], [z], [x, y])[0]  # here\n"
    )

    noted = made.operations(torch.ones(4, device=device), torch.ones(4, device=device))

    assert ("aten::add", made.line("# here")) in noted


# --------------------------------------------------------------- what leaves torch's sight


@pytest.mark.parametrize(
    "way", ["x.tolist()", "x.numpy()", "numpy.asarray(x)", "x.untyped_storage()"]
)
def test_handing_a_tensors_elements_to_python_is_noted(submission: Any, way: str) -> None:
    made = submission(f"import numpy\n\ndef f(x):\n    {way}\n")

    assert {line for _, line in made.operations(torch.ones(100))} == {5}


def test_a_few_numbers_may_be_looked_at(submission: Any) -> None:
    assert submission("def f(x):\n    x.tolist()\n").operations(torch.ones(4)) == set()


def test_a_thread_is_noted_when_it_starts(submission: Any) -> None:
    made = submission(
        "import threading\n\ndef f(x):\n"
        "    thread = threading.Thread(target=lambda: x.mul_(2))\n"
        "    thread.start()  # here\n    thread.join()\n"
    )

    notes, _ = made.run(torch.ones(4))

    assert notes["starts"] == [{"what": "thread", "line": made.line("# here")}]


def test_a_thread_that_is_alive_already_is_noted(submission: Any) -> None:
    made = submission(
        "import threading\n\nstop = threading.Event()\n"
        "thread = threading.Thread(target=stop.wait)\nthread.start()\n\n"
        "def f(x):\n    return None\n"
    )
    try:
        notes, _ = made.run(torch.ones(4))
    finally:
        made.module.stop.set()
        made.module.thread.join()

    assert [start["what"] for start in notes["starts"]] == ["thread"]


def test_a_process_is_noted_when_it_starts(submission: Any) -> None:
    made = submission(
        "import subprocess, sys\n\ndef f(x):\n"
        "    subprocess.run([sys.executable, '-c', ''], check=True)  # here\n"
    )

    notes, _ = made.run(torch.ones(4))

    assert {"what": "process", "line": made.line("# here")} in notes["starts"]


@pytest.mark.skipif(
    shutil.which("gcc") is None and shutil.which("clang") is None, reason="needs a C compiler"
)
def test_what_triton_starts_to_build_a_kernel_is_nobodys_process(
    submission: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    made = submission(
        "from triton.runtime.build import compile_module_from_src\n\ndef f(x):\n"
        "    source = '#include <Python.h>\\n'\n"
        "    source += 'static PyModuleDef made = {PyModuleDef_HEAD_INIT, \"empty\"};\\n'\n"
        "    source += 'PyMODINIT_FUNC PyInit_empty(void) { return PyModule_Create(&made); }'\n"
        "    compile_module_from_src(source, 'empty', [], [], [])\n"
    )

    with quick_launchers():
        notes, _ = made.run(torch.ones(4))

    assert list(tmp_path.rglob("*.so"))
    assert notes["starts"] == []


def test_nothing_is_noted_of_threads_outside_a_call(submission: Any) -> None:
    made = submission("def f(x):\n    return None\n")
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()

    assert made.run(torch.ones(4))[0]["starts"] == []


# ------------------------------------------------------------------ where a result comes from


@pytest.mark.parametrize(
    ("body", "origin"),
    [
        ("return x.clone()", "torch"),
        ("return torch.zeros_like(x)", "torch"),
        ("return KEPT", "unseen"),
        ("return KEPT.clone()", "foreign"),
        ("return torch.empty_like(x).copy_(KEPT)", "foreign"),
        ("return torch.tensor([0.0] * 100)", "foreign"),
        ("return torch.from_numpy(numpy.ones(100))", "foreign"),
        ("return torch.tensor(0.5)", "torch"),
        ("return copy.deepcopy(x)", "torch"),
        ("return copy.deepcopy(KEPT)", "foreign"),
        ("return copy.deepcopy(x, {id(x): KEPT * 2})", "foreign"),
    ],
)
def test_a_result_is_traced_to_its_origin(submission: Any, body: str, origin: str) -> None:
    made = submission(f"import copy, numpy\n\nKEPT = torch.ones(100)\n\ndef f(x):\n    {body}\n")

    assert made.run(torch.ones(100))[1] == [origin]


def test_a_view_that_the_course_takes_of_a_result_does_not_change_its_origin(
    submission: Any,
) -> None:
    made = submission("def f(x):\n    return x.clone()\n")
    scenario = partial(gradients, wrt=(0,), upstream=(torch.ones(100),))

    assert made.run(torch.ones(100), call=scenario)[1][0] == "torch"


def test_notes_are_bounded(submission: Any) -> None:
    body = "".join(f"    x = x * {n}\n" for n in range(200))
    made = submission(f"def f(x):\n{body}    return x\n")

    assert len(made.run(torch.ones(4))[0]["operations"]) <= MOST_LINES + 1


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    threads = threading.active_count()
    yield
    assert threading.active_count() == threads


# ------------------------------------------------------------------ notes that cannot be dodged


def test_what_a_class_of_triton_calls_is_put_down_to_whoever_called_it(
    submission: Callable[[str], Submission],
) -> None:
    file = submission(
        "import triton.language as tl\n"
        "def f(x):\n"
        "    return tl.constexpr(torch.exp)(x)\n"
    )  # fmt: skip
    notes, origins = file.run(torch.rand(40))
    assert [(note["name"], note["line"]) for note in notes["operations"]] == [("aten::exp", 4)]
    assert origins != ["kernel"]


def test_notes_that_are_filled_with_trifles_still_name_what_came_after(
    submission: Callable[[str], Submission],
) -> None:
    trifles = "\n".join("    torch.empty(0)" for _ in range(200))
    file = submission(f"def f(x):\n{trifles}\n    return torch.exp(x)\n")
    notes, _ = file.run(torch.rand(40))
    counts = {(note["name"], note["line"]): note["count"] for note in notes["operations"]}
    assert counts["aten::exp", file.line("torch.exp")] == 1
    assert sum(n for (name, _), n in counts.items() if "empty" in name) == 200
    assert len(counts) < 10


def test_more_different_operations_than_can_be_noted_are_told_of(
    submission: Callable[[str], Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.worker.audit.MOST_OPERATIONS", 2)
    file = submission("def f(x):\n    return x.exp().sin().cos().log()\n")
    assert names(file.operations(torch.rand(40))) == {"aten::exp", "aten::sin", TOO_MANY}


def test_elements_read_in_small_pieces_are_summed_up(
    submission: Callable[[str], Submission],
) -> None:
    file = submission("def f(x, n):\n    return [x[at : at + 4].tolist() for at in range(n)]\n")
    assert "aten::tolist" not in names(file.operations(torch.rand(40), 16))
    assert "aten::tolist" in names(file.operations(torch.rand(40), 17))


def test_a_print_shows_some_numbers_and_then_shapes(
    submission: Callable[[str], Submission], capsys: pytest.CaptureFixture[str]
) -> None:
    file = submission("def f(x):\n    for _ in range(3):\n        print(f'{x}', repr(x))\n")
    for tensor in (torch.full((30,), 0.25), torch.full((15, 2), 0.25, dtype=torch.float64)):
        file.run(tensor)
        text = capsys.readouterr().out
        assert "shape=" in text
        assert 30 <= text.count("0.25") * max(1, tensor.itemsize // 4) <= 128


def test_a_print_of_a_large_tensor_counts_by_what_it_shows(
    submission: Callable[[str], Submission], capsys: pytest.CaptureFixture[str]
) -> None:
    file = submission("def f(x):\n    print(x)\n    print(x)\n")
    file.run(torch.full((1000, 1000), 0.25))
    assert "shape=" not in capsys.readouterr().out


def test_elements_packed_into_wide_ones_count_as_several(
    submission: Callable[[str], Submission],
) -> None:
    file = submission("def f(x):\n    return x.view(torch.complex128).tolist()\n")
    assert "aten::tolist" not in names(file.operations(torch.rand(16)))
    assert "aten::tolist" in names(file.operations(torch.rand(20)))


def test_a_method_that_computes_past_the_dispatcher_is_noted(
    submission: Callable[[str], Submission],
) -> None:
    file = submission("def f(x, y):\n    return x.map_(y, lambda a, b: a + b)\n")
    assert "aten::map_" in names(file.operations(torch.rand(40), torch.rand(40)))
