from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from grader.judge.source import SubmissionSource


def source(content: bytes | str) -> SubmissionSource:
    raw = content.encode() if isinstance(content, str) else content
    return SubmissionSource(Path("lesson01.py"), raw)


def test_later_edits_of_the_file_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "lesson01.py"
    path.write_text("x = 1\n")
    read = SubmissionSource.read(path)
    path.write_text("x = 2\n")
    assert read.text == "x = 1\n"


def test_parameters_are_named_in_their_order() -> None:
    text = "def add(x, /, y, z=1, *rest, w=2):\n    pass\n\ndef other(a):\n    pass\n"
    assert source(text).parameters("add") == ["x", "y", "z"]
    assert source(text).parameters("other") == ["a"]
    assert source(text).parameters("absent") == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing but a comment",
        "x = 1\r\ny = 2\r\n",
        codecs.BOM_UTF8 + b"def f(a):\n    pass\n",
        "# -*- coding: latin-1 -*-\nä = 'ö'\n".encode("latin-1"),
        "def f():\n    return '\U0001f600'\n",
    ],
    ids=["empty", "comment", "crlf", "bom", "latin-1", "emoji"],
)
def test_a_file_that_python_takes_has_no_syntax_error(content: bytes | str) -> None:
    assert source(content).syntax_error is None


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("x = 1\ndef f(:\n", 2),
        ("  x = 1\n", 1),
        ("def f():\n", 1),
        ("x = (\n", 1),
        (b"x = 1\ny = '\xe4'\n", None),
        (b"x = '\0'\n", None),
        ("x = 1".encode("utf-16"), None),
        (b"# -*- coding: nonsense -*-\n", None),
        ("x = " + "9" * 5000 + "\n", 1),
        ("-" * 100_000 + "1", None),
        ("(" * 1000, None),
        ("x = a" + ".b" * 20_000, None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_file_that_is_no_python_says_so_and_never_raises(
    content: bytes | str, line: int | None
) -> None:
    error = source(content).syntax_error
    assert isinstance(error, SyntaxError)
    assert error.msg
    if line is not None:
        assert error.lineno == line


@pytest.mark.parametrize("content", [b"\xff\xfe\xfa", b"x = '\xe4'", "ä".encode("latin-1")])
def test_bytes_that_are_no_utf8_can_still_be_shown(content: bytes) -> None:
    assert isinstance(source(content).text, str)


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + b"def f(a, b):\n    pass\n",
        "# -*- coding: latin-1 -*-\nä = 1\ndef f(a, b):\n    pass\n".encode("latin-1"),
    ],
    ids=["bom", "latin-1"],
)
def test_the_text_is_what_python_reads_in_the_files_own_encoding(content: bytes) -> None:
    assert source(content).parameters("f") == ["a", "b"]
    assert "\ufeff" not in source(content).text
    assert "\ufffd" not in source(content).text
