"""Clients who share a database: every statement of the cold tables names its client."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import peewee
import pytest

from domain.alerts.alert import Alert, AlertRecord, Level
from domain.baskets import Basket, BasketRecord, BasketState
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Origin, Product
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.write_off import WriteOff
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, command

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
PLACE = PositionKey("trend", KEY)
REQUEST = FlattenRequest(request_id="r1", position_key=PLACE, reason="", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK)
STOP = ArmedStop(
    stop_id="s1",
    position_key=PLACE,
    terms=StopTerms(stop_loss=Decimal(90)),
    is_long=True,
    entry_price=Decimal(100),
    best_price=Decimal(100),
    armed_at=TEN_O_CLOCK,
)
BASKET = BasketRecord(
    basket=Basket(basket_id="b1", strategy="trend", legs=(command(),)),
    state=BasketState.RUNNING,
    message="",
    asked_at=TEN_O_CLOCK,
)
ALERT = AlertRecord(
    alert_id="a1",
    alert=Alert(topic="t", level=Level.CRITICAL, what="w", means="m"),
    raised_at=TEN_O_CLOCK,
)
OF_UNITS = Break(name="units", kind=BreakKind.POSITION, sentence="", difference=5, key=KEY)
OF_AN_ORDER = Break(name="fills:B1", kind=BreakKind.FILLS, sentence="")
WRITTEN_OFF = WriteOff(position_key=PLACE, units=10, reason="", at=TEN_O_CLOCK, price=Decimal(90))

Use = Callable[[OrderRepository], Any]
WRITES: tuple[Use, ...] = (
    lambda one: one.alerts.keep(ALERT),
    lambda one: one.baskets.keep(BASKET),
    lambda one: one.stops.keep(STOP),
    lambda one: one.flatten_requests.keep(REQUEST),
    lambda one: one.moves.resolve_break(OF_UNITS, "", TEN_O_CLOCK),
    lambda one: one.moves.resolve_break(OF_AN_ORDER, "", TEN_O_CLOCK),
    lambda one: one.write_offs.keep(WRITTEN_OFF),
    lambda one: one.desk_state.set_trading_state(TradingState.HALTED, "", TEN_O_CLOCK),
    lambda one: one.desk_state.keep_risk_day(RiskDay(day="2026-01-05")),
    lambda one: one.desk_state.keep_expiry(Exchange.NFO, "NIFTY27JAN26F", date(2026, 1, 27)),
)
READS: tuple[Use, ...] = (
    lambda one: one.alerts.unfinished(),
    lambda one: one.baskets.read(),
    lambda one: one.stops.read(TEN_O_CLOCK),
    lambda one: one.flatten_requests.open(),
    lambda one: one.flatten_requests.ended(TEN_O_CLOCK),
    lambda one: one.moves.units(TEN_O_CLOCK),
    lambda one: one.moves.accepted_today(TEN_O_CLOCK),
    lambda one: one.moves.vanished(),
    lambda one: one.moves.ended(),
    lambda one: one.write_offs.counted(TEN_O_CLOCK),
    lambda one: one.write_offs.closed_at(TEN_O_CLOCK),
    lambda one: one.desk_state.trading_state(),
    lambda one: one.desk_state.risk_days(),
    lambda one: one.desk_state.expiries(),
)
CHANGES: tuple[Use, ...] = (
    lambda one: one.flatten_requests.end("r1", TEN_O_CLOCK, 5),
    lambda one: one.moves.undo_acceptance("fills:B1", "", TEN_O_CLOCK),
)


@pytest.mark.parametrize("use", [*READS, *WRITES, *CHANGES])
def test_every_statement_of_a_cold_table_names_the_client(database: peewee.SqliteDatabase, use: Use) -> None:
    repository = OrderRepository(database, "FA1")
    statements: list[str] = []
    with repository.transaction():
        for write in WRITES:
            write(repository)
    database.connection().set_trace_callback(statements.append)

    use(repository)

    database.connection().set_trace_callback(None)
    assert statements
    for one in statements:
        assert re.search(r"client_id\"? = 'FA1'|INSERT (OR \w+ )?INTO .*'FA1'", one), one


@pytest.mark.parametrize("read", READS)
def test_what_another_client_has_stored_is_not_read(database: peewee.SqliteDatabase, read: Use) -> None:
    ours, theirs = OrderRepository(database, "FA1"), OrderRepository(database, "FA2")
    before = read(ours)
    with theirs.transaction():
        for write in WRITES:
            write(theirs)

    assert read(ours) == before
