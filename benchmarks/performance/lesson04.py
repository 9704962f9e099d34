"""Lesson 4: quantisation and inference."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from benchmarks.performance.operation import Operation, reference, solution
from grader.protocol.data import Data

SIZE = 8192
ROWS = (1, 16)
SMALL = (8192, 8192)

# Measured on an H200, calls back to back in a CUDA graph, weights in turn from several layers.
WRITE_BACK = (
    "a call here also waits until the L2 cache that was overwritten before it is written back, "
    "about 12 us: back to back, 28672 x 8192 takes 61 us (92% of copy, 1.82 x fp16) and "
    "8192 x 8192 19 us (1.99 x fp16)"
)
UNPACKING = (
    "bound by instructions, about ten for each byte, not by memory; tried without gain: words of "
    "eight codes, tl.interleave, tensor cores, a scale for each product"
)


def operations() -> Iterator[Operation]:
    """What lesson 4 is measured on.

    Neither Liger-Kernel 0.8 nor FlagGems 5.0 has kernels for these formats. "torch" is the same
    computation in eager; what is gained over fp16 weights is in ``others``.
    """
    yield quantize_rowwise()
    yield matmul_w8a8()
    lesson = reference("lesson04")
    for shape in ((lesson.DECODE_OUTPUTS, lesson.DECODE_INPUTS), SMALL):
        for rows in ROWS:
            yield linear_w8a16(rows, *shape)
    yield linear_w4a16()


def quantize_rowwise() -> Operation:
    """Quantisation of activations, as it precedes each W8A8 product."""

    def eager(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = x.float()
        scale = values.abs().amax(dim=1) / 127
        scale = torch.where(scale == 0, 1.0, scale)
        return (values / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale

    return Operation(
        name="quantize_rowwise",
        size=f"{SIZE} x {SIZE} fp16",
        inputs=lambda: (torch.randn(SIZE, SIZE, device="cuda").half(),),
        ours=solution("lesson04").quantize_rowwise,
        torch=eager,
        compiled=eager,
        bytes_moved=SIZE * (3 * SIZE + 4),
        goal="≥ 92% of copy",
    )


def matmul_w8a8() -> Operation:
    """The large product of two quantised matrices."""
    lesson = reference("lesson04")
    a, b = lesson.fp16_matrices(Data(0, "cuda"))
    return Operation(
        name="matmul_w8a8",
        size=f"{SIZE}^3",
        inputs=lambda: lesson.int8_and_scales(Data(0, "cuda")),
        ours=solution("lesson04").matmul_w8a8,
        torch=lesson.int_mm_and_scales,
        compiled=lesson.int_mm_and_scales,
        others={
            "fp16 cuBLAS": lambda *_: a @ b.T,
            "torch._int_mm alone": lambda a_q, b_q, *_: torch._int_mm(a_q, b_q.T),
        },
        flops=lesson.LARGE_PRODUCTS,
        dtype="int8",
        goal="≥ 1.7 × fp16 cuBLAS",
    )


def linear_w8a16(rows: int, outputs: int, inputs: int) -> Operation:
    """A layer of a language model while it writes a token, with 8-bit weights."""
    half = torch.randn(outputs, inputs, device="cuda").half()

    def eager(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return (x @ w_q.to(x.dtype).T) * scale.to(x.dtype)

    def one_row(x: torch.Tensor, w_q: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return ((w_q.float() * x.float()).sum(dim=1) * scale).to(x.dtype)[None]

    return Operation(
        name="linear_w8a16",
        size=f"{rows} x {inputs} by {outputs} x {inputs}",
        inputs=lambda: (
            torch.randn(rows, inputs, device="cuda").half(),
            torch.randint(-127, 128, (outputs, inputs), device="cuda", dtype=torch.int8),
            torch.rand(outputs, device="cuda") / 100,
        ),
        ours=solution("lesson04").linear_w8a16,
        torch=eager,
        compiled=one_row if rows == 1 else eager,
        others={"fp16 cuBLAS": lambda x, *_: x @ half.T},
        bytes_moved=outputs * (inputs + 4 + 2 * rows) + 2 * rows * inputs,
        goal="≥ 1.75 × fp16 cuBLAS, ≥ 92% of copy" if rows == 1 else "",
        remark=WRITE_BACK if rows == 1 else "",
    )


def linear_w4a16() -> Operation:
    """The same layer with 4-bit weights."""
    lesson = reference("lesson04")
    half = torch.randn(lesson.DECODE_OUTPUTS, lesson.DECODE_INPUTS, device="cuda").half()
    return Operation(
        name="linear_w4a16",
        size=f"1 x {lesson.DECODE_INPUTS} by {lesson.DECODE_OUTPUTS} x {lesson.DECODE_INPUTS}",
        inputs=lambda: lesson.decode_int4(Data(0, "cuda")),
        ours=solution("lesson04").linear_w4a16,
        torch=lesson.fp32_decode_int4,
        compiled=lesson.fp32_decode_int4,
        others={"fp16 cuBLAS": lambda x, *_: x @ half.T},
        bytes_moved=lesson.DECODE_BYTES_4_BIT,
        goal="≥ 2 × fp16 cuBLAS",
        remark=UNPACKING,
    )
