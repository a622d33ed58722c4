from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from broker.paper.clock import IST
from broker.paper.engine.instruments import Catalogue, monthly_expiry, weekly_expiry
from tests.broker.paper.harness import MONDAY


@pytest.mark.parametrize(
    ("now", "expiry"),
    [
        (datetime(2026, 11, 23, 10, 0, tzinfo=IST), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 15, 29, tzinfo=IST), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 15, 30, tzinfo=IST), date(2026, 12, 1)),
        (datetime(2026, 11, 25, 0, 0, tzinfo=IST), date(2026, 12, 1)),
    ],
)
def test_the_week_ends_on_tuesday_at_half_past_three(now: datetime, expiry: date) -> None:
    assert weekly_expiry(now) == expiry


@pytest.mark.parametrize(
    ("now", "expiry"),
    [
        (datetime(2026, 11, 24, 15, 29, tzinfo=IST), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 15, 30, tzinfo=IST), date(2026, 12, 29)),
        (datetime(2026, 12, 30, 9, 0, tzinfo=IST), date(2027, 1, 26)),
    ],
)
def test_the_month_ends_on_its_last_tuesday(now: datetime, expiry: date) -> None:
    assert monthly_expiry(now) == expiry


def test_the_symbols_are_those_of_the_exchange() -> None:
    catalogue = Catalogue(MONDAY)

    symbols = {one.symbol for one in catalogue.listed()}

    assert {"RELIANCE-EQ", "INFY-EQ", "Nifty 50", "Nifty Bank", "NIFTY24NOV26F", "BANKNIFTY24NOV26F"} <= symbols
    assert {"NIFTY24NOV26C25750", "NIFTY24NOV26C26000", "NIFTY24NOV26P26250", "BANKNIFTY24NOV26P58000"} <= symbols
    assert len(symbols) == 10 + 2 * 11 * 2


def test_lots_ticks_and_freeze_quantities_are_those_of_the_table() -> None:
    catalogue = Catalogue(MONDAY)
    nifty, bank = (catalogue.by_symbol("NFO", f"{name}24NOV26F") for name in ("NIFTY", "BANKNIFTY"))
    option, share = catalogue.by_symbol("NFO", "NIFTY24NOV26C26000"), catalogue.by_symbol("NSE", "RELIANCE-EQ")

    assert nifty is not None
    assert bank is not None
    assert option is not None
    assert share is not None
    assert (nifty.lot, nifty.freeze_quantity) == (65, 1800)
    assert (bank.lot, bank.freeze_quantity) == (30, 600)
    assert (option.tick, option.token[-1], option.expiry) == (Decimal("0.05"), "1", date(2026, 11, 24))
    assert (share.token, share.tick, share.lot) == ("2885", Decimal("0.10"), 1)


def test_no_two_instruments_share_a_token_and_a_symbol_keeps_its_own() -> None:
    today, tomorrow = Catalogue(MONDAY), Catalogue(MONDAY + timedelta(days=1))

    tokens = {one.symbol: one.key for one in today.listed()}

    assert len(set(tokens.values())) == len(tokens)
    assert {one.symbol: one.key for one in tomorrow.listed()} == tokens


def test_circuit_limits_stand_on_the_tick_grid_around_the_close() -> None:
    for one in Catalogue(MONDAY).listed():
        if one.tradable:
            assert one.lower_circuit < one.close < one.upper_circuit
            assert one.lower_circuit % one.tick == one.upper_circuit % one.tick == one.close % one.tick == 0


def test_a_search_matches_every_word_and_finds_an_exact_symbol() -> None:
    catalogue = Catalogue(MONDAY)

    assert [one.symbol for one in catalogue.search("NFO", "bank 58000")] == [
        "BANKNIFTY24NOV26C58000",
        "BANKNIFTY24NOV26P58000",
    ]
    assert [one.symbol for one in catalogue.search("NSE", "RELIANCE-EQ")] == ["RELIANCE-EQ"]
    assert catalogue.search("NFO", "RELIANCE-EQ") == []
    assert catalogue.search("NSE", "") == []


def test_what_expired_this_afternoon_is_known_by_its_token_only() -> None:
    catalogue = Catalogue(datetime(2026, 11, 24, 10, 0, tzinfo=IST))
    expiring = catalogue.by_symbol("NFO", "NIFTY24NOV26C26000")
    assert expiring is not None

    rolled = catalogue.roll(datetime(2026, 11, 24, 15, 30, tzinfo=IST))

    assert rolled
    assert catalogue.by_symbol("NFO", "NIFTY24NOV26C26000") is None
    assert catalogue.by_symbol("NFO", "NIFTY01DEC26C26000") is not None
    assert catalogue.by_token("NFO", expiring.token) == expiring
    assert Catalogue(datetime(2026, 11, 24, 18, 0, tzinfo=IST)).by_token("NFO", expiring.token) == expiring
