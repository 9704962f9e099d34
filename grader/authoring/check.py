"""Whether the files of a lesson agree with each other; runs none of them.

Owns the rules that no single file can enforce: points add up, hints exist, names match,
generated files are fresh. Each problem says where, what and what to do.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from grader.authoring.build import generated_files
from grader.authoring.check_policy import line_in_table, refused_lines, unknown_names
from grader.definitions import is_kernel
from grader.errors import LessonDefinitionError, SolutionMarkersError
from grader.lesson import Course, Lesson
from grader.lesson_tests import LessonTest, all_tests

HINT_STEPS = 3


@dataclass(frozen=True)
class Problem:
    """Something in a lesson that does not fit.

    Attributes:
        where: File and line, ``path:line``, the path relative to the course's root.
        what: What was found and what was expected.
        remedy: What to do.
    """

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """The problem as a command prints it."""
        return f"{self.where}: {self.what} {self.remedy}"


def check(course: Course, lessons: Iterable[Lesson]) -> list[Problem]:
    """All problems of the lessons, in the order of the lessons."""
    return [problem for lesson in lessons for problem in _Checker(course, lesson).problems()]


class _Checker:
    """The rules, for one lesson."""

    def __init__(self, course: Course, lesson: Lesson) -> None:
        self._root = course.root
        self._lesson = lesson
        self._toml = lesson.folder / "lesson.toml"
        self._hints = lesson.folder / "hints.md"

    def problems(self) -> Iterator[Problem]:
        yield from self._generated()
        yield from self._functions()
        yield from self._policy()
        try:
            tests = all_tests(self._lesson)
        except LessonDefinitionError as error:
            files = self._lesson.test_files
            meant = (file for file in files if str(error).startswith(f"{file}:"))
            yield self._from_error(error, next(meant, files[0]))
            return
        graded = [test for test in tests if test.points is not None]
        yield from self._points(graded)
        yield from self._tests(tests)
        yield from self._hint_sections(graded)
        yield from self._speed({test.name for test in graded})
        yield from self._hidden({test.name for test in graded})

    def _generated(self) -> Iterator[Problem]:
        try:
            files = generated_files(self._lesson)
        except SolutionMarkersError as error:
            where = error.where.removeprefix(f"{self._root}/")
            yield Problem(where, error.what, error.remedy)
            return
        except LessonDefinitionError as error:
            yield self._from_error(error, self._lesson.solution)
            return
        for file in files:
            source = file.source.relative_to(self._root)
            if not file.path.is_file():
                what, remedy = f"missing; it is generated from {source}.", ""
            elif file.path.read_text() != file.text:
                what = f"not what {source} generates."
                remedy = " If it holds work of yours, keep that elsewhere first."
            else:
                continue
            yield self._problem(file.path, 1, what, f"Run: course build.{remedy}")

    def _functions(self) -> Iterator[Problem]:
        path = self._lesson.solution
        try:
            tree = ast.parse(path.read_text())
        except (OSError, SyntaxError):
            return  # reported with the generated files
        defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        solution = path.relative_to(self._root)
        for function in self._lesson.functions.values():
            line = _line_of(self._toml, rf"\[functions\.{function.name}\]")
            if function.name not in defined:
                what = f"{solution} defines no function {function.name!r}."
                yield self._problem(self._toml, line, what, "Correct the name, or define it.")
            for kernel in function.kernels:
                if kernel not in defined or not is_kernel(defined[kernel]):
                    what = f"{solution} defines no @triton.jit function {kernel!r}."
                    yield self._problem(self._toml, line, what, "Correct the kernel's name.")

    def _policy(self) -> Iterator[Problem]:
        solution = self._lesson.solution
        for line, what in refused_lines(self._lesson) if solution.is_file() else ():
            remedy = f"Change it, or allow it in {self._toml.relative_to(self._root)}."
            yield self._problem(solution, line, what, remedy)
        for table, key, name in unknown_names(self._lesson):
            line = line_in_table(self._toml, table, name)
            what = f"[{table}] {key} names {name!r}, which there is not."
            yield self._problem(self._toml, line, what, "Correct the name, or remove it.")

    def _points(self, graded: list[LessonTest]) -> Iterator[Problem]:
        total = sum(test.points or 0.0 for test in graded)
        if total != self._lesson.points:
            line = _line_of(self._toml, r"points\s*=")
            what = f"points = {self._lesson.points:g}, but @points of the tests sum to {total:g}."
            yield self._problem(self._toml, line, what, "Change one to match the other.")

    def _tests(self, tests: Iterable[LessonTest]) -> Iterator[Problem]:
        seen = Counter[str]()
        for test in tests:
            seen[test.name] += 1
            if seen[test.name] > 1:
                what = f"a second {test.name}: it replaces the first, whose points are lost."
                yield self._problem(test.file, test.line, what, "Rename one of the two.")
            if test.points is None:
                what = f"{test.name} has no @points, so nobody sees its verdict."
                yield self._problem(test.file, test.line, what, "Give it points, or remove it.")
            if test.title == test.name:
                what = f"{test.name} has no docstring; its first line is what students read."
                yield self._problem(test.file, test.line, what, "Say in a line what is tested.")
            if test.points is not None and test.hint is None:
                what = f"{test.name} names no section of hints.md."
                yield self._problem(test.file, test.line, what, "Add @hint(...).")

    def _hint_sections(self, graded: Iterable[LessonTest]) -> Iterator[Problem]:
        sections, used = self._lesson.hints, set()
        for test in graded:
            used.add(test.hint)
            if test.hint is not None and test.hint not in sections:
                what = f"{test.name} names the hint {test.hint!r}, which hints.md does not have."
                remedy = f"Write '## {test.hint}', or name one of: {', '.join(sections)}."
                yield self._problem(test.file, test.line, what, remedy)
        for section, steps in sections.items():
            line = _line_of(self._hints, rf"## +{re.escape(section)} *$")
            if len(steps) != HINT_STEPS or not all(steps):
                what = f"section {section!r} has {len(steps)} steps, not {HINT_STEPS}."
                remedy = "Write a nudge, the idea, and nearly the answer, numbered 1 to 3."
                yield self._problem(self._hints, line, what, remedy)
            if section not in used:
                what = f"no graded test names section {section!r}."
                yield self._problem(self._hints, line, what, "Name it with @hint, or remove it.")

    def _speed(self, tests: set[str]) -> Iterator[Problem]:
        for name, table in self._lesson.speed.items():
            line = _line_of(self._toml, rf"\[speed\.{re.escape(name)}\]")
            if name not in tests:
                what = f"[speed.{name}] names no graded test."
                yield self._problem(self._toml, line, what, "Correct the name, or remove it.")
            half, full = table.get("half"), table.get("full")
            if not (_is_number(half) and _is_number(full) and 0 < half < full):
                what = f"[speed.{name}] must have 0 < half < full, not half={half}, full={full}."
                yield self._problem(self._toml, line, what, "Correct the thresholds.")

    def _hidden(self, tests: set[str]) -> Iterator[Problem]:
        path = self._lesson.hidden_cases
        if not path.is_file():
            return
        keys = _keys_of_cases(path)
        if keys is None:
            what = "CASES must be one literal dictionary from test names to cases."
            yield self._problem(path, 1, what, "Write it as CASES = {'test_...': {...}}.")
            return
        for name, line in keys:
            if name not in tests:
                what = f"hidden cases for {name!r}, which is no graded test."
                yield self._problem(path, line, what, "Correct the name, or remove them.")

    def _problem(self, path: Path, line: int, what: str, remedy: str) -> Problem:
        return Problem(f"{path.relative_to(self._root)}:{line}", what, remedy)

    def _from_error(self, error: LessonDefinitionError, path: Path) -> Problem:
        text = str(error).removeprefix(str(path)).lstrip(":")
        line, colon, rest = text.partition(": ")
        if colon and line.isdigit():
            return self._problem(path, int(line), rest, "Mend the file.")
        return self._problem(path, 1, text.strip(), "Add or mend the file.")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line_of(path: Path, pattern: str) -> int:
    """The first line that begins with the pattern; 1 if there is none."""
    lines = path.read_text().splitlines() if path.is_file() else []
    matches = (number for number, line in enumerate(lines, 1) if re.match(pattern, line))
    return next(matches, 1)


def _keys_of_cases(path: Path) -> list[tuple[str, int]] | None:
    """Names and lines of the tests that ``CASES`` adds to; None if it is no literal."""
    try:
        tree = ast.parse(path.read_text())
    except SyntaxError:
        return None
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "CASES" for target in targets):
                keys = [key for key in node.value.keys if isinstance(key, ast.Constant)]
                complete = len(keys) == len(node.value.keys)
                return [(str(key.value), key.lineno) for key in keys] if complete else None
    return None
