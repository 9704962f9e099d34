"""Launchers of kernels, built quickly where nothing is timed.

Up to version 3.6 Triton compiles a launcher in C for each signature of a kernel, optimised. That is
a good part of the time until a kernel runs; one that is called a few times need not be optimised.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import triton


@contextmanager
def quick_launchers() -> Iterator[None]:
    """Have Triton build what it compiles in C without optimisation.

    Where it knows no such wish, or there is no compiler, it does as ever and says what is wrong.
    """
    build: Any = getattr(triton.knobs, "build", None)
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if build is None or compiler is None or getattr(build, "impl", 0) is not None:
        yield
        return
    build.impl = partial(_build, compiler)
    try:
        yield
    finally:
        build.impl = None


def _build(
    compiler: str,
    name: str,
    source: str,
    folder: str,
    library_dirs: Sequence[str],
    include_dirs: Sequence[str | None],
    libraries: Sequence[str],
    *_: Any,
) -> str:
    """Compile a module of Python's; returns its path. The parameters are Triton's."""
    made = os.path.join(folder, f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}")
    includes = [*include_dirs, folder, *triton.knobs.build.backend_dirs, _python_headers()]
    subprocess.check_call(
        [
            *(compiler, source, "-O0", "-shared", "-fPIC", "-w", "-o", made),
            *(f"-l:{each}" if ".so" in each or each.endswith(".a") else f"-l{each}"
              for each in libraries),
            *(f"-L{each}" for each in library_dirs),
            *(f"-I{each}" for each in includes if each is not None),
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return made


def _python_headers() -> str:
    scheme = sysconfig.get_default_scheme()
    # Debian's own scheme names a folder that holds no headers.
    return sysconfig.get_path("include", "posix_prefix" if scheme == "posix_local" else scheme)
