"""Each named mistake by its smallest example, and next to it a near miss of another name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from grader.judge.compare import mismatch
from grader.judge.diagnosis.patterns import diagnose, generic, unwritten
from grader.protocol.poison import WORDS, unwritten_word
from grader.protocol.tensors import DTYPES
from grader.results import Diagnosis
from grader.testing import Mistake

DTYPES_OF_OUTPUTS = [torch.float32, torch.float16, torch.bfloat16, torch.int32, torch.int64]


def poison(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Memory that nobody wrote, as the worker hands it out in the first run."""
    words = torch.full(shape, unwritten_word(dtype, run=0), dtype=WORDS[dtype.itemsize])
    return words.view(dtype)


def right(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """What was expected: no two elements alike."""
    return (torch.arange(math.prod(shape)) + 1).view(shape).to(dtype)


def diagnosis(
    got: torch.Tensor,
    expected: torch.Tensor,
    mistakes: Sequence[Mistake] = (),
    *,
    exact: bool = True,
    error: float = 0.0,
) -> Diagnosis:
    """The specific diagnosis of a wrong result, else the generic one."""
    found = mismatch(got, expected, exact=exact, error=error)
    assert found is not None, "nothing is wrong"
    return diagnose(found, mistakes) or generic(found, error)


def kind_of(got: torch.Tensor, expected: torch.Tensor) -> str:
    return diagnosis(got, expected).kind


# ----------------------------------------------------------- never written


@pytest.mark.parametrize("shape", [(), (1,), (100,), (4, 5), (2, 3, 4)])
@pytest.mark.parametrize("dtype", DTYPES_OF_OUTPUTS)
def test_an_output_of_nothing_but_poison_was_not_written(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    found = diagnosis(poison(*shape, dtype=dtype), right(*shape, dtype=dtype))
    assert found.kind == "not-written"
    assert "Nothing was written" in found.message


def test_an_output_of_ordinary_nan_was_written() -> None:
    assert kind_of(torch.full((100,), math.nan), right(100)) == "unexpected-nan"


def test_an_output_of_zeros_was_written() -> None:
    assert kind_of(torch.zeros(100), right(100)) == "wrong-value"


def test_what_was_computed_from_poison_was_written() -> None:
    assert kind_of(poison(100) + 1, right(100)) == "unexpected-nan"


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_poison_is_recognised_in_every_dtype_but_bool(dtype: torch.dtype) -> None:
    if dtype == torch.bool:
        assert not unwritten(torch.tensor([True, False])).any()
        return
    tensor = torch.zeros(3, dtype=dtype)
    tensor[1:] = poison(2, dtype=dtype)
    assert unwritten(tensor).tolist() == [False, True, True]
    assert not unwritten(torch.empty(0, 3, dtype=dtype)).any()


# ---------------------------------------------------------------- the tail


@pytest.mark.parametrize(
    ("written", "total", "kind"),
    [
        (1000, 1024, "tail-not-written"),
        (1024, 1025, "tail-not-written"),
        (512, 1023, "tail-not-written"),
        (999, 1000, "tail-not-written"),
        (512, 1024, "missing-program-offset"),
        (1024, 4099, "missing-program-offset"),
        (16, 100, "missing-program-offset"),
        (8, 100, "tail-not-written"),
        (48, 1000, "tail-not-written"),
    ],
)
def test_a_tail_left_out_is_told_from_a_first_block_that_all_programs_share(
    written: int, total: int, kind: str
) -> None:
    got = right(total)
    got[written:] = poison(total - written)
    found = diagnosis(got, right(total))
    assert found.kind == kind
    assert str(total) in found.message


def test_the_tail_is_named_by_its_first_and_last_element() -> None:
    got = right(1000)
    got[960:] = poison(40)
    assert diagnosis(got, right(1000)).message.startswith(
        "The last 40 of 1000 elements (960–999) were never written"
    )


@pytest.mark.parametrize(
    "where", [slice(10, 20), slice(0, 10), slice(None, None, 2)], ids=["middle", "start", "half"]
)
def test_a_gap_elsewhere_is_no_tail(where: slice) -> None:
    got = right(100)
    got[where] = math.nan
    got[where] = poison(*got[where].shape)
    found = diagnosis(got, right(100))
    assert found.kind == "not-written"
    assert "never written" in found.message


def test_a_tail_beside_wrong_values_is_not_the_whole_story() -> None:
    got = right(100)
    got[90:] = poison(10)
    got[3] = 0
    assert kind_of(got, right(100)) == "unexpected-nan"


def test_a_tail_that_starts_inside_a_row_is_a_tail_of_the_flat_tensor() -> None:
    got = right(4, 10)
    got.view(-1)[25:] = poison(15)
    assert kind_of(got, right(4, 10)) == "tail-not-written"


# -------------------------------------------------------- rows and columns


def test_columns_left_out_of_every_row_are_named() -> None:
    got = right(4, 10)
    got[:, 7:] = poison(4, 3)
    found = diagnosis(got, right(4, 10))
    assert found.kind == "columns-not-written"
    assert found.message.startswith("Columns 7–9 of every row were never written")


def test_whole_rows_left_out_are_named() -> None:
    got = right(4, 10)
    got[2:] = poison(2, 10)
    found = diagnosis(got, right(4, 10))
    assert found.kind == "rows-not-written"
    assert found.message.startswith("Rows 2–3 of 4 were never written")


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(0, 3), slice(7, 10)), (slice(1, 4), slice(0, 9)), (slice(1, 2), slice(3, 4))],
    ids=["columns of three rows", "nine columns of three rows", "one element"],
)
def test_a_block_left_out_is_neither_rows_nor_columns(rows: slice, columns: slice) -> None:
    got = right(4, 10)
    got[rows, columns] = poison(*got[rows, columns].shape)
    assert kind_of(got, right(4, 10)) == "not-written"


def test_every_second_row_left_out_is_no_run_of_rows() -> None:
    got = right(6, 10)
    got[::2] = poison(3, 10)
    assert kind_of(got, right(6, 10)) == "not-written"


# --------------------------------------------------------- modelled mistakes


def mistake(output: torch.Tensor, kind: str = "modelled") -> Mistake:
    return Mistake(kind, "What you did.", output)


def test_a_mistake_that_explains_every_wrong_element_names_the_bug() -> None:
    expected = right(100)
    got = expected.clone()
    got[50:] *= 2
    found = diagnosis(got, expected, [mistake(right(100), "other"), mistake(2 * expected)])
    assert (found.kind, found.message) == ("modelled", "What you did.")


def test_a_mistake_that_explains_only_some_elements_does_not() -> None:
    expected = right(100)
    got = 2 * expected
    got[7] = 0
    assert diagnosis(got, expected, [mistake(2 * expected)]).kind == "wrong-value"


def test_a_mistake_that_must_show_everywhere_is_not_named_for_a_part() -> None:
    expected = right(100)
    got = expected.clone()
    got[50:] *= 2
    model = replace(mistake(2 * expected), everywhere=True)
    assert diagnosis(got, expected, [model]).kind == "wrong-value"
    assert diagnosis(2 * expected, expected, [model]).kind == "modelled"


def test_a_mistake_may_lose_in_its_own_rounding_what_the_right_formula_may() -> None:
    expected, error = right(100).double(), 1e-3
    got = (2 * expected + 0.9 * error).float()
    found = mismatch(got, expected, exact=False, error=error)
    assert found is not None
    named = diagnose(found, [mistake((2 * expected).float())])
    assert named is not None
    assert named.kind == "modelled"


def test_a_mistake_of_another_shape_is_passed_over() -> None:
    assert diagnosis(2 * right(10), right(10), [mistake(right(5))]).kind == "wrong-value"


def test_the_model_of_a_mistake_is_computed_only_when_needed() -> None:
    def never() -> torch.Tensor:
        raise AssertionError("computed")

    found = diagnosis(poison(10), right(10), [Mistake("costly", "", never)])
    assert found.kind == "not-written"


def test_a_modelled_mistake_may_differ_by_rounding_when_a_tolerance_is_asked() -> None:
    expected = right(100, dtype=torch.float64)
    got = (2 * expected * (1 + 3e-7)).float()
    assert diagnosis(got, expected, [mistake(2 * expected)], exact=False).kind == "modelled"
    further = (2 * expected * (1 + 3e-4)).float()
    assert diagnosis(further, expected, [mistake(2 * expected)], exact=False).kind == "wrong-value"


# -------------------------------------------------------------- row stride


def test_a_right_first_row_before_wrong_ones_is_a_wrong_row_stride() -> None:
    expected = right(5, 8)
    got = expected.view(-1).repeat(2)[: 5 * 7].unfold(0, 8, 7)[:4]
    got = torch.cat([got, expected[:1] + 28])
    assert kind_of(got, expected) == "wrong-row-stride"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda got: got[0, :1].zero_(), id="the first row is wrong too"),
        pytest.param(lambda got: got[3].copy_(right(5, 8)[3]), id="a later row is right"),
        pytest.param(lambda got: got[1:, 3:].copy_(right(5, 8)[1:, 3:]), id="most is right"),
    ],
)
def test_other_patterns_of_rows_are_no_wrong_stride(change: object) -> None:
    expected = right(5, 8)
    got = expected.clone()
    got[1:] = 0
    assert kind_of(got, expected) == "wrong-row-stride"
    change(got)  # type: ignore[operator]
    assert kind_of(got, expected) == "wrong-value"


def test_a_matrix_of_one_row_and_a_vector_have_no_row_stride() -> None:
    for shape in [(1, 8), (8,)]:
        got = right(*shape)
        got.view(-1)[1:] = 0
        assert kind_of(got, right(*shape)) == "wrong-value"


# --------------------------------------------------------------------- NaN


def test_a_nan_where_a_number_was_expected_is_named() -> None:
    got = right(100)
    got[96:] = math.nan
    found = diagnosis(got, right(100))
    assert found.kind == "unexpected-nan"
    assert "(96–99)" in found.message


def test_a_nan_that_was_expected_is_not_unexpected() -> None:
    expected = right(4)
    expected[0] = math.nan
    got = expected.clone()
    got[1] = 0
    assert kind_of(got, expected) == "wrong-value"


def test_a_number_where_a_nan_was_expected_is_a_wrong_value() -> None:
    expected = right(4)
    expected[2] = math.nan
    found = diagnosis(right(4), expected)
    assert found.kind == "wrong-value"
    assert "expected nan" in found.message


# ------------------------------------------------------- plain wrong values


def test_a_small_error_everywhere_is_a_lack_of_precision() -> None:
    expected = right(100, dtype=torch.float64)
    found = diagnosis((expected * (1 + 1e-3)).float(), expected, exact=False)
    assert found.kind == "inaccurate"


@pytest.mark.parametrize("factor", [1.05, 2.0, 0.0, -1.0, math.inf])
def test_a_large_error_is_not(factor: float) -> None:
    expected = right(100, dtype=torch.float64)
    assert diagnosis((expected * factor).float(), expected, exact=False).kind == "wrong-value"


def test_where_equality_is_asked_nothing_is_called_inaccurate() -> None:
    assert kind_of(right(100) * (1 + 1e-6), right(100)) == "wrong-value"


def test_integers_are_wrong_and_never_inaccurate() -> None:
    got, expected = torch.tensor([1001, 7]), torch.tensor([1000, 7])
    assert diagnosis(got, expected, exact=False).kind == "wrong-value"


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (torch.tensor([1.0, 5.0]), torch.tensor([1.0, 2.0]), "Element 1 of 2 is wrong: got 5, exp"),
        (
            torch.zeros(2, 2),
            torch.ones(2, 2),
            "All elements are wrong: got 0, expected 1 at [0, 0]",
        ),
        (torch.tensor(3), torch.tensor(4), "The only element is wrong: got 3, expected 4."),
        (torch.tensor([False]), torch.tensor([True]), "got False, expected True"),
    ],
)
def test_the_message_says_where_what_and_what_instead(
    got: torch.Tensor, expected: torch.Tensor, words: str
) -> None:
    assert words in diagnosis(got, expected).message
