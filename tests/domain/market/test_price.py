"""Which price is the best, and which could be none."""

from datetime import timedelta
from decimal import Decimal
from math import inf

import pytest

from domain.market.instrument import Instrument
from domain.market.price import PriceSource, SeenPrice, best_reference, could_trade
from domain.orders.validation import PRICE_MAX
from tests.fakes import TEN_O_CLOCK, instrument

BANDED = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240))


def seen(price: int, source: PriceSource, age_s: float = 0) -> SeenPrice:
    return SeenPrice(price=Decimal(price), source=source, seen_at=TEN_O_CLOCK - timedelta(seconds=age_s))


@pytest.mark.parametrize(
    ("known", "best"),
    [
        ([seen(1, PriceSource.POSITION), seen(2, PriceSource.TICK, 2)], 2),
        ([seen(1, PriceSource.POSITION), seen(2, PriceSource.QUOTE, 3)], 1),
        ([seen(1, PriceSource.POSITION, 1), seen(2, PriceSource.TICK, 6)], 1),
        ([seen(1, PriceSource.QUOTE), seen(2, PriceSource.TICK, 1)], 1),
        ([seen(1, PriceSource.QUOTE, 1), seen(2, PriceSource.TICK, 1)], 2),
        ([seen(1, PriceSource.STORED, 60), seen(2, PriceSource.TRADE, 50)], 2),
        ([seen(1, PriceSource.AVERAGE), seen(2, PriceSource.STORED, 86_400)], 2),
        ([seen(1, PriceSource.AVERAGE)], 1),
    ],
)
def test_the_fresh_price_of_the_best_source_is_best_and_else_the_youngest(known: list[SeenPrice], best: int) -> None:
    found = best_reference(known, TEN_O_CLOCK)

    assert found is not None
    assert found.price == best


def test_nothing_known_is_no_price() -> None:
    assert best_reference([], TEN_O_CLOCK) is None


def test_nobody_knows_the_age_of_an_average_nor_of_a_price_from_the_future() -> None:
    ages = [one.at(TEN_O_CLOCK).age_s for one in (seen(1, PriceSource.AVERAGE), seen(1, PriceSource.TICK, -1))]

    assert ages == [inf, inf]


@pytest.mark.parametrize(
    ("price", "band", "possible"),
    [
        (60, BANDED, True),
        (240, BANDED, True),
        (59, BANDED, False),
        (241, BANDED, False),
        (0, None, False),
        (-1, None, False),
        (PRICE_MAX, None, True),
        (PRICE_MAX + 1, None, False),
        (5, None, True),
        (5, instrument(lower_circuit=Decimal(10), upper_circuit=None), False),
    ],
)
def test_a_price_is_possible_inside_the_days_band_only(
    price: Decimal, band: Instrument | None, *, possible: bool
) -> None:
    assert could_trade(Decimal(price), band, [], TEN_O_CLOCK) is possible


@pytest.mark.parametrize(
    ("witness", "possible"),
    [
        (seen(101, PriceSource.POSITION, 10), False),
        (seen(100, PriceSource.POSITION, 10), True),
        (seen(101, PriceSource.POSITION, 301), True),
        (seen(101, PriceSource.AVERAGE), True),
    ],
)
def test_without_a_band_a_price_may_not_contradict_another(witness: SeenPrice, *, possible: bool) -> None:
    assert could_trade(Decimal(50), None, [witness], TEN_O_CLOCK) is possible
