"""Who must know when an order changes: one table, from what each of them does with it."""

from collections.abc import Iterator
from enum import StrEnum, unique
from typing import Final

from domain.exits.late_exits import may_open_a_position
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.types import OrderType
from domain.positions.delivery import is_refused_for_shares

_GUARD_KNOWS: Final = frozenset({Event.SENT, Event.ACCEPTED})
"""What the guard has reserved already, and holds whatever the broker says of it."""


@unique
class Follower(StrEnum):
    """Who follows orders, in the order in which they are told: the guard before whoever may send another order."""

    GUARD = "GUARD"
    RISK = "RISK"
    MARKET = "MARKET"
    EXITS = "EXITS"
    BASKETS = "BASKETS"
    STRATEGY = "STRATEGY"


def followers_of(order: Order, event: OrderEvent, late_quantity: int = 0) -> Iterator[Follower]:
    """Yield those to whom it means something that `event` has led to `order`; baskets follow only what they ask for.

    The guard counts what may still trade, so also an exit that leaves with less than it holds. Risk counts fills and
    forgets orders that are over. The market falls back on the price of a trade. Exits arm stops by fills, chase market
    orders that rest, give up on shares that are not there, and close what an exit opens that trades after it was over
    (`late_quantity` units). A strategy hears everything of its own orders.
    """
    has_traded = bool(event.filled_quantity)
    is_cut = event.kind is Event.SENT and order.quantity < order.command.quantity
    may_rest = order.command.order_type is OrderType.MARKET and event.kind is not Event.SENT
    if is_cut or event.kind not in _GUARD_KNOWS:
        yield Follower.GUARD
    if has_traded or order.is_terminal:
        yield Follower.RISK
    if has_traded and order.average_price is not None:
        yield Follower.MARKET
    is_late_exit = may_open_a_position(order, late_quantity)
    if (has_traded and order.command.carries_stops) or may_rest or is_refused_for_shares(order) or is_late_exit:
        yield Follower.EXITS
    yield Follower.STRATEGY
