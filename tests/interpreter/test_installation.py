"""Installing and taking out: what changes in the process, and what does not."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

from grader.worker import interpreter
from grader.worker.interpreter import RepairCheck, record, selftest
from tests.interpreter.kernels.sound import add, add_kernel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def taken_out() -> Iterator[None]:
    from grader.worker.interpreter import switch

    switch.deactivate()
    yield
    interpreter.install()


def test_installing_again_changes_nothing() -> None:
    run = JITFunction.run
    interpreter.install()
    assert JITFunction.run is run


def test_the_driver_names_the_cpu() -> None:
    active = triton.runtime.driver.active
    assert active.get_active_torch_device() == torch.device("cpu")
    assert active.get_current_target().backend == "cuda"
    assert active.utils.get_device_properties(0)["multiprocessor_count"] > 0


def test_recording_needs_an_installed_interpreter(taken_out: None) -> None:
    with pytest.raises(RuntimeError, match="install the interpreter"), record():
        pass


def test_taking_out_restores_triton(taken_out: None) -> None:
    assert JITFunction.run.__module__ == "triton.runtime.jit"


def test_a_kernel_can_be_compiled_after_it_was_interpreted(tmp_path: Path) -> None:
    x = torch.ones(64)
    add(x, x, torch.empty(64))
    types = {"x_ptr": "*fp32", "y_ptr": "*fp32", "o_ptr": "*fp32", "n": "i32", "BLOCK": "constexpr"}
    source = ASTSource(fn=add_kernel, signature=types, constexprs={(4,): 64})
    with triton.knobs.cache.scope():
        triton.knobs.cache.dir = str(tmp_path)
        compiled = triton.compile(source, target=GPUTarget("cuda", 80, 32))
    assert "add_kernel" in compiled.asm["ttir"]


def test_triton_language_is_itself_between_launches() -> None:
    before = {name: getattr(tl, name) for name in dir(tl)}
    x = torch.ones(64)
    add(x, x, torch.empty(64))
    assert {name: getattr(tl, name) for name in dir(tl)} == before


def test_an_unknown_version_is_tested_and_warned_about(
    taken_out: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.worker.interpreter import switch

    failed = RepairCheck("fma rounds once", False, "differs", 0.0)
    monkeypatch.setattr(switch, "is_known_version", lambda: False)
    monkeypatch.setattr(selftest, "run_all", lambda: [failed])
    with pytest.warns(UserWarning, match="these repairs fail: fma rounds once"):
        interpreter.install()


def test_a_known_version_gives_no_warning(taken_out: None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interpreter.install()


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_environment_does_not_decide() -> None:
    code = (
        "from grader.worker import interpreter; interpreter.install();"
        "import triton; print(type(triton.language.cdiv).__name__)"
    )
    assert run_python(code, TRITON_INTERPRET="1").stdout == "JITFunction\n"


def test_too_late_is_an_error() -> None:
    code = "import triton; from grader.worker import interpreter; interpreter.install()"
    done = run_python(code, TRITON_INTERPRET="1")
    assert done.returncode == 1
    assert "before anything imports Triton" in done.stderr


def test_describing_findings_needs_neither_torch_nor_triton() -> None:
    code = (
        "import sys, grader.worker.interpreter;"
        "print(sorted({'torch', 'triton', 'numpy'} & sys.modules.keys()))"
    )
    assert run_python(code).stdout == "[]\n"


def test_a_faulty_kernel_does_not_harm_its_process() -> None:
    code = (
        "from grader.worker import interpreter; interpreter.install();"
        "from tests.interpreter.kernels.defective import CASES\n"
        "with interpreter.record() as recording:\n"
        "    [case.launch() for case in CASES]\n"
        "print(len(recording.findings) >= len(CASES) - 1)"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr[-2000:]
