"""How a worker is confined: what it sees, what it can do, and that it ends.

Four levels, probed once, strongest first; the level is printed, and stored with every result.
``view`` says what a worker sees, ``confine`` and ``bubblewrap`` are two ways to make it so, and
``supervisor`` stands beside each worker so that nothing of it outlives the judge.
"""

from __future__ import annotations

from grader.sandbox.advice import advice
from grader.sandbox.levels import Level
from grader.sandbox.probing import Launch, Sandbox, probe, require_confinement
from grader.sandbox.room import Room

__all__ = ["Launch", "Level", "Room", "Sandbox", "advice", "probe", "require_confinement"]
