"""How text reaches a terminal: cleaned, without markup, in the characters that it can show."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.box import ASCII, ROUNDED, Box
from rich.console import Console
from rich.text import Text

from grader.report.clean import clean, to_ascii
from grader.report.words import WORDS
from grader.results import Status


@dataclass(frozen=True)
class Ink:
    """The characters that a terminal has; every text of a report passes through here.

    Texts become ``rich.text.Text``, which knows no markup: ``[red]`` in a student's message
    stays five characters.
    """

    ascii: bool

    @staticmethod
    def of(console: Console) -> Ink:
        """What this console can show; a Linux console has none of the marks either."""
        unicode = console.encoding.lower().startswith("utf") and os.environ.get("TERM") != "linux"
        return Ink(ascii=not unicode)

    def plain(self, text: str) -> str:
        """The cleaned text in the terminal's own characters."""
        shown = clean(text)
        return to_ascii(shown) if self.ascii else shown

    def text(self, text: str, style: str = "") -> Text:
        """The cleaned text, wrapped at the terminal's width."""
        return Text(self.plain(text), style=style)

    def code(self, text: str, style: str = "") -> Text:
        """A line of code: never wrapped, cut at the terminal's width."""
        shown = Text(self.plain(text), style=style, no_wrap=True)
        shown.overflow = "crop" if self.ascii else "ellipsis"
        return shown

    def mark(self, status: Status) -> str:
        """The one-cell mark of a status."""
        word = WORDS[status]
        return word.plain if self.ascii else word.mark

    @property
    def box(self) -> Box:
        """The frame of a panel."""
        return ASCII if self.ascii else ROUNDED

    @property
    def bar(self) -> tuple[str, str, str]:
        """The cells of a points bar: earned, pending, open."""
        return ("#", "?", ".") if self.ascii else ("█", "▒", "░")

    @property
    def spinner(self) -> str:
        """Name of the spinner that this terminal can draw."""
        return "line" if self.ascii else "dots"
