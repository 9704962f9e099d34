"""The trusted side: owns inputs, oracle, clock and verdict; never runs students' code.

Talks to workers through ``grader.protocol`` only and never imports ``grader.worker``.
"""
