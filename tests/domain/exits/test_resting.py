"""Which orders count as market orders that rest."""

import pytest

from domain.exits.resting import RestingOrders
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import OrderType
from domain.settings import ExitSettings
from tests.fakes import order

MARKET = order(state=State.WORKING, order_type=OrderType.MARKET, price=None, broker_order_id="B1")


@pytest.mark.parametrize(
    ("followed", "rest"),
    [
        ([MARKET], 1),
        ([order(state=State.WORKING, broker_order_id="B1")], 0),
        ([MARKET, order(state=State.FILLED, order_type=OrderType.MARKET, price=None, filled_quantity=10)], 0),
    ],
)
def test_a_market_order_rests_until_it_is_over_and_a_limit_order_never(followed: list[Order], rest: int) -> None:
    resting = RestingOrders(ExitSettings())

    for one in followed:
        resting.follow(one, 1.0)

    assert len(resting) == rest


def test_an_order_that_does_not_rest_has_nothing_to_tell() -> None:
    assert RestingOrders(ExitSettings()).take("c1") is None
