"""What makes a speed measurement uncacheable, and how what comes back is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch

from grader.judge.timing import measure as measure_module
from grader.judge.timing.measure import BATCH_SECONDS, MOST_SECONDS, Comparison, Round
from grader.judge.timing.mirror import Mirror, agrees
from grader.judge.timing.sequential import Trial, ratio_goal
from grader.judge.timing.sides import Batch, Sample
from grader.judge.timing.statistics import LOOKS
from grader.protocol.batches import (
    WINDOW,
    apply_all,
    as_written,
    plan_writes,
    written_tensor,
)
from grader.protocol.data import Data
from grader.protocol.frames import Message
from grader.results import Status
from grader.testing import Judged, refuse

CPU = torch.device("cpu")
N = 1 << 12


def two_vectors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    return data.normal(N), data.normal(N)


def mirror(seed: int = 7) -> Mirror:
    return Mirror(two_vectors, torch.add, seed, cache_bytes=4 * N, device=CPU)


class Twin:
    """A side that computes in this process, honestly or not."""

    function = "add"

    def __init__(self, add: Callable[..., torch.Tensor], seed: int = 7, own: bool = True) -> None:
        self.add = add
        self.own = own
        self.rings = [two_vectors(Data(seed + n)) for n in range(mirror(seed).rings)]
        self.output = torch.empty(0)

    def prepare(self, reference: str, seed: int, rings: int) -> float:
        return 0.01

    def arm(self, calls: int, seed: int) -> None:
        self.writes = plan_writes(seed, calls, N)

    def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
        for call, place in enumerate(self.writes.place):
            x, y = self.rings[call % len(self.rings)]
            start = self.writes.starts[place]
            x[start : start + WINDOW] = self.writes.values[call]
            self.output = self.add(x, y)
        (sample,) = samples
        values = self.output[torch.tensor(sample.index) % N].double()
        seen = {"audited": calls} if audit else None
        return Batch(calls, calls * 1e-2, calls * 0.99e-2, self.own, (values,), seen=seen)


@pytest.fixture(autouse=True)
def _no_gpu_to_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda *_: None)


def verdict_on(student: Twin) -> Judged:
    with pytest.raises(Judged) as caught:
        measure(student)
    return caught.value


def measure(student: Twin, rounds: int = 1) -> list[Round]:
    """Quadruples of an honest baseline against a student."""
    comparison = prepared(student)
    return [comparison.round() for _ in range(rounds)]


def prepared(
    student: Twin, seed: int = 1, inspect: Callable[[Message], None] = lambda seen: None
) -> Comparison:
    """A comparison of a student with an honest baseline, ready to be measured."""
    sides: tuple[Any, Any] = (Twin(torch.add), student)
    comparison = Comparison(*sides, mirror(), seed, inspect)
    comparison.prepare("", 7)
    comparison.settle()
    return comparison


class Waited(Twin):
    """A baseline whose way to the worker and back is as long as the test says, batch by batch."""

    def __init__(self, *ways_s: float) -> None:
        super().__init__(torch.add)
        self.ways_s = list(ways_s)

    def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
        way_s = self.ways_s.pop(0) if len(self.ways_s) > 1 else self.ways_s[0]
        worked_s = calls * 1e-2
        batch = super().go(calls, samples, audit)
        return replace(batch, wall_s=worked_s + way_s, events_s=worked_s)


def round_beside(*ways_s: float) -> Round:
    sides: tuple[Any, Any] = (Waited(*ways_s), Twin(torch.add))
    comparison = Comparison(*sides, mirror(), 1)
    comparison.prepare("", 7)
    comparison.settle()
    return comparison.round()


def test_the_way_to_the_worker_and_back_is_taken_off_both_sides() -> None:
    found = round_beside(0.02)
    assert [batch.overhead_s for batch in found.batches] == pytest.approx([0.02] * 4)
    assert found.quadruple.a1 == pytest.approx(1e-2)


def test_what_others_on_the_gpu_make_of_the_way_is_not_taken_off() -> None:
    # All that prepares is held up for a second; then the others are gone.
    found = round_beside(*[1.0] * 7, 0.0)
    assert [batch.overhead_s for batch in found.batches] == [0.0] * 4
    assert found.quadruple.b1 == pytest.approx(1e-2)


class Quick(Twin):
    """A side with calls of 0.1 ms, whatever its worker says of them."""

    def __init__(self, said_s: float) -> None:
        super().__init__(torch.add)
        self.said_s = said_s

    def prepare(self, reference: str, seed: int, rings: int) -> float:
        return self.said_s

    def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
        batch = super().go(calls, samples, audit)
        return replace(batch, wall_s=calls * 1e-4, events_s=calls * 1e-4)


@pytest.mark.parametrize("said_s", [1e-5, 1e-4, 3e-4, 1.0])
def test_batches_last_as_planned_whatever_the_worker_says_of_its_speed(said_s: float) -> None:
    comparison = prepared(Quick(said_s))
    walls = [comparison.round().b1.wall_s for _ in range(3)]
    assert all(BATCH_SECONDS / 2 < wall_s < 2 * BATCH_SECONDS for wall_s in walls)


def test_a_clock_of_the_worker_that_runs_ahead_takes_nothing_off() -> None:
    assert round_beside(-0.5).b1.overhead_s == 0.0


def test_the_same_seed_plans_the_same_writes() -> None:
    one, other = plan_writes(3, 50, N), plan_writes(3, 50, N)

    assert (one.starts, one.place) == (other.starts, other.place)
    assert torch.equal(one.values, other.values)


def test_another_seed_plans_other_writes() -> None:
    assert plan_writes(3, 50, N).starts != plan_writes(4, 50, N).starts


def test_writes_stay_inside_the_tensor_and_do_not_overlap_by_halves() -> None:
    starts = plan_writes(3, 50, N).starts

    assert all(start % WINDOW == 0 and start + WINDOW <= N for start in starts)


def test_applying_a_batch_at_once_equals_writing_call_by_call() -> None:
    writes = plan_writes(5, 300, N)
    at_once = [torch.zeros(N) for _ in range(3)]
    by_call = [torch.zeros(N) for _ in range(3)]
    apply_all(writes, at_once)
    for call, place in enumerate(writes.place):
        start = writes.starts[place]
        by_call[call % 3][start : start + WINDOW] = writes.values[call]

    assert all(torch.equal(a, b) for a, b in zip(at_once, by_call, strict=True))


def test_the_first_contiguous_float_tensor_is_written_to() -> None:
    integers, strided, plain = torch.zeros(64).int(), torch.zeros(64, 2)[:, 0], torch.zeros(8, 8)

    written = written_tensor((2.0, integers, strided, plain))

    assert written.data_ptr() == plain.data_ptr()


def test_inputs_without_a_tensor_to_write_to_are_an_error_of_the_lesson() -> None:
    with pytest.raises(ValueError, match="contiguous input"):
        written_tensor((torch.zeros(4), 3))


def test_input_sets_exceed_twice_the_cache() -> None:
    set_bytes = 2 * 4 * N

    found = Mirror(two_vectors, torch.add, 1, cache_bytes=5 * set_bytes, device=CPU)

    assert found.rings == 10


def test_half_of_the_samples_are_where_the_writes_changed_the_result() -> None:
    own = mirror()
    before = [two_vectors(Data(7 + n)) for n in range(own.rings)]
    writes = plan_writes(11, 40, N)

    (expected,) = own.advance(writes)

    x, y = before[(40 - 1) % own.rings]
    changed = (x + y)[expected.sample.index[expected.unaffected :]]
    assert not torch.equal(changed, expected.values[expected.unaffected :])
    assert expected.unaffected < len(expected.sample.index)


def test_an_honest_function_is_measured() -> None:
    rounds = measure(Twin(torch.add), rounds=4)

    assert all(abs(each.quadruple.log_ratio) < 1e-9 for each in rounds)


def test_the_way_to_the_worker_is_taken_off_both_sides() -> None:
    batch = measure(Twin(torch.add))[0].b1

    assert batch.seconds_per_call < batch.wall_s / batch.calls


def test_answers_from_before_the_batch_are_called_stale() -> None:
    cache: dict[int, torch.Tensor] = {}

    def remembered(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return cache.setdefault(x.data_ptr(), x + y)

    found = verdict_on(Twin(remembered))

    assert (found.status, found.diagnosis.kind) == (Status.REFUSED, "stale-answer")


def test_wrong_values_are_a_failure_and_no_accusation() -> None:
    found = verdict_on(Twin(torch.sub))

    assert (found.status, found.diagnosis.kind) == (Status.FAILED, "wrong-value")


def test_memory_handed_out_twice_is_refused() -> None:
    found = verdict_on(Twin(torch.add, own=False))

    assert (found.status, found.diagnosis.kind) == (Status.REFUSED, "recycled-output")


@pytest.mark.parametrize(
    ("change", "right"),
    [
        (lambda values: values, True),
        (lambda values: values * (1 + 1e-6), True),
        (lambda values: values * 1.01, False),
        (lambda values: values.index_fill(0, torch.tensor([0]), float("nan")), False),
        (torch.zeros_like, False),
    ],
)
def test_samples_agree_within_another_order_of_summation(
    change: Callable[[torch.Tensor], Any], right: bool
) -> None:
    expected = torch.linspace(-3, 5, 64)

    assert agrees(change(expected), expected) is right


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8])
def test_integers_of_8_bits_are_written_over_their_range(dtype: torch.dtype) -> None:
    written = as_written(torch.tensor([-9.0, -1.0, 0.0, 1.0, 9.0]), dtype).tolist()

    limits = torch.iinfo(dtype)
    assert written == sorted(set(written))
    assert (written[0], written[-1]) == (limits.min, limits.max)


def test_indices_are_never_written_to() -> None:
    tokens, logits = torch.zeros(64, dtype=torch.int64), torch.zeros(64, dtype=torch.int8)

    assert written_tensor((tokens, logits)).data_ptr() == logits.data_ptr()


def test_each_tensor_of_a_result_is_sampled() -> None:
    def both(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + y, (x * y).half()

    own = Mirror(two_vectors, both, 7, cache_bytes=4 * N, device=CPU)
    total, product = own.advance(plan_writes(3, 40, N))

    assert own.dtypes == (torch.float32, torch.float16)
    assert (total.sample.dtype, product.sample.dtype) == own.dtypes
    assert total.unaffected < len(total.sample.index) > 0 < len(product.sample.index)


@pytest.mark.parametrize(
    ("dtype", "relative", "right"),
    [(torch.bfloat16, 0.01, True), (torch.bfloat16, 0.2, False), (torch.float32, 1e-6, True)],
)
def test_the_margin_of_a_sample_is_that_of_its_dtype(
    dtype: torch.dtype, relative: float, right: bool
) -> None:
    expected = torch.linspace(1, 2, 64).to(dtype)

    assert agrees(expected.double() * (1 + relative), expected) is right


# ------------------------------------------------------------------------- audited calls


class Watched(Twin):
    """A student's side that remembers which of its batches were audited, and their length."""

    def __init__(self) -> None:
        super().__init__(torch.add)
        self.batches: list[tuple[int, bool]] = []

    def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
        self.batches.append((calls, audit))
        return super().go(calls, samples, audit)


def audits_while_measured(seed: int) -> list[tuple[int, int]]:
    """Place and length of each audited batch among those of a trial."""
    student = Watched()
    comparison = prepared(student, seed)
    student.batches.clear()
    comparison.run(Trial(ratio_goal(0.9)), [])
    return [(n, calls) for n, (calls, audit) in enumerate(student.batches) if audit]


def test_the_first_calls_at_the_timed_size_are_audited() -> None:
    student = Watched()

    prepared(student)

    assert student.batches[0][1] is True


@pytest.mark.parametrize("seed", range(6))
def test_each_verdict_has_an_audit_before_its_first_look_and_behind_a_timed_round(
    seed: int,
) -> None:
    (first, calls), *_ = audits_while_measured(seed)

    assert 2 <= first < 2 * LOOKS[0]
    assert calls >= 16  # as long as a batch that is timed


@pytest.mark.parametrize("measured", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_a_trial_gone_on_with_has_an_audit_of_its_own_before_its_next_look(
    seed: int, measured: int
) -> None:
    student, trial = Watched(), Trial(ratio_goal(0.9))
    comparison = prepared(student, seed)
    for _ in range(measured):
        trial.add(comparison.round().quadruple)
    student.batches.clear()

    comparison.run(trial, [])

    audits = [n for n, (_, audit) in enumerate(student.batches) if audit]
    assert audits[0] < 2 * (LOOKS[0] - measured)


def test_when_an_audit_comes_depends_on_the_judges_seed() -> None:
    places = {audits_while_measured(seed)[0][0] // 2 for seed in range(20)}

    assert places == set(range(1, LOOKS[0]))


def test_what_is_seen_of_an_audited_call_is_judged() -> None:
    seen: list[Message] = []

    comparison = prepared(Twin(torch.add), inspect=seen.append)
    comparison.audit()

    assert len(seen) == 2
    assert seen[1]["audited"] >= 16


def test_a_wrong_result_of_an_audited_call_is_seen_before_its_conduct() -> None:
    def inspect(seen: Message) -> None:
        raise AssertionError("the values come first")

    with pytest.raises(Judged) as caught:
        prepared(Twin(torch.sub), inspect=inspect)

    assert caught.value.diagnosis.kind == "wrong-value"


def test_a_call_that_is_not_the_submissions_own_work_ends_the_measurement() -> None:
    def inspect(seen: Message) -> None:
        refuse("torch-instead-of-kernel", "seen")

    with pytest.raises(Judged) as caught:
        prepared(Twin(torch.add), inspect=inspect)

    assert caught.value.status is Status.REFUSED


def test_a_worker_is_looked_at_once_more_after_the_last_batch() -> None:
    asked: list[str] = []

    class Told(Twin):
        def arm(self, calls: int, seed: int) -> None:
            asked.append("arm")
            super().arm(calls, seed)

        def go(self, calls: int, samples: Sequence[Sample], audit: bool = False) -> Batch:
            asked.append("go")
            return super().go(calls, samples, audit)

    prepared(Told(torch.add)).run(Trial(ratio_goal(0.5)), [])
    assert asked[-2:] == ["go", "arm"]


def test_a_measurement_that_holds_others_up_for_too_long_stays_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparison = prepared(Twin(torch.add))
    moments = iter([0.0, MOST_SECONDS - 1, MOST_SECONDS])
    monkeypatch.setattr(measure_module.time, "monotonic", lambda: next(moments))
    trial = Trial(ratio_goal(0.5))
    comparison.run(trial, [])
    assert (len(trial.quadruples), trial.finished) == (2, False)


def test_one_quadruple_is_measured_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = prepared(Twin(torch.add))
    moments = iter([0.0, 2 * MOST_SECONDS])
    monkeypatch.setattr(measure_module.time, "monotonic", lambda: next(moments))
    trial = Trial(ratio_goal(0.5))
    comparison.run(trial, [])
    assert len(trial.quadruples) == 1
