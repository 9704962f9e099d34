"""Repairs of Triton's interpreter, by subject.

A repair is one overridden operation. Its docstring says what stock Triton does wrong and in
which versions (3.6 to 3.9 were read); what is right was measured on a GPU.
"""
