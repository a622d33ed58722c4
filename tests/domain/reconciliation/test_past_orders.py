"""The day roll: what a past day left open ends as soon as it is told, and no word claims more than is known."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.alerts.text.orders import order_alert
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey, Product, Side
from domain.reconciliation.order_rows import Report
from domain.reconciliation.past_orders import PastOrders, Today, past_orders
from domain.settings import WatcherSettings
from tests.fakes import TEN_O_CLOCK, command, order

NRML = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
TODAY = Today(day="2026-01-06", shown=frozenset(), trades=(), apart={}, moving=frozenset())
HELD = replace(TODAY, held=frozenset({NRML}))
MOVING = replace(TODAY, moving=frozenset({NRML}))
YESTERDAY = TEN_O_CLOCK - timedelta(days=1)


def left_open(name: str, side: Side = Side.SELL, **given: Any) -> Order:  # noqa: ANN401  any field
    terms = {"exchange": NRML.exchange, "symbol": NRML.symbol, "product": NRML.product, "quantity": 65}
    made = {"state": State.WORKING, "broker_order_id": name, "created_at": YESTERDAY, "updated_at": YESTERDAY}
    return order(command_id=name, side=side, **(terms | made | {"day": "2026-01-05"} | given))


def tags(reports: Iterable[Report]) -> dict[str, Reason | None]:
    return {one.command_id: one.event.tag for one in reports}


# How soon.


def settled(order_: Order, *rounds: Today) -> list[bool]:
    """Return after which of these rounds, two seconds apart, the order has ended."""
    past = PastOrders(WatcherSettings(breaks_seen_min=3, break_s_min=4.0))
    moments = (TEN_O_CLOCK + timedelta(seconds=2 * n) for n in range(len(rounds)))
    return [bool(past.resolve([order_], one, at)[1]) for one, at in zip(rounds, moments, strict=True)]


def test_a_carried_row_that_adds_up_settles_an_order_at_once() -> None:
    assert settled(left_open("s1"), HELD) == [True]


def test_a_row_that_may_be_missing_yet_settles_nothing_at_once() -> None:
    assert settled(left_open("b1", Side.BUY), TODAY, TODAY, TODAY) == [False, False, True]


def test_an_intraday_row_is_of_today_and_proves_nothing_of_yesterday_at_once() -> None:
    intraday = replace(NRML, product=Product.MIS)

    assert settled(left_open("s1", product=Product.MIS), replace(TODAY, held=frozenset({intraday}))) == [False]


def test_a_round_in_which_it_trades_neither_settles_an_order_nor_lets_it_wait_anew() -> None:
    assert settled(left_open("s1"), replace(HELD, moving=frozenset({NRML})), HELD) == [False, True]
    assert settled(left_open("b1"), TODAY, TODAY, MOVING, TODAY) == [False, False, False, True]


def test_what_waits_for_a_person_tells_by_how_much_a_carried_position_is_apart() -> None:
    delivery = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
    sale = left_open("s2", exchange=delivery.exchange, symbol=delivery.symbol, product=delivery.product)

    unresolved, reports = past_orders([left_open("s1"), sale], replace(TODAY, apart={NRML: -4, delivery: -4}))

    assert [(one.name, one.key, one.difference) for one in unresolved] == [("past:s1", NRML, -4), ("past:s2", None, 0)]
    assert reports == []


# What is known of it.


def test_a_carried_position_that_adds_up_tells_that_nothing_more_traded() -> None:
    unresolved, reports = past_orders([left_open("b1", Side.BUY), left_open("b2", Side.BUY)], TODAY)

    assert (unresolved, tags(reports)) == ([], {"b1": Reason.DAY_ENDED, "b2": Reason.DAY_ENDED})


@pytest.mark.parametrize("strategy", ["trend", "other", EXTERNAL])
def test_of_two_that_may_balance_each_other_nobody_says_that_they_did_not_trade(strategy: str) -> None:
    """Found by the simulation: both filled as the desk died, and the positions added up without either."""
    sale = left_open("s1")
    asked = command(command_id="s1", side=Side.SELL, exchange=NRML.exchange, symbol=NRML.symbol, product=NRML.product)
    object.__setattr__(asked, "strategy", strategy)

    unresolved, reports = past_orders([left_open("b1", Side.BUY), replace(sale, command=asked)], TODAY)

    assert (unresolved, tags(reports)) == ([], {"b1": Reason.DAY_ENDED_UNKNOWN, "s1": Reason.DAY_ENDED_UNKNOWN})


def test_that_one_of_two_has_been_ended_already_tells_nothing_of_the_other() -> None:
    over = left_open("s1", state=State.CANCELED, tag=Reason.DAY_ENDED_UNKNOWN)

    assert tags(past_orders([left_open("b1", Side.BUY), over], TODAY)[1]) == {"b1": Reason.DAY_ENDED_UNKNOWN}


@pytest.mark.parametrize(
    "other",
    [
        left_open("s1", symbol="BANKNIFTY27JAN26F"),
        left_open("s1", state=State.CANCELED),
        left_open("s1", day="2026-01-06"),
    ],
    ids=["of another symbol", "over", "of today"],
)
def test_what_can_not_balance_it_leaves_no_doubt(other: Order) -> None:
    assert tags(past_orders([left_open("b1", Side.BUY), other], TODAY)[1])["b1"] is Reason.DAY_ENDED


@pytest.mark.parametrize("product", [Product.MIS, Product.CNC])
def test_what_no_position_of_today_can_show_is_not_known(product: Product) -> None:
    assert tags(past_orders([left_open("b1", product=product, exchange=Exchange.NSE)], TODAY)[1]) == {
        "b1": Reason.DAY_ENDED_UNKNOWN
    }


@pytest.mark.parametrize(
    ("product", "level", "says"),
    [
        (Product.MIS, "INFO", "squared off"),
        (Product.CNC, "WARNING", "holdings"),
        (Product.NRML, "WARNING", "the account holds the same either way"),
    ],
)
def test_an_end_that_is_not_known_is_told_as_such(product: Product, level: str, says: str) -> None:
    where = Exchange.NFO if product is Product.NRML else Exchange.NSE
    left = left_open("s1", product=product, exchange=where, filled_quantity=5, state=State.PARTIALLY_FILLED)
    (report,) = past_orders([left], TODAY)[1]
    event = replace(report.event, tag=Reason.DAY_ENDED_UNKNOWN)

    alert = order_alert(left.after(event, TEN_O_CLOCK), event, late=False)

    assert alert is not None
    assert (alert.level.name, says in alert.means) == (level, True)
    assert "5 traded as far as known, maybe more" in alert.what
    assert "`resolve s1 --placed NUMBER --filled … --reason …`" in alert.do
