"""A morning after a bonus or a split: a carried stop is held, and a real fall still fires it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest

from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.market.corporate_actions import CLOSE_WAIT_S, Openings, Verdict
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product, TrailingType
from tests.fakes import TEN_O_CLOCK

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
SYMBOL = (KEY.exchange, KEY.symbol)
YESTERDAY, TODAY, TOMORROW = "2026-01-05", "2026-01-06", "2026-01-07"
STOP: Final = ArmedStop(
    stop_id="e1",
    position_key=PositionKey("invest", KEY),
    terms=StopTerms(stop_loss=Decimal(1400), target=Decimal(2000)),
    is_long=True,
    entry_price=Decimal(1450),
    best_price=Decimal(1500),
    armed_at=TEN_O_CLOCK,
)


def opened(close: int | None, *, last: int | None = None) -> Openings:
    """Return what is known in the morning: the quote's previous close, and yesterday's last price if it was seen."""
    openings = Openings()
    if last is not None:
        openings.judge(STOP, Decimal(last), YESTERDAY, 0.0)
    if close is not None:
        openings.see_close(SYMBOL, TODAY, Decimal(close))
    return openings


@pytest.mark.parametrize(
    ("last", "close", "price", "verdict"),
    [
        (1450, 725, 750, Verdict.ADJUSTED),
        (None, 725, 750, Verdict.ADJUSTED),
        (1450, 1450, 750, Verdict.COUNTS),
        (None, 1450, 750, Verdict.COUNTS),
        (1450, 1318, 1320, Verdict.COUNTS),
        (1470, 1318, 1320, Verdict.ADJUSTED),
        (1450, 1305, 1310, Verdict.ADJUSTED),
        (None, 1250, 1240, Verdict.COUNTS),
        (1410, 1390, 1385, Verdict.COUNTS),
        (1450, 725, 1430, Verdict.COUNTS),
        (1450, 14500, 14600, Verdict.ADJUSTED),
        (1450, 1650, 1650, Verdict.ADJUSTED),
        (None, 14500, 14600, Verdict.ADJUSTED),
        (1450, 1450, 2100, Verdict.COUNTS),
        (None, 2050, 2100, Verdict.COUNTS),
    ],
    ids=[
        "one for one",
        "one for one, over a restart",
        "a crash",
        "a crash, over a restart",
        "nine in a hundred",
        "one for ten",
        "a tenth to the paisa",
        "a stop that is overdue after a day without a desk",
        "a close a little below the last price",
        "a price that reaches nothing",
        "ten become one",
        "eleven become ten",
        "ten become one, over a restart",
        "a jump to the target",
        "a target that is overdue",
    ],
)
def test_a_carried_stop_is_held_where_the_close_itself_has_moved(
    last: int | None, close: int, price: int, verdict: Verdict
) -> None:
    assert opened(close, last=last).judge(STOP, Decimal(price), TODAY, 0.0) is verdict


def test_a_stop_that_was_armed_today_goes_by_every_price() -> None:
    fresh = replace(STOP, armed_at=TEN_O_CLOCK + timedelta(days=1))

    assert opened(725).judge(fresh, Decimal(750), TODAY, 0.0) is Verdict.COUNTS


def test_a_stop_that_has_opened_goes_by_every_price_of_its_day() -> None:
    openings = opened(1450, last=1450)
    openings.judge(STOP, Decimal(1440), TODAY, 0.0)
    openings.see_close(SYMBOL, TODAY, Decimal(725))

    assert openings.judge(STOP, Decimal(750), TODAY, 0.0) is Verdict.COUNTS


def test_a_contract_is_none_of_this() -> None:
    option = replace(
        STOP, position_key=PositionKey("a", InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26000", Product.NRML))
    )
    openings = Openings()
    openings.see_close((Exchange.NFO, "NIFTY01DEC26C26000"), TODAY, Decimal(100))

    assert openings.judge(option, Decimal(100), TODAY, 0.0) is Verdict.COUNTS


def test_a_close_that_is_not_known_is_waited_for_a_moment_and_no_longer() -> None:
    openings = opened(None, last=1450)

    assert openings.judge(STOP, Decimal(750), TODAY, 10.0) is Verdict.UNKNOWN
    assert STOP.position_key in openings.asked
    assert openings.judge(STOP, Decimal(750), TODAY, 10.0 + CLOSE_WAIT_S) is Verdict.COUNTS


def test_the_close_that_comes_meanwhile_decides() -> None:
    openings = opened(None, last=1450)
    openings.judge(STOP, Decimal(750), TODAY, 10.0)

    openings.see_close(SYMBOL, TODAY, Decimal(725))

    assert openings.judge(STOP, Decimal(750), TODAY, 10.5) is Verdict.ADJUSTED
    assert openings.held == {STOP.position_key: Decimal(725)}


def test_a_stop_near_its_level_waits_for_nothing() -> None:
    assert opened(None, last=1410).judge(STOP, Decimal(1395), TODAY, 0.0) is Verdict.COUNTS


def test_yesterdays_close_says_nothing_of_today() -> None:
    openings = opened(None, last=1450)
    openings.see_close(SYMBOL, YESTERDAY, Decimal(725))

    assert openings.judge(STOP, Decimal(750), TODAY, 0.0) is Verdict.UNKNOWN


def test_a_stop_stays_held_until_a_person_sets_it_anew() -> None:
    openings = opened(725, last=1450)
    openings.judge(STOP, Decimal(750), TODAY, 0.0)
    openings.see_close(SYMBOL, TOMORROW, Decimal(745))

    assert openings.judge(STOP, Decimal(740), TOMORROW, 0.0) is Verdict.ADJUSTED
    assert openings.holds(SYMBOL)
    assert openings.end(STOP.position_key)
    assert not openings.holds(SYMBOL)
    anew = replace(STOP, terms=StopTerms(stop_loss=Decimal(700)))
    assert openings.judge(anew, Decimal(690), TOMORROW, 0.0) is Verdict.COUNTS


def test_a_trail_does_not_take_an_adjusted_price_for_its_best() -> None:
    """Ten shares become one: the best price would be ten times the old one, and the next tick below it the end."""
    trail = replace(STOP, terms=StopTerms(trailing_type=TrailingType.POINTS, trailing_value=Decimal(100)))

    assert opened(14500, last=1450).judge(trail, Decimal(14600), TODAY, 0.0) is Verdict.ADJUSTED


def test_every_stop_of_the_symbol_is_judged_by_the_same_morning() -> None:
    other = replace(STOP, position_key=PositionKey("other", KEY))
    openings = opened(725, last=1450)

    assert openings.judge(STOP, Decimal(750), TODAY, 0.0) is Verdict.ADJUSTED
    assert openings.judge(other, Decimal(750), TODAY, 0.0) is Verdict.ADJUSTED


def test_a_price_at_which_nothing_is_reached_lets_the_stop_count_again() -> None:
    openings = opened(725, last=1450)
    openings.judge(STOP, Decimal(750), TODAY, 0.0)

    assert openings.judge(STOP, Decimal(1450), TODAY, 0.0) is Verdict.COUNTS
    assert not openings.holds(SYMBOL)
