"""Which orders may explain what the books tell differently: what a person has to know before accepting it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import Break, BreakKind, fills_name
from domain.reconciliation.trades import Traded

_UNRESOLVED: Final = frozenset({State.SENDING, State.UNCONFIRMED})
_ABSENT: Final = frozenset({State.NOT_PLACED, State.REFUSED})


def with_orders(found: Break, orders: Iterable[Order], lone: Iterable[Traded]) -> Break:
    """Return the break with the orders that may explain it: of unknown fate, and believed absent.

    `lone` are the trades of orders that the order book does not show.
    """
    suspects = [one for one in orders if one.state in _UNRESOLVED | _ABSENT and _may_explain(one, found, lone)]
    if not suspects:
        return found
    return replace(
        found,
        unresolved=tuple(one.command.command_id for one in suspects if one.state in _UNRESOLVED),
        absent=tuple(one.command.command_id for one in suspects if one.state in _ABSENT),
    )


def _may_explain(order: Order, found: Break, lone: Iterable[Traded]) -> bool:
    if found.kind is BreakKind.POSITION:
        return order.command.key == found.key and found.difference * order.command.side.sign > 0
    if found.kind is BreakKind.FILLS:
        return any(one.may_be(order) for one in lone if found.name == fills_name(one.broker_order_id))
    return False


def all_undone(
    found: Iterable[Break], accepted: Mapping[InstrumentKey, int], orders: Iterable[Order]
) -> dict[str, Break]:
    """Return what of acceptances is to be taken back, by the names of the breaks that tell so."""
    undone = (undone_by(one, accepted, orders) for one in found)
    return {one.name: one for one in undone if one is not None}


def undone_by(found: Break, accepted: Mapping[InstrumentKey, int], orders: Iterable[Order]) -> Break | None:
    """Return what of an acceptance is to be taken back, where an order has been found since that explains it.

    The account then has fewer units than we count: those that a person accepted, and an order's that it traded.
    """
    if found.kind is not BreakKind.POSITION or found.key is None:
        return None
    units = accepted.get(found.key, 0)
    if found.difference * units >= 0 or abs(found.difference) > abs(units):
        return None
    explaining = [
        one.command.command_id
        for one in orders
        if one.command.key == found.key
        and one.command.side.sign * units > 0
        and one.filled_quantity >= abs(found.difference)
    ]
    return replace(found, explained_by=tuple(explaining)) if explaining else None
