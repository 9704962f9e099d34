from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pytest
import triton
from triton.runtime.build import compile_module_from_src

from grader.worker.launchers import quick_launchers

needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None and shutil.which("clang") is None, reason="needs a C compiler"
)

SOURCE = """
#include <Python.h>
#include "answer.h"
static PyObject *is_optimised(PyObject *self, PyObject *args) {
#ifdef __OPTIMIZE__
  Py_RETURN_TRUE;
#else
  Py_RETURN_FALSE;
#endif
}
static PyMethodDef methods[] = {{"is_optimised", is_optimised, METH_NOARGS, ANSWER}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "%(name)s", NULL, -1, methods};
PyMODINIT_FUNC PyInit_%(name)s(void) { return PyModule_Create(&module); }
"""


def built(name: str, headers: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that Triton compiles, as it compiles a launcher."""
    (headers / "answer.h").write_text('#define ANSWER "42"\n')
    monkeypatch.setenv("TRITON_CACHE_DIR", str(headers / "cache"))
    module: ModuleType = compile_module_from_src(
        SOURCE % {"name": name}, name, [str(headers)], [str(headers)], ["m"]
    )
    return module


@needs_compiler
def test_launchers_are_built_without_optimisation_inside_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quick_launchers():
        quick = built("quick_one", tmp_path, monkeypatch)
    slow = built("slow_one", tmp_path, monkeypatch)
    assert (quick.is_optimised(), slow.is_optimised()) == (False, True)


@needs_compiler
def test_triton_builds_as_before_after_a_launch_that_failed() -> None:
    with pytest.raises(ZeroDivisionError), quick_launchers():
        raise ZeroDivisionError
    assert triton.knobs.build.impl is None


def test_a_builder_that_somebody_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(*_: object) -> str:
        return ""

    monkeypatch.setattr(triton.knobs.build, "impl", chosen)
    with quick_launchers():
        assert triton.knobs.build.impl is chosen


def test_without_a_compiler_triton_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with quick_launchers():
        assert triton.knobs.build.impl is None
