"""What may be written off: a position the broker does not show, in its own product."""

from decimal import Decimal

import pytest

from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, PositionRow
from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.reconciliation.write_off import differences, objection_to_write_off
from tests.fakes import TEN_O_CLOCK

MIS = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
CNC = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
SCOPE = PositionKey("trend", MIS)


def shown(units: int, product: str = "I", symbol: str = "RELIANCE-EQ", exchange: str = "NSE") -> PositionRow:
    return PositionRow(
        exchange=exchange,
        symbol=symbol,
        product=product,
        net_quantity=units,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def objection(*rows: PositionRow, force: bool = False) -> str:
    return objection_to_write_off(SCOPE, Book(rows, TEN_O_CLOCK), force=force)


@pytest.mark.parametrize("units", [10, -10])
def test_what_the_broker_still_shows_is_not_cleared_unless_the_person_knows(units: int) -> None:
    assert objection(shown(units)).startswith(f"the broker shows {units:+d} RELIANCE-EQ (MIS)")
    assert objection(shown(units), force=True) == ""


@pytest.mark.parametrize(
    "row",
    [
        shown(10, product="M"),
        shown(10, product="C"),
        shown(10, symbol="INFY-EQ"),
        shown(10, exchange="BSE"),
        shown(0),
    ],
    ids=["nrml", "delivery", "other symbol", "other exchange", "flat"],
)
def test_only_the_positions_own_product_symbol_and_exchange_speak_against_it(row: PositionRow) -> None:
    assert objection(row) == ""


def test_a_book_that_could_not_be_read_does_not_mean_flat() -> None:
    unread = objection_to_write_off(SCOPE, Unavailable("HTTP 502", TEN_O_CLOCK), force=False)
    silent = objection_to_write_off(SCOPE, None, force=False)

    assert "can't be read (HTTP 502)" in unread
    assert "did not answer in time" in silent


def test_a_difference_is_named_by_product_and_what_fits_is_not() -> None:
    ours = {"trend": {MIS: 10, CNC: 5}, "other": {MIS: -4}}
    theirs = Book((shown(6), shown(7, product="C")), TEN_O_CLOCK)

    found = differences(ours, {CNC: 5}, theirs)

    assert [(one.key, one.ours, one.theirs) for one in found] == [(CNC, 5, 7)]
