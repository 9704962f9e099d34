"""Tables for notebooks: HTML that takes the colours of the page, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Table:
    """Rows under headings; as the last expression of a cell it is displayed.

    Attributes:
        headings: One a column.
        rows: Texts, as many in each row as there are headings.
        title: Stands above.
        note: Stands below: where the figures come from, what they do not say.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    note: str = ""

    def __str__(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.headings))]
        texts = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines]
        texts.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*_given(self.title), *(t.rstrip() for t in texts), *_given(self.note)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(text)}</th>" for text in self.headings)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows)
        title = f"<p><b>{escape(self.title)}</b></p>" if self.title else ""
        note = f"<p><i>{escape(self.note)}</i></p>" if self.note else ""
        return f"{title}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def _cell(text: str) -> str:
    return f'<td style="text-align: left">{escape(text)}</td>'


def _given(text: str) -> list[str]:
    return [text] if text else []
