"""The graded tests of sequence_logprob: results, gradients, memory accesses, speed, peak memory.

The first case of each test is the one whose failure says most, since it speaks for the test.
"""

from __future__ import annotations

import math
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from grader.testing import Mistake, Output, cases, hint, points

if TYPE_CHECKING:
    from grader.judge.call import Call
    from grader.judge.check import Check
    from grader.judge.peak_memory import PeakMemory
    from grader.judge.submission import Submission
    from grader.judge.timing.speed import Speed
    from grader.judge.traffic import Traffic
    from grader.protocol.data import Data

VOCABULARIES = [(2, 3, 1003), (1, 2, 9001), (3, 2, 4096), (2, 1, 16_385), (1, 1, 1), (0, 3, 7)]
LARGE_VOCABULARIES = [
    (2, 3, 1003),
    (2, 3, 128_256),
    (2, 5, 32_000),
    (3, 1500, 33),
    *VOCABULARIES[4:],
]
GRADIENTS = [(2, 3, 1003), (1, 2, 9001), (2, 1, 1)]
LARGE_GRADIENTS = [(2, 3, 128_256), (2, 5, 32_000), (35_000, 2, 3)]


def scored(
    data: Data, shape: tuple[int, int, int], dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits of a shape, tokens, and a mask that leaves about a fifth out."""
    n_sequences, n_positions, n_vocabulary = shape
    # Low, so that lanes behind the end of a row show if they count as logits of 0.
    logits = data.normal(*shape, dtype=dtype, mean=-8.0, std=3.0)
    tokens = data.integers(0, n_vocabulary, n_sequences, n_positions)
    mask = data.uniform(0, 1, n_sequences, n_positions) > 0.2
    mask[:, :1] = True
    return logits, tokens, mask


def logprob_mistakes(
    reference: ModuleType, logits: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> list[Mistake]:
    """What may have gone wrong in a sum of log-probabilities."""
    n_vocabulary = logits.shape[-1]
    inputs = (logits, tokens, mask)
    found = [
        Mistake(
            "padding-counted",
            "The lanes behind the end of a row count as logits of 0, and add exp(0) to the sum. "
            "Load them as minus infinity: other=-float('inf').",
            partial(reference.padded_with_zeros, *inputs, block),
        )
        for block in reference.blocks_with_a_rest(n_vocabulary)
    ]
    for block in reference.smaller_blocks(n_vocabulary):
        text = (
            "Only {} of each row is in the sum: the loop must go on to the last logit, in a block"
        )
        found += [
            Mistake(
                "row-not-covered",
                f"{text.format(part)} that need not be full.",
                partial(model, *inputs, block),
            )
            for part, model in (
                ("the first block", reference.first_block_only),
                ("what fills whole blocks", reference.last_block_left_out),
            )
        ]
    right = reference.sequence_logprob(*inputs)
    found += [
        Mistake(
            "shifted-tokens",
            "Row t of the logits is taken to tell of token t + 1. Here it tells of token t: "
            "nothing is to be shifted.",
            lambda: reference.shifted(*inputs),
        ),
        Mistake(
            "mean-instead-of-sum",
            "The result is the mean over the counted positions; the sum is asked for.",
            lambda: reference.averaged(*inputs),
        ),
        Mistake(
            "mask-ignored",
            "Masked positions are in the sum: only those where the mask is true count.",
            lambda: reference.sequence_logprob(logits, tokens, torch.ones_like(mask)),
        ),
        Mistake(
            "wrong-sign",
            "The sign is wrong: a log-probability is x[token] - lse, and never positive.",
            -right,
        ),
    ]
    return found


def gradient_mistakes(
    reference: ModuleType,
    logits: torch.Tensor,
    tokens: torch.Tensor,
    mask: torch.Tensor,
    dout: torch.Tensor,
) -> list[Mistake]:
    """What may have gone wrong in the gradient of the logits."""
    right = reference.sequence_logprob_gradient(logits, tokens, mask, dout)
    ones = torch.ones_like(dout)
    nobody = torch.full_like(tokens, -1)
    return [
        Mistake(
            "upstream-dropped",
            "The upstream gradient is missing: each sequence's gradient is dout of that sequence "
            "times the rest of the formula.",
            lambda: reference.sequence_logprob_gradient(logits, tokens, mask, ones),
        ),
        Mistake(
            "upstream-of-another-sequence",
            "The upstream gradient is that of sequence 0 everywhere. There is one for each "
            "sequence.",
            lambda: reference.sequence_logprob_gradient(
                logits, tokens, mask, dout[:1].expand_as(dout)
            ),
        ),
        Mistake("wrong-sign", "The sign is wrong: it is [j = token] - p, times dout.", -right),
        Mistake(
            "token-left-out",
            "Only the part of the softmax is there, -dout * p: the 1 at the token is missing.",
            lambda: reference.sequence_logprob_gradient(logits, nobody, mask, dout),
        ),
        Mistake(
            "mask-ignored",
            "Masked positions have a gradient. It must be exactly 0 there.",
            lambda: reference.sequence_logprob_gradient(
                logits, tokens, torch.ones_like(mask), dout
            ),
        ),
    ]


@points(1)
@hint("logsumexp")
@cases("shape", cpu=VOCABULARIES, gpu=LARGE_VOCABULARIES)
def test_logprob_any_vocabulary(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, int, int],
) -> None:
    """sequence_logprob: vocabularies of any size."""
    logits, tokens, mask = scored(data, shape)
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )


@points(1)
@hint("mask")
@cases("masked", cpu=["token", "nan", "all", "inf"])
def test_logprob_masked(
    submission: Submission, check: Check, data: Data, reference: ModuleType, masked: str
) -> None:
    """sequence_logprob: masked positions add 0, whatever they hold."""
    logits, tokens, mask = spoiled(data, masked)
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=[
            Mistake(
                "masked-nan",
                "A masked position made its sequence NaN: 0 times NaN is NaN. Do not multiply by "
                "the mask; store 0 where it is false.",
                lambda: nan_where(
                    reference.sequence_logprob(logits, tokens, mask),
                    (~logits.isfinite()).any(-1).any(-1),
                ),
            ),
        ],
    )


def spoiled(data: Data, masked: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, tokens and mask with masked positions that hold what no model gives."""
    logits, tokens, mask = scored(data, (3, 4, 517))
    # The very first position is masked: token -100 would be read from before the tensor.
    mask = torch.tensor([[False, True, True, False], [True] * 4, [False, True, True, False]])
    if masked == "all":
        mask[1] = False
    tokens[~mask] = -100
    if masked in ("nan", "inf"):
        logits[~mask] = float(masked)
        tokens[~mask] = 5
    return logits, tokens, mask


def nan_where(values: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Values with NaN at some places."""
    return values.masked_fill(where, math.nan)


@points(1)
@hint("precision")
@cases("kind", cpu=["bfloat16", "float16", "high", "low", "forbidden"])
def test_logprob_precision(
    submission: Submission, check: Check, data: Data, reference: ModuleType, kind: str
) -> None:
    """sequence_logprob: half precision, very large and very low logits, forbidden tokens."""
    dtype = getattr(torch, kind) if "float" in kind else torch.float32
    logits, tokens, mask = scored(data, (2, 2, 9001), dtype)
    logits += {"high": 1e4, "low": -1e4}.get(kind, 0.0)
    if kind == "forbidden":  # all but the last tokens, for longer than any block
        logits[..., :8900], tokens = -math.inf, tokens % 100 + 8900
    check(
        submission.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
    )


@points(1)
@hint("strides")
@cases("case", cpu=["part", "far apart"])
def test_logprob_strides(
    submission: Submission, check: Check, data: Data, reference: ModuleType, case: str
) -> None:
    """sequence_logprob: part of longer sequences, and logits beyond 2^31 elements."""
    # A sequence stride that fits into int32 and whose double does not: see lesson 1.
    strides = (5 * 311, 311, 1) if case == "part" else (2**30 + 65, 300, 1)
    logits, tokens, mask = scored(data, (3, 4, 300), torch.float16)
    strided = data.strided(logits, strides)
    check(
        submission.sequence_logprob(strided, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )


@points(1)
@hint("logprob gradient")
@cases(
    "shape, dtype",
    cpu=[*((shape, "float32") for shape in GRADIENTS), ((2, 2, 600), "bfloat16")],
    gpu=[
        *((shape, "float32") for shape in (*GRADIENTS, *LARGE_GRADIENTS)),
        ((2, 2, 600), "bfloat16"),
        ((2, 2, 128_256), "bfloat16"),
    ],
)
def test_logprob_gradient(
    submission: Submission,
    check: Check,
    data: Data,
    reference: ModuleType,
    shape: tuple[int, int, int],
    dtype: str,
) -> None:
    """sequence_logprob: the gradient, for any upstream gradient."""
    inputs = scored(data, shape, getattr(torch, dtype))
    dout = 2.5 * data.normal(shape[0])
    call = submission.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)


@points(1)
@hint("masked gradient")
@cases("masked", cpu=["token", "nan", "all", "inf"])
def test_logprob_gradient_masked(
    submission: Submission, check: Check, data: Data, reference: ModuleType, masked: str
) -> None:
    """sequence_logprob: masked positions have a gradient of exactly 0."""
    inputs = spoiled(data, masked)
    dout = 2.5 * data.normal(3)
    call = submission.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)


def judge_logprob(
    check: Check,
    reference: ModuleType,
    call: Call,
    inputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    dout: torch.Tensor,
) -> None:
    """Compare result and gradient with the exact ones; masked gradients must be 0."""
    mask = inputs[2][..., None]
    gradient = reference.sequence_logprob_gradient(*inputs, dout)
    error = reference.gradient_error(dout).expand_as(gradient)
    check.outputs(
        call,
        Output(
            "the result",
            reference.sequence_logprob(*inputs),
            error=reference.sequence_logprob_error(*inputs),
            dtype=torch.float32,
        ),
        Output(
            "the gradient",
            gradient,
            error=error.where(mask, torch.zeros_like(error)),
            dtype=inputs[0].dtype,
            mistakes=gradient_mistakes(reference, *inputs, dout),
        ),
    )


@points(1)
@hint("traffic")
def test_logprob_reads_logits_once(
    interpreted: Submission,
    check: Check,
    traffic: Traffic,
    data: Data,
    reference: ModuleType,
) -> None:
    """sequence_logprob: each logit is read once, inside its tensor."""
    logits, tokens, _ = scored(data, (1, 2, 20_001))
    mask = torch.ones_like(tokens, dtype=torch.bool)
    # Only the bytes of a right result count.
    check(
        interpreted.sequence_logprob(logits, tokens, mask),
        expected=reference.sequence_logprob(logits, tokens, mask),
        error=reference.sequence_logprob_error(logits, tokens, mask),
        dtype=torch.float32,
        mistakes=logprob_mistakes(reference, logits, tokens, mask),
    )
    traffic(interpreted.sequence_logprob, logits, tokens, mask, at_most=1.05)


@points(1)
@hint("gradient traffic")
def test_logprob_gradient_traffic(
    interpreted: Submission, check: Check, traffic: Traffic, data: Data, reference: ModuleType
) -> None:
    """sequence_logprob: backward reads each logit once more, and writes each gradient once."""
    logits, tokens, _ = scored(data, (2, 3, 4099))
    inputs = (logits, tokens, torch.ones_like(tokens, dtype=torch.bool))
    dout = data.normal(2)
    call = interpreted.sequence_logprob.grad(*inputs, wrt=(0,), upstream=(dout,))
    judge_logprob(check, reference, call, inputs, dout)
    # Twice read and once written, over once each: 3 / 2.
    both: Any = interpreted.sequence_logprob.grad
    traffic(both, *inputs, wrt=(0,), upstream=(dout,), at_most=1.05 * 1.5)


@points(2)
@hint("speed")
def test_logprob_speed(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """sequence_logprob: 2.5 times as fast as cross_entropy, 4096 x 128256 in bf16."""
    speed(
        submission.sequence_logprob,
        baseline="torch_cross_entropy",
        oracle="torch_log_softmax",
        inputs="scored",
        bytes_moved=reference.SCORED_BYTES,
    )


@points(1)
@hint("speed")
def test_logprob_speed_fp32(submission: Submission, speed: Speed, reference: ModuleType) -> None:
    """sequence_logprob: 8 times as fast as log_softmax and gather in fp32."""
    speed(
        submission.sequence_logprob,
        baseline="torch_log_softmax",
        inputs="scored",
        bytes_moved=reference.SCORED_BYTES,
    )


@points(1)
@hint("backward speed")
def test_logprob_backward_speed(
    submission: Submission, speed: Speed, reference: ModuleType
) -> None:
    """sequence_logprob: forward and backward twice as fast as cross_entropy."""
    speed(
        submission.sequence_logprob,
        baseline="torch_cross_entropy",
        oracle="torch_log_softmax",
        inputs="differentiated",
        scenario="forward_backward",
        bytes_moved=reference.DIFFERENTIATED_BYTES,
    )


@points(1)
@hint("memory")
def test_logprob_peak_memory(
    submission: Submission, peak_memory: PeakMemory, data: Data, reference: ModuleType
) -> None:
    """sequence_logprob: at most 40% of the memory that PyTorch needs."""
    logits, tokens, mask = scored(data, (2, 32, 32_000), torch.bfloat16)
    peak_memory(
        submission.sequence_logprob,
        logits,
        tokens,
        mask,
        at_most_bytes=int(0.4 * reference.EAGER_FORWARD_BYTES * logits.numel()),
    )
    peak_memory(
        submission.sequence_logprob,
        logits,
        tokens,
        mask,
        data.normal(2),
        at_most_bytes=int(0.4 * reference.EAGER_BACKWARD_BYTES * logits.numel()),
        scenario="forward_backward",
    )
