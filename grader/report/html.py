"""The HTML form of reports: one file, no external resource, light and dark.

``fragment`` is for embedding (feedback of nbgrader, a notebook's output): its style holds only
below ``.grade-report``. ``document`` is a whole page. Every text passes through ``_text``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from grader.report.clean import clean
from grader.report.findings import (
    CodeLine,
    cases_sentence,
    excerpt,
    first_todo,
    further_diagnoses,
    hint_of,
    nothing_started,
    same_place,
    score_sentence,
    shared_cause,
    source,
)
from grader.report.measurements import kernel_lines, measured_lines
from grader.report.roofline_plot import roofline_svg
from grader.report.words import WORDS, count, duration, points
from grader.results import Diagnosis, Report, Status, TestResult

AROUND = 2  # lines of context above and below the line that a diagnosis points to


def document(reports: Sequence[Report]) -> str:
    """A complete page that holds these reports."""
    title = _text(", ".join(report.title for report in reports) or "Grading report")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n"
        "<style>body { margin: 0; background: Canvas; }</style>\n"
        f"</head>\n<body>\n{fragment(reports)}</body>\n</html>\n"
    )


def fragment(reports: Sequence[Report]) -> str:
    """The reports as one element, with the style that belongs to it."""
    style = (files("grader.report") / "report.css").read_text(encoding="utf-8")
    body = "".join(_section(report) for report in reports)
    return f'<div class="grade-report">\n<style>\n{style}</style>\n{body}</div>\n'


def _text(value: str) -> str:
    return html.escape(clean(value), quote=True)


def _with_code(value: str) -> str:
    """A text of the course, in which backticks mark code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(value))


def _section(report: Report) -> str:
    lines = source(report)
    cause = shared_cause(report)
    parts = [_header(report)]
    if cause is not None:
        parts.append(_cause(report, lines, cause))
    elif nothing_started(report):
        parts.append(_start(report, lines))
    parts.append(_table(report, lines, explained=cause is not None))
    parts.append(_kernels(report))
    parts.append(_footer(report))
    return f"<section>\n{''.join(parts)}</section>\n"


def _header(report: Report) -> str:
    whole = report.max_score or 1
    earned = 100 * report.score / whole
    pending = 100 * report.deferred_points / whole
    names = f"{report.lesson} · {Path(report.file).name}"
    badges = "".join(f'<p class="badge">Badge: {_text(each.title)}</p>\n' for each in report.badges)
    return (
        f"<header>\n<h1>{_text(report.title)}</h1>\n"
        f'<p class="faint"><code>{_text(names)}</code></p>\n'
        f'<p class="score">Score {_text(score_sentence(report))}</p>\n{badges}'
        f'<div class="bar" aria-hidden="true"><i class="earned" style="width:{earned:.1f}%"></i>'
        f'<i class="pending" style="width:{pending:.1f}%"></i></div>\n</header>\n'
    )


def _cause(report: Report, lines: list[str], cause: Diagnosis) -> str:
    name = Path(report.file).name
    where = f"{name}, line {cause.line}" if cause.line else name
    return (
        f'<div class="notice cause" role="note">\n<h2>{_text(where)}</h2>\n'
        f'<p class="message">{_text(cause.message)}</p>\n{_code(lines, cause.line)}'
        f"<p>Every test waits for this one thing: fix it first.</p>\n"
        f'<p class="faint"><code>{_text(cause.kind)}</code></p>\n</div>\n'
    )


def _start(report: Report, lines: list[str]) -> str:
    todo = first_todo(lines)
    name = _text(Path(report.file).name)
    first = f"Open <code>{name}</code>"
    if todo is not None:
        first += f" at line {todo.number}: <code>{_text(todo.text)}</code>"
    return (
        '<div class="notice" role="note">\n<h2>Nothing is written yet. Start here:</h2>\n'
        f"<p>{first}</p>\n"
        f"<p>Stuck? <code>grade {_text(report.lesson)} --hint</code></p>\n</div>\n"
    )


def _table(report: Report, lines: list[str], *, explained: bool) -> str:
    """All tests; those that a cause told above explains stand without details."""
    rows = "".join(
        _row(test, [] if explained and test.status.is_judged else details)
        for test, details in _with_details(report.tests, lines)
    )
    return (
        '<table>\n<colgroup><col class="result"><col class="worth"><col></colgroup>\n'
        '<thead><tr><th scope="col">Result</th>'
        '<th scope="col" class="points">Points</th><th scope="col">Test</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _with_details(
    tests: Sequence[TestResult], lines: list[str]
) -> Iterator[tuple[TestResult, list[str]]]:
    for at, test in enumerate(tests):
        yield test, [*_details(test, tests[:at], lines), *_measured(test)]


def _measured(test: TestResult) -> Iterator[str]:
    """Speed and traffic in words, and the figure where there is enough to draw."""
    for line in measured_lines(test):
        yield f'<p class="measured">{_text(line)}</p>'
    if test.timing is not None:
        yield roofline_svg(test.timing, f"roofline-{test.id}") or ""


def _row(test: TestResult, details: Sequence[str]) -> str:
    word = WORDS[test.status]
    return (
        f'<tr><th scope="row" class="verdict {word.tone}">'
        f'<span class="mark" aria-hidden="true">{word.mark}</span>{word.text}</th>'
        f'<td class="points">{points(test)}</td>'
        f'<td class="what"><span class="title">{_text(test.title)}</span>'
        f'<code class="faint">{_text(test.id)}</code>{"".join(details)}</td></tr>\n'
    )


def _details(test: TestResult, above: Sequence[TestResult], lines: list[str]) -> Iterator[str]:
    """What stands below a test's title: message, code, cases, hint."""
    why = test.diagnosis
    if why is None or test.status in (Status.PASSED, Status.NOT_STARTED):
        return
    twin = next((other for other in above if same_place(other.diagnosis, why)), None)
    if twin is not None:
        yield f'<p class="faint">Same cause as: {_text(twin.title)}</p>'
        return
    yield f'<p class="message">{_text(why.message)}</p>'
    if test.status is Status.DEFERRED:
        return
    yield _code(lines, why.line)
    for case, other in further_diagnoses(test):
        yield f'<p class="message">In {_text(case)} also: {_text(other.message)}</p>'
    nudge = hint_of(test)
    if nudge:
        yield f'<p class="hint">Hint: {_with_code(nudge)}</p>'
    yield f'<p class="faint">Diagnosis: <code>{_text(why.kind)}</code></p>'
    yield _cases(test)


def _cases(test: TestResult) -> str:
    sentence = cases_sentence(test)
    if sentence is None:
        return ""
    items = "".join(
        f"<li>{WORDS[case.status].text}: <code>{_text(case.id)}</code></li>" for case in test.cases
    )
    return f"<details><summary>{_text(sentence)}</summary><ul>{items}</ul></details>"


def _code(lines: list[str], line: int | None) -> str:
    shown = excerpt(lines, line, AROUND)
    if not shown:
        return f'<p class="faint">Line {line}</p>' if line else ""
    width = len(str(shown[-1].number))
    shown_lines = "".join(_code_line(code, code.number == line, width) for code in shown)
    return f'<pre tabindex="0">{shown_lines}</pre>\n'


def _code_line(code: CodeLine, here: bool, width: int) -> str:
    text = f"{code.number:>{width}}  {_text(code.text)}"
    return f'<span class="here">{text}</span>' if here else f"<span>{text}</span>"


def _kernels(report: Report) -> str:
    """What compiling the kernels for GPUs gave, where none was at hand."""
    items = "".join(f"<li>{_text(line)}</li>" for line in kernel_lines(report))
    if not items:
        return ""
    return f"<details><summary>Compiled without a GPU</summary><ul>{items}</ul></details>\n"


def _footer(report: Report) -> str:
    kind = "GPU" if report.device.kind == "gpu" else "CPU"
    facts = (
        f"{kind}: {report.device.name}",
        f"sandbox: {report.sandbox}",
        f"seed: {report.seed}",
        count(len(report.tests), "test"),
        duration(report.duration_s),
    )
    return f"<footer>{' · '.join(_text(fact) for fact in facts)}</footer>\n"
