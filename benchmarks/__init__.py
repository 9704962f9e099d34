"""Measurements of the grader itself; needs an NVIDIA GPU."""
