"""How fast, judged fairly: intervals, credit, calibration, roofline, the machine's state.

Arithmetic on numbers that the judge's own clock gave, without a GPU and without torch:
``statistics`` (one ABBA quadruple, intervals, decisions), ``sequential`` (when to stop
measuring), ``calibration`` and ``thresholds`` (what this GPU can do, and what that makes of an
authored threshold), ``credit`` and ``verdict`` (what a decision is worth), ``roofline``,
``machine`` (clocks and other users of the GPU), ``record`` (the JSON form) and
``benchmark_storage``. The measuring itself: ``measure``, ``sides``, ``mirror``, ``ceiling``,
with ``speed`` as the fixture of a lesson's tests.
"""
