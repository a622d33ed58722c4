"""How old the prices may be that stops are held against."""

from decimal import Decimal

import pytest

from domain.exits.price_ages import AgesNow, PriceAges, Symbol
from domain.orders.types import Exchange

HERE: Symbol = (Exchange.NSE, "RELIANCE-EQ")
THERE: Symbol = (Exchange.NFO, "NIFTY27JAN26F")


@pytest.fixture
def ages() -> PriceAges:
    ages = PriceAges(age_s_max=10.0)
    ages.watch(HERE, 0.0)
    return ages


def look(ages: PriceAges, now_s: float, *, armed: tuple[Symbol, ...] = (HERE,), is_open: bool = True) -> AgesNow:
    return ages.look((HERE,), armed, now_s, lambda _: is_open)


def test_a_price_of_a_symbol_that_nobody_watches_and_one_that_is_none_are_not_taken(ages: PriceAges) -> None:
    assert not ages.see(THERE, Decimal(100), 1.0)
    assert not ages.see(HERE, Decimal(0), 1.0)
    assert (ages.of(HERE), ages.age_s(HERE, 1.0)) == (None, None)


def test_the_last_price_is_known_with_its_age(ages: PriceAges) -> None:
    assert ages.see(HERE, Decimal(100), 1.0)

    assert (ages.of(HERE), ages.age_s(HERE, 3.0)) == (Decimal(100), 2.0)


def test_the_broker_is_asked_while_a_price_grows_old_and_not_again_and_again(ages: PriceAges) -> None:
    asked = [bool(look(ages, now_s).ask) for now_s in (5.0, 5.1, 6.0, 9.0, 10.1, 10.2)]

    assert asked == [False, True, False, False, True, False]


def test_a_stop_is_called_blind_once_and_seeing_again_once(ages: PriceAges) -> None:
    assert look(ages, 10.0).stale == ()
    assert look(ages, 10.5).stale == ((HERE, 10.5),)
    assert look(ages, 11.0).stale == ()

    ages.see(HERE, Decimal(100), 11.5)

    assert look(ages, 12.0).back == (HERE,)
    assert look(ages, 12.5).back == ()


def test_in_a_closed_market_no_price_grows_old(ages: PriceAges) -> None:
    assert look(ages, 60.0, is_open=False) == AgesNow()


def test_what_no_stop_is_in_any_more_is_no_longer_called_blind(ages: PriceAges) -> None:
    look(ages, 11.0)

    ended = ages.look((), (), 12.0, lambda _: True)

    assert ended.back == (HERE,)
