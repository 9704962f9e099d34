"""Two answers to choose from, a button each: what a user's clicks do, seen at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from grader.lab.exercise import Unfinished, explain
from grader.lab.explore import widget_or_picture
from grader.lab.style import Picture

T = TypeVar("T")


class Duel(Generic[T]):
    """Pairs of answers, one after the other; each click is passed on and the picture redrawn.

    Where there is nobody to click, it is the picture alone.

    Args:
        ask: Gives the next two answers.
        say: An answer in words.
        clicked: Takes the chosen and the rejected answer; may use the student's functions.
        draw: The picture as things stand.
    """

    def __init__(
        self,
        ask: Callable[[], tuple[T, T]],
        say: Callable[[T], str],
        clicked: Callable[[T, T], Any],
        draw: Callable[[], Picture],
    ) -> None:
        self._ask, self._say, self._clicked, self._draw = ask, say, clicked, draw
        self.pair = ask()
        self.clicks = 0
        self.remark = ""

    def choose(self, which: int) -> None:
        """The user's choice: 0 for the first answer, 1 for the second; then comes the next pair."""
        try:
            self._clicked(self.pair[which], self.pair[1 - which])
        except Unfinished as error:
            self.remark = str(error)
            return
        except Exception as error:
            self.remark = explain(error)
            return
        self.remark = ""
        self.clicks += 1
        self.pair = self._ask()

    @property
    def words(self) -> tuple[str, str]:
        """The two answers that are shown."""
        return self._say(self.pair[0]), self._say(self.pair[1])

    def picture(self) -> Picture:
        """What the clicks so far have done."""
        return self._draw()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        remark = "; buttons need a running notebook"
        return widget_or_picture(self._widget, self.picture(), remark, **kwargs)

    def _widget(self) -> Any:
        import ipywidgets

        image = ipywidgets.Image(value=self.picture().png(), format="png")
        image.layout.max_width = "100%"
        told = ipywidgets.Label("Which answer is better?")
        buttons = [ipywidgets.Button(description=words) for words in self.words]

        def pressed(button: Any) -> None:
            self.choose(buttons.index(button))
            for each, words in zip(buttons, self.words, strict=True):
                each.description = words
            told.value = self.remark or f"Clicks so far: {self.clicks}. Which answer is better?"
            image.value = self.picture().png()

        for button in buttons:
            button.layout.width = "18em"
            button.on_click(pressed)
        return ipywidgets.VBox([told, ipywidgets.HBox(buttons), image])


def duel(
    ask: Callable[[], tuple[T, T]],
    say: Callable[[T], str],
    clicked: Callable[[T, T], Any],
    draw: Callable[[], Picture],
) -> Duel[T]:
    """Let the reader choose between two answers, again and again; see ``Duel``."""
    return Duel(ask, say, clicked, draw)
