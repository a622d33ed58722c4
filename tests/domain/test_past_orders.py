"""The day roll: what a past day left open ends only where nothing may hide what it traded."""

from datetime import timedelta
from typing import Any

import pytest

from domain.lifecycle import Event, State
from domain.order import Exchange, Order, Product, Side
from domain.past_orders import Today, past_orders
from tests.fakes import TEN_O_CLOCK, order

TODAY = Today(day="2026-01-06", shown=frozenset(), trades=(), apart=frozenset(), moving=frozenset())


def left_open(name: str, side: Side, product: Product = Product.NRML, **given: Any) -> Order:  # noqa: ANN401  any field
    yesterday = TEN_O_CLOCK - timedelta(days=1)
    terms = {"exchange": Exchange.NFO, "symbol": "NIFTY27JAN26F", "product": product, "quantity": 65}
    made = {"state": State.WORKING, "broker_order_id": name, "created_at": yesterday, "updated_at": yesterday}
    return order(command_id=name, side=side, **(terms | made | {"day": "2026-01-05"} | given))


def test_an_order_that_nothing_may_hide_ends_with_its_day() -> None:
    unsettled, reports = past_orders([left_open("b1", Side.BUY), left_open("b2", Side.BUY)], TODAY)

    assert unsettled == []
    assert [(one.command_id, one.happened.event) for one in reports] == [("b1", Event.CANCEL), ("b2", Event.CANCEL)]


def test_two_whose_trades_would_balance_wait_for_a_person() -> None:
    """Found by the simulation: both filled as the desk died, and the positions added up without either."""
    unsettled, reports = past_orders([left_open("b1", Side.BUY), left_open("s1", Side.SELL)], TODAY)

    assert [one.name for one in unsettled] == ["past:b1", "past:s1"]
    assert reports == []


@pytest.mark.parametrize(
    "other",
    [
        left_open("s1", Side.SELL, symbol="BANKNIFTY27JAN26F"),
        left_open("s1", Side.SELL, state=State.CANCELED),
        left_open("s1", Side.SELL, day="2026-01-06"),
    ],
    ids=["of another symbol", "over", "of today"],
)
def test_an_order_that_can_not_balance_it_holds_nothing_up(other: Order) -> None:
    _, reports = past_orders([left_open("b1", Side.BUY), other], TODAY)

    assert [one.command_id for one in reports][:1] == ["b1"]


def test_what_ends_with_its_day_was_squared_off_whatever_it_traded() -> None:
    both = [left_open("b1", Side.BUY, Product.MIS), left_open("s1", Side.SELL, Product.MIS)]

    unsettled, reports = past_orders(both, TODAY)

    assert unsettled == []
    assert len(reports) == 2
