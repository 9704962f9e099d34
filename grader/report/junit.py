"""The JUnit form of reports, for CI systems: a suite a lesson, a test case a graded test.

Lost points are a failure, what needs a GPU is skipped, what the grader could not judge is an
error: the same three kinds that the exit codes tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from grader.report.clean import clean, one_line
from grader.report.findings import cases_sentence, excerpt, hint_of, source
from grader.report.words import WORDS, number, points
from grader.results import Report, Status, TestResult

_ELEMENTS = {
    Status.DEFERRED: "skipped",
    Status.INCONCLUSIVE: "error",
    Status.GRADER_ERROR: "error",
}


def dump(reports: Sequence[Report]) -> str:
    """Reports as a JUnit XML document."""
    root = Element("testsuites", name="grade")
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for report in reports:
        for name, many in _suite(root, report).items():
            totals[name] += many
    for name, many in totals.items():
        root.set(name, str(many))
    root.set("time", f"{sum(report.duration_s for report in reports):.3f}")
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(root: Element, report: Report) -> dict[str, int]:
    """Add a lesson; returns its counts."""
    suite = SubElement(root, "testsuite", name=report.lesson, time=f"{report.duration_s:.3f}")
    properties = SubElement(suite, "properties")
    for name, value in (
        ("score", number(report.score)),
        ("max_score", number(report.max_score)),
        ("deferred_points", number(report.deferred_points)),
        ("device", f"{report.device.kind} {report.device.name}"),
        ("sandbox", report.sandbox),
        ("seed", report.seed),
    ):
        SubElement(properties, "property", name=name, value=one_line(value))
    lines = source(report)
    found = [_test_case(suite, report, lines, test) for test in report.tests]
    counts = {
        "tests": len(found),
        "failures": found.count("failure"),
        "errors": found.count("error"),
        "skipped": found.count("skipped"),
    }
    for name, many in counts.items():
        suite.set(name, str(many))
    return counts


def _test_case(suite: Element, report: Report, lines: list[str], test: TestResult) -> str | None:
    """Add a test; returns the name of the element that says it is not passed."""
    spent = sum(case.duration_s for case in test.cases)
    attributes = {"name": test.id, "classname": report.lesson, "time": f"{spent:.3f}"}
    element = SubElement(suite, "testcase", attributes)
    if test.status is Status.PASSED:
        return None
    why = test.diagnosis
    if why is not None and why.line is not None:
        element.set("file", one_line(report.file, 1000))
        element.set("line", str(why.line))
    name = _ELEMENTS.get(test.status, "failure")
    word = WORDS[test.status].text
    outcome = SubElement(element, name, message=one_line(why.message if why else word))
    if name != "skipped":
        outcome.set("type", one_line(why.kind if why else word))
    outcome.text = _body(report, lines, test)
    return name


def _body(report: Report, lines: list[str], test: TestResult) -> str:
    """Everything that the terminal tells about a test, as plain text."""
    word = WORDS[test.status].text
    parts = [f"{test.title}: {word}, {points(test)} points"]
    why = test.diagnosis
    if why is not None:
        parts.append(why.message)
        parts += [f"{report.file}:{code.number}: {code.text}" for code in excerpt(lines, why.line)]
    sentence = cases_sentence(test)
    if sentence:
        parts.append(sentence)
    nudge = hint_of(test)
    if nudge:
        parts.append(f"hint: {nudge}")
    return "\n".join(clean(part) for part in parts)
