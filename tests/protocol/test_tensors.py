from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.protocol.data import Data
from grader.protocol.frames import ProtocolViolation
from grader.protocol.slots import Slot
from grader.protocol.tensors import (
    DTYPES,
    Header,
    decode_argument,
    encode_argument,
    layout,
    read,
    scatter,
    span,
    write,
)
from tests.protocol.forgery import json_values


def values(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    bits = torch.randint(0, 256, (*shape, dtype.itemsize), dtype=torch.uint8)
    if dtype == torch.bool:
        return bits[..., 0] > 127
    return bits.view(dtype).view(shape)


def same_bytes(left: torch.Tensor, right: torch.Tensor) -> bool:
    return bool((left.contiguous().view(torch.uint8) == right.contiguous().view(torch.uint8)).all())


# ------------------------------------------------------- through a slot


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_every_dtype_travels_bit_for_bit(dtype: torch.dtype) -> None:
    sent = [values(dtype, 7, 5), values(dtype, 3)]
    headers, nbytes = layout(sent)
    with Slot.create(nbytes, "test") as slot:
        for header, tensor in zip(headers, sent, strict=True):
            write(slot, header, tensor)
        for header, tensor in zip(headers, sent, strict=True):
            forwarded = Header.from_json(header.to_json())
            received = read(slot, forwarded)
            assert received.dtype == dtype
            assert received.shape == tensor.shape
            assert same_bytes(received, tensor)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(12.0).view(3, 4).t(),
        torch.arange(4.0).expand(3, 4),
        torch.tensor(1.5).expand(5, 2),
        torch.arange(20.0)[::3],
        torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1)[:, :, 1:],
        torch.tensor(2.5),
        torch.empty(0),
        torch.empty(3, 0, 2),
    ],
    ids=["transposed", "rows repeated", "one number", "every third", "permuted", "scalar",
         "empty", "empty in the middle"],
)  # fmt: skip
def test_any_layout_travels_compact_and_is_laid_out_again(tensor: torch.Tensor) -> None:
    (header,), nbytes = layout([tensor])
    assert nbytes < tensor.numel() * tensor.element_size() + 256
    assert header.strides == tensor.stride()
    with Slot.create(nbytes, "test") as slot:
        write(slot, header, tensor)
        received = read(slot, header)
    assert received.is_contiguous()
    laid_out = torch.empty_strided(header.shape, header.strides)
    scatter(laid_out, received)
    assert torch.equal(laid_out, tensor)


def test_a_tensor_that_spans_gigabytes_costs_only_its_elements() -> None:
    tensor = Data.strided(torch.ones(3, 4, dtype=torch.float16), (2**30 + 64, 1))
    (header,), nbytes = layout([tensor])
    assert nbytes == 256
    assert span(header.shape, header.strides) == 2 * (2**30 + 64) + 4
    with Slot.create(nbytes, "test") as slot:
        write(slot, header, tensor)
        assert torch.equal(read(slot, header), torch.ones(3, 4, dtype=torch.float16))


def test_what_was_read_is_private() -> None:
    (header,), nbytes = layout([torch.ones(4)])
    with Slot.create(nbytes, "test") as slot:
        write(slot, header, torch.ones(4))
        received = read(slot, header)
        slot.bytes(0, 16).zero_()
    assert torch.equal(received, torch.ones(4))


@pytest.mark.parametrize(
    ("shape", "strides", "expected"),
    [
        ((), (), 1),
        ((5,), (1,), 5),
        ((3, 4), (4, 1), 12),
        ((3, 4), (10, 1), 24),
        ((3, 4), (0, 1), 4),
        ((3, 0), (4, 1), 0),
    ],
)
def test_the_span_reaches_from_the_first_element_to_the_last(
    shape: Sequence[int], strides: Sequence[int], expected: int
) -> None:
    assert span(shape, strides) == expected


# ------------------------------------------------------- forged headers


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "complex64"},
        {"dtype": "float33"},
        {"dtype": 7},
        {"shape": [-1]},
        {"shape": [1.0]},
        {"shape": [True]},
        {"shape": [2, 2]},
        {"shape": None},
        {"strides": [-1]},
        {"strides": []},
        {"offset": "0"},
        {"offset": None},
        {"offset": False},
        {"offset": -4},
        {"offset": 2**80},
        {"shape": [1] * 65, "strides": [1] * 65},
    ],
    ids=repr,
)
def test_a_header_that_describes_no_tensor_is_refused(change: dict[str, Any]) -> None:
    honest = {"dtype": "float32", "shape": [4], "strides": [1], "offset": 0}
    assert Header.from_json(honest).nbytes == 16
    with pytest.raises(ProtocolViolation):
        Header.from_json(honest | change)


@pytest.mark.parametrize(
    ("shape", "offset"),
    [
        ([1025], 0),
        ([1], 4096),
        ([1], 4093),
        ([1], 1),
        ([1], 2**62),
        ([2**61], 0),
        ([2**61] * 64, 0),
        ([0, 2**61, 2**61], 0),
    ],
)
def test_a_header_that_points_outside_its_slot_is_refused(shape: list[int], offset: int) -> None:
    header = Header.from_json(
        {"dtype": "float32", "shape": shape, "strides": [1] * len(shape), "offset": offset}
    )
    with Slot.create(4096, "test") as slot, pytest.raises(ProtocolViolation):
        read(slot, header)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(["dtype", "shape", "strides", "offset"]), json_values()))
def test_any_json_is_a_header_or_refused(message: dict[str, Any]) -> None:
    with Slot.create(4096, "test") as slot, contextlib.suppress(ProtocolViolation):
        assert read(slot, Header.from_json(message)).is_contiguous()


# ------------------------------------------------------------ arguments


def test_tuples_and_lists_of_arguments_arrive_as_tuples() -> None:
    tensors: list[torch.Tensor] = []
    message = encode_argument([torch.ones(2), (1, None)], tensors)
    tensor, numbers = decode_argument(message, tensors)
    assert (tensor.tolist(), numbers) == ([1, 1], (1, None))


def test_arguments_arrive_as_what_they_were() -> None:
    tensors: list[torch.Tensor] = []
    given_values = [torch.ones(2), 3, -0.5, True, None, "text", torch.bfloat16, torch.zeros(1)]
    messages = [encode_argument(value, tensors) for value in given_values]
    received = [decode_argument(message, tensors) for message in messages]
    assert [tensor.tolist() for tensor in tensors] == [[1, 1], [0]]
    assert received == given_values
    assert [type(value) for value in received] == [type(value) for value in given_values]


@pytest.mark.parametrize(
    "value", [{"a": 1}, object(), 1j, b"bytes"], ids=lambda value: type(value).__name__
)
def test_a_value_without_a_form_in_the_protocol_cannot_be_sent(value: Any) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        encode_argument(value, [])
