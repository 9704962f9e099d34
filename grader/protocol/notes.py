"""How much is noted of one call: a worker keeps to it, and the judge refuses more.

So a reply stays far below the largest frame, whatever the submission does.
"""

from __future__ import annotations

MOST_OPERATIONS = 64
"""Different operations of torch; whether there were more is a note of its own."""

MOST_LINES = 4
"""Lines to each of them; what others asked for is a sum."""

MOST_KERNELS = 256
"""Names of kernels; as many are refused, for what lies beyond is cut off."""

LONGEST_KERNEL = 400
"""Characters of a kernel's name as a driver reports it."""
