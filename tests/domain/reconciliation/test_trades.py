"""What trades add up to."""

from decimal import Decimal

from domain.orders.lifecycle import State
from domain.reconciliation.trades import traded_by_number
from tests.fakes import order, trade_of


def test_a_fill_that_the_trade_book_shows_twice_counts_once() -> None:
    sold = order(state=State.WORKING, broker_order_id="B1")
    first, second = (trade_of(sold, fill_id, quantity=4) for fill_id in ("1", "2"))

    (traded,) = traded_by_number((first, second, first)).values()

    assert (traded.quantity, traded.value) == (8, 8 * Decimal("100.05"))
