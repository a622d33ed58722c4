"""What trades add up to."""

from decimal import Decimal

import pytest

from domain.broker.snapshots import Book
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.reconciliation.breaks import Break, BreakKind, fills_name
from domain.reconciliation.order_rows import OrderIndex
from domain.reconciliation.trades import found_by_two, traded_by_number
from tests.fakes import TEN_O_CLOCK, order, trade_of


def test_a_fill_that_the_trade_book_shows_twice_counts_once() -> None:
    sold = order(state=State.WORKING, broker_order_id="B1")
    first, second = (trade_of(sold, fill_id, quantity=4) for fill_id in ("1", "2"))

    (traded,) = traded_by_number((first, second, first)).values()

    assert (traded.quantity, traded.value) == (8, 8 * Decimal("100.05"))


BOUGHT = order(state=State.WORKING, broker_order_id="B1")


@pytest.mark.parametrize(
    ("known", "missed", "filled"),
    [(BOUGHT, 10, [10]), (BOUGHT, 9, []), (order(state=State.WORKING, broker_order_id="B2", remarks_tag=""), 10, [])],
)
def test_fills_count_that_the_trade_book_and_the_positions_both_have(
    known: Order, missed: int, filled: list[int]
) -> None:
    key = BOUGHT.command.key
    breaks = [
        Break(name="position", kind=BreakKind.POSITION, sentence="they differ", difference=missed, key=key),
        Break(name=fills_name("B1"), kind=BreakKind.FILLS, sentence="they differ", difference=-10),
    ]

    reports = found_by_two(breaks, Book((trade_of(BOUGHT, quantity=10),), TEN_O_CLOCK), OrderIndex([known]))

    assert [one.event.filled_quantity for one in reports] == filled
