"""Markers in a solution are checked so strictly that no mistake hands a solution out."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from grader.authoring.markers import solution_regions
from grader.errors import ExitCode, SolutionMarkersError

PATH = Path("solutions/lesson99.py")


def mistake(source: str) -> SolutionMarkersError:
    with pytest.raises(SolutionMarkersError) as caught:
        solution_regions(dedent(source), PATH)
    return caught.value


def test_regions_come_with_their_lines_and_innermost_function() -> None:
    source = """\
    def outer(x):
        def inner(y):
            ### BEGIN SOLUTION
            return y
            ### END SOLUTION
        ### BEGIN SOLUTION
        if x:
            x = inner(x)

        ### END SOLUTION
        return x
    """
    regions = solution_regions(dedent(source), PATH)
    found = [(region.begin, region.end, region.function.name) for region in regions]
    assert found == [(3, 5, "inner"), (6, 10, "outer")]


def test_a_region_may_lie_deeper_in_a_function() -> None:
    source = """\
    class Op:
        def forward(ctx, x):
            with context():
                ### BEGIN SOLUTION
                x = x + 1
                return x
                ### END SOLUTION
    """
    assert [region.function.name for region in solution_regions(dedent(source), PATH)] == [
        "forward"
    ]


def test_a_file_without_markers_has_no_region() -> None:
    assert solution_regions("x = 1\n", PATH) == []


def test_an_end_without_a_begin_is_refused() -> None:
    error = mistake("""\
    def f(x):
        return x
        ### END SOLUTION
    """)
    assert error.where == "solutions/lesson99.py:3"
    assert "without" in error.what
    assert "BEGIN SOLUTION" in error.remedy


def test_a_second_end_is_refused() -> None:
    error = mistake("""\
    def f(x):
        ### BEGIN SOLUTION
        x = 1
        ### END SOLUTION
        x = 2
        ### END SOLUTION
        return x
    """)
    assert error.where.endswith(":6")


def test_a_missing_end_is_refused() -> None:
    error = mistake("""\
    def f(x):
        ### BEGIN SOLUTION
        return x
    """)
    assert (error.where, "no '### END" in error.what) == ("solutions/lesson99.py:2", True)


def test_nested_regions_are_refused() -> None:
    error = mistake("""\
    def f(x):
        ### BEGIN SOLUTION
        x = 1
        ### BEGIN SOLUTION
        return x
        ### END SOLUTION
    """)
    assert error.where.endswith(":4")
    assert "line 2" in error.what


@pytest.mark.parametrize(
    "line",
    [
        "return x  ### BEGIN SOLUTION",
        "# BEGIN SOLUTION",
        "### BEGIN SOLUTION: the sum",
        "#### BEGIN SOLUTION",
        "\t### BEGIN SOLUTION",
        'x = "### BEGIN SOLUTION"',
    ],
)
def test_a_marker_that_does_not_stand_alone_is_refused(line: str) -> None:
    error = mistake(f"def f(x):\n    {line}\n    return x\n    ### END SOLUTION\n")
    assert error.where.endswith(":2")
    assert "alone" in error.what


@pytest.mark.parametrize(("begin", "end", "line"), [(0, 4, 2), (8, 4, 2), (4, 0, 4), (4, 2, 4)])
def test_a_marker_indented_otherwise_than_its_statements_is_refused(
    begin: int, end: int, line: int
) -> None:
    error = mistake(
        f"def f(x):\n{' ' * begin}### BEGIN SOLUTION\n    return x\n{' ' * end}### END SOLUTION\n"
    )
    assert error.where.endswith(f":{line}")
    assert "indented" in error.what


@pytest.mark.parametrize("inside", ["", "    # to do\n", "    pass\n"])
def test_a_region_without_a_statement_is_refused(inside: str) -> None:
    error = mistake(
        f"def f(x):\n    ### BEGIN SOLUTION\n{inside}    ### END SOLUTION\n    return x\n"
    )
    assert "no statement" in error.what


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nBLOCK = 1\n### END SOLUTION\n",
        "class A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION\n",
        "### BEGIN SOLUTION\ndef f(x):\n    return x\n### END SOLUTION\n",
    ],
    ids=["module", "class body", "whole function"],
)
def test_a_region_outside_a_function_is_refused(source: str) -> None:
    assert "outside any function" in mistake(source).what


@pytest.mark.parametrize(
    "source",
    [
        """\
        def f(x):
            ### BEGIN SOLUTION
            if x:
                x = 1
            ### END SOLUTION
                x = 2
            return x
        """,
        """\
        def f(x):
            y = g(
            ### BEGIN SOLUTION
                x)
            z = y
            ### END SOLUTION
            return z
        """,
        """\
        def f(x):
            if x:
                y = 1
                ### BEGIN SOLUTION
                y = 2
            else:
                y = 3
                ### END SOLUTION
            return y
        """,
        """\
        def f(x):
            ### BEGIN SOLUTION
            return x


        def g(x):
            y = x
            ### END SOLUTION
            return y
        """,
        '''\
        def f(x):
            """Sum.
            ### BEGIN SOLUTION
            """
            x = 1
            ### END SOLUTION
            return x
        ''',
    ],
    ids=["end inside a block", "in a call", "two branches", "two functions", "in a docstring"],
)
def test_a_region_that_cuts_a_statement_or_block_is_refused(source: str) -> None:
    assert "in two" in mistake(source).what


def test_a_file_that_is_not_python_is_refused_with_its_line() -> None:
    assert mistake("x = 1\ndef f(:\n").where == "solutions/lesson99.py:2"


def test_the_message_says_where_what_and_what_to_do() -> None:
    error = mistake("def f(x):\n    return x\n    ### END SOLUTION\n")
    assert str(error) == f"{error.where}: {error.what} {error.remedy}"
    assert error.exit_code is ExitCode.NOT_JUDGED
