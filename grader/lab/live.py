"""A line that grows while a loop runs: accuracy as feedback arrives, loss as training goes on."""

from __future__ import annotations

import time
from typing import Any

from grader.lab.device import is_static
from grader.lab.figures.curves import lines
from grader.lab.style import Picture

_REDRAW_SECONDS = 0.25  # a picture takes a tenth of that to draw


class Live:
    """A plot in the cell's output, redrawn as values are added, at most four times a second.

        live = lab.Live(xlabel="batches of feedback", ylabel="accuracy")
        for batch in batches:
            live.add(trained=accuracy(batch))
        live.done()

    Args:
        xlabel: With the unit.
        ylabel: With the unit.
        title: Above the plot.
        level: A horizontal line to compare with, and its name.
    """

    def __init__(
        self,
        xlabel: str,
        ylabel: str,
        title: str = "",
        level: tuple[float, str] | None = None,
    ) -> None:
        self._about: dict[str, Any] = {
            "xlabel": xlabel,
            "ylabel": ylabel,
            "title": title,
            "level": level,
        }
        self._series: dict[str, list[float]] = {}
        self._display: Any = None
        self._drawn = 0.0

    def add(self, **values: float) -> None:
        """One more value of each named series."""
        for name, value in values.items():
            self._series.setdefault(name.replace("_", " "), []).append(float(value))
        if not is_static() and time.monotonic() - self._drawn > _REDRAW_SECONDS:
            self._show()

    def done(self) -> None:
        """Draw what there is, the last time."""
        self._show()

    def picture(self) -> Picture:
        """The plot as it stands."""
        return lines(self._series, **self._about)

    def _show(self) -> None:
        from IPython import display as shown

        display: Any = shown.display

        if self._display is None:
            self._display = display(self.picture(), display_id=True)
        else:
            self._display.update(self.picture())
        self._drawn = time.monotonic()
