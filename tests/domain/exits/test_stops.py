from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.alert import Alert, Level
from domain.alerts.text import stops as stop_text
from domain.exits.flatten import PositionKey
from domain.exits.square_off import SquareOff
from domain.exits.stops import ArmedStop, StopTrigger, armed_stop_of
from domain.market.calendar import Calendar
from domain.orders.stop_terms import InvalidStopsError, StopTerms
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side, TrailingType
from domain.ports import IST
from domain.settings import CalendarSettings
from tests.fakes import TEN_O_CLOCK, order

MIS = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
SCOPE = PositionKey("dip", MIS)
PRICES = st.decimals("0.05", 100_000, places=2, allow_nan=False)


def armed(*, is_long: bool = True, entry_price: str = "100", **terms: Any) -> ArmedStop:  # noqa: ANN401  any level
    given: dict[str, Any] = {name: Decimal(value) if type(value) is str else value for name, value in terms.items()}
    at = Decimal(entry_price)
    return ArmedStop(
        stop_id="p1",
        position_key=SCOPE,
        terms=StopTerms(**given),
        is_long=is_long,
        entry_price=at,
        best_price=at,
        armed_at=TEN_O_CLOCK,
    )


def stop_after(armed_stop: ArmedStop, *prices: str) -> Decimal | None:
    for price in prices:
        armed_stop = armed_stop.seen(Decimal(price))
    return armed_stop.stop


@pytest.mark.parametrize(
    ("is_long", "price", "trigger"),
    [
        (True, "95.05", None),
        (True, "95", "stop 95 reached at 95"),
        (True, "60", "stop 95 reached at 60"),
        (True, "119.95", None),
        (True, "120", "target 120 reached at 120"),
        (True, "180", "target 120 reached at 180"),
    ],
)
def test_a_long_position_gets_out_at_its_stop_and_its_target(is_long: bool, price: str, trigger: str | None) -> None:  # noqa: FBT001
    reached = armed(is_long=is_long, stop_loss="95", target="120").triggered_by(Decimal(price))

    assert (None if reached is None else str(reached)) == trigger


@pytest.mark.parametrize(("price", "name"), [("104.95", None), ("105", "stop"), ("91", None), ("90", "target")])
def test_a_short_position_gets_out_the_other_way_round(price: str, name: str | None) -> None:
    reached = armed(is_long=False, stop_loss="105", target="90").triggered_by(Decimal(price))

    assert (None if reached is None else reached.name) == name


def test_points_trail_behind_the_best_price_and_never_step_back() -> None:
    trailing = armed(trailing_type=TrailingType.POINTS, trailing_value="5")

    assert stop_after(trailing) == 95
    assert stop_after(trailing, "110") == 105
    assert stop_after(trailing, "110", "106") == 105
    short = armed(is_long=False, trailing_type=TrailingType.POINTS, trailing_value="5")
    assert stop_after(short, "90", "94") == 95


def test_percent_trails_by_a_share_of_the_best_price() -> None:
    assert stop_after(armed(trailing_type=TrailingType.PERCENT, trailing_value="10"), "200") == 180
    short = armed(is_long=False, trailing_type=TrailingType.PERCENT, trailing_value="10")
    assert stop_after(short, "50") == 55


def test_absolute_puts_the_stop_to_one_price_once_it_is_earned() -> None:
    locked = armed(stop_loss="90", trailing_type=TrailingType.ABSOLUTE, trailing_value="101", trail_activation="110")

    assert stop_after(locked, "109.95") == 90
    assert stop_after(locked, "110", "102") == 101


def test_a_trail_waits_for_its_price_and_the_better_stop_is_in_force() -> None:
    waiting = armed(stop_loss="97", trailing_type=TrailingType.POINTS, trailing_value="10", trail_activation="105")

    assert stop_after(waiting, "104") == 97
    assert stop_after(waiting, "105") == 97
    assert stop_after(waiting, "120") == 110
    assert str(waiting) == "stop 97, trail 10 points from 105"
    assert str(waiting.seen(Decimal(120))) == "stop 110 (trails)"
    assert waiting.seen(Decimal(120)).triggered_by(Decimal(110)) == StopTrigger(
        "trailing stop", Decimal(110), Decimal(110)
    )


@given(
    prices=st.lists(PRICES, min_size=1, max_size=30),
    kind=st.sampled_from(TrailingType),
    value=st.decimals("0.05", 99, places=2),
    is_long=st.booleans(),
    when=st.none() | PRICES,
)
def test_the_stop_in_force_never_moves_back(
    prices: list[Decimal],
    kind: TrailingType,
    value: Decimal,
    is_long: bool,  # noqa: FBT001
    when: Decimal | None,
) -> None:
    trailing = armed(
        is_long=is_long,
        entry_price="500",
        stop_loss="450",
        trailing_type=kind,
        trailing_value=value,
        trail_activation=when,
    )
    way = 1 if is_long else -1

    for price in prices:
        before = trailing.stop
        trailing = trailing.seen(price)
        after = trailing.stop
        assert before is not None
        assert after is not None
        assert (after - before) * way >= 0


@given(price=PRICES, stop=PRICES, target=PRICES, is_long=st.booleans())
def test_a_price_between_stop_and_target_hits_nothing_and_one_beyond_hits(
    price: Decimal,
    stop: Decimal,
    target: Decimal,
    is_long: bool,  # noqa: FBT001
) -> None:
    way = 1 if is_long else -1
    trigger = armed(is_long=is_long, stop_loss=stop, target=target).triggered_by(price)

    assert (trigger is None) == (stop * way < price * way < target * way)


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({}, "give a stop_loss, a target or a trail"),
        ({"trailing_type": TrailingType.POINTS}, "trailing_type and trailing_value must be given together"),
        ({"trail_activation": "5", "stop_loss": "5"}, "trail_activation says when a trail begins; give trailing_type"),
        ({"trailing_type": TrailingType.PERCENT, "trailing_value": "100"}, "a trail of 100 % would never be reached"),
    ],
)
def test_stops_that_protect_nothing_are_refused(terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidStopsError, match=sentence.replace(".", r"\.")):
        armed(**terms)


@pytest.mark.parametrize(
    ("is_long", "terms", "sentence"),
    [
        (True, {"stop_loss": "100"}, "the stop_loss of a long position must be below the last price 100, not 100"),
        (True, {"target": "99"}, "the target of a long position must be above the last price 100, not 99"),
        (False, {"stop_loss": "99"}, "the stop_loss of a short position must be above the last price 100, not 99"),
        (True, {"stop_loss": "90", "target": "80"}, "the stop_loss of a long position must be below its target"),
    ],
)
def test_a_persons_stops_on_the_wrong_side_are_refused(is_long: bool, terms: dict[str, str], sentence: str) -> None:  # noqa: FBT001
    made = armed(is_long=is_long, **terms).terms

    with pytest.raises(InvalidStopsError, match=sentence):
        made.check_against(Decimal(100), is_long=is_long)


def test_an_entrys_stops_are_armed_for_what_has_filled() -> None:
    entry = order(stop_loss=Decimal(90), filled_quantity=4, average_price=Decimal("99.5"))

    made = armed_stop_of(entry, TEN_O_CLOCK)

    assert made is not None
    assert (made.quantity, made.entry_price, made.stop, made.is_long) == (4, Decimal("99.5"), Decimal(90), True)
    assert armed_stop_of(replace(entry, filled_quantity=0), TEN_O_CLOCK) is None
    assert armed_stop_of(order(filled_quantity=4, average_price=Decimal(99)), TEN_O_CLOCK) is None
    assert armed_stop_of(order(intent=Intent.EXIT, side=Side.SELL, filled_quantity=4), TEN_O_CLOCK) is None
    short = order(side=Side.SELL, stop_loss=Decimal(110), filled_quantity=4, average_price=Decimal(99))
    of_short = armed_stop_of(short, TEN_O_CLOCK)
    assert of_short is not None
    assert not of_short.is_long


# the time square-off


def at(hour: int, minute: int, day: int = 26) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=IST)


BY_THE_CALENDAR = SquareOff(Calendar(CalendarSettings()), 20, {"early": time(14, 0)})


@pytest.mark.parametrize(
    ("strategy", "key", "now", "is_due"),
    [
        ("dip", MIS, at(15, 9), False),
        ("dip", MIS, at(15, 10), True),
        ("dip", MIS, at(15, 29), True),
        ("dip", MIS, at(15, 30), False),
        ("dip", replace(MIS, product=Product.CNC), at(15, 15), False),
        ("dip", InstrumentKey(Exchange.MCX, "GOLD27JAN26", Product.MIS), at(15, 15), False),
        ("dip", InstrumentKey(Exchange.MCX, "GOLD27JAN26", Product.MIS), at(23, 40), True),
        ("early", replace(MIS, product=Product.CNC), at(13, 59), False),
        ("early", replace(MIS, product=Product.CNC), at(14, 0), True),
        ("early", MIS, at(14, 0, day=28), False),
    ],
)
def test_the_square_off_is_due_near_the_close_of_each_segment(
    strategy: str,
    key: InstrumentKey,
    now: datetime,
    is_due: bool,  # noqa: FBT001
) -> None:
    assert (BY_THE_CALENDAR.due(strategy, key, now) is not None) is is_due


def test_the_square_off_says_when_and_why() -> None:
    assert BY_THE_CALENDAR.due("dip", MIS, at(15, 20)) == "time square-off at 15:10, 20 min before NSE closes"
    assert BY_THE_CALENDAR.due("early", MIS, at(14, 5)) == "time square-off of early at 14:00"


def test_without_a_calendar_only_a_strategys_own_time_counts() -> None:
    own = SquareOff(None, 20, {"early": time(14, 0)})

    assert own.due("dip", MIS, at(15, 20)) is None
    assert own.due("early", MIS, at(23, 0, day=28)) == "time square-off of early at 14:00"


# the words


PROTECTION = armed(stop_loss="95", target="120")
ALERTS: dict[str, Alert] = {
    "armed": stop_text.armed_alert(PROTECTION),
    "hit": stop_text.triggered_alert(PROTECTION, StopTrigger("stop", Decimal(95), Decimal("94.5"))),
    "turned": stop_text.turned_alert(PROTECTION),
    "blind": stop_text.price_stale_alert((Exchange.NSE, "RELIANCE-EQ"), 21.4, [PROTECTION]),
    "seeing": stop_text.price_back_alert((Exchange.NSE, "RELIANCE-EQ")),
}


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(alert: Alert) -> None:
    for message in (alert.what, alert.means, alert.do):
        assert message.endswith(".")
        assert message[0].isupper()


def test_the_alerts_carry_the_figures() -> None:
    assert ALERTS["hit"].what == "RELIANCE-EQ (NSE MIS) of dip: stop 95 reached at 94.5."
    assert "21 s" in ALERTS["blind"].what
    assert "stop 95, target 120" in ALERTS["blind"].means
    assert ALERTS["blind"].level is Level.CRITICAL
    assert ALERTS["blind"].topic == ALERTS["seeing"].topic
    assert ALERTS["seeing"].ends
