"""A stop, trail or target that would get out at once is refused before the entry leaves."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.exits.flatten import PositionKey
from domain.exits.stop_check import beyond_the_band, check_held, stop_objection
from domain.exits.stops import ArmedStop
from domain.orders.reasons import Reason
from domain.orders.stop_terms import InvalidStopsError, StopTerms
from domain.orders.types import Intent, OrderType, Side, TrailingType
from tests.fakes import TEN_O_CLOCK, command, instrument

LAST = Decimal(1496)
ABSOLUTE = {"trailing_type": TrailingType.ABSOLUTE}


def market(side: Side, **levels: object) -> Reason | None:
    asked = command(side=side, order_type=OrderType.MARKET, price=None, **levels)
    found = stop_objection(asked, LAST)
    return None if found is None else found.reason


@pytest.mark.parametrize(
    ("side", "levels", "is_wrong"),
    [
        (Side.SELL, {"stop_loss": Decimal(1400)}, True),
        (Side.SELL, {"stop_loss": LAST}, True),
        (Side.SELL, {"stop_loss": Decimal("1496.05")}, False),
        (Side.SELL, {"target": Decimal(1600)}, True),
        (Side.SELL, {"target": Decimal(1400)}, False),
        (Side.BUY, {"stop_loss": Decimal(1600)}, True),
        (Side.BUY, {"stop_loss": LAST}, True),
        (Side.BUY, {"stop_loss": Decimal("1495.95")}, False),
        (Side.BUY, {"target": Decimal(1400)}, True),
        (Side.BUY, {"target": LAST}, True),
        (Side.BUY, {"target": Decimal(1600)}, False),
        (Side.BUY, {"trailing_value": Decimal(1500), **ABSOLUTE}, True),
        (Side.BUY, {"trailing_value": Decimal(1490), **ABSOLUTE}, False),
        (Side.BUY, {"trailing_value": Decimal(1500), "trail_activation": Decimal(1520), **ABSOLUTE}, False),
        (Side.BUY, {"trailing_value": Decimal(1500), "trailing_type": TrailingType.POINTS}, False),
        (Side.BUY, {}, False),
    ],
)
def test_a_market_entrys_levels_are_held_against_the_last_price(
    side: Side,
    levels: dict[str, object],
    is_wrong: bool,  # noqa: FBT001
) -> None:
    assert market(side, **levels) is (Reason.STOP_WRONG_SIDE if is_wrong else None)


def test_the_sentence_names_the_level_and_the_last_price() -> None:
    asked = command(side=Side.SELL, order_type=OrderType.MARKET, price=None, stop_loss=Decimal(1400))

    found = stop_objection(asked, LAST)

    assert found is not None
    assert found.sentence == (
        "the stop_loss of a SELL must be above the last price 1496, not 1400: "
        "it would close the position as soon as it is taken"
    )


def test_without_a_known_price_a_market_entry_is_not_judged() -> None:
    asked = command(side=Side.SELL, order_type=OrderType.MARKET, price=None, stop_loss=Decimal(1400))

    assert stop_objection(asked, None) is None


@pytest.mark.parametrize(
    ("side", "limit", "stop", "is_wrong"),
    [
        (Side.BUY, 1510, 1505, True),
        (Side.BUY, 1510, 1490, False),
        (Side.BUY, 1450, 1440, False),
        (Side.SELL, 1480, 1490, True),
        (Side.SELL, 1480, 1500, False),
        (Side.SELL, 1550, 1560, False),
    ],
)
def test_a_limit_through_the_market_is_judged_by_the_market_and_a_resting_one_by_its_limit(
    side: Side,
    limit: int,
    stop: int,
    is_wrong: bool,  # noqa: FBT001
) -> None:
    asked = command(side=side, price=Decimal(limit), stop_loss=Decimal(stop))

    assert (stop_objection(asked, LAST) is not None) is is_wrong


@pytest.mark.parametrize("kind", [OrderType.SL, OrderType.SL_M])
@pytest.mark.parametrize(("stop", "is_wrong"), [(1519, False), (1520, True), (1522, True)])
def test_a_stop_entry_is_judged_by_its_trigger(kind: OrderType, stop: int, is_wrong: bool) -> None:  # noqa: FBT001
    price = Decimal(1525) if kind is OrderType.SL else None
    asked = command(order_type=kind, price=price, trigger_price=Decimal(1520), stop_loss=Decimal(stop))

    assert (stop_objection(asked, LAST) is not None) is is_wrong


def test_an_exit_is_never_held_back() -> None:
    asked = command(intent=Intent.EXIT, side=Side.SELL, order_type=OrderType.MARKET, price=None)

    assert stop_objection(asked, LAST) is None


def held(**terms: object) -> ArmedStop:
    return ArmedStop(
        stop_id="hand-1",
        position_key=PositionKey("trend", command().key),
        terms=StopTerms(**terms),  # type: ignore[arg-type]
        is_long=True,
        entry_price=Decimal(1400),
        best_price=Decimal(1600),
        armed_at=TEN_O_CLOCK,
    )


def test_new_stops_that_are_through_the_last_price_are_refused_with_it() -> None:
    trailing = held(trailing_type=TrailingType.POINTS, trailing_value=Decimal(50))

    with pytest.raises(InvalidStopsError, match="the trailing stop 1550 is already through the last price 1496"):
        check_held(trailing, LAST)

    check_held(trailing, None)
    check_held(replace(trailing, best_price=LAST), LAST)
    check_held(held(stop_loss=Decimal(1495), target=Decimal(1497)), LAST)


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"stop_loss": Decimal(1350)}, ""),
        ({"stop_loss": Decimal("149.50")}, "the stop 149.50 lies outside today's band of 1350 to 1650"),
        ({"target": Decimal(15000)}, "the target 15000 lies outside"),
        ({"stop_loss": Decimal(149), "target": Decimal(15000)}, "the stop 149 and the target 15000 lie outside"),
    ],
)
def test_a_level_that_no_price_of_today_can_reach_is_told(levels: dict[str, Decimal], message: str) -> None:
    banded = instrument(lower_circuit=Decimal(1350), upper_circuit=Decimal(1650))

    told = beyond_the_band(held(**levels), banded)

    assert message in told
    assert bool(told) is bool(message)
    assert beyond_the_band(held(**levels), instrument(lower_circuit=None, upper_circuit=Decimal(1650))) == ""
