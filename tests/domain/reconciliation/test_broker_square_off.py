"""The broker's own square-off: taken over where three witnesses leave no other reading."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.alerts.text.breaks import squared_off_alert
from domain.broker.snapshots import PRODUCT_LETTERS, Book, BrokerStatus, OrderRow, PositionRow, TradeRow
from domain.orders.lifecycle import State
from domain.orders.types import InstrumentKey, Product, Side
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.broker_square_off import SquareOffs, closed_by
from domain.reconciliation.reconciler import Known, Reconciler
from domain.reconciliation.vanishing import Holders
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of, trade_of

ENTRY = order(state=State.FILLED, filled_quantity=10, broker_order_id="B1")
KEY = ENTRY.command.key
OWN = row_of(
    order(command_id="rms", side=Side.SELL),
    BrokerStatus.COMPLETE,
    broker_order_id="B9",
    remarks="",
    filled_quantity=10,
    average_price=Decimal("98.50"),
    source="RMS",
)


def row(net: int, key: InstrumentKey = KEY) -> PositionRow:
    return PositionRow(
        exchange=key.exchange.value,
        symbol=key.symbol,
        product=PRODUCT_LETTERS[key.product],
        net_quantity=net,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def test_the_entry_is_intraday() -> None:
    assert KEY.product is Product.MIS


def test_an_order_of_the_broker_and_a_flat_row_tell_a_square_off_with_its_price() -> None:
    second = replace(OWN, broker_order_id="B10", filled_quantity=30, average_price=Decimal("94.50"))

    (found,) = SquareOffs().found([OWN, second], [row(0)], frozenset())

    assert (found.kind, found.key, found.price) == (BreakKind.SQUARED_OFF, KEY, Decimal("95.50"))


@pytest.mark.parametrize("source", ["API", "MOB", "WEB", "TT", "mob", ""])
def test_what_people_and_programs_send_is_no_square_off(source: str) -> None:
    assert SquareOffs().found([replace(OWN, source=source)], [row(0)], frozenset()) == []


@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        ([OWN], [row(5)]),
        ([OWN], []),
        ([replace(OWN, filled_quantity=0, status=BrokerStatus.OPEN)], [row(0)]),
        ([replace(OWN, product="C")], [row(0, replace(KEY, product=Product.CNC))]),
        ([OWN, replace(OWN, broker_order_id="B10", side=Side.BUY)], [row(0)]),
    ],
    ids=["still held", "no row", "nothing traded", "delivery", "both ways"],
)
def test_where_a_witness_is_missing_nothing_is_concluded(rows: list[OrderRow], positions: list[PositionRow]) -> None:
    assert SquareOffs().found(rows, positions, frozenset()) == []


def test_what_trades_at_the_moment_waits() -> None:
    assert SquareOffs().found([OWN], [row(0)], frozenset({KEY})) == []


def test_a_square_off_is_told_until_it_is_taken_over_and_again_for_a_new_order() -> None:
    known = SquareOffs()
    (found,) = known.found([OWN], [row(0)], frozenset())
    known.close(found)

    again = known.found([OWN], [row(0)], frozenset())
    more = known.found([OWN, replace(OWN, broker_order_id="B10")], [row(0)], frozenset())

    assert (again, len(more)) == ([], 1)


@pytest.mark.parametrize(
    ("holders", "closed"),
    [
        (Holders(strategies=(("a", 10),), external=-10), (("a", 10),)),
        (Holders(strategies=(("a", 10), ("b", 5)), external=-15), (("a", 10), ("b", 5))),
        (Holders(strategies=(("a", 10),), external=0), ()),
        (Holders(strategies=(("a", 10), ("b", -10)), external=0), ()),
        (Holders(strategies=(), external=0), ()),
    ],
)
def test_a_square_off_closes_all_or_what_cannot_be_told_apart_not_at_all(
    holders: Holders, closed: tuple[tuple[str, int], ...]
) -> None:
    assert closed_by(holders) == closed


def test_a_round_tells_a_square_off_apart_from_breaks() -> None:
    settings = WatcherSettings(breaks_seen_min=1, break_s_min=0)
    reconciler = Reconciler(Known(orders=(ENTRY,)), "FA1", ProofSettings(), settings)
    rows = [row_of(ENTRY, BrokerStatus.COMPLETE, filled_quantity=10), OWN]
    trades = (trade_of(ENTRY), _trade_of_broker())
    for one in reconciler.compare(book(rows, TEN_O_CLOCK + timedelta(seconds=1))).external:
        reconciler.orders.observe(one)
    reconciler.keep(Book(trades, TEN_O_CLOCK), Book((row(0),), TEN_O_CLOCK))

    checked = reconciler.compare(book(rows, TEN_O_CLOCK + timedelta(seconds=2))).checked

    assert checked is not None
    assert [one.kind for one in checked.ended] == [BreakKind.SQUARED_OFF]
    assert (checked.breaks, checked.carried) == ((), ())


def _trade_of_broker() -> TradeRow:
    return trade_of(ENTRY, broker_order_id="B9", remarks="", side=Side.SELL, price=Decimal("98.50"))


def test_the_alert_names_whose_and_at_what_price() -> None:
    closed = Break(name="x", kind=BreakKind.SQUARED_OFF, sentence="", key=KEY, price=Decimal("98.5000"))

    assert squared_off_alert(closed, (("a", 10),)).what.endswith("at 98.5: a +10.")
