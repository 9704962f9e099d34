"""A JupyterLab server in a course's folder, as an instructor or a student starts it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import requests
from requests.adapters import HTTPAdapter, Retry

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A server that listens on this machine only.

    Attributes:
        address: Without a path.
        token: Without which it answers nobody.
    """

    address: str
    token: str

    def url(self, path: str) -> str:
        """The address of a page."""
        return f"{self.address}/{path}"

    @property
    def authorization(self) -> dict[str, str]:
        """The header that lets a request in."""
        return {"Authorization": f"token {self.token}"}

    def wait_until_it_answers(self) -> None:
        """It tells its address a moment before it listens."""
        with requests.Session() as session:
            retries = Retry(connect=60, backoff_factor=0.2)
            session.mount("http://", HTTPAdapter(max_retries=retries))
            answer = session.get(self.url("api/status"), headers=self.authorization, timeout=60)
            answer.raise_for_status()


@contextlib.contextmanager
def jupyter_lab(folder: Path, **environment: str) -> Iterator[Server]:
    """A running JupyterLab.

    Args:
        folder: The server's root and its working folder.
        environment: Variables besides those of this process.
    """
    token = secrets.token_hex(16)
    home = folder / ".home"
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0"),
            *("--allow-root", "--ServerApp.password=", f"--ServerApp.root_dir={folder}"),
            "--LabApp.expose_app_in_browser=True",
            f"--IdentityProvider.token={token}",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        address = re.compile(r"(http://127\.0\.0\.1:\d+)/lab")
        found = next(match for line in lines if (match := address.search(line)))
        # What the server goes on to say must not fill the pipe.
        Thread(target=lambda: list(lines), daemon=True).start()
        server = Server(found[1], token)
        server.wait_until_it_answers()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
