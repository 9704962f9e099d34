"""No cheat gains a point: a third is tried on one lesson without the policy, all are read with it.

``make validate`` tries every cheat on every lesson that it names, both ways, and on a GPU what
only a GPU can judge.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from grader import policy
from grader.authoring.cheats import whole_cheat
from grader.authoring.subjects import SUBMISSIONS, Outcome, Subject, subjects
from grader.authoring.validate import judge
from grader.lesson import Course, Function
from grader.results import Status

COURSE = Course(Path(__file__).parents[2])
FOLDER = COURSE.root / SUBMISSIONS / "cheats"
CHEATS = [
    entry
    for lesson in COURSE.lessons()
    for entry in subjects(COURSE, lesson, full=False)
    if entry.role == "cheat" and Path(entry.file).parent.name != "hollow"
]
POLICED = [entry for entry in CHEATS if isinstance(entry, Subject) and entry.policed]

# Rules of the policy that forbid reaching for the process, and the rule on what may compute.
REACHING = {"forbidden-import", "forbidden-call", "forbidden-attribute", "forbidden-class",
            "module-as-value", "patched-module"}  # fmt: skip
COMPUTING = {"torch-instead-of-kernel"}

# What takes the better part of a minute is left to ``make validate``.
SLOW = {"own_group_stopped", "torch_compiled", "default_device_changed"}


def tried_first() -> list[Subject | Outcome]:
    """Every third cheat in the first of its lessons, as far as a CPU can judge it."""
    first: dict[str, Subject | Outcome] = {}
    for entry in CHEATS:
        if isinstance(entry, Outcome) or (
            not entry.policed and any(line.holds_on("cpu") for line in entry.expectations)
        ):
            first.setdefault(Path(entry.file).stem, entry)
    return [entry for name, entry in first.items() if name not in SLOW][::3]


def name_of(entry: Subject | Outcome) -> str:
    """What a failure is called."""
    lesson = entry.lesson if isinstance(entry, Outcome) else entry.lesson.name
    return f"{lesson}-{Path(entry.file).stem}"


def refusals(entry: Subject) -> set[str]:
    """The kinds of refusal that an entry declares with the policy on."""
    lines = next(one for one in POLICED if one.file == entry.file).expectations
    kinds = [line.kind or "" for line in lines if line.status is Status.REFUSED]
    return {kind for each in kinds for kind in each.split("|")}


def is_refused(entry: Subject) -> bool:
    """Whether it is refused in each of its lessons; in some another verdict may do."""
    lines = next(one for one in POLICED if one.file == entry.file).expectations
    return {line.status for line in lines} == {Status.REFUSED}


@pytest.mark.parametrize("entry", tried_first(), ids=name_of)
def test_a_cheat_gains_nothing_without_the_policy(
    entry: Subject | Outcome, request: pytest.FixtureRequest
) -> None:
    if isinstance(entry, Subject) and not refusals(entry) & REACHING:
        request.getfixturevalue("lent_workers")  # it leaves its process as it found it
    outcome = entry if isinstance(entry, Outcome) else judge(entry, COURSE, "cpu", targets=())

    if outcome.state == "skipped":
        pytest.skip(outcome.found)
    assert (outcome.state, outcome.found) == ("ok", outcome.found)


@pytest.mark.parametrize("entry", POLICED, ids=name_of)
def test_the_policy_refuses_what_its_header_says(entry: Subject) -> None:
    text = whole_cheat(entry.file, entry.lesson)
    found = [policy.violation(text, one, entry.lesson.imports) for one in attacked(entry)]

    declared = refusals(entry) & (REACHING | COMPUTING)
    assert {violation.kind for violation in found if violation is not None} <= declared
    if is_refused(entry) and refusals(entry) <= REACHING | COMPUTING:
        assert None not in found


def attacked(entry: Subject) -> list[Function]:
    """The function that each attacked test calls."""
    text = "\n".join(file.read_text() for file in entry.lesson.test_files)
    functions = entry.lesson.functions
    found = []
    for test in entry.only:
        body = re.search(rf"def {test}\(.*?(?=\n@|\ndef |\Z)", text, re.DOTALL)
        assert body is not None
        called = next(name for name in functions if re.search(rf"\b{name}\b", body[0]))
        differentiated = ".grad(" in body[0] or ".run(" in body[0]
        found.append(replace(functions[called], differentiated=differentiated))
    return found


def test_there_are_enough_cheats_to_trust_the_grader() -> None:
    assert len(list(FOLDER.glob("*.py"))) >= 55


def test_each_cheat_is_explained_and_no_other_is() -> None:
    page = (COURSE.root / "docs" / "security.md").read_text()
    table = page.partition("| trick |")[2].partition("\n\n")[0]
    rows = [line.split("|")[2] for line in table.splitlines()[2:]]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]

    assert sorted(named) == sorted(file.stem for file in FOLDER.glob("*.py"))
