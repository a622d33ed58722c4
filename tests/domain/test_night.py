"""The broker turns its books in the night, hours before the desk's day turns: nobody is woken, nothing is proved."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.broker.snapshots import PRODUCT_LETTERS, Book, BrokerStatus, OrderRow, PositionRow
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.types import Exchange, Product
from domain.ports import IST, dropping_since
from domain.reconciliation.reconciler import Known, Reconciled, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of, trade_of

NIGHT = TEN_O_CLOCK.replace(hour=0) + timedelta(days=1)
PROOF = ProofSettings(books=3, window_s=90)
WATCHING = WatcherSettings()


def night(clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return NIGHT.replace(hour=hour, minute=minute)


def comparing(*orders: Order) -> Reconciler:
    return Reconciler(Known(orders=orders), "FA1", PROOF, WATCHING)


def watched(reconciler: Reconciler, rows: tuple[OrderRow, ...], *clocks: str) -> list[Reconciled]:
    return [reconciler.compare(Book(rows, night(clock), asked_s=night(clock).timestamp())) for clock in clocks]


def proved(reconciler: Reconciler, *clocks: str) -> list[Event]:
    """See whole rounds in which nothing is shown, traded or held; return what they prove at last."""
    found: list[Event] = []
    for clock in (*clocks, "05:59"):
        (seen,) = watched(reconciler, (), clock)
        found += [report.event.kind for report in seen.reports if report.event.kind is not Event.NOTED]
        reconciler.keep(Book((), night(clock)), Book((), night(clock)))
    return found


def working(**given: object) -> Order:
    return order(**({"state": State.WORKING, "broker_order_id": "B1"} | given))


def filled(**given: object) -> Order:
    return working(**({"state": State.FILLED, "filled_quantity": 10} | given))


def stranger(number: str, entered_at: datetime | None = None) -> OrderRow:
    made = working(command_id=f"x{number}", remarks_tag="", broker_order_id=number)
    return replace(row_of(made, product="I"), entered_at=entered_at)


def held(exchange: Exchange, product: Product) -> PositionRow:
    return PositionRow(
        exchange=str(exchange),
        symbol="RELIANCE-EQ",
        product=PRODUCT_LETTERS[product],
        net_quantity=10,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


THROUGH_THE_NIGHT = ("02:00", "02:30", "03:01", "03:02", "03:10", "04:00", "05:59")


def names_of(compared: list[Reconciled]) -> set[str]:
    return {apart.name for one in compared if one.checked for apart in one.checked.breaks}


@pytest.mark.parametrize("kept", [working(), filled(), filled(state=State.CANCELED)], ids=lambda one: str(one.state))
def test_orders_of_the_day_that_the_turned_book_has_no_more_wake_nobody(kept: Order) -> None:
    reconciler = comparing(kept)
    reconciler.compare(book([row_of(kept, BrokerStatus.OPEN), stranger("A7")], TEN_O_CLOCK + timedelta(hours=5)))

    seen = watched(reconciler, (), *THROUGH_THE_NIGHT)

    assert all(one.whole for one in seen)
    assert names_of(seen) == set()


def test_a_watcher_that_began_in_the_night_wakes_nobody_either() -> None:
    kept = working()
    old = stranger("A7", entered_at=TEN_O_CLOCK)
    reconciler = comparing(kept)

    seen = [*watched(reconciler, (row_of(kept), old), "02:10"), *watched(reconciler, (), *THROUGH_THE_NIGHT[2:])]

    assert all(one.whole for one in seen)
    assert names_of(seen) == set()


def test_what_was_placed_in_the_night_itself_is_missed_as_by_day() -> None:
    fresh = working(created_at=night("04:00"), updated_at=night("04:00"))
    reconciler = comparing(fresh)
    watched(reconciler, (row_of(fresh), stranger("A7", entered_at=night("04:01"))), "04:01")

    (gone,) = watched(reconciler, (), "04:02")

    assert not gone.whole


def test_by_day_a_lost_row_is_told_as_before() -> None:
    reconciler = comparing(working())
    reconciler.compare(book([row_of(working())], TEN_O_CLOCK + timedelta(seconds=1)))

    seen = [reconciler.compare(book(at=TEN_O_CLOCK + timedelta(seconds=seconds))) for seconds in (2, 100, 200)]

    assert not any(one.whole for one in seen)
    assert names_of(seen) == {"hidden:B1"}


def test_a_book_of_the_next_day_proves_nothing_absent() -> None:
    """It was lost at ten in the evening and may have traded: the book that could show it is gone."""
    placed = TEN_O_CLOCK.replace(hour=22)
    reconciler = comparing(order(state=State.UNCONFIRMED, created_at=placed, updated_at=placed))

    assert proved(reconciler, *THROUGH_THE_NIGHT) == []


def test_what_was_lost_in_the_night_itself_is_proved_absent() -> None:
    placed = night("03:30")
    reconciler = comparing(order(state=State.UNCONFIRMED, created_at=placed, updated_at=placed))

    assert proved(reconciler, "03:31", "03:32", "03:35") == [Event.PROVED_ABSENT]


@pytest.mark.parametrize(
    ("exchange", "product"),
    [
        (Exchange.NSE, Product.CNC),
        (Exchange.NSE, Product.MIS),
        (Exchange.NFO, Product.NRML),
        (Exchange.NFO, Product.MIS),
    ],
)
def test_books_that_turn_one_after_the_other_wake_nobody(exchange: Exchange, product: Product) -> None:
    """For some minutes the trades and positions of yesterday stand beside an empty order book."""
    kept = filled(exchange=exchange, product=product)
    reconciler = comparing(kept)
    seen: list[Reconciled] = []
    for clock in THROUGH_THE_NIGHT[2:]:
        seen += watched(reconciler, (), clock)
        reconciler.keep(
            Book((trade_of(kept),), night(clock)),
            Book((held(exchange, product),), night(clock)),
        )

    assert names_of(seen) == set()


@pytest.mark.parametrize(
    ("clock", "since"),
    [("00:30", None), ("01:59", None), ("02:00", "02:00"), ("05:59", "02:00"), ("06:00", None), ("15:00", None)],
)
def test_the_books_turn_between_two_and_six(clock: str, since: str | None) -> None:
    assert dropping_since(night(clock)) == (None if since is None else night(since))
    assert dropping_since(night(clock).astimezone(IST)) == (None if since is None else night(since))
