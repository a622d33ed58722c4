"""Getting out has an order: shorts of an underlying are bought back before the longs that may hedge them."""

import pytest

from domain.alerts.alert import Level
from domain.alerts.text.flatten_sequence import exit_order_alert
from domain.baskets import Basket
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.flatten_sequence import (
    AllFlat,
    FlattenSequence,
    LongLeaves,
    LongWaits,
    Stuck,
    beside_ways_out,
    shorts_before,
    underlying_of,
    units_for_order,
)
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.settings import ExitSettings
from tests.fakes import command

SETTINGS = ExitSettings(hedge_wait_s=10, stuck_s=15)


def position_key(
    symbol: str, strategy: str = "a", exchange: Exchange = Exchange.NFO, product: str = "NRML"
) -> PositionKey:
    return PositionKey(strategy, InstrumentKey(exchange, symbol, Product(product)))


SHORT = position_key("NIFTY01DEC26C26000")
WING = position_key("NIFTY01DEC26C26500")
OTHER = position_key("BANKNIFTY29DEC26P50000")
SHARES = position_key("NIFTYBEES-EQ", exchange=Exchange.NSE, product="MIS")


def always_open(_: PositionKey) -> bool:
    return True


def told(held: dict[PositionKey, int]) -> dict[PositionKey, Exposure]:
    """Return the guard's word where nothing is open: what is not held is not told of."""
    return {position_key: Exposure(units) for position_key, units in held.items() if units}


@pytest.mark.parametrize(
    ("exchange", "symbol", "underlying"),
    [
        ("NFO", "NIFTY01DEC26C26000", "NIFTY"),
        ("NFO", "NIFTY29DEC26F", "NIFTY"),
        ("NFO", "BANKNIFTY16OCT24P50500", "BANKNIFTY"),
        ("NFO", "NIFTYNXT5029DEC26P68000", "NIFTYNXT50"),
        ("NFO", "360ONE29DEC26C1100", "360ONE"),
        ("NFO", "BAJAJ-AUTO29DEC26F", "BAJAJ-AUTO"),
        ("NFO", "CCC25JANFUT", "CCC"),
        ("NFO", "IDEA29DEC26C7.5", "IDEA"),
        ("BFO", "SENSEX26D0376800CE", "SENSEX"),
        ("BFO", "SENSEX2512176800CE", "SENSEX"),
        ("BFO", "SENSEX26DEC76800PE", "SENSEX"),
        ("BFO", "SENSEX5026DECFUT", "SENSEX50"),
        ("MCX", "CRUDEOIL18FEB22", "CRUDEOIL"),
        ("MCX", "CRUDEOIL14DEC23C6700", "CRUDEOIL"),
        ("CDS", "USDINR25NOV22C76", "USDINR"),
        ("MCX", "SILVERM", "SILVERM"),
        ("MCX", "77", "77"),
    ],
)
def test_a_derivative_is_about_its_underlying(exchange: str, symbol: str, underlying: str) -> None:
    where = Exchange(exchange)

    assert underlying_of(InstrumentKey(where, symbol, Product.NRML)) == (where, underlying)


def test_a_shares_margin_hangs_on_no_other_leg() -> None:
    assert underlying_of(SHARES.key) is None


@pytest.mark.parametrize(
    ("held", "waits"),
    [
        ({SHORT: -65, WING: 65}, {WING: (SHORT,)}),
        ({SHORT: 0, WING: 65}, {}),
        ({SHORT: -65, OTHER: 30}, {}),
        ({WING: 65}, {}),
        ({SHORT: -65}, {}),
        ({SHORT: -65, WING: 65, OTHER: 30, SHARES: 5}, {WING: (SHORT,)}),
        ({position_key(SHORT.key.symbol, "b"): -65, WING: 65}, {WING: (position_key(SHORT.key.symbol, "b"),)}),
        ({position_key("TCS-EQ", exchange=Exchange.NSE, product="MIS"): -5, SHARES: 5}, {}),
    ],
    ids=["hedged", "bought back", "another's", "a long", "a short", "one of many", "another strategy's", "shares"],
)
def test_a_long_waits_for_the_shorts_of_its_underlying_alone(
    held: dict[PositionKey, int], waits: dict[PositionKey, tuple[PositionKey, ...]]
) -> None:
    assert shorts_before(held) == waits


def test_the_long_goes_after_the_shorts_fills() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (WING, SHORT), "flatten", 0.0, in_order=True)

    first = order.look(told({WING: 65, SHORT: -65}), 0.1, always_open)
    partly = order.look(told({WING: 65, SHORT: -25}), 0.2, always_open)
    after = order.look(told({WING: 65, SHORT: 0}), 0.3, always_open)

    assert first == (frozenset({WING}), [LongWaits(WING, (SHORT,), 10)])
    assert partly == (frozenset({WING}), []), "it is told once"
    assert after == (frozenset(), [])


def test_the_wait_is_bounded_and_its_end_is_told() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (WING, SHORT), "flatten", 5.0, in_order=True)
    held = told({WING: 65, SHORT: -65})
    order.look(held, 5.1, always_open)

    assert order.look(held, 14.9, always_open) == (frozenset({WING}), [])
    assert order.look(held, 15.0, always_open) == (frozenset(), [LongLeaves(WING, (SHORT,), 10.0)])
    assert order.look(held, 15.1, always_open) == (frozenset(), [])


def test_a_stop_that_is_hit_by_itself_is_not_delayed() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("stop of the wing", (WING,), "stop", 0.0, in_order=False)
    order.begin("stop of the short", (SHORT,), "stop", 0.0, in_order=False)

    assert order.look(told({WING: 65, SHORT: -65}), 0.1, always_open) == (frozenset(), [])


def test_legs_that_are_made_flat_by_two_wishes_keep_their_order() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("one", (SHORT,), "flatten a", 0.0, in_order=True)
    order.begin("two", (WING,), "flatten b", 0.5, in_order=True)

    assert order.look(told({WING: 65, SHORT: -65}), 0.6, always_open)[0] == {WING}


def test_half_done_and_stuck_is_told_once_with_what_is_left() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (SHORT, WING, OTHER), "the limit", 0.0, in_order=True)
    order.look(told({SHORT: -65, WING: 65, OTHER: 30}), 0.1, always_open)
    held = told({SHORT: -65, WING: 65})
    order.look(held, 5.0, always_open)
    assert order.end(OTHER) is None

    assert not [one for one in order.look(held, 19.9, always_open)[1] if isinstance(one, Stuck)]
    _, news = order.look(held, 20.0, always_open)
    assert news == [Stuck("g", "the limit", (SHORT, WING), 3, 15.0)]
    assert order.look(held, 50.0, always_open)[1] == []


def test_a_leg_that_is_flat_and_has_not_ended_is_not_among_what_is_stuck() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (SHORT, WING), "the limit", 0.0, in_order=True)
    order.look(told({SHORT: -65, WING: 65}), 0.1, always_open)
    order.look(told({WING: 65}), 1.0, always_open)
    order.look(told({SHORT: -65, WING: 65}), 2.0, always_open)
    order.look(told({WING: 65}), 3.0, always_open)

    _, news = order.look(told({WING: 65}), 16.0, always_open)

    assert [one for one in news if isinstance(one, Stuck)] == [Stuck("g", "the limit", (WING,), 2, 15.0)]


def test_legs_of_a_strategys_underlying_end_in_the_same_look() -> None:
    order = FlattenSequence(SETTINGS)
    anothers = position_key(SHORT.key.symbol, "b")
    order.begin("g", (SHORT, WING, OTHER, anothers, SHARES), "flatten", 0.0, in_order=True)

    assert order.ending([SHORT, OTHER, anothers, SHARES]) == {OTHER, anothers, SHARES}
    assert order.ending([WING]) == frozenset()
    assert order.ending([SHORT, WING]) == {SHORT, WING}


def test_legs_that_two_wishes_make_flat_end_in_the_same_look() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("one", (SHORT,), "flatten a", 0.0, in_order=True)
    order.begin("two", (WING,), "flatten b", 0.5, in_order=True)

    assert order.ending([SHORT]) == frozenset()
    assert order.ending([SHORT, WING]) == {SHORT, WING}


def test_a_stops_leg_ends_by_itself_and_so_does_one_whose_other_leg_has_left() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("stop of the wing", (WING,), "stop", 0.0, in_order=False)
    order.begin("g", (SHORT, position_key("NIFTY29DEC26F")), "flatten", 1.0, in_order=True)

    assert order.ending([WING]) == {WING}
    order.leave(position_key("NIFTY29DEC26F"))
    assert order.ending([SHORT]) == {SHORT}


def test_a_baskets_leg_that_is_still_to_come_goes_along_with_its_spread() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (WING,), "flatten", 0.0, in_order=True)
    order.begin("stop", (OTHER,), "stop", 0.0, in_order=False)
    anothers = position_key(SHORT.key.symbol, "b")
    beside_stop = position_key("BANKNIFTY29DEC26P50100")

    assert order.joining({SHORT, WING, anothers, beside_stop, SHARES}) == {SHORT: WING}


@pytest.mark.parametrize(
    ("leaving", "is_refused"),
    [
        (WING, True),
        (position_key("NIFTY29DEC26F"), True),
        (position_key(WING.key.symbol, "b"), False),
        (OTHER, False),
        (SHARES, False),
    ],
    ids=["its leg", "its underlying", "another strategy's", "another underlying", "shares"],
)
def test_no_basket_begins_beside_what_gets_out(leaving: PositionKey, is_refused: bool) -> None:  # noqa: FBT001  a case
    legs = tuple(
        command(command_id=name, strategy="a", side=side, exchange=one.key.exchange, symbol=one.key.symbol)
        for name, side, one in (("wing", Side.BUY, WING), ("short", Side.SELL, SHORT))
    )
    basket = Basket(basket_id="b", strategy="a", legs=legs)

    message = beside_ways_out(basket, {leaving: "made flat: a person"})

    assert bool(message) is is_refused
    assert not message or message == f"{leaving} is being made flat: a person; send it again when that is flat"


def test_nothing_is_stuck_while_its_market_is_closed() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (SHORT,), "the limit", 0.0, in_order=True)

    assert order.look(told({SHORT: -65}), 100.0, lambda _: False)[1] == []


def test_flat_is_said_when_all_is_flat() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (SHORT, WING), "flatten", 0.0, in_order=True)

    assert order.end(SHORT) is None
    assert order.end(WING) == AllFlat("g", "flatten", 2, is_told=False)
    assert order.end(WING) is None


def test_a_position_that_can_not_get_flat_is_no_part_of_the_word_flat() -> None:
    order = FlattenSequence(SETTINGS)
    order.begin("g", (SHORT, WING, OTHER), "flatten", 0.0, in_order=True)

    order.leave(OTHER)
    order.end(SHORT)

    assert order.end(WING) == AllFlat("g", "flatten", 2, is_told=False)
    order.begin("h", (SHORT,), "flatten", 3.0, in_order=True)
    order.leave(SHORT)
    assert order.look(told({}), 100.0, always_open) == (frozenset(), [])


@pytest.mark.parametrize(
    ("news", "level", "names"),
    [
        (LongWaits(WING, (SHORT,), 10), Level.INFO, (WING, SHORT)),
        (LongLeaves(WING, (SHORT,), 10.2), Level.WARNING, (WING, SHORT)),
        (Stuck("g", "the limit", (SHORT, WING), 3, 15.1), Level.CRITICAL, (SHORT, WING)),
        (AllFlat("g", "the limit", 3, is_told=True), Level.INFO, ()),
        (AllFlat("g", "the limit", 1, is_told=True), Level.INFO, ()),
    ],
)
def test_what_is_told_names_the_legs(news: object, level: Level, names: tuple[PositionKey, ...]) -> None:
    alert = exit_order_alert(news)  # type: ignore[arg-type]

    assert alert.level is level
    assert all(str(one) in alert.what for one in names)
    assert all(message.endswith(".") and message[0].isupper() for message in (alert.what, alert.means))


def test_the_end_closes_the_alarms_story() -> None:
    stuck = exit_order_alert(Stuck("g", "x", (SHORT,), 2, 15.0))
    flat = exit_order_alert(AllFlat("g", "x", 2, is_told=True))

    assert (stuck.topic, flat.ends) == (flat.topic, True)


@pytest.mark.parametrize(
    ("exposure", "units"),
    [
        (Exposure(held=-10), -10),
        (Exposure(held=0, open=(OpenOrder("s", Side.SELL, 20),)), -20),
        (Exposure(held=0, open=(OpenOrder("b", Side.BUY, 20),)), 0),
        (Exposure(held=10, open=(OpenOrder("s", Side.SELL, 10),)), 10),
    ],
)
def test_what_may_still_be_sold_counts_as_a_short(exposure: Exposure, units: int) -> None:
    assert units_for_order(exposure) == units
