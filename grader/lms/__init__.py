"""nbgrader and JupyterLab: everything that joins the grader to them.

Students' notebooks are handed in with the lesson's ``.py``; only the latter is judged, by a
process of its own. No kernel is started for a lesson and nothing of a student's notebook runs.
Importing this package loads neither nbgrader nor torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def configure(
    config: Any, *, course: str | Path | None = None, late_penalty_per_day: float = 0.0
) -> None:
    """Set up nbgrader for the course; the one line that an ``nbgrader_config.py`` needs.

    What the configuration says already is kept: lists are extended, not replaced, and
    assignments that are no lesson of the course are autograded as nbgrader does it.

    Args:
        config: The ``c`` of an ``nbgrader_config.py``.
        course: The folder that holds ``course/`` with the lessons; if None, the course above
            the folder of nbgrader's course, in ``$GRADER_COURSE``, or installed.
        late_penalty_per_day: Share of the score that each day begun after the due date costs.

    Raises:
        SystemExit: The course could not be set up. nbgrader goes on after any other exception in
            a configuration, without it; and then executes what students handed in.
    """
    try:
        # Imported here: nbgrader takes seconds, and notebooks of students import this package.
        from grader.lms.configuration import extend

        extend(config, course=course, late_penalty_per_day=late_penalty_per_day)
    except Exception as error:
        raise SystemExit(f"nbgrader cannot be set up for the course: {error}") from error
