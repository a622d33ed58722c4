"""A watched symbol is asked for until it is known; what brings no prices is told once, by name."""

from domain.broker.reply_types import Unavailable, UnknownInstrument
from domain.market.watching import (
    AGAIN_S,
    AGAIN_S_MAX,
    TOLD_S,
    UNKNOWN_AGAIN_S,
    Watching,
    unwatched_alert,
    watched_alert,
)
from domain.orders.types import Exchange
from tests.fakes import TEN_O_CLOCK, instrument

KEY = (Exchange.NSE, "INFY-EQ")
AWAY = Unavailable("HTTP 502: bad gateway", TEN_O_CLOCK)
UNKNOWN = UnknownInstrument(*KEY)
FOUND = instrument(exchange=KEY[0], symbol=KEY[1])


def watching(strategy: str = "trend") -> Watching:
    one = Watching()
    one.want(KEY, strategy, 0.0)
    return one


def test_a_failed_look_up_is_repeated_at_growing_pauses_that_are_bounded() -> None:
    one = watching()
    now_s, pauses = 0.0, []
    for _ in range(8):
        one.answered(KEY, AWAY, now_s)
        pause_s = next(s for s in range(1, 1_000) if one.due(now_s + s) == KEY)
        pauses.append(pause_s)
        now_s += pause_s

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert (AGAIN_S, AGAIN_S_MAX) == (2.0, 60.0)


def test_a_look_up_that_is_never_answered_is_repeated_too() -> None:
    one = watching()

    assert one.due(AGAIN_S) == KEY
    assert one.due(AGAIN_S + 1) is None
    assert one.due(AGAIN_S + AGAIN_S_MAX) == KEY


def test_one_symbol_is_asked_for_at_a_time_the_longest_waiting_first() -> None:
    one = watching()
    other = (Exchange.NSE, "TCS-EQ")
    one.want(other, "trend", 1.0)

    assert [one.due(10.0), one.due(10.0), one.due(10.0)] == [KEY, other, None]


def test_a_symbol_that_cannot_be_looked_up_is_told_after_a_while_once_and_its_end_too() -> None:
    one = watching()
    one.answered(KEY, AWAY, 1.0)

    assert one.news(TOLD_S - 1) == ()
    (told,) = one.news(TOLD_S)
    assert one.news(TOLD_S + 100) == ()
    assert unwatched_alert(told).what == (
        "trend watches INFY-EQ (NSE) and gets no prices: INFY-EQ (NSE) could not be looked up: HTTP 502: bad gateway."
    )
    ended = one.answered(KEY, FOUND, 200.0)
    assert ended is not None
    assert watched_alert(ended).ends
    assert one.lacking() == ()
    assert not one


def test_a_symbol_that_was_found_in_time_is_told_of_to_nobody() -> None:
    one = watching()
    one.answered(KEY, AWAY, 1.0)

    assert one.answered(KEY, FOUND, 3.0) is None
    assert one.news(1_000.0) == ()


def test_a_symbol_that_the_broker_does_not_know_is_told_at_once_and_asked_for_seldom() -> None:
    one = watching()
    one.answered(KEY, UNKNOWN, 1.0)

    (told,) = one.news(1.0)
    assert "the broker knows no INFY-EQ on NSE" in unwatched_alert(told).what
    assert "Correct the symbol" in unwatched_alert(told).do
    assert one.news(1_000.0) == ()
    assert one.due(UNKNOWN_AGAIN_S) is None
    assert one.due(1.0 + UNKNOWN_AGAIN_S) == KEY


def test_the_desks_own_watching_is_repeated_and_told_of_elsewhere() -> None:
    one = watching("")
    one.answered(KEY, AWAY, 1.0)

    assert one.news(1_000.0) == ()
    assert one.lacking() == ()
    assert one.due(3.0) == KEY


def test_a_second_strategy_is_told_as_well() -> None:
    one = watching()
    one.answered(KEY, UNKNOWN, 1.0)
    one.news(1.0)
    one.want(KEY, "revert", 5.0)

    (told,) = one.news(5.0)

    assert told.strategies == ("trend", "revert")


def test_an_answer_about_a_symbol_that_nobody_misses_is_nothing() -> None:
    assert Watching().answered(KEY, AWAY, 1.0) is None
