"""What the graded tests of a lesson are, read from their source without running it.

Owns the reading of ``course/lessonNN/test_*.py`` as text: names, titles, points, hint sections,
lines. Imports neither pytest nor torch, so that hints, usage errors and
``course check`` answer at once. What happens when a test runs is ``grader.plugin``'s.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from grader.errors import LessonDefinitionError, UsageError
from grader.lesson import Lesson


class UnknownTestError(UsageError):
    """The command line names a test that the lesson does not have."""


@dataclass(frozen=True)
class LessonTest:
    """One test function of a lesson.

    Attributes:
        name: Name of the function, the id under which its points are recorded.
        title: First line of its docstring without the full stop, or its name if it has none.
        points: What ``@points`` says, 0 for a ``@challenge``; None for a test that is not graded.
        hint: Section of ``hints.md`` that ``@hint`` names.
        file: The file that holds it.
        line: Line of ``def`` in it, 1-based.
    """

    name: str
    title: str
    points: float | None
    hint: str | None
    file: Path
    line: int


def graded_tests(lesson: Lesson) -> tuple[LessonTest, ...]:
    """The tests of a lesson that are worth points or a badge, in the order of its files.

    Raises:
        LessonDefinitionError: A file is missing or cannot be read as tests.
    """
    return tuple(test for test in all_tests(lesson) if test.points is not None)


def all_tests(lesson: Lesson) -> tuple[LessonTest, ...]:
    """All test functions of a lesson, graded or not, in the order of its files.

    Raises:
        LessonDefinitionError: As ``graded_tests``.
    """
    return tuple(test for file in lesson.test_files for test in read_tests(file))


def read_tests(path: Path) -> tuple[LessonTest, ...]:
    """All test functions of a file, graded or not, in its order.

    Raises:
        LessonDefinitionError: The file is missing, is no Python, or a marker's argument is
            not written as a literal.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise LessonDefinitionError(f"{path}: the tests cannot be read: {error}.") from error
    except (SyntaxError, ValueError) as error:
        where = f"{path}:{getattr(error, 'lineno', None) or 1}"
        raise LessonDefinitionError(f"{where}: the tests are no Python: {error}.") from error
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return tuple(_read(path, node) for node in functions if node.name.startswith("test_"))


def find_test(lesson: Lesson, name: str) -> LessonTest:
    """The graded test of that name; ``any_length`` stands for ``test_any_length``.

    Raises:
        UnknownTestError: No such test; says which one was probably meant and lists all.
    """
    tests = {test.name: test for test in graded_tests(lesson)}
    for candidate in (name, f"test_{name}"):
        if candidate in tests:
            return tests[candidate]
    meant = get_close_matches(name, tests, n=1) or get_close_matches(f"test_{name}", tests, n=1)
    question = f" Did you mean {meant[0]}?" if meant else ""
    width = max(map(len, tests), default=0)
    listing = "\n".join(f"  {test.name:{width}}  {test.title}" for test in tests.values())
    raise UnknownTestError(
        f"{lesson.name} has no graded test {name!r}.{question}\nIts tests:\n{listing}"
    )


def _read(path: Path, node: ast.FunctionDef) -> LessonTest:
    docstring = (ast.get_docstring(node) or "").strip()
    points = 0.0 if _is_challenge(node) else _marker(path, node, "points", (int, float))
    section = _marker(path, node, "hint", (str,))
    return LessonTest(
        name=node.name,
        title=docstring.split("\n", 1)[0].removesuffix(".") or node.name,
        points=float(points) if isinstance(points, int | float) else None,
        hint=section if isinstance(section, str) else None,
        file=path,
        line=node.lineno,
    )


def _is_challenge(node: ast.FunctionDef) -> bool:
    return any(_last_name(decorator) == "challenge" for decorator in node.decorator_list)


def _marker(path: Path, node: ast.FunctionDef, name: str, kinds: tuple[type, ...]) -> object | None:
    """The argument of ``@name(argument)``, also as ``@pytest.mark.name(argument)``."""
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or _last_name(decorator.func) != name:
            continue
        argument = decorator.args[0] if decorator.args else None
        if isinstance(argument, ast.Constant) and type(argument.value) in kinds:
            return argument.value
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise LessonDefinitionError(
            f"{path}:{decorator.lineno}: @{name} of {node.name} takes one literal {wanted}, "
            f"not {ast.unparse(decorator)!r}: it is read without running the file."
        )
    return None


def _last_name(expression: ast.expr) -> str | None:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else None
