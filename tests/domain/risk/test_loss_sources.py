"""What is heard between two looks at the day's loss."""

from datetime import timedelta
from decimal import Decimal

import pytest

from domain.broker.snapshots import Book, PositionRow
from domain.exits.flatten import PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product
from domain.positions.pnl import PnlBook
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.moves import MoveKind
from domain.risk.loss_inputs import LossRules, Now
from domain.risk.loss_sources import LossSources
from domain.settings import CalendarSettings, RiskSettings
from tests.fakes import TEN_O_CLOCK

KEY = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
HELD = PositionKey("trend", KEY)
SYMBOL = (KEY.exchange, KEY.symbol)


@pytest.fixture
def sources() -> LossSources:
    book = PnlBook(first_prices={SYMBOL: Decimal(100)})
    book.carry(HELD, 65)
    book.see(SYMBOL, Decimal(100))
    days = TradingDays(Calendar(CalendarSettings()), enforced=False)
    rules = LossRules(limits=RiskSettings(), budgets={}, trading_days=days)
    return LossSources(rules=rules, book=book, book_read_s=0.0)


def resolved(key: InstrumentKey | None, difference: int = 0, price: Decimal | None = None) -> Break:
    return Break(name="x", kind=BreakKind.POSITION, sentence="", key=key, difference=difference, price=price)


def test_what_a_strategy_holds_no_more_counts_for_others_at_the_brokers_price(sources: LossSources) -> None:
    sources.count_move(resolved(KEY, price=Decimal(90)), MoveKind.SQUARED_OFF, [("trend", 65)])

    assert HELD not in sources.book.held
    assert {one.strategy for one in sources.book.held} <= {EXTERNAL}
    assert sources.book.total("trend").total == -650


def test_units_of_others_that_stand_against_ours_gain_what_ours_lose(sources: LossSources) -> None:
    sources.count_move(resolved(KEY, difference=-65), MoveKind.VANISHED, ())
    sources.book.see(SYMBOL, Decimal(90))

    assert sources.book.total().total == 0


def test_a_break_that_moves_no_units_changes_nothing(sources: LossSources) -> None:
    sources.count_move(resolved(None), MoveKind.UNDONE, [("trend", 65)])

    assert sources.book.held == (HELD,)


def row(units: int) -> PositionRow:
    return PositionRow(
        exchange="NFO",
        symbol=KEY.symbol,
        product="M",
        net_quantity=units,
        net_average_price=Decimal(100),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(0),
    )


@pytest.mark.parametrize(("units", "is_apart"), [(None, True), (65, False), (30, True), (130, False), (-65, True)])
def test_a_position_of_which_the_account_has_fewer_units_is_apart(
    sources: LossSources, units: int | None, *, is_apart: bool
) -> None:
    rows = () if units is None else (row(units),)

    sources.take_positions(Book(rows, TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 1.0))

    assert sources.inputs().apart == ({KEY} if is_apart else frozenset())


def test_a_position_that_is_flat_is_apart_from_nothing(sources: LossSources) -> None:
    sources.count_move(resolved(KEY, difference=-65), MoveKind.VANISHED, ())
    for units in (0, 65):
        sources.take_positions(Book((row(units),), TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 1.0))

    assert sources.book.units() == {KEY: 0}
    assert sources.inputs().apart == frozenset()


def test_a_position_that_has_moved_since_the_book_before_is_not_compared(sources: LossSources) -> None:
    sources.book.carry(HELD, 10)

    sources.take_positions(Book((row(65),), TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 1.0))
    assert sources.inputs().apart == frozenset()

    sources.take_positions(Book((row(65),), TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 2.0))
    assert sources.inputs().apart == {KEY}


def test_a_row_that_was_there_today_and_is_missing_says_nothing(sources: LossSources) -> None:
    for rows in ((row(65),), (), ()):
        sources.take_positions(Book(rows, TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 1.0))
        assert sources.inputs().apart == frozenset()

    sources.take_positions(Book((row(0),), TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 2.0))
    assert sources.inputs().apart == {KEY}


def test_a_row_of_yesterday_that_is_missing_today_is_gone(sources: LossSources) -> None:
    tomorrow = TEN_O_CLOCK + timedelta(days=1)
    sources.take_positions(Book((row(65),), TEN_O_CLOCK), frozenset(), Now(TEN_O_CLOCK, 1.0))

    sources.take_positions(Book((), tomorrow), frozenset(), Now(tomorrow, 2.0))

    assert sources.inputs().apart == {KEY}
