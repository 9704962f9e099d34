from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grader.protocol.frames import MAX_FRAME_BYTES, Message
from grader.worker.loading import SubmissionRaised, describe, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a submission is written before it is loaded."""
    return tmp_path / "submitted_file.py"


def error_of(file: Path, text: str | bytes, call: str | None = None) -> Message:
    """How an error at import, or of the named function, is described."""
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        module = load(file)
        assert call is not None, "the import was to fail"
        getattr(module, call)()
    except SubmissionRaised as raised:
        return describe(raised, file)
    except Exception as error:
        return describe(error, file)
    finally:
        sys.modules.pop(file.stem, None)
    raise AssertionError("nothing was raised")


def test_a_file_is_imported_under_its_own_name(file: Path) -> None:
    file.write_text("def name():\n    return __name__, __file__\n")
    assert load(file).name() == ("submitted_file", str(file))
    assert sys.modules.pop("submitted_file").__file__ == str(file)


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("x = 1\nx = = 2\n", "SyntaxError", 2),
        ("def f():\nreturn 1\n", "IndentationError", 2),
        ("\n\nimport absent_module_of_nobody\n", "ModuleNotFoundError", 3),
        ("from os import absent\n", "ImportError", 1),
        ("def f():\n    return 1 / 0\n\nf()\n", "ZeroDivisionError", 2),
        ("import sys\nsys.exit(4)\n", "SystemExit", 2),
        (b"x = 1\ny = '\xe4'\n", "SyntaxError", 2),
    ],
)
def test_an_error_at_import_has_its_type_and_line(
    file: Path, text: str | bytes, kind: str, line: int
) -> None:
    error = error_of(file, text)
    assert (error["type"], error["line"]) == (kind, line)
    assert error["compile"] is False


def test_the_innermost_line_of_the_file_is_told_with_its_text(file: Path) -> None:
    text = "import json\n\ndef f():\n    g()\n\ndef g():\n    json.loads('{')  # here\n"
    error = error_of(file, text, call="f")
    assert (error["line"], error["source"]) == (7, "json.loads('{')  # here")


def test_the_innermost_cause_says_what_happened(file: Path) -> None:
    text = (
        "def f():\n"
        "    try:\n"
        "        {}['key']\n"
        "    except KeyError as error:\n"
        "        raise RuntimeError('outer') from error\n"
    )
    error = error_of(file, text, call="f")
    assert (error["type"], error["message"], error["line"]) == ("KeyError", "'key'", 3)


def test_causes_that_go_in_a_circle_come_to_an_end(file: Path) -> None:
    text = (
        "def f():\n"
        "    one, two = ValueError('one'), ValueError('two')\n"
        "    one.__cause__, two.__cause__ = two, one\n"
        "    raise one\n"
    )
    assert error_of(file, text, call="f")["type"] == "ValueError"


def test_an_exception_from_elsewhere_has_no_line(file: Path) -> None:
    error = describe(ValueError("from nowhere"), file)
    assert (error["line"], error["source"]) == (None, None)


@pytest.mark.parametrize(
    "body", ["raise RuntimeError('in __str__')", "return 5", "return self.absent"]
)
def test_an_exception_that_cannot_print_itself_is_described_all_the_same(
    file: Path, body: str
) -> None:
    text = (
        "class Mute(Exception):\n"
        f"    def __str__(self):\n        {body}\n\n"
        "def f():\n    raise Mute\n"
    )
    error = error_of(file, text, call="f")
    assert (error["type"], error["line"]) == ("Mute", 6)
    assert "could not be read" in error["message"]


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    raise ValueError('x' * 10_000_000)\n",
        "def f():\n    raise type('N' * 10_000_000, (Exception,), {})\n",
        "def f():\n    assert False, '" + "y" * 2_000_000 + "'\n",
    ],
    ids=["message", "type", "line"],
)
def test_no_part_of_an_exception_is_longer_than_a_frame(file: Path, text: str) -> None:
    error = error_of(file, text, call="f")
    assert sum(len(str(value)) for value in error.values()) < MAX_FRAME_BYTES / 6
