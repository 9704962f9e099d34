"""Drawings that explain; each a function that returns a picture, all in one style.

What they show is computed from their arguments or from this machine's numbers, never typed in.
"""
