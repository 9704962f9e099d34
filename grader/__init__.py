"""The autograder of the course: a judge that students' code never runs inside."""

from __future__ import annotations

__version__ = "0.1.0"
