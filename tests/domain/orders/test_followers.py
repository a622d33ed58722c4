"""Who is told of a change of an order: all to whom it means something, and nobody else."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from domain.orders.followers import Follower, followers_of
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.types import Intent, OrderType, Product, Side
from tests.fakes import order

FILL = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
FILLED: dict[str, Any] = {"state": State.FILLED, "filled_quantity": 10, "average_price": Decimal(100)}
NO_SHARES: dict[str, Any] = {
    "product": Product.CNC,
    "side": Side.SELL,
    "intent": Intent.EXIT,
    "note": "No Holdings uploaded",
}
ALL_BUT_EXITS = {Follower.GUARD, Follower.RISK, Follower.MARKET, Follower.STRATEGY}


@pytest.mark.parametrize(
    ("event", "fields", "told"),
    [
        (Event.SENT, {"state": State.SENDING}, set()),
        (Event.SENT, {"state": State.SENDING, "order_type": OrderType.MARKET, "price": None}, set()),
        (Event.ACCEPTED, {"state": State.WORKING}, set()),
        (Event.WORKING, {"state": State.WORKING}, {Follower.GUARD}),
        (Event.REPLY_LOST, {"state": State.UNCONFIRMED}, {Follower.GUARD}),
        (Event.BLOCKED, {"state": State.BLOCKED}, {Follower.GUARD, Follower.RISK}),
        (Event.REFUSED, {"state": State.REFUSED}, {Follower.GUARD, Follower.RISK}),
        (Event.REFUSED, {"state": State.REFUSED, **NO_SHARES}, {Follower.GUARD, Follower.RISK, Follower.EXITS}),
        (Event.ACCEPTED, {"state": State.WORKING, "order_type": OrderType.MARKET, "price": None}, {Follower.EXITS}),
    ],
)
def test_each_hears_what_means_something_to_him(event: Event, fields: dict[str, Any], told: set[Follower]) -> None:
    changed = order(**fields)

    assert set(followers_of(changed, OrderEvent(kind=event))) == {*told, Follower.STRATEGY}


def test_a_fill_is_told_to_all_who_count_and_price_and_arms_only_where_stops_are_carried() -> None:
    assert set(followers_of(order(**FILLED), FILL)) == ALL_BUT_EXITS
    assert set(followers_of(order(**FILLED, stop_loss=Decimal(90)), FILL)) == {*ALL_BUT_EXITS, Follower.EXITS}


def test_an_exit_that_trades_after_it_was_over_is_told_to_the_exits() -> None:
    exit_ = order(**FILLED, intent=Intent.EXIT, side=Side.SELL)

    assert Follower.EXITS in followers_of(exit_, FILL, late_quantity=1)
    assert Follower.EXITS not in followers_of(exit_, FILL)
    assert Follower.EXITS not in followers_of(order(**FILLED), FILL, late_quantity=1)


def test_an_exit_that_leaves_with_less_than_it_wanted_gives_the_rest_back_to_the_guard() -> None:
    cut = replace(order(state=State.SENDING, quantity=10), quantity=4)

    assert Follower.GUARD in followers_of(cut, OrderEvent(kind=Event.SENT))


def test_the_guard_is_told_first_and_the_strategy_last() -> None:
    told = list(followers_of(order(**FILLED, stop_loss=Decimal(90)), FILL))

    assert (told[0], told[-1]) == (Follower.GUARD, Follower.STRATEGY)
