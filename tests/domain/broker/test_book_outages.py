"""A book that stays away is told with what waits for it, and how a person decides."""

from dataclasses import replace

import pytest

from domain.alerts.alert import Level
from domain.alerts.text.breaks import books_away_alert, books_back_alert
from domain.broker.book_outages import BookKind, BookOutages, Sighting, waiting_for_books
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.settings import WatcherSettings
from tests.fakes import TEN_O_CLOCK, order

LOST = order(state=State.UNCONFIRMED)
TRADES_AWAY = Sighting(away=((BookKind.TRADES, "HTTP 502"),), waiting=("c1",))


def changing(stage: ChangeStage) -> Order:
    change = Change(change_id="m1", kind=ChangeKind.CANCEL, asked_at=TEN_O_CLOCK, stage=stage)
    return order(state=State.WORKING, broker_order_id="B1", change=change)


def test_ten_minutes_is_the_usual_bound() -> None:
    assert WatcherSettings().book_away_s_max == 600


def test_a_book_that_was_never_asked_for_is_not_away() -> None:
    assert BookOutages(600, 0).look(10_000, ()) == Sighting()


@pytest.mark.parametrize(("missed_s", "is_away"), [(599, False), (600, True)])
def test_a_book_is_away_by_the_time_since_it_was_last_read(missed_s: float, *, is_away: bool) -> None:
    witnessing = BookOutages(600, 0)
    witnessing.read(BookKind.POSITIONS, 1_000)
    witnessing.miss(BookKind.POSITIONS, "no answer")
    witnessing.miss(BookKind.POSITIONS, "HTTP 502")

    sighting = witnessing.look(1_000 + missed_s, (LOST,))

    assert sighting is not None
    assert sighting.away == (((BookKind.POSITIONS, "no answer"),) if is_away else ())
    assert sighting.waiting == ("c1",)


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        (LOST, True),
        (changing(ChangeStage.ACCEPTED), True),
        (changing(ChangeStage.REPLY_LOST), True),
        (changing(ChangeStage.REQUESTED), False),
        (order(state=State.WORKING, broker_order_id="B1"), False),
        (replace(LOST, state=State.NOT_PLACED), False),
    ],
)
def test_what_the_books_alone_can_tell_waits_for_them(waiting: Order, *, expected: bool) -> None:
    assert bool(waiting_for_books([waiting])) is expected


@pytest.mark.parametrize(
    ("seen", "told", "expected"),
    [
        (TRADES_AWAY, Sighting(), True),
        (TRADES_AWAY, TRADES_AWAY, False),
        (TRADES_AWAY, replace(TRADES_AWAY, waiting=()), True),
        (replace(TRADES_AWAY, waiting=("c1", "c2")), TRADES_AWAY, False),
        (Sighting(away=((BookKind.ORDERS, "x"),)), Sighting(), False),
        (Sighting(away=((BookKind.ORDERS, "x"),), waiting=("c1",)), Sighting(), True),
        (Sighting(), TRADES_AWAY, False),
    ],
)
def test_what_is_away_is_told_once_and_again_when_an_order_comes_to_wait(
    seen: Sighting, told: Sighting, *, expected: bool
) -> None:
    assert seen.needs_alert(told) is expected


def test_only_the_books_own_return_ends_it_and_not_a_new_watchers_ignorance() -> None:
    assert not TRADES_AWAY.is_over_by(Sighting())
    assert not TRADES_AWAY.is_over_by(Sighting(read=frozenset({BookKind.ORDERS})))
    assert TRADES_AWAY.is_over_by(Sighting(read=frozenset(BookKind)))


def test_an_alarm_names_the_book_and_the_command_by_which_a_person_decides() -> None:
    alert = books_away_alert(TRADES_AWAY, 600)
    idle = books_away_alert(replace(TRADES_AWAY, waiting=()), 600)

    assert (alert.level, idle.level) == (Level.CRITICAL, Level.WARNING)
    assert alert.what == "The trade book could not be read for 10 minutes: HTTP 502."
    assert "`resolve c1 --placed NUMBER|--not-placed --reason …`" in alert.do
    assert books_back_alert().ends
    assert books_back_alert().topic == alert.topic
