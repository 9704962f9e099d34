"""nbgrader's settings for this course; run nbgrader's commands in this folder.

An institution with a configuration of its own adds the last lines to it instead; see
docs/nbgrader.md.
"""

c = get_config()  # noqa: F821  # nbgrader defines it

c.CourseDirectory.course_id = "triton"
# Where releases and submissions are exchanged, if not in nbgrader's usual place:
# c.Exchange.root = "/usr/local/share/nbgrader/exchange"

try:
    from grader.lms import configure
except ImportError as error:
    # nbgrader would go on without this file, and execute what students handed in.
    raise SystemExit(f"Run nbgrader from the environment of the course: {error}") from error

configure(c)  # for example late_penalty_per_day=0.1
