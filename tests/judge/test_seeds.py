from __future__ import annotations

import itertools

from grader.judge.seeds import case_seed, fresh_seed
from grader.protocol.data import Data


def test_a_case_has_the_same_seed_in_every_run_of_that_seed() -> None:
    assert case_seed("5eed", "test_add", "n=3") == case_seed("5eed", "test_add", "n=3")


def test_seeds_of_other_runs_tests_and_cases_differ() -> None:
    names = itertools.product(["5eed", "5eee", ""], ["test_a", "test_b"], ["", "n=1", "n=2"])
    seeds = {case_seed(*name) for name in names}
    assert len(seeds) == 18


def test_test_and_case_cannot_be_confused_with_each_other() -> None:
    assert case_seed("s", "test_a", "b") != case_seed("s", "test_", "ab")
    assert case_seed("s", "test_ab", "") != case_seed("s", "test_a", "b")


def test_a_seed_fits_a_generator_of_torch() -> None:
    for number in range(200):
        seed = case_seed(str(number), "t", "c")
        assert 0 <= seed < 2**63
    Data(seed).normal(1)


def test_names_of_any_alphabet_have_seeds() -> None:
    assert case_seed("s", "tëst", "x='\U0001f600'") != case_seed("s", "tëst", "")


def test_fresh_seeds_are_fresh() -> None:
    seeds = {fresh_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert all(len(seed) == 32 and int(seed, 16) >= 0 for seed in seeds)
