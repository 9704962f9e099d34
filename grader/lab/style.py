"""The look of all figures: one card, one palette, one way to become pixels.

Figures stand on a card of their own, so that they look the same on a light and on a dark page.
The colours are Okabe and Ito's, which colour-blind readers can tell apart; whatever has a colour
has a marker, a hatch or a label as well. Nothing here goes through pyplot: no state is shared
between cells, and no figure is shown twice.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

CARD = "#fbfaf6"
INK = "#1f2328"
MUTED = "#6b7280"
GRID = "#dcdad2"
PAPER = "#ffffff"

# Okabe, Ito: Color Universal Design, 2008; yellow is left out, too pale on the card.
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
PURPLE, SKY, AMBER = "#cc79a7", "#56b4e9", "#e69f00"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "+++")

_DOTS_PER_INCH = 144
_SHOWN_DOTS_PER_INCH = 96
_COLOURS = 128

Box = tuple[float, float, float, float]


class Picture(Figure):
    """A figure that a notebook displays as one small PNG, with its text for those who cannot see.

    Args:
        width: In inches; 9 fills the column of a notebook.
        height: In inches.
        text: What the picture shows, in a sentence.
    """

    def __init__(self, width: float = 9.0, height: float = 3.6, text: str = "") -> None:
        super().__init__(figsize=(width, height), facecolor=CARD, layout="constrained")
        FigureCanvasAgg(self)
        self.says = text

    def panel(self, rows: int = 1, columns: int = 1, index: int = 1, **kwargs: Any) -> Axes:
        """One plot of a grid of plots, styled."""
        axes: Axes = self.add_subplot(rows, columns, index, **kwargs)
        return style(axes)

    def panels(self, rows: int, columns: int, **kwargs: Any) -> list[Axes]:
        """All plots of a grid, row by row, styled."""
        found = self.subplots(rows, columns, squeeze=False, **kwargs)
        return [style(axes) for axes in found.reshape(-1)]

    def footnote(self, text: str) -> None:
        """Small words below: where the figures come from."""
        lines = textwrap.wrap(text, width=round(16 * self.get_figwidth()))
        self.supxlabel("\n".join(lines), fontsize=8, color=MUTED, x=0.01, ha="left")

    def png(self) -> bytes:
        """The picture: few colours are enough, and make the file small."""
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, facecolor=CARD)
        few = Image.open(buffer).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        small = io.BytesIO()
        few.save(small, format="png", optimize=True)
        return small.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        width = round(self.get_figwidth() * _SHOWN_DOTS_PER_INCH)
        about = {"width": width, "alt": self.says}
        data = {"image/png": self.png(), "text/plain": f"[figure: {self.says}]"}
        return data, {"image/png": about}


def style(axes: Axes) -> Axes:
    """Give axes the house style."""
    axes.set_facecolor(CARD)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for item in (axes.title, axes.xaxis.label, axes.yaxis.label):
        item.set_color(INK)
    axes.title.set_fontsize(11)
    return axes


def bare(axes: Axes) -> Axes:
    """A drawing without scales."""
    axes.set_axis_off()
    return axes


def looks() -> Iterator[dict[str, Any]]:
    """Colour and marker of one series after the other; endless, and different for long enough."""
    number = 0
    while True:
        turn = number // len(PALETTE)
        yield {
            "color": PALETTE[number % len(PALETTE)],
            "marker": MARKERS[(number + turn) % len(MARKERS)],
        }
        number += 1


def legend(axes: Axes, **kwargs: Any) -> None:
    """A legend on a piece of the card, so that lines behind it do not disturb."""
    plain = {"facecolor": CARD, "edgecolor": "none", "framealpha": 0.85}
    axes.legend(**{**plain, "fontsize": 9, "labelcolor": INK, **kwargs})


def on_colour(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour."""
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else PAPER


def power_ticks(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis of sizes, with the sizes as ticks: 64 Ki, 1 Mi."""
    axes.set_xscale("log", base=2)
    step = max(1, -(-len(values) // 8))
    axes.set_xticks(values[::step], [binary(value) for value in values[::step]])
    axes.minorticks_off()


def binary(count: float) -> str:
    """A count with a binary prefix: ``64 Ki``; exact ones only, others stay as they are."""
    for prefix, factor in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)):
        if count >= factor and count % factor == 0:
            return f"{count / factor:g} {prefix}"
    return f"{count:,.0f}" if count == int(count) else f"{count:g}"
