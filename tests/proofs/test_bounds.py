"""A slice of `make bounds` for every run: that the way out leaves, and once; how fast is judged on a quiet machine."""

from collections import Counter
from pathlib import Path

import pytest

from tests.proofs.bounds import CASES, Figure, floor_in, longest_s, wrongs_in
from tests.scenarios.paper import Ledger, Placed

SLICE = ("no quotes, no look-ups, no feed: flatten", "database locked, killed as it arrives: hand exit")


@pytest.mark.parametrize("name", SLICE)
def test_a_way_out_on_real_processes_leaves_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.proofs.bounds.OLD_S", 0.2)
    monkeypatch.setattr("tests.proofs.bounds.QUIET_S", 0.5)

    with floor_in(tmp_path, name) as floor:
        figures = CASES[name](floor)

    assert all(one.seconds >= 0 for one in figures)


def sale(filled: int) -> Placed:
    return Placed("1", "tag", "RELIANCE-EQ", "S", "I", 10, "1490.00", "LMT", "COMPLETE", filled, "")


@pytest.mark.parametrize(
    ("arrivals", "sales", "wrong"),
    [
        (["a", "b", None, None], [10], []),
        (["a", "b", "a"], [10], ["a came in 2 times"]),
        (["a"], [10, 1], ["11 sold of 10"]),
    ],
)
def test_the_judge_says_what_was_sent_twice_or_sold_too_much(
    arrivals: list[str | None], sales: list[int], wrong: list[str]
) -> None:
    came = tuple((tag, 0.0, 0.0) for tag in arrivals)

    assert wrongs_in(Ledger(tuple(map(sale, sales)), Counter(), {}, came)) == wrong


def test_the_longest_time_at_one_price_counts_until_the_end() -> None:
    assert longest_s([5.0, 1.0, 2.0], 6.0) == 3.0
    assert longest_s([1.0, 2.0, 9.0], 7.0) == 5.0, "what comes after the end does not count"


def test_a_figure_beyond_its_bound_is_too_late() -> None:
    assert Figure("flat after", 5.0, 5.0).is_kept
    assert not Figure("flat after", 5.1, 5.0).is_kept
