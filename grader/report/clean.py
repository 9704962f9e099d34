"""Text that a student's program may have chosen, made safe to show.

A message or a source line can carry terminal escapes, control characters, text-direction
overrides or lone surrogates. What leaves here holds printable characters, newlines and
nothing else, so that it can neither steer a terminal nor break HTML or XML.
"""

from __future__ import annotations

import re
import unicodedata

_ESCAPE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating-system command: titles, links
    r"|\x1b[P^_X][^\x1b]*(?:\x1b\\)?"  # device control and other strings
    r"|[\x1b][\[][0-?]*[ -/]*[@-~]?"  # control sequence: colours, cursor
    r"|\x9b[0-?]*[ -/]*[@-~]?"  # the same, introduced by one 8-bit character
    r"|\x1b[ -/]*[0-~]?"  # two-character escapes
)
_TAB = 4
# Cc control, Cf format (direction overrides, zero-width), Cs surrogate, Cn unassigned.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_ASCII = str.maketrans(
    {
        "…": "...", "–": "-", "—": "-", "·": "-", "×": "x", "≥": ">=", "≤": "<=", "≠": "!=",
        "→": "->", "“": '"', "”": '"', "‘": "'", "’": "'", "µ": "u", "−": "-", "²": "2",
    }
)  # fmt: skip


def clean(text: str, limit: int = 2000) -> str:
    """The printable part of a text, cut after ``limit`` characters with a word about it."""
    shown = text[: limit * 4]  # an escape may be long, but nobody reads a megabyte
    shown = _ESCAPE.sub("", shown).expandtabs(_TAB).replace("\r\n", "\n")
    shown = "".join(letter for letter in shown if letter == "\n" or _is_printable(letter))
    if len(shown) <= limit and len(text) <= limit * 4:
        return shown
    return f"{shown[:limit]}… (cut: {len(text):,} characters in all)"


def one_line(text: str, limit: int = 200) -> str:
    """A cleaned text on a single line, cut with an ellipsis."""
    line = " ".join(clean(text, limit * 4).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def to_ascii(text: str) -> str:
    """The text for a terminal that shows nothing but ASCII."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_ASCII))
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode("ascii")


def _is_printable(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable()
    return unicodedata.category(letter) not in _UNPRINTABLE
