"""A figure with sliders: redrawn as they move, and still a figure where there is nobody to.

With ipywidgets and a live kernel each parameter becomes a slider. In a notebook executed for
readers, and without ipywidgets, the first choice of each parameter is shown.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from grader.lab.device import is_static
from grader.lab.style import Picture


def widget_or_picture(
    widget: Callable[[], Any], picture: Picture, remark: str, **kwargs: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook shows: a widget where it lives, and the picture everywhere else.

    Args:
        widget: Makes the widget.
        picture: The picture.
        remark: Follows the picture's description where only text is shown.
        **kwargs: What IPython asks for.
    """
    data, about = picture._repr_mimebundle_(**kwargs)
    data["text/plain"] += remark
    if is_static() or importlib.util.find_spec("ipywidgets") is None:
        return data, about
    live = widget()._repr_mimebundle_()
    return {**data, **{k: v for k, v in live.items() if k != "text/plain"}}, about


class Explorer:
    """A drawing function with choices for its parameters; displayed as sliders and a picture.

    Args:
        draw: Gives a picture, from one keyword argument for each parameter.
        choices: The values of each parameter.
        start: Where each slider stands at first; its first choice if not named.
    """

    def __init__(
        self,
        draw: Callable[..., Picture],
        choices: dict[str, Sequence[Any]],
        start: dict[str, Any],
    ) -> None:
        self._draw = draw
        self._choices = {name: list(values) for name, values in choices.items()}
        self._now = {name: start.get(name, values[0]) for name, values in choices.items()}
        for name, value in self._now.items():
            if value not in self._choices[name]:
                raise ValueError(f"{name} starts at {value!r}, which is none of its choices")

    def picture(self, **values: Any) -> Picture:
        """The picture at given values; sliders that are not named stay where they are."""
        return self._draw(**{**self._now, **values})

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        told = ", ".join(f"{name}={value}" for name, value in self._now.items())
        remark = f" at {told}; sliders need a running notebook"
        return widget_or_picture(self._widget, self.picture(), remark, **kwargs)

    def _widget(self) -> Any:
        import ipywidgets

        image = ipywidgets.Image(value=self.picture().png(), format="png")
        image.layout.max_width = "100%"
        sliders = [self._slider(name, image) for name in self._choices]
        return ipywidgets.VBox([ipywidgets.HBox(sliders), image])

    def _slider(self, name: str, image: Any) -> Any:
        import ipywidgets

        slider = ipywidgets.SelectionSlider(
            options=self._choices[name],
            value=self._now[name],
            description=name,
            continuous_update=False,
        )

        def moved(change: Any) -> None:
            self._now[name] = change["new"]
            image.value = self.picture().png()

        slider.observe(moved, names="value")
        return slider


def explore(
    draw: Callable[..., Picture], *, start: dict[str, Any] | None = None, **choices: Sequence[Any]
) -> Explorer:
    """Sliders for the parameters of a function that draws.

    Args:
        draw: Gives a picture, from one keyword argument for each parameter.
        start: Where sliders stand at first; their first choice if not named.
        choices: The values of each parameter: ``BLOCK=[64, 128, 256]``.
    """
    return Explorer(draw, dict(choices), start or {})
