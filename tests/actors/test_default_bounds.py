"""How soon an exit is flat, or priced anew, with the default settings: what they and our own bounds come to."""

from actors.market import EXIT_WAIT_S
from domain.market.knowledge import STANDS_IN_AFTER_S
from domain.settings import ExitSettings, StopSettings, WatcherSettings

FLAT_S_MAX, ONE_PRICE_S_MAX, JITTER_S = 5.0, 3.0, 0.25


def test_by_default_an_exit_stays_no_longer_than_3_s_at_one_price_without_a_feed() -> None:
    """Taken back after `unfilled_s`; a reading of the order book shows it, and the next look sends the next one."""
    exits, stops, poll_s = ExitSettings(), StopSettings(), WatcherSettings().poll_interval_s

    assert exits.unfilled_s + poll_s + JITTER_S <= ONE_PRICE_S_MAX
    assert exits.unfilled_s + stops.look_s + JITTER_S <= ONE_PRICE_S_MAX, "a market exit sent by hand"


def test_by_default_a_way_out_is_flat_within_5_s_of_the_broker_taking_orders() -> None:
    assert ExitSettings().retry_s_max + EXIT_WAIT_S <= FLAT_S_MAX


def test_by_default_a_stop_gets_out_by_the_books_price_within_5_s() -> None:
    assert STANDS_IN_AFTER_S + WatcherSettings().poll_interval_s + JITTER_S < FLAT_S_MAX
