"""The text of a submission: read once, parsed, never executed in the judge."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class SubmissionSource:
    """The text of a submission, never executed in the judge.

    Attributes:
        path: The student's file.
        content: What it held when the run started; later edits do not matter.
    """

    path: Path
    content: bytes

    @staticmethod
    def read(path: Path) -> SubmissionSource:
        """Read the file once, for the whole run."""
        return SubmissionSource(path, path.read_bytes())

    @cached_property
    def text(self) -> str:
        """The content as Python reads it; what is no text comes out as replacement characters."""
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(self.content).readline)
            return self.content.decode(encoding, errors="replace")
        except (SyntaxError, LookupError, ValueError):  # no encoding that Python takes
            return self.content.decode("utf-8", errors="replace")

    @property
    def syntax_error(self) -> SyntaxError | None:
        """Why the text is not Python, ``None`` when it is."""
        return self._parsed if isinstance(self._parsed, SyntaxError) else None

    def parameters(self, function: str) -> list[str]:
        """Parameter names of a module-level function, empty if it is not defined."""
        if isinstance(self._parsed, SyntaxError):
            return []
        for node in self._parsed.body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return [parameter.arg for parameter in node.args.posonlyargs + node.args.args]
        return []

    @cached_property
    def _parsed(self) -> ast.Module | SyntaxError:
        """The syntax tree, or why there is none; every call of a run asks for it."""
        try:
            return ast.parse(self.content)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError) as error:
            return SyntaxError(str(error) or "the code is nested too deep")
