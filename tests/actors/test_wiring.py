"""What the wiring itself decides: whether hours are kept, and what is told of a calendar that is not sure."""

from datetime import datetime
from typing import Any

import pytest

from actors.messages.alerts import RaiseAlert
from actors.wiring import Wiring
from console.settings_file import load_settings
from domain.alerts.alert import Level
from domain.ports import IST
from tests.fakes import FakeClock, FakeIds, Probe


def wired(now: datetime, **calendar: Any) -> tuple[Wiring, Probe]:  # noqa: ANN401  any setting
    settings = load_settings(None, mode="paper", client_id="PAPER", calendar=calendar)
    wiring = Wiring(
        settings,
        broker=None,
        feed=None,
        machine_clock=FakeClock(now),
        ids=FakeIds(),
        escalate=lambda _: None,
        summarise=lambda: None,
    )
    heard = Probe()
    wiring.notifier.connect(heard)
    return wiring, heard


DECEMBER = datetime(2026, 12, 15, 9, 0, tzinfo=IST)


def test_holidays_that_are_not_announced_are_told_at_the_start() -> None:
    wiring, heard = wired(DECEMBER, enforced=True)

    assert wiring._make_calendar() is not None

    (told,) = heard.of(RaiseAlert)
    assert told.alert.level is Level.WARNING
    assert "the holidays of 2027 are computed" in told.alert.what


@pytest.mark.parametrize(
    ("now", "calendar"),
    [
        (DECEMBER, {"enforced": True, "holidays_checked_until": 2027}),
        (DECEMBER, {}),
        (datetime(2026, 11, 20, 9, 0, tzinfo=IST), {"enforced": True}),
    ],
    ids=["compared", "no hours", "all announced"],
)
def test_nothing_is_told_where_nothing_is_doubted(now: datetime, calendar: dict[str, Any]) -> None:
    wiring, heard = wired(now, **calendar)

    assert (wiring._make_calendar() is not None) is bool(calendar)

    assert not heard.of(RaiseAlert)
