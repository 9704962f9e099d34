"""What memory holds that nobody wrote, as bit patterns that both sides know.

Floats hold a signalling NaN: whatever is computed from it comes out as another NaN, so an
element that still holds the pattern was never written, while one that was computed from memory
that nobody wrote shows as NaN. Source of the encodings: IEEE 754-2019, section 6.2.1; the formats
without a signalling NaN hold their only NaN.
"""

from __future__ import annotations

import torch

# An integer type of each size, to fill and compare elements of any type as bit patterns.
WORDS: dict[int, torch.dtype] = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}

# Bytes of unwritten integers, run by run: a value that equals one pattern differs from the other.
INTEGER_BYTES = (0xA5, 0x5A)

_FLOATS = {
    torch.float64: 0x7FF4A5A5A5A5A5A5,
    torch.float32: 0x7FA5A5A5,
    torch.float16: 0x7D5A,
    torch.bfloat16: 0x7FA5,
    torch.float8_e4m3fn: 0x7F,
    torch.float8_e5m2: 0x7D,
}


def as_words(tensor: torch.Tensor) -> torch.Tensor:
    """The bit patterns of a tensor's elements."""
    return tensor.view(WORDS[tensor.element_size()])


def repeated(byte: int, dtype: torch.dtype) -> int:
    """The word of an element all of whose bytes are the same."""
    raw = torch.full((dtype.itemsize,), byte, dtype=torch.uint8)
    return int(raw.view(WORDS[dtype.itemsize]))


def unwritten_word(dtype: torch.dtype, run: int) -> int:
    """The word of an element that nobody wrote.

    Args:
        dtype: Its type. A bool has no third value, so it gets one of the two in each run.
        run: Number of the run, from 0.
    """
    if dtype == torch.bool:
        return 1 - run
    return _FLOATS[dtype] if dtype in _FLOATS else repeated(INTEGER_BYTES[run], dtype)
