"""``configure(c)`` is all that a configuration needs, and keeps what it says already."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from nbgrader.preprocessors import Execute, LimitOutput, SaveAutoGrades
from traitlets.config import Config, PyFileConfigLoader

from grader.lms import configure
from grader.lms.autograding import GradeOutOfProcess, RestoreReleased
from grader.lms.scores import SaveVerdicts
from tests.nbgrader.lecture import TINY

ROOT = Path(__file__).parents[2]


def test_students_notebooks_are_restored_and_never_executed() -> None:
    config = Config()
    configure(config, course=TINY)
    assert config.Autograde.sanitize_preprocessors[0] is RestoreReleased
    steps = config.Autograde.autograde_preprocessors
    assert steps[0] is GradeOutOfProcess
    assert SaveVerdicts in steps
    assert Execute not in steps
    assert SaveAutoGrades not in steps


def test_configuring_twice_changes_nothing_more() -> None:
    once, twice = Config(), Config()
    configure(once, course=TINY)
    configure(twice, course=TINY)
    configure(twice, course=TINY)
    assert once.Autograde.sanitize_preprocessors == twice.Autograde.sanitize_preprocessors
    assert once.Autograde.autograde_preprocessors == twice.Autograde.autograde_preprocessors


def test_an_institutions_own_steps_and_files_are_kept() -> None:
    config = Config()
    config.Autograde.autograde_preprocessors = [Execute, SaveAutoGrades, LimitOutput]
    config.Autograde.exclude_overwriting = {"homework": ["notes.py"], "lesson01": ["data.csv"]}
    configure(config, course=TINY)
    steps = config.Autograde.autograde_preprocessors
    assert steps == [GradeOutOfProcess, SaveVerdicts, LimitOutput]
    assert config.Autograde.exclude_overwriting == {
        "homework": ["notes.py"],
        "lesson01": ["data.csv", "lesson01.py"],
    }


def test_steps_that_were_appended_are_kept() -> None:
    config = Config()
    config.Autograde.autograde_preprocessors.append(LimitOutput)
    configure(config, course=TINY)
    assert config.Autograde.autograde_preprocessors[-1] is LimitOutput
    assert config.Autograde.autograde_preprocessors[0] is GradeOutOfProcess


def test_the_courses_own_configuration_can_be_used_as_it_is() -> None:
    loader = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT / "course"))
    config = loader.load_config()
    assert config.CourseDirectory.course_id == "triton"
    assert config.Autograde.exclude_overwriting["lesson03"] == ["lesson03.py"]


def test_a_course_that_is_not_there_ends_the_command(tmp_path: Path) -> None:
    """nbgrader would go on without its configuration, and execute what was handed in."""
    file = tmp_path / "nbgrader_config.py"
    file.write_text(
        "c = get_config()\nfrom grader.lms import configure\nconfigure(c, course='nowhere')\n"
    )
    loader = PyFileConfigLoader(file.name, path=str(tmp_path))
    with pytest.raises(SystemExit, match="nbgrader cannot be set up"):
        loader.load_config()


def test_the_package_is_light_for_those_who_need_none_of_it() -> None:
    code = (
        "import sys, grader, grader.lms; "
        "print(sorted({'nbgrader', 'torch', 'IPython'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
