"""Watching launches: which memory each program touches, and whether it may.

``checked`` is the memory that kernels see; it asks ``views`` about bounds, ``races`` about other
programs, ``initialised`` about who wrote what, counts in ``traffic``, and tells ``reporter``.
"""
