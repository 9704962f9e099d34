"""Whatever a file does, each of its tests gets one verdict and the others still run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from grader.judge import loaded_worker, process
from grader.results import Status
from tests.grading.tiny import (
    RIGHT,
    SKELETON,
    graded,
    line_of,
    result_of,
    tiny_lesson,
    verdict_of,
    with_double,
)

TESTS_OF_DOUBLE = ("test_double", "test_double_matrix")

# ------------------------------------------- judged from the source alone


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        (RIGHT + "def f(:\n", "syntax-error", len(RIGHT.splitlines()) + 1),
        ("", "missing-function", None),
        ("# only a comment", "missing-function", None),
        (RIGHT.encode() + b"x = '\xe4'\n", "syntax-error", None),
        (RIGHT.encode("utf-16"), "syntax-error", None),
        (b"\x7fELF\x02\x01\x01\0\0\0", "syntax-error", None),
    ],
    ids=["syntax error", "empty", "comment", "latin-1", "utf-16", "binary"],
)
@pytest.mark.usefixtures("no_workers")
def test_a_file_without_the_functions_fails_every_test(
    tmp_path: Path, text: str | bytes, kind: str, line: int | None
) -> None:
    report = graded(tmp_path, text)
    for test in (*TESTS_OF_DOUBLE, "test_negate"):
        found = verdict_of(report, test)
        assert found[:2] == (Status.FAILED, kind)
        assert line is None or found[2] == line
    assert (report.score, report.exit_code) == (0, 1)


@pytest.mark.usefixtures("no_workers")
def test_the_skeleton_is_not_started_and_earns_nothing(tmp_path: Path) -> None:
    report = graded(tmp_path, SKELETON)
    line = line_of(SKELETON, "pass") if SKELETON.count("pass") == 1 else 14
    assert verdict_of(report, "test_double") == (Status.NOT_STARTED, "not-started", line)
    assert verdict_of(report, "test_negate")[0] is Status.NOT_STARTED
    assert verdict_of(report, "test_double_large")[0] is Status.DEFERRED
    assert report.score == 0
    assert "double_kernel" in str(result_of(report, "test_double").diagnosis)


@pytest.mark.usefixtures("no_workers")
def test_a_file_partly_done_fails_where_something_is_left(tmp_path: Path) -> None:
    text = with_double("raise NotImplementedError('double: TODO not done yet')")
    report = graded(tmp_path, text, only=("test_double",))
    line = line_of(text, "NotImplementedError")
    assert verdict_of(report, "test_double") == (Status.FAILED, "todo-left", line)


# ----------------------------------------------------- the import fails


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("import absent_module_of_nobody", Status.FAILED, "import-error"),
        ("from torch import absent", Status.FAILED, "import-error"),
        ("1 / 0", Status.FAILED, "import-failed"),
        ("import sys; sys.exit(0)", Status.FAILED, "import-failed"),
        ("exec('x = = 1')", Status.FAILED, "syntax-error"),
        ("import os; os._exit(0)", Status.CRASHED, "process-exited"),
        ("while True: pass", Status.TIMED_OUT, "timeout"),
    ],
)
@pytest.mark.usefixtures("lent_workers")
def test_a_file_that_cannot_be_imported_fails_every_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, status: Status, kind: str
) -> None:
    monkeypatch.setattr(loaded_worker, "IMPORT_DEADLINE_S", 20.0)
    if status is Status.TIMED_OUT:
        monkeypatch.setattr(loaded_worker, "IMPORT_DEADLINE_S", 2.0)
    text = f"{RIGHT}\n{code}\n"
    report = graded(tmp_path, text)
    line = None if "_exit" in code else line_of(text, code)
    for test in (*TESTS_OF_DOUBLE, "test_negate"):
        assert verdict_of(report, test) == (status, kind, line)
    assert verdict_of(report, "test_double_large")[0] is Status.DEFERRED
    assert (report.score, report.exit_code) == (0, 1)


@pytest.mark.usefixtures("lent_workers")
def test_a_function_renamed_away_costs_its_own_tests_only(tmp_path: Path) -> None:
    report = graded(tmp_path, RIGHT.replace("def double(", "def twice("))
    for test in TESTS_OF_DOUBLE:
        assert verdict_of(report, test)[:2] == (Status.FAILED, "missing-function")
    assert verdict_of(report, "test_negate")[0] is Status.PASSED


# ------------------------------------------- one function is wrong, the other right


def only_double_fails(tmp_path: Path, body: str, **lesson: Any) -> tuple[str, Any]:
    """Grade a submission whose ``double`` has this body; gives its text and the report."""
    text = with_double(body)
    report = graded(tmp_path, text, replace(tiny_lesson(), **lesson))
    assert verdict_of(report, "test_negate")[0] is Status.PASSED
    assert (report.score, report.exit_code) == (1, 1)
    return text, report


LAUNCH = "y = torch.empty_like(x)\ndouble_kernel[(99,)](y, x, x.numel(), BLOCK=BLOCK)\n"


@dataclass(frozen=True)
class Wrong:
    """A body of ``double`` and the verdict on it; ``at`` is code of the line to be named."""

    body: str
    kind: str
    at: str | None = None
    status: Status = Status.FAILED


WRONG = [
    Wrong(LAUNCH, "wrong-type"),
    Wrong(LAUNCH + "return [y]", "wrong-type"),
    Wrong(LAUNCH + "return y.numpy()", "wrong-type"),
    Wrong(LAUNCH + "return y.to_sparse()", "wrong-type"),
    Wrong(LAUNCH + "return 10 ** 5000", "wrong-type"),
    Wrong(LAUNCH + "return y.double()", "wrong-dtype"),
    Wrong(LAUNCH + "return y[None]", "wrong-shape"),
    Wrong(LAUNCH + "return x", "output-aliases-input"),
    Wrong(LAUNCH + "return x.copy_(y).view(x.shape)", "output-aliases-input"),
    Wrong(LAUNCH + "return torch.stack([y, y], -1)[..., 0]", "wrong-layout"),
    Wrong(LAUNCH + "x.zero_()\nreturn y", "input-modified"),
    Wrong(LAUNCH + "return y + 1", "wrong-value"),
    Wrong("return torch.empty_like(x)", "not-written"),
    Wrong("return 2 * x", "torch-instead-of-kernel", "return 2 * x", Status.REFUSED),
    Wrong("raise ValueError('no')", "exception", "'no'"),
    Wrong("import sys\nsys.exit('bye')", "exception", "sys.exit"),
    Wrong("raise KeyboardInterrupt", "exception", "KeyboardInterrupt"),
    Wrong("raise ValueError('x' * 10_000_000)", "exception", "10_000_000"),
    Wrong("raise type('Mute', (Exception,), {'__str__': None})()", "exception", "Mute"),
    Wrong("return absent_name", "exception", "absent_name"),
    Wrong("raise NotImplementedError", "todo-left", "NotImplementedError"),
    Wrong("double_kernel[(1,)](x)", "exception", "double_kernel[(1,)](x)"),
]


@pytest.mark.parametrize(
    ("of_vectors", "of_matrices"),
    zip(WRONG[::2], WRONG[1::2], strict=True),
    ids=lambda wrong: wrong.body.removeprefix(LAUNCH).partition("\n")[0][:30] or "no return",
)
@pytest.mark.usefixtures("lent_workers")
def test_a_wrong_function_costs_its_own_tests_only(
    tmp_path: Path, of_vectors: Wrong, of_matrices: Wrong
) -> None:
    vectors, matrices = (indent(wrong.body, "    ") for wrong in (of_vectors, of_matrices))
    text, report = only_double_fails(tmp_path, f"if x.dim() == 1:\n{vectors}\nelse:\n{matrices}")
    for test, wrong in zip(TESTS_OF_DOUBLE, (of_vectors, of_matrices), strict=True):
        line = line_of(text, wrong.at) if wrong.at else None
        assert verdict_of(report, test) == (wrong.status, wrong.kind, line), report.to_json()
        message = str(result_of(report, test).diagnosis)
        assert "double()" in message or wrong.kind in ("wrong-value", "not-written")
        assert len(message) < 1200


# ----------------------------------------- one function ends its process

CRASHES = [
    pytest.param("import os\nos._exit(0)", Status.CRASHED, "process-exited", None, id="exits"),
    pytest.param(
        "import ctypes\nctypes.string_at(0)  # here",
        Status.CRASHED,
        "segfault",
        "# here",
        id="segfault",
    ),
    pytest.param("while True:\n    pass", Status.TIMED_OUT, "timeout", "loops", id="never ends"),
    pytest.param(
        "while True:\n    print('x' * 100_000)",
        Status.CRASHED,
        "too-much-output",
        None,
        id="endless output",
    ),
    pytest.param(
        "import os\n"
        "for descriptor in range(3, 64):\n"
        "    try:\n"
        "        os.write(descriptor, b'garbage' * 1000)\n"
        "    except OSError:\n"
        "        pass\n" + LAUNCH + "return y",
        Status.REFUSED,
        "malformed-frame",
        None,
        id="garbage into every descriptor",
    ),
    pytest.param(
        "import os\nos.closerange(3, 64)\nwhile True:\n    pass",
        Status.REFUSED,
        "malformed-frame",
        None,
        id="closes every descriptor",
    ),
]


@pytest.mark.parametrize(("body", "status", "kind", "line"), CRASHES)
@pytest.mark.usefixtures("lent_workers")
def test_a_function_that_ends_its_process_costs_its_own_tests_only(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    status: Status,
    kind: str,
    line: str | None,
) -> None:
    monkeypatch.setattr(process, "_EXIT_S", 1.0)
    # Once is enough: the test with the matrix is told to do nothing wrong.
    body = f"if x.dim() == 2:\n    return\n{body}"
    text, report = only_double_fails(tmp_path, body, deadline_s=4.0)
    found = verdict_of(report, "test_double")
    assert found[:2] == (status, kind), report.to_json()
    if line == "loops":
        assert found[2] in (line_of(text, "while True"), line_of(text, "while True") + 1)
    elif line:
        assert found[2] == line_of(text, line)
    assert len(result_of(report, "test_double").cases) == 1
    assert verdict_of(report, "test_double_matrix")[:2] == (Status.FAILED, "wrong-type")
