"""A slice of `make soak` for every run."""

from pathlib import Path

from tests.proofs.soak import Soak


def test_a_short_day_with_restarts_ends_with_nothing_doubled_lost_or_unsettled(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=3)
    try:
        soak.run(200)
        assert soak.judge() == []
    finally:
        soak.close()

    assert len(soak.crowd.sent) >= 200
    assert soak.counts["starts"] >= 1
