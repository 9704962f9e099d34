"""Names the bug behind a wrong result: from its values, its memory accesses, its source."""
