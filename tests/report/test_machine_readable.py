"""JSON, JUnit and HTML: forms that programs and browsers read."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from grader.report import html, json_report, junit
from grader.results import CaseResult, Diagnosis, Status, TestResult
from tests.report.samples import (
    SUBMISSION,
    case,
    deferred,
    diagnosis,
    failed,
    one,
    passed,
    report,
    timed,
)

EVIL = "</pre><script>alert(1)</script>\x1b[31m & \"quoted\" \x00 ]]> 'x'"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A submission with a line that tries to leave its quotes."""
    path = tmp_path / "lesson01.py"
    path.write_text(SUBMISSION + f"# {EVIL}\n")
    return path


def test_one_lesson_is_an_object_and_several_are_an_array() -> None:
    found = report(passed())
    assert json.loads(json_report.dump([found], as_list=False)) == found.to_json()
    assert json.loads(json_report.dump([found, found], as_list=True)) == [found.to_json()] * 2
    assert json.loads(json_report.dump([], as_list=True)) == []
    with pytest.raises(ValueError, match="2 reports"):
        json_report.dump([found, found], as_list=False)


def test_json_holds_no_nan_and_no_raw_surrogate() -> None:
    timing = {"ratio": float("nan"), "samples": (1.0, float("inf"))}
    why = diagnosis(message="\ud800")
    test = TestResult("t", "T", 1, (CaseResult("", Status.SLOW, why, timing=timing),))
    text = json_report.dump([report(test)], as_list=False)
    assert text.isascii()
    told = json.loads(text)["tests"][0]
    assert told["timing"] == {"ratio": None, "samples": [1.0, None]}


def test_junit_tells_lost_points_what_waits_and_what_the_grader_owes_apart(file: Path) -> None:
    tests = (
        passed("a"),
        failed("b"),
        one(Status.SLOW, "c", diagnosis("slow", "Too slow", None)),
        deferred("d"),
        one(Status.GRADER_ERROR, "e", diagnosis("grader-error", "Oracle", None)),
        one(Status.INCONCLUSIVE, "f"),
    )
    suite = ElementTree.fromstring(junit.dump([report(*tests, file=file)])).find("testsuite")
    assert suite is not None
    kinds = {
        element.get("name"): [child.tag for child in element] for element in suite.iter("testcase")
    }
    assert kinds == {
        "a": [], "b": ["failure"], "c": ["failure"], "d": ["skipped"], "e": ["error"],
        "f": ["error"],
    }  # fmt: skip
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "errors": "2", "skipped": "1"}


def test_junit_points_to_the_line_of_the_submission(file: Path) -> None:
    root = ElementTree.fromstring(junit.dump([report(failed(), file=file)]))
    element = root.find(".//testcase")
    failure = root.find(".//failure")
    assert element is not None
    assert failure is not None
    assert (element.get("file"), element.get("line")) == (str(file), "12")
    assert failure.get("type") == "missing-store-mask"
    assert "tl.store(z_ptr + offsets, x)" in (failure.text or "")


def test_junit_is_well_formed_whatever_a_student_prints(file: Path) -> None:
    why = diagnosis(message=EVIL + "\ud800\ufffe", line=13)
    text = junit.dump([report(failed(why=why), file=file)])
    ElementTree.fromstring(text.encode())


class _Page(HTMLParser):
    """Collects tags, checking that each is closed in order."""

    VOID = frozenset({"meta", "col", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str) -> _Page:
    """The page, which must be well nested."""
    page = _Page()
    page.feed(text)
    assert page.open == []
    return page


def test_html_escapes_everything_that_a_student_chose(file: Path) -> None:
    why = diagnosis(message=EVIL, line=13, hint=EVIL)
    cases = case(Status.FAILED, EVIL, why), case(id="fine")
    page = parsed(html.document([report(TestResult("t", EVIL, 2, cases), file=file)]))
    assert "script" not in page.seen
    assert page.text.count("<script>alert(1)</script>") >= 4
    assert not set(page.text) & {"\x00", "\x1b"}


def test_html_needs_nothing_from_elsewhere(file: Path) -> None:
    text = html.document([report(passed(), failed(), file=file)])
    assert parsed(text).links == []
    assert "url(" not in text
    assert "@import" not in text


def test_every_style_rule_of_the_fragment_stays_below_its_root() -> None:
    style = re.search(r"<style>(.*?)</style>", html.fragment([report(passed())]), re.DOTALL)
    assert style is not None
    text = re.sub(r"/\*.*?\*/", "", style[1], flags=re.DOTALL)
    selectors = [part for part in re.findall(r"([^{};]+)\{", text) if "@media" not in part]
    assert selectors
    for selector in ",".join(selectors).split(","):
        assert selector.strip().startswith(".grade-report")


def test_html_gives_each_verdict_a_word_and_the_code_around_the_line(file: Path) -> None:
    tests = [one(status, status.value, diagnosis(line=11)) for status in Status]
    page = parsed(html.document([report(*tests, file=file)]))
    for status in Status:
        assert status.value.replace("_", " ") in page.text
    assert "11      x = tl.load(x_ptr + offsets)" in page.text
    assert " 9      # TODO: add one block" in page.text


def test_html_tells_a_shared_cause_once(file: Path) -> None:
    why = Diagnosis("syntax-error", "'(' was never closed", 11)
    tests = [one(Status.FAILED, f"t{at}", why) for at in range(3)]
    assert parsed(html.document([report(*tests, file=file)])).text.count("never closed") == 1


def test_html_tells_a_mistake_once_and_points_back_to_it(file: Path) -> None:
    tests = passed(), failed("a", "First"), failed("b", "Second")
    text = parsed(html.document([report(*tests, file=file)])).text
    assert text.count("past the end") == 1
    assert "Same cause as: First" in text


def test_html_shows_code_in_hints_as_code(file: Path) -> None:
    why = diagnosis(hint="Is `mask` <b>true</b>?")
    text = html.document([report(passed(), failed(why=why), file=file)])
    assert "Is <code>mask</code> &lt;b&gt;true&lt;/b&gt;?" in text


def test_html_tells_a_measured_speed(file: Path) -> None:
    page = parsed(html.document([report(timed(), file=file)]))
    assert "0.99× the speed of torch_add" in page.text


def test_html_of_several_lessons_is_one_page(file: Path) -> None:
    page = parsed(html.document([report(passed(), file=file)] * 3))
    assert page.seen.count("section") == 3
    assert page.seen.count("style") == 2
