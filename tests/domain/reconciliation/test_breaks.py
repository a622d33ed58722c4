"""Three books from one truth agree; what is in one book alone is named, once it lasts (B9, B11, B12)."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.broker.snapshots import PRODUCT_LETTERS, Book, BrokerStatus, OrderRow, PositionRow, TradeRow
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.reconciliation.reconciler import Checked, Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, order, row_of, trade_of

YESTERDAY = TEN_O_CLOCK - timedelta(days=1)
FUTURE = InstrumentKey(Exchange.NFO, "NIFTY26JANFUT", Product.NRML)


def done(name: str, quantity: int = 10, filled: int | None = None, **overrides: Any) -> Order:  # noqa: ANN401  any field
    """Return a filled order of today, known to the broker."""
    traded = quantity if filled is None else filled
    state = State.FILLED if traded == quantity else State.PARTIALLY_FILLED if traded else State.WORKING
    made = {"command_id": name, "quantity": quantity, "filled_quantity": traded, "state": state}
    return order(**made | {"broker_order_id": f"B-{name}"} | overrides)


def shown(one: Order) -> OrderRow:
    status = BrokerStatus.COMPLETE if one.state is State.FILLED else BrokerStatus.OPEN
    return row_of(one, status, filled_quantity=one.filled_quantity, product=PRODUCT_LETTERS[one.command.product])


def position(key: InstrumentKey, net: int, carried: int = 0) -> PositionRow:
    return PositionRow(
        exchange=key.exchange.value,
        symbol=key.symbol,
        product=PRODUCT_LETTERS[key.product],
        net_quantity=net,
        carried_quantity=carried,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


def positions_of(orders: list[Order]) -> list[PositionRow]:
    net: defaultdict[InstrumentKey, int] = defaultdict(int)
    for one in orders:
        net[one.command.key] += one.filled_quantity * one.command.side.sign
    return [position(key, units) for key, units in net.items()]


def trades_of(orders: list[Order]) -> list[TradeRow]:
    return [
        trade_of(one, f"{one.command.command_id}-1", quantity=one.filled_quantity)
        for one in orders
        if one.filled_quantity
    ]


class Rounds:
    """A comparison that is given rounds of books, half a second apart."""

    def __init__(self, known: Known, *, seen_min: int = 1, seconds: float = 0) -> None:
        watching = WatcherSettings(breaks_seen_min=seen_min, break_s_min=seconds)
        self.reconciler = Reconciler(known, "FA1", ProofSettings(), watching)
        self.at = TEN_O_CLOCK

    def give(self, rows: list[OrderRow], trades: list[TradeRow], positions: list[PositionRow]) -> Checked | None:
        """Give a round; return the judgement on the round before."""
        self.at += timedelta(seconds=0.5)
        compared = self.reconciler.compare(Book(tuple(rows), self.at))
        self.reconciler.keep(Book(tuple(trades), self.at), Book(tuple(positions), self.at))
        return compared.checked

    def twice(self, rows: list[OrderRow], trades: list[TradeRow], positions: list[PositionRow]) -> Checked:
        """Give the same round twice, so that it is judged."""
        self.give(rows, trades, positions)
        checked = self.give(rows, trades, positions)
        assert checked is not None
        return checked


def names(checked: Checked) -> list[str]:
    return sorted(one.name for one in checked.breaks)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Side), st.integers(1, 50), st.integers(0, 50), st.sampled_from([Product.MIS, Product.CNC])
        ),
        max_size=8,
    )
)
def test_books_that_come_from_one_truth_agree(drawn: list[tuple[Side, int, int, Product]]) -> None:
    orders = [
        done(f"o{number}", quantity, min(filled, quantity), side=side, product=product)
        for number, (side, quantity, filled, product) in enumerate(drawn)
    ]

    checked = Rounds(Known(orders=tuple(orders))).twice(
        [shown(one) for one in orders], trades_of(orders), positions_of(orders)
    )

    assert checked == Checked((), (), ())


def test_the_same_symbol_as_mis_and_as_delivery_is_kept_apart() -> None:
    # B9.
    orders = [done("mis", 10), done("cnc", 20, product=Product.CNC)]
    mis, cnc = (one.command.key for one in orders)
    rows, trades = [shown(one) for one in orders], trades_of(orders)

    swapped = Rounds(Known(orders=tuple(orders))).twice(rows, trades, [position(mis, 20), position(cnc, 10)])

    assert names(swapped) == ["position:NSE|RELIANCE-EQ|CNC", "position:NSE|RELIANCE-EQ|MIS"]


def test_a_ghost_row_is_named_by_its_order_and_by_its_position() -> None:
    # B12.
    ghost = done("ghost", 10)

    checked = Rounds(Known(orders=(ghost,))).twice([shown(ghost)], [], [])

    assert names(checked) == ["fills:B-ghost", "position:NSE|RELIANCE-EQ|MIS"]
    assert all(one.kind.stops_entries for one in checked.breaks)


def test_what_traded_between_two_order_books_is_not_judged() -> None:
    before, after = done("moving", 10, 4), done("moving", 10, 10)
    rounds = Rounds(Known(orders=(before,)))
    rounds.give([shown(before)], trades_of([after]), positions_of([after]))

    checked = rounds.give([shown(after)], trades_of([after]), positions_of([after]))

    assert checked == Checked((), (), ())


def test_a_difference_counts_only_after_so_many_rounds_and_so_long() -> None:
    ghost = done("ghost", 10)
    rounds = Rounds(Known(orders=(ghost,)), seen_min=3, seconds=2.0)

    told = [rounds.give([shown(ghost)], [], []) for _ in range(8)]

    first = next(number for number, one in enumerate(told) if one is not None and one.breaks)
    assert first == 5, "judged from the second round on; two seconds are four rounds later"


def test_what_is_accepted_is_said_no_more_today() -> None:
    ghost = done("ghost", 10)
    rounds = Rounds(Known(orders=(ghost,)))
    rounds.twice([shown(ghost)], [], [])

    rounds.reconciler.accept("fills:B-ghost")
    rounds.reconciler.move(ghost.command.key, -10)

    checked = rounds.give([shown(ghost)], [], [])
    assert checked is not None
    assert names(checked) == []


def test_carried_units_that_no_order_of_ours_explains_are_others() -> None:
    checked = Rounds(Known()).twice([], [], [position(FUTURE, 65, carried=65)])

    assert names(checked) == []
    (carried,) = checked.carried
    assert (carried.key, carried.difference) == (FUTURE, 65)


def test_carried_units_of_ours_agree() -> None:
    checked = Rounds(Known(carried={FUTURE: 65})).twice([], [], [position(FUTURE, 65, carried=65)])

    assert checked == Checked((), (), ())


def past(state: State, product: Product, filled: int = 0) -> Order:
    exchange, symbol = (Exchange.NFO, FUTURE.symbol) if product is Product.NRML else (Exchange.NSE, "RELIANCE-EQ")
    made = done("old", 65, filled, state=state, product=product, exchange=exchange, symbol=symbol, created_at=YESTERDAY)
    return replace(made, broker_order_id=None if state is State.UNCONFIRMED else "B-old")


def ends(checked: Checked) -> list[tuple[str, Event, Reason | None]]:
    return [(one.command_id, one.event.kind, one.event.tag) for one in checked.reports]


def ended(product: Product) -> list[tuple[str, Event, Reason | None]]:
    """Return the end of an order of yesterday: only a carried position tells whether more of it traded."""
    tag = Reason.DAY_ENDED if product is Product.NRML else Reason.DAY_ENDED_UNKNOWN
    return [("old", Event.CANCELED, tag)]


def test_a_day_order_of_yesterday_ends_with_its_day() -> None:
    # B11.
    for product in (Product.MIS, Product.NRML, Product.CNC):
        checked = Rounds(Known(orders=(past(State.WORKING, product),))).twice([], [], [])
        assert ends(checked) == ended(product), product


def test_an_unconfirmed_order_of_yesterday_ends_where_the_books_tell_and_else_waits_for_a_person() -> None:
    # B11.
    for product in (Product.MIS, Product.NRML):
        checked = Rounds(Known(orders=(past(State.UNCONFIRMED, product),))).twice([], [], [])
        assert ends(checked) == ended(product), product

    delivery = Rounds(Known(orders=(past(State.UNCONFIRMED, Product.CNC),))).twice([], [], [])

    assert (ends(delivery), names(delivery)) == ([], ["past:old"])
    assert not delivery.breaks[0].kind.stops_entries


def test_an_order_of_yesterday_that_may_have_traded_unseen_is_not_ended() -> None:
    # B11: the account holds what the order may have bought.
    orders = (past(State.WORKING, Product.NRML),)

    checked = Rounds(Known(orders=orders)).twice([], [], [position(FUTURE, 65, carried=65)])

    assert ends(checked) == []
    assert names(checked) == ["past:old", f"position:NFO|{FUTURE.symbol}|NRML"]
    assert checked.carried == ()


def test_an_order_of_yesterday_that_trades_today_lives_on() -> None:
    old = past(State.WORKING, Product.NRML)

    checked = Rounds(Known(orders=(old,))).twice([], [trade_of(old, quantity=5)], [])

    assert ends(checked) == []


def test_an_order_for_a_later_day_is_left_alone() -> None:
    later = replace(past(State.WORKING, Product.NRML), day=(TEN_O_CLOCK + timedelta(days=1)).date().isoformat())

    assert ends(Rounds(Known(orders=(later,))).twice([], [], [])) == []


def test_a_book_that_has_lost_rows_judges_nothing() -> None:
    one, two = done("one"), done("two", strategy="other")
    rounds = Rounds(Known(orders=(one, two)))
    rounds.give([shown(one), shown(two)], trades_of([one, two]), positions_of([one, two]))

    assert rounds.give([shown(one)], [], []) is None
    assert rounds.give([shown(one), shown(two)], [], []) is None, "the round of the shrunk book is judged by nobody"
