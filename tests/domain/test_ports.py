from datetime import UTC, datetime

import pytest

from actors.runtime.clock import RandomIds, SystemClock
from domain.ports import IST, trading_day
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 1, 5, 0, 29, 59, tzinfo=UTC), "2026-01-04"),
        (datetime(2026, 1, 5, 0, 30, tzinfo=UTC), "2026-01-05"),
        (datetime(2026, 1, 5, 5, 59, 59, tzinfo=IST), "2026-01-04"),
        (datetime(2026, 1, 5, 6, 0, tzinfo=IST), "2026-01-05"),
        (datetime(2026, 1, 5, 23, 59, 59, tzinfo=IST), "2026-01-05"),
    ],
)
def test_the_trading_day_begins_at_six_in_the_exchanges_zone(moment: datetime, day: str) -> None:
    assert trading_day(moment) == day


def test_the_real_clock_speaks_the_exchanges_time_and_never_steps_back() -> None:
    clock = SystemClock()

    first, second = clock.monotonic(), clock.monotonic()

    assert clock.now().tzinfo is IST
    assert second >= first


def test_real_names_are_new_each_time_and_fit_into_a_command_id() -> None:
    names = {RandomIds().new() for _ in range(100)}

    assert len(names) == 100
    assert all(name.isalnum() and len(name) <= 32 for name in names)


def test_the_fake_clock_moves_only_when_told() -> None:
    clock = FakeClock()
    before = (clock.now(), clock.monotonic())

    clock.advance(90)

    assert ((clock.now() - before[0]).total_seconds(), clock.monotonic() - before[1]) == (90, 90)
