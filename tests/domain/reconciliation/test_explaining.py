"""Which orders may explain what the books tell differently, and what an acceptance is undone by."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from domain.broker.snapshots import PRODUCT_LETTERS, Book, BrokerStatus, PositionRow, TradeRow
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.resolution import Resolution, resolved_by_hand
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.orders.validation import InvalidOrderError
from domain.reconciliation.breaks import Break, BreakKind, key_in_name, position_name
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.reconciler import Checked, Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of, trade_of

LOST = order(state=State.UNCONFIRMED)
KEY = LOST.command.key
AT_ONCE = WatcherSettings(breaks_seen_min=1, break_s_min=0)
FILLED = order(state=State.FILLED, filled_quantity=10, broker_order_id="B1")


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def holding(net: int) -> PositionRow:
    return PositionRow(
        exchange=KEY.exchange.value,
        symbol=KEY.symbol,
        product=PRODUCT_LETTERS[KEY.product],
        net_quantity=net,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def check(
    reconciler: Reconciler, *orders: Order, net: int, trades: tuple[TradeRow, ...] = (), seconds: float = 1
) -> Checked:
    """See a round in which the order book shows these orders as they stand."""
    rows = tuple(row_of(one, BrokerStatus.COMPLETE, filled_quantity=one.filled_quantity) for one in orders)
    own = tuple(trade_of(one, quantity=one.filled_quantity) for one in orders)
    reconciler.compare(book(rows, at(seconds)))
    reconciler.keep(Book((*own, *trades), at(seconds)), Book((holding(net),), at(seconds)))
    checked = reconciler.compare(book(rows, at(seconds + 0.5))).checked
    assert checked is not None
    return checked


def comparing(*orders: Order, accepted: int = 0) -> Reconciler:
    units = {KEY: accepted} if accepted else {}
    return Reconciler(Known(orders=orders, moved=units, accepted_units=units), "FA1", ProofSettings(), AT_ONCE)


@pytest.mark.parametrize(
    ("suspect", "unresolved", "absent"),
    [
        (LOST, ("c1",), ()),
        (replace(LOST, state=State.SENDING), ("c1",), ()),
        (replace(LOST, state=State.NOT_PLACED), (), ("c1",)),
        (replace(LOST, state=State.REFUSED), (), ("c1",)),
        (replace(LOST, state=State.BLOCKED), (), ()),
        (order(state=State.UNCONFIRMED, side=Side.SELL), (), ()),
        (order(state=State.UNCONFIRMED, symbol="TCS-EQ"), (), ()),
    ],
)
def test_a_position_apart_names_the_orders_that_may_explain_it(
    suspect: Order, unresolved: tuple[str, ...], absent: tuple[str, ...]
) -> None:
    (apart,) = check(comparing(suspect), net=10).breaks

    assert (apart.unresolved, apart.absent) == (unresolved, absent)
    assert apart.may_be_accepted is not bool(unresolved)


def test_a_single_unit_may_be_explained_too() -> None:
    (apart,) = check(comparing(LOST), net=1).breaks

    assert apart.unresolved == ("c1",)


def test_a_trade_that_nobody_explains_names_the_order_it_may_be_of() -> None:
    trade = trade_of(LOST, broker_order_id="B7", remarks="")

    found = {one.kind: one for one in check(comparing(LOST), net=0, trades=(trade,)).breaks}

    assert found[BreakKind.FILLS].unresolved == ("c1",)


@pytest.mark.parametrize(("accepted", "net", "undone"), [(10, 10, -10), (-10, 10, None), (0, 0, None), (10, 25, None)])
def test_an_acceptance_is_undone_where_an_order_found_since_explains_it(
    accepted: int, net: int, undone: int | None
) -> None:
    checked = check(comparing(FILLED, accepted=accepted), FILLED, net=net)

    assert [one.difference for one in checked.undone] == ([] if undone is None else [undone])
    assert [one.explained_by for one in checked.undone] == ([] if undone is None else [("c1",)])
    assert bool(checked.breaks) == (undone is None and net != 10 + accepted)


def test_an_acceptance_that_no_order_explains_stays() -> None:
    checked = check(comparing(accepted=10), net=4)

    assert (checked.undone, [one.difference for one in checked.breaks]) == ((), [-6])


def test_what_was_undone_counts_no_more() -> None:
    reconciler = comparing(FILLED, accepted=10)
    (back,) = check(reconciler, FILLED, net=10).undone
    assert back.key is not None

    reconciler.move(back.key, back.difference, MoveKind.UNDONE)

    again = check(reconciler, FILLED, net=10, seconds=10)
    assert (again.undone, again.breaks) == ((), ())


def test_a_name_whose_acceptance_is_undone_is_spoken_of_again() -> None:
    reconciler = comparing(LOST)
    ghost = (trade_of(LOST, broker_order_id="B7", remarks="typed by hand"),)
    reconciler.accept("fills:B7")
    quiet = check(reconciler, net=0, trades=ghost)

    reconciler.undo_acceptance("fills:B7")

    assert quiet.breaks == ()
    assert [one.name for one in check(reconciler, net=0, trades=ghost, seconds=5).breaks] == ["fills:B7"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (position_name(KEY), KEY),
        (position_name(InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26000", Product.NRML)), None),
        ("position:LSE|X|MIS", None),
        ("position:NSE|X", None),
        ("fills:B1", None),
        ("", None),
    ],
)
def test_a_name_tells_its_position(name: str, key: InstrumentKey | None) -> None:
    assert key_in_name(name) == (key if key or "NFO" not in name else InstrumentKey(*_parts(name)))


def _parts(name: str) -> tuple[Exchange, str, Product]:
    exchange, symbol, product = name.removeprefix("position:").split("|")
    return Exchange(exchange), symbol, Product(product)


def test_a_person_may_find_what_was_believed_absent() -> None:
    found = Resolution(placed=True, reason="seen in the app", broker_order_id="B7", filled_quantity=10)

    event = resolved_by_hand(replace(LOST, state=State.NOT_PLACED), found)

    assert event.kind is Event.FILLED
    after = replace(LOST, state=State.NOT_PLACED).after(event, at(5))
    assert (after.state, after.filled_quantity, after.broker_order_id) == (State.FILLED, 10, "B7")


@pytest.mark.parametrize("over", [State.BLOCKED, State.FILLED, State.CANCELED])
def test_what_is_over_and_tells_nothing_new_is_not_settled(over: State) -> None:
    known = order(state=over, filled_quantity=10 if over is State.FILLED else 0)

    with pytest.raises(InvalidOrderError, match="nothing to resolve"):
        resolved_by_hand(known, Resolution(placed=True, reason="x", broker_order_id="B7"))


def test_a_blocked_order_is_given_no_fills_by_hand() -> None:
    filled = Resolution(placed=True, reason="x", broker_order_id="B7", filled_quantity=10)

    with pytest.raises(InvalidOrderError, match="nothing to resolve"):
        resolved_by_hand(order(state=State.BLOCKED), filled)


def test_what_is_over_is_never_settled_as_absent() -> None:
    with pytest.raises(InvalidOrderError, match="nothing to resolve"):
        resolved_by_hand(replace(LOST, state=State.NOT_PLACED), Resolution(placed=False, reason="x"))


def test_a_break_of_a_past_day_is_never_accepted() -> None:
    assert not Break(name="past:c1", kind=BreakKind.PAST, sentence="").may_be_accepted
