"""Who traded first, others or we, where one book tells of both: what is not known counts as ours."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.broker.snapshots import Book, BrokerStatus, OrderRow, OrderUpdate, ReportType
from domain.orders.external import external_order
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Intent, Side
from domain.reconciliation.reconciler import Known, Reconciled, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of, trade_of

OURS = order(state=State.WORKING, broker_order_id="B2")
UNKNOWN = order(state=State.UNCONFIRMED)
FILLED = row_of(OURS, BrokerStatus.COMPLETE, filled_quantity=10)


def theirs(filled: int = 10) -> OrderRow:
    """Return the phone's older order on the other side."""
    row = row_of(replace(OURS, broker_order_id="B1"), BrokerStatus.COMPLETE, filled_quantity=filled)
    return replace(row, remarks="", side=Side.SELL)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def comparing(*orders: Order) -> Reconciler:
    return Reconciler(Known(orders=orders), "FA1", ProofSettings(books=3, window_s=10), WatcherSettings())


def resting() -> Order:
    """Return the phone's order as it was recorded before it traded."""
    known = external_order(replace(theirs(), status=BrokerStatus.OPEN, filled_quantity=0), "FA1", at(0))
    assert known is not None
    return known


def names(told: Reconciled) -> list[str]:
    """Return whose orders a book tells of, in the order in which they count."""
    return [one.command_id for one in told.reports] + [one.command.command_id for one in told.external]


def test_what_a_book_tells_of_ours_comes_before_what_it_tells_of_others() -> None:
    known = comparing(OURS, resting())

    assert names(known.compare(book([theirs(), FILLED], at(1)))) == ["c1", "ext-B1"]


@pytest.mark.parametrize("ours", [OURS, UNKNOWN])
@pytest.mark.parametrize("recorded", [True, False])
def test_what_others_traded_waits_for_the_trade_book_where_the_order_book_lacks_ours(
    ours: Order, *, recorded: bool
) -> None:
    reconciler = comparing(ours, *([resting()] if recorded else []))

    first = names(reconciler.compare(book([theirs()], at(1))))
    reconciler.reconcile_trades(Book((), at(1.1)))
    second = names(reconciler.compare(book([theirs()], at(2))))

    assert first == []
    assert second == ["ext-B1"]


def test_without_a_trade_book_it_waits_no_longer_than_a_proof_of_absence_takes() -> None:
    reconciler = comparing(UNKNOWN)

    told = [names(reconciler.compare(book([theirs()], at(second)))) for second in (1, 10.9, 11)]

    assert told == [[], [], ["ext-B1"]]


@pytest.mark.parametrize(
    "ours",
    [
        order(state=State.FILLED, filled_quantity=10, broker_order_id="B2"),
        replace(UNKNOWN, day="2026-01-02"),
        order(state=State.UNCONFIRMED, symbol="INFY-EQ"),
        order(state=State.UNCONFIRMED, side=Side.SELL),
    ],
)
def test_it_waits_for_no_order_that_is_over_of_another_day_elsewhere_or_on_the_same_side(ours: Order) -> None:
    assert "ext-B1" in names(comparing(ours).compare(book([theirs(), FILLED][: 1 + ours.is_terminal], at(1))))


def test_a_row_with_our_tag_that_nobody_knows_yet_keeps_what_others_traded_waiting() -> None:
    reconciler = comparing()

    first = names(reconciler.compare(book([theirs(), FILLED], at(1))))
    reconciler.reconcile_trades(Book((), at(1.1)))
    reconciler.orders.observe(OURS)
    second = names(reconciler.compare(book([theirs(), FILLED], at(2))))

    assert first == []
    assert second == ["c1", "ext-B1"]


def test_each_order_of_others_waits_once_however_often_it_trades() -> None:
    reconciler = comparing(UNKNOWN, resting())
    told = []

    for second in range(1, 5):
        row = replace(theirs(), status=BrokerStatus.OPEN, filled_quantity=second)
        told.append(names(reconciler.compare(book([row], at(second)))))
        reconciler.reconcile_trades(Book((), at(second + 0.1)))

    assert told == [[], ["ext-B1"], ["ext-B1"], ["ext-B1"]]


def test_a_row_with_a_tag_like_ours_waits_no_longer_than_the_book_it_always_waits() -> None:
    reconciler = comparing(UNKNOWN)
    strange = replace(theirs(), remarks="sd" + "0" * 18)

    told = [names(reconciler.compare(book([strange], at(second)))) for second in (1, 2)]

    assert told == [[], ["ext-B1"]]


def test_what_the_trade_book_tells_of_ours_comes_before_what_it_tells_of_others() -> None:
    reconciler = comparing(OURS, resting())
    sold, bought = (trade_of(replace(OURS, broker_order_id=number), quantity=10) for number in ("B1", "B2"))

    reports = reconciler.reconcile_trades(Book((replace(sold, side=Side.SELL, remarks=""), bought), at(1)))

    assert [one.command_id for one in reports] == ["c1", "ext-B1"]


EXIT_BESIDE = replace(OURS, command=replace(OURS.command, side=Side.SELL, intent=Intent.EXIT, unchecked=True))
"""An exit of ours on the phone's side: what it has closed the phone closes no more."""


def test_what_others_traded_comes_after_an_exit_of_ours_on_their_side() -> None:
    reconciler = comparing(EXIT_BESIDE, resting())

    pushed = reconciler.reconcile_update(OrderUpdate(ReportType.FILL, theirs(), at(1)))
    lacking = names(reconciler.compare(book([theirs()], at(2))))

    assert pushed is None
    assert lacking == []


@pytest.mark.parametrize("open_", [True, False])
def test_a_push_of_others_is_left_to_the_book_while_an_order_of_ours_is_open(*, open_: bool) -> None:
    ours = OURS if open_ else order(state=State.FILLED, filled_quantity=10, broker_order_id="B2")
    reconciler = comparing(ours, resting())

    report = reconciler.reconcile_update(OrderUpdate(ReportType.FILL, theirs(), at(1)))

    assert (report is None) is open_
