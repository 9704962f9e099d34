"""Headless Chromium, driven through its DevTools protocol: open a page, ask it, photograph it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import websocket

WAITING_S = 90.0
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@dataclass
class Page:
    """One tab. Each method waits until the browser has answered."""

    socket: websocket.WebSocket
    session: str
    numbers: Iterator[int] = field(default_factory=lambda: count(1000))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the browser for something, and wait for its answer."""
        return _ask(self.socket, next(self.numbers), method, parameters, self.session)

    def open(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; of what a promise resolves to."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> Any:
        """The value of an expression as soon as it is true; the page looks at every change."""
        watch = f"""new Promise((resolve, reject) => {{
            const look = () => {{
                let found = null;
                try {{ found = {condition}; }} catch (error) {{ }}
                if (found) {{ resolve(found); return true; }}
                return false;
            }};
            if (look()) return;
            const observer = new MutationObserver(() => {{ if (look()) observer.disconnect(); }});
            const all = {{subtree: true, childList: true, attributes: true, characterData: true}};
            observer.observe(document, all);
            setTimeout(() => reject(new Error("never came true")), {WAITING_S * 1000});
        }})"""
        return self.evaluate(watch)

    def text(self) -> str:
        """What a reader sees, blanks run together."""
        return re.sub(r"\s+", " ", str(self.evaluate("document.body.innerText")))

    def photograph(self, path: Path) -> None:
        """Write what is seen to a PNG file."""
        image = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(image))


def _ask(
    socket: websocket.WebSocket,
    number: int,
    method: str,
    parameters: dict[str, Any],
    session: str | None = None,
) -> dict[str, Any]:
    message = {"id": number, "method": method, "params": parameters}
    socket.send(json.dumps({**message, **({"sessionId": session} if session else {})}))
    while True:
        answer = json.loads(socket.recv())
        if answer.get("id") == number:
            assert "error" not in answer, answer
            result: dict[str, Any] = answer["result"]
            return result


@contextlib.contextmanager
def new_page(folder: Path, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """A tab of a browser of its own.

    Args:
        folder: For the browser's profile.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
    """
    process = subprocess.Popen(
        [
            str(chromium()),
            "--headless=new",
            "--no-sandbox",  # as root, and in containers; the pages are our own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-port=0",
            "--remote-allow-origins=*",
            f"--user-data-dir={folder}",
            f"--window-size={width},{height}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        address = next(match[1] for line in lines if (match := re.search(r"(ws://\S+)", line)))
        socket = websocket.create_connection(address, timeout=WAITING_S + 30)
        tab = _ask(socket, 1, "Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = _ask(socket, 2, "Target.attachToTarget", {"targetId": tab, "flatten": True})
        page = Page(socket, attached["sessionId"])
        page.send("Page.enable")
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        yield page
        socket.close()
    finally:
        process.terminate()
        process.wait(30)
