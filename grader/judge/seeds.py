"""Seeds: fresh for each run, and for each case its own, derived from the run's.

So one case sees the same data whether it runs alone, with all others, or again from a receipt.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def fresh_seed() -> str:
    """A run's seed from the operating system's entropy: 128 bits in hexadecimal."""
    return secrets.token_hex(16)


def case_seed(run_seed: str, test_id: str, case_id: str) -> int:
    """The seed of one case's generator (HKDF, RFC 5869, with HMAC-SHA256; 63 bits).

    Args:
        run_seed: The run's seed, any text.
        test_id: Name of the test.
        case_id: Name of its parameter set.
    """
    key = hmac.digest(b"grader case seed", run_seed.encode(), hashlib.sha256)
    info = f"{test_id}\0{case_id}".encode()
    block = hmac.digest(key, info + b"\x01", hashlib.sha256)
    return int.from_bytes(block[:8], "big") >> 1
