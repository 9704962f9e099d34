from __future__ import annotations

from grader import lab
from grader.lab.figures.curves import lines


def duel_of(clicked: object) -> lab.Duel[str]:
    pairs = iter([("hello", "beep"), ("yes", "no"), ("tea", "coffee")])

    def picture() -> lab.Picture:
        return lines({"clicks": [0.0, 1.0]}, xlabel="click", ylabel="opinion")

    return lab.duel(lambda: next(pairs), str.upper, clicked, picture)  # type: ignore[arg-type]


def test_a_click_tells_what_was_chosen_and_what_was_not() -> None:
    told: list[tuple[str, str]] = []
    duel = duel_of(lambda chosen, rejected: told.append((chosen, rejected)))
    assert duel.words == ("HELLO", "BEEP")
    duel.choose(1)
    assert duel.words == ("YES", "NO")
    duel.choose(0)
    assert told == [("beep", "hello"), ("yes", "no")]
    assert duel.clicks == 2


def test_an_unfinished_exercise_is_a_remark_and_the_pair_stays() -> None:
    def clicked(*_: str) -> None:
        raise lab.Unfinished("tune_step: not started yet.")

    duel = duel_of(clicked)
    duel.choose(0)
    assert duel.remark == "tune_step: not started yet."
    assert (duel.clicks, duel.words) == (0, ("HELLO", "BEEP"))


def test_whatever_the_exercise_raises_is_a_remark() -> None:
    duel = duel_of(lambda *_: 1 // 0)
    duel.choose(0)
    assert "ZeroDivisionError" in duel.remark


def test_it_is_a_picture_for_readers() -> None:
    data, _ = duel_of(print)._repr_mimebundle_()
    assert "image/png" in data
