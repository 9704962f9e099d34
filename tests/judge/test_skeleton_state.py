"""How far a submission has come is read from its text, before anything runs."""

from __future__ import annotations

import pytest

from grader.errors import LessonDefinitionError
from grader.judge.skeleton_state import FunctionState, Progress, function_state
from grader.lesson import Function

SKELETON = '''\
import torch
import triton
import triton.language as tl


@triton.jit
def add_kernel(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    """Add."""
    # TODO 1: add.
    pass


def add(x):
    """Given to the student."""
    z = torch.empty_like(x)
    add_kernel[grid(x)](z, x, x.numel(), BLOCK=1024)
    return z


def grid(x):
    """To be written, and used by both."""
    # TODO 2: count.
    raise NotImplementedError("grid: TODO not done yet")


@triton.autotune(configs=[], key=["n"])
@triton.jit
def scale_kernel(z_ptr, x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    pass


def scale(x):
    if x.numel() == 0:
        return x
    raise NotImplementedError("scale: TODO not done yet")
    return x


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        raise NotImplementedError("forward: TODO not done yet")


def doubled(x):
    return Doubled.apply(x)


def given(x):
    return x
'''

ADD = Function("add", ("add_kernel",))
SCALE = Function("scale", ("scale_kernel",))
DOUBLED = Function("doubled", ())

KERNEL_BODY = "    tl.store(z_ptr, tl.load(x_ptr))"
GRID_STUB = '    raise NotImplementedError("grid: TODO not done yet")'
SCALE_STUB = '    raise NotImplementedError("scale: TODO not done yet")\n    return x'


def state(submission: str, function: Function) -> FunctionState:
    return function_state(SKELETON, submission, function)


def edited(*replacements: tuple[str, str]) -> str:
    text = SKELETON
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def left(found: FunctionState) -> list[str]:
    return [todo.name for todo in found.todo]


@pytest.mark.parametrize("function", [ADD, SCALE, DOUBLED], ids=lambda function: function.name)
def test_the_skeleton_itself_is_not_started(function: Function) -> None:
    assert state(SKELETON, function).progress is Progress.NOT_STARTED


def test_what_is_left_is_named_with_its_line_in_the_submission() -> None:
    moved_down = "# my name\n\n" + SKELETON
    found = state(moved_down, ADD)
    lines = moved_down.splitlines()
    assert [(todo.name, lines[todo.line - 1].strip()) for todo in found.todo] == [
        ("add_kernel", "pass"),
        ("grid", GRID_STUB.strip()),
    ]


@pytest.mark.parametrize(
    "submission",
    [
        edited(("# TODO 1: add.", "# I have no idea")),
        edited(('"""Add."""', '"""Add two vectors, element by element."""')),
        edited(('    """Add."""\n', "")),
        edited(("    # TODO 1: add.\n    pass", '    """Later."""')),
        edited(("x_ptr, n, BLOCK", "x_ptr, n_elements, BLOCK")),
        edited(('"grid: TODO not done yet"', '"TODO 2"')),
        edited(('NotImplementedError("grid: TODO not done yet")', "NotImplementedError")),
        edited(("@triton.jit\ndef add_kernel", "@triton.jit(debug=True)\ndef add_kernel")),
        SKELETON.replace("    ", "\t"),
    ],
    ids=[
        "comment", "docstring", "docstring gone", "stub gone", "parameter renamed",
        "other words in the stub", "bare exception", "decorator", "tabs",
    ],
)  # fmt: skip
def test_changes_without_substance_start_nothing(submission: str) -> None:
    found = state(submission, ADD)
    assert (found.progress, left(found)) == (Progress.NOT_STARTED, ["add_kernel", "grid"])


def test_an_unchanged_kernel_below_a_written_host_is_partly() -> None:
    found = state(edited((GRID_STUB, "    return (1,)")), ADD)
    assert (found.progress, left(found)) == (Progress.PARTLY, ["add_kernel"])


def test_a_written_kernel_below_an_unchanged_helper_is_partly() -> None:
    found = state(edited(("    pass", KERNEL_BODY)), ADD)
    assert (found.progress, left(found)) == (Progress.PARTLY, ["grid"])


def test_everything_written_is_started() -> None:
    found = state(edited(("    pass", KERNEL_BODY), (GRID_STUB, "    return (1,)")), ADD)
    assert found == FunctionState(Progress.STARTED)


def test_a_pass_left_beside_code_in_a_kernel_is_started() -> None:
    written = edited(("    pass", KERNEL_BODY + "\n    pass"), (GRID_STUB, "    return (1,)"))
    assert state(written, ADD).progress is Progress.STARTED


def test_code_given_in_a_kernel_does_not_count_as_written() -> None:
    written = edited((SCALE_STUB, "    return launch(x)"))
    assert left(state(written, SCALE)) == ["scale_kernel"]


def test_a_helper_that_the_student_does_not_use_is_not_missed() -> None:
    written = edited(("    pass", KERNEL_BODY), ("add_kernel[grid(x)]", "add_kernel[(1,)]"))
    assert state(written, ADD).progress is Progress.STARTED


def test_another_function_left_undone_does_not_matter() -> None:
    written = edited(("    pass", KERNEL_BODY), (GRID_STUB, "    return (1,)"))
    assert state(written, ADD).progress is Progress.STARTED
    assert state(written, SCALE).progress is Progress.NOT_STARTED


def test_a_stub_left_above_new_code_is_still_to_do() -> None:
    written = edited(
        (SCALE_STUB, SCALE_STUB.replace("return x", "return launch(x)")),
        ("tl.arange(0, BLOCK)\n    pass", "tl.arange(0, BLOCK)\n" + KERNEL_BODY),
    )
    assert left(state(written, SCALE)) == ["scale"]


@pytest.mark.parametrize(
    "code",
    [
        "return launch(x)",
        "with torch.no_grad():\n        return launch(x)",
        "if x.is_cuda:\n        return launch(x)\n    else:\n        return x",
        "try:\n        return launch(x)\n    except ValueError:\n        raise",
        "try:\n        y = x\n    finally:\n        return y",
    ],
)
def test_a_stub_that_is_never_reached_does_no_harm(code: str) -> None:
    written = edited(
        (SCALE_STUB, f"    {code}\n{SCALE_STUB}"),
        ("tl.arange(0, BLOCK)\n    pass", "tl.arange(0, BLOCK)\n" + KERNEL_BODY),
    )
    assert state(written, SCALE).progress is Progress.STARTED


def test_an_exception_of_the_students_own_is_no_stub() -> None:
    own = '    if x.dim() > 2:\n        raise NotImplementedError("2-D only")\n    return (1,)'
    written = edited(("    pass", KERNEL_BODY), (GRID_STUB, own))
    assert state(written, ADD).progress is Progress.STARTED


def test_code_nested_beyond_recursion_is_started() -> None:
    sum_of_many = "    return (" + " + ".join(["1"] * 900) + ",)"
    written = edited(("    pass", KERNEL_BODY), (GRID_STUB, sum_of_many))
    assert state(written, ADD).progress is Progress.STARTED


def test_a_stub_in_a_method_is_found() -> None:
    assert left(state(SKELETON, DOUBLED)) == ["Doubled"]
    stub = 'raise NotImplementedError("forward: TODO not done yet")'
    assert state(edited((stub, "return x")), DOUBLED).progress is Progress.STARTED


def test_a_function_with_nothing_to_do_is_started() -> None:
    assert state(SKELETON, Function("given", ())).progress is Progress.STARTED


def test_a_missing_function_is_absent_and_named() -> None:
    found = state(SKELETON.replace("def add(", "def plus("), ADD)
    assert found == FunctionState(Progress.ABSENT, message="the file defines no function `add`")


@pytest.mark.parametrize(
    "definition",
    [
        "from elsewhere import add",
        "from elsewhere import plus as add",
        "from elsewhere import *",
        "add = torch.compile(plus)",
        "add, other = plus, None",
        "try:\n    import elsewhere\nexcept ImportError:\n    def add(x): return x",
    ],
)
def test_a_name_bound_in_another_way_is_not_absent(definition: str) -> None:
    submission = SKELETON.replace("def add(", "def plus(") + f"\n{definition}\n"
    assert state(submission, ADD).progress is not Progress.ABSENT


def test_a_function_inside_another_does_not_define_it() -> None:
    submission = "def outer():\n    def add(x):\n        return x\n"
    assert state(submission, ADD).progress is Progress.ABSENT


def test_an_empty_file_is_absent() -> None:
    assert state("", ADD).progress is Progress.ABSENT


def test_a_syntax_error_is_broken_with_its_line_and_text() -> None:
    found = state("import torch\n\ndef add(x:\n    return x\n", ADD)
    assert (found.progress, found.line) == (Progress.BROKEN, 3)
    assert "def add(x:" in found.message


@pytest.mark.parametrize("text", ["x = 1\0", "-" * 100_000 + "1"], ids=["NUL byte", "too deep"])
def test_a_text_that_python_cannot_parse_at_all_is_broken(text: str) -> None:
    assert state(text, ADD).progress is Progress.BROKEN


def test_without_a_skeleton_every_defined_function_is_started() -> None:
    assert function_state("", SKELETON, ADD).progress is Progress.STARTED


def test_a_skeleton_that_is_no_python_is_the_courses_fault() -> None:
    with pytest.raises(LessonDefinitionError, match="course build"):
        function_state("def add(:", SKELETON, ADD)


DIFFERENTIABLE = """
@triton.jit
def forward_kernel(y_ptr, x_ptr):
    pass


@triton.jit
def backward_kernel(dx_ptr, x_ptr):
    pass


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return forward_kernel[(1,)](x, x)

    @staticmethod
    def backward(ctx, upstream):
        return backward_kernel[(1,)](upstream, upstream)


def square(x):
    return Square.apply(x)
"""
FORWARD_ONLY = DIFFERENTIABLE.replace("pass", "tl.store(y_ptr, tl.load(x_ptr))", 1)


@pytest.mark.parametrize(
    ("differentiated", "expected"), [(False, Progress.STARTED), (True, Progress.PARTLY)]
)
def test_a_backward_pass_that_is_still_to_do_matters_only_where_gradients_are_asked_for(
    differentiated: bool, expected: Progress
) -> None:
    square = Function("square", ("forward_kernel",), ("backward_kernel",), differentiated)
    assert function_state(DIFFERENTIABLE, FORWARD_ONLY, square).progress is expected
    assert function_state(DIFFERENTIABLE, DIFFERENTIABLE, square).progress is Progress.NOT_STARTED
