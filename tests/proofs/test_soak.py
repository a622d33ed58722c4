"""A slice of `make soak` for every run."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.proofs.soak import PER_THOUSAND_MB_MAX, REST_MB_MAX, Sample, Soak, grown

STEADY = [Sample(orders, 80.0 + orders / 250, 15, 23) for orders in range(1_000, 5_000, 100)]
AT_REST = [Sample(5_000, 100.0, 15, 23)] * 40


def test_a_short_day_with_restarts_ends_with_nothing_doubled_lost_or_unsettled(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=3)
    try:
        soak.run(200)
        assert soak.judge() == []
    finally:
        soak.close()

    assert len(soak.crowd.sent) >= 200
    assert soak.counts["starts"] >= 1


@pytest.mark.parametrize(
    ("name", "per_sample", "at_rest", "word"),
    [
        ("memory_mb", PER_THOUSAND_MB_MAX / 10, False, "memory grew by"),
        ("memory_mb", REST_MB_MAX / 20, True, "at rest"),
        ("threads", 0.2, False, "threads"),
        ("files", 0.2, True, "files"),
    ],
)
def test_a_judge_that_sees_something_grow_says_so(name: str, per_sample: float, at_rest: bool, word: str) -> None:  # noqa: FBT001  a parameter
    samples = AT_REST if at_rest else STEADY
    leaking = [replace(one, **{name: getattr(one, name) + per_sample * at}) for at, one in enumerate(samples)]

    said = grown(STEADY if at_rest else leaking, leaking if at_rest else AT_REST)

    assert len(said) == 1
    assert word in said[0]
    assert grown(STEADY, AT_REST) == []
