"""How fast, judged fairly: intervals, credit, calibration, roofline, the machine's state.

Everything here is arithmetic on numbers that the judge's own clock gave, and needs neither a
GPU nor torch: ``statistics`` (one ABBA quadruple, intervals, decisions), ``sequential`` (when
to stop measuring), ``credit`` and ``verdict`` (what a decision is worth), ``calibration`` and
``thresholds`` (what this GPU can do, and what that makes of an authored threshold),
``roofline``, ``machine`` (clocks and other users of the GPU), ``record`` (the JSON form) and
``benchmark_storage``. The measuring itself is ``measure``.
"""
