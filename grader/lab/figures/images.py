"""Matrices as grey pictures beside each other: masks, noise, scenes, differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.lab.style import MUTED, Picture


def images(
    matrices: Mapping[str, Any], *, low: float = 0.0, high: float = 1.0, note: str = ""
) -> Picture:
    """Matrices side by side, one grey scale for all.

    Args:
        matrices: Tensors [rows, columns] by title.
        low: What is shown black; below it, too.
        high: What is shown white; above it, too.
        note: A line below.
    """
    data = {title: _array(values) for title, values in matrices.items()}
    tallest = max(values.shape[0] / values.shape[1] for values in data.values())
    height = min(4.5, 0.35 + 0.25 * bool(note) + 9 / len(data) * tallest)
    made = Picture(9, height, f"Side by side, in grey: {', '.join(data)}")
    for axes, (title, values) in zip(made.panels(1, len(data)), data.items(), strict=True):
        axes.imshow(values, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        axes.set_title(title, loc="left", fontsize=9)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(True)
            side.set_color(MUTED)
    if note:
        made.footnote(note)
    return made


def _array(values: Any) -> Any:
    return values.detach().float().cpu().numpy()
