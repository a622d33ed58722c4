"""Absence needs every witness: order book, trade book and positions of the same rounds."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.broker.snapshots import PRODUCT_LETTERS, Book, BrokerStatus, OrderRow, PositionRow, TradeRow
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.reconciliation.order_rows import Report
from domain.reconciliation.reconciler import Known, Reconciler
from domain.settings import ProofSettings, WatcherSettings
from tests.fakes import TEN_O_CLOCK, book, order, row_of, trade_of

DAY_S = 24 * 3600.0
LOST = order(state=State.UNCONFIRMED)
KEY = LOST.command.key
ROUNDS_S = (1.0, 50.0, 95.0, 100.0)


def at(seconds: float) -> datetime:
    return TEN_O_CLOCK + timedelta(seconds=seconds)


def holding(key: InstrumentKey, net: int, carried: int = 0) -> PositionRow:
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


class Looking:
    """A comparison that sees whole rounds, and records what they tell."""

    def __init__(self, *orders: Order, **known: Any) -> None:  # noqa: ANN401  any field of what is known
        settings = WatcherSettings(breaks_seen_min=2, break_s_min=5)
        self.reconciler = Reconciler(
            Known(orders=orders, **known), "FA1", ProofSettings(books=3, window_s=90), settings
        )

    def see(
        self,
        seconds: float,
        rows: Iterable[OrderRow] = (),
        trades: Iterable[TradeRow] = (),
        positions: Iterable[PositionRow] = (),
    ) -> list[tuple[str, Event]]:
        """Read three books and the next order book; return what happened to orders, less the journal's notes."""
        asked_at, shown = at(seconds), tuple(rows)
        told = list(self._compare(shown, asked_at))
        told += self._take(self.reconciler.reconcile_trades(Book(tuple(trades), asked_at)), asked_at)
        self.reconciler.keep(Book(tuple(trades), asked_at), Book(tuple(positions), asked_at))
        told += self._compare(shown, at(seconds + 1))
        return [(one.command_id, one.event.kind) for one in told if one.event.kind is not Event.NOTED]

    def _compare(self, rows: tuple[OrderRow, ...], asked_at: datetime) -> list[Report]:
        compared = self.reconciler.compare(book(rows, asked_at))
        more = () if compared.checked is None else compared.checked.reports
        for one in compared.external:
            self.reconciler.orders.observe(one)
        return self._take((*compared.reports, *more), asked_at)

    def _take(self, reports: Iterable[Report], moment: datetime) -> list[Report]:
        for one in reports:
            self.reconciler.orders.observe(self.order(one.command_id).after(one.event, moment))
        return list(reports)

    def order(self, command_id: str = "c1") -> Order:
        return next(one for one in self.reconciler.orders if one.command.command_id == command_id)


def proofs(looking: Looking, **shown: Any) -> list[tuple[str, Event]]:  # noqa: ANN401  any book
    """See rounds enough for a proof, each showing the same."""
    return [one for moment in ROUNDS_S for one in looking.see(moment, **shown)]


def test_a_proof_needs_all_three_books_of_its_rounds() -> None:
    looking = Looking(LOST)

    for moment in (1, 50, 95, 140, 200):
        reports = looking.reconciler.compare(book(at=at(moment))).reports
        assert [one for one in reports if one.event.kind is not Event.NOTED] == []

    assert proofs(Looking(LOST)) == [("c1", Event.PROVED_ABSENT)]


def test_a_trade_with_our_tag_finds_its_order_although_the_order_book_has_no_row() -> None:
    looking = Looking(LOST)
    trades = (trade_of(LOST, "1", quantity=4), trade_of(LOST, "2", quantity=6, price=Decimal("100.10")))

    told = proofs(looking, trades=trades, positions=[holding(KEY, 10)])

    found = looking.order()
    assert told == [("c1", Event.FILLED)]
    assert (found.state, found.filled_quantity, found.average_price) == (State.FILLED, 10, Decimal("100.08"))
    assert found.broker_order_id == trades[0].broker_order_id


def test_a_part_that_traded_finds_its_order_and_the_order_book_agrees_later() -> None:
    looking = Looking(LOST)
    trade = trade_of(LOST, quantity=4)

    first = looking.see(1, trades=[trade], positions=[holding(KEY, 4)])
    row = row_of(LOST, BrokerStatus.COMPLETE, filled_quantity=10, broker_order_id=trade.broker_order_id)
    later = looking.see(10, rows=[row], trades=[trade, trade_of(LOST, "2", quantity=6)], positions=[holding(KEY, 10)])

    assert (first, later) == ([("c1", Event.PARTIALLY_FILLED)], [("c1", Event.FILLED)])
    assert looking.order().filled_quantity == 10


@pytest.mark.parametrize("state", [State.NOT_PLACED, State.REFUSED, State.CANCELED, State.REJECTED])
def test_a_trade_of_an_order_that_was_believed_over_is_a_late_truth(state: State) -> None:
    looking = Looking(replace(LOST, state=state))

    told = looking.see(1, trades=[trade_of(LOST)])

    assert told == [("c1", Event.FILLED)]
    assert looking.order().tag is Reason.LATE_TRUTH


def test_a_trade_that_is_known_tells_nothing_again() -> None:
    looking = Looking(order(state=State.CANCELED, filled_quantity=4, broker_order_id="B1"))

    assert looking.see(1, trades=[trade_of(looking.order(), quantity=4)]) == []


def test_a_second_order_with_our_tag_is_noted_and_moves_nothing() -> None:
    looking = Looking(order(state=State.FILLED, filled_quantity=10, broker_order_id="B1"))

    looking.see(1, trades=[trade_of(looking.order(), broker_order_id="B2", quantity=20)])

    assert (looking.order().tag, looking.order().filled_quantity) == (Reason.TWO_AT_BROKER, 10)


def test_a_trade_without_a_tag_in_the_orders_instrument_keeps_the_proof_open() -> None:
    """Assumption (docs/protocol.md): trades carry remarks. Where they don't, what may be the order's proves nothing."""
    other_way = trade_of(LOST, broker_order_id="B7", remarks="", side=Side.SELL)
    by_another = trade_of(LOST, broker_order_id="B7", remarks="typed by hand")

    assert proofs(Looking(LOST), trades=[trade_of(LOST, broker_order_id="B7", remarks="")]) == []
    assert proofs(Looking(LOST), trades=[other_way]) == [("c1", Event.PROVED_ABSENT)]
    assert proofs(Looking(LOST), trades=[by_another]) == [("c1", Event.PROVED_ABSENT)]


@pytest.mark.parametrize(("net", "proved"), [(10, False), (3, False), (-10, True), (0, True)])
def test_a_position_that_the_order_may_explain_keeps_the_proof_open(net: int, *, proved: bool) -> None:
    told = proofs(Looking(LOST), positions=[holding(KEY, net)])

    assert bool(told) is proved


def test_a_position_in_another_product_says_nothing_of_the_order() -> None:
    other = replace(KEY, product=Product.NRML if KEY.product is not Product.NRML else Product.MIS)

    assert proofs(Looking(LOST), positions=[holding(other, 10)]) == [("c1", Event.PROVED_ABSENT)]


def test_a_proof_begins_anew_after_a_round_that_contradicted_it() -> None:
    looking = Looking(LOST)
    before = [looking.see(moment) for moment in (1, 80)]

    before.append(looking.see(92, positions=[holding(KEY, 10)]))
    after = [looking.see(moment) for moment in (100, 150, 189, 191)]

    assert [*before, *after] == [[], [], [], [], [], [], [("c1", Event.PROVED_ABSENT)]]


def test_what_a_person_accepted_explains_a_position() -> None:
    assert proofs(Looking(LOST, moved={KEY: 10}), positions=[holding(KEY, 10)]) == [("c1", Event.PROVED_ABSENT)]


def test_a_change_lapses_only_where_trades_and_positions_are_silent_too() -> None:
    change = Change(change_id="m1", kind=ChangeKind.CANCEL, asked_at=at(0), stage=ChangeStage.REPLY_LOST)
    resting = order(state=State.WORKING, broker_order_id="B1", change=change)
    rows = [row_of(resting)]

    assert proofs(Looking(resting), rows=rows) == [("c1", Event.CHANGE_LAPSED)]
    assert proofs(Looking(resting), rows=rows, trades=[trade_of(resting)]) == []
    assert proofs(Looking(resting), rows=rows, positions=[holding(KEY, 10)]) == []


def test_a_fill_that_trade_book_and_positions_have_is_believed_over_an_order_book_that_lags() -> None:
    resting = order(state=State.WORKING, broker_order_id="B1")
    both = Looking(resting)
    alone = Looking(resting)

    told = proofs(both, rows=[row_of(resting)], trades=[trade_of(resting)], positions=[holding(KEY, 10)])
    ghost = proofs(alone, rows=[row_of(resting)], trades=[trade_of(resting)])

    assert (told, both.order().filled_quantity) == ([("c1", Event.FILLED)], 10)
    assert (ghost, alone.order().state) == ([], State.WORKING)


def test_an_order_of_a_past_day_that_trades_today_by_its_tag_lives_on() -> None:
    past = order(state=State.UNCONFIRMED, created_at=at(-DAY_S), updated_at=at(-DAY_S), day="2026-01-04")

    told = Looking(past).see(1, trades=[trade_of(past)], positions=[holding(KEY, 10)])

    assert told == [("c1", Event.FILLED)]


def test_a_past_order_ends_only_after_rounds_enough_for_a_book_that_is_empty_yet_in_the_morning() -> None:
    fields: dict[str, Any] = {"exchange": Exchange.NFO, "symbol": "NIFTY27JAN26F", "product": Product.NRML}
    past = order(
        state=State.WORKING,
        broker_order_id="B1",
        created_at=at(-DAY_S),
        updated_at=at(-DAY_S),
        day="2026-01-04",
        **fields,
    )
    looking = Looking(past)

    first = looking.see(1)
    second = looking.see(3, positions=[holding(past.command.key, 10, carried=10)])
    calm = Looking(past)
    ended = [calm.see(moment) for moment in (1, 3, 9)]

    assert (first, second, looking.order().state) == ([], [], State.WORKING), "it traded, and its position came late"
    assert ended == [[], [], [("c1", Event.CANCELED)]]
