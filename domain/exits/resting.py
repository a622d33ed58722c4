"""Market orders that rest: sent as a protected limit, in the market, and not filled.

A market order is meant to trade now. One that has not filled after `exits.unfilled_s` is told of; an exit is also
re-priced, as a flatten task's order is, by a modify to the next protected limit. What is refused changes no price, and
is asked for less and less often: brokers take a bounded number of modifications. While its market is closed nothing can
fill: an order is told of no more, and its price grows no worse.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from domain.alerts.alert import Level
from domain.backoff import Backoff
from domain.broker.reply_types import InstrumentReply
from domain.exits.flatten import UNFILLED_ALARM_S
from domain.exits.pricing import ExitShape, exit_price
from domain.market.instrument import Instrument
from domain.market.price import Reference
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Intent, OrderType
from domain.settings import ExitSettings

RESTING: Final = frozenset({State.WORKING, State.PARTIALLY_FILLED})
_REFUSED: Final = frozenset({Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """A market order in an open market since `since_s` (monotonic seconds).

    `unfilled` limits of it have been in the market in vain, `in_vain` was the last of them, `refused` changes of that
    one in a row. `told` is how loud a person was told of it, `to_tell` how loud it is to be told now.
    """

    order: Order
    since_s: float
    looked_s: float
    unfilled: int = 0
    in_vain: Decimal | None = None
    refused: int = 0
    told: Level | None = None
    to_tell: Level | None = None


@dataclass(slots=True)
class RestingOrders:
    """Owns the market orders that rest."""

    settings: ExitSettings
    _orders: dict[str, Resting] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._orders)

    def follow(self, order: Order, now_s: float) -> None:
        """Take over how a market order stands; forget one that rests no longer."""
        name = order.command.command_id
        if order.command.order_type is not OrderType.MARKET or order.command.strategy == EXTERNAL:
            return
        if order.state not in RESTING:
            self._orders.pop(name, None)
            return
        known = self._orders.get(name) or Resting(order=order, since_s=now_s, looked_s=now_s)
        self._orders[name] = replace(known, order=order)

    def due(self, now_s: float, is_open: Callable[[Order], bool]) -> tuple[Resting, ...]:
        """Return what has not filled for so long since the last look at it and is to be priced or told of now."""
        looked: list[Resting] = []
        for name, one in self._orders.items():
            if not is_open(one.order):
                self._orders[name] = self._closed_at(one, now_s)
            elif now_s - max(one.looked_s, one.since_s) >= self._pause_s(one):
                self._orders[name] = self._looked_at(one, now_s)
            if self._orders[name].looked_s == now_s > one.looked_s:
                looked.append(self._orders[name])
        return tuple(one for one in looked if one.to_tell is not None or one.order.command.intent is Intent.EXIT)

    def _pause_s(self, one: Resting) -> float:
        if not one.refused:
            return self.settings.unfilled_s
        longest_s = max(self.settings.retry_s_max, self.settings.unfilled_s)
        return Backoff(self.settings.unfilled_s, longest_s).pause_s(one.refused)

    def _closed_at(self, one: Resting, now_s: float) -> Resting:
        """Begin anew with the next opening; now and then it is priced all the same: the calendar may be wrong."""
        is_due = now_s - one.looked_s >= self.settings.retry_closed_s
        looked_s = now_s if is_due else one.looked_s
        return Resting(order=one.order, since_s=now_s, looked_s=looked_s)

    def _looked_at(self, one: Resting, now_s: float) -> Resting:
        is_loud = one.order.command.intent is Intent.EXIT and now_s - one.since_s >= UNFILLED_ALARM_S
        level = Level.CRITICAL if is_loud else Level.WARNING
        told = one.told is Level.CRITICAL or one.told is level
        limit = one.order.limit_price
        unfilled = one.unfilled + (limit != one.in_vain)
        refused = one.refused + 1 if limit == one.in_vain and one.order.tag in _REFUSED else 0
        return replace(
            one, looked_s=now_s, unfilled=unfilled, in_vain=limit, refused=refused, to_tell=None if told else level
        )

    def take(self, command_id: str) -> Resting | None:
        """Return the resting order of this id, whose telling is now taken for done."""
        one = self._orders.get(command_id)
        if one is not None:
            self._orders[command_id] = replace(one, told=one.to_tell or one.told, to_tell=None)
        return one


def shape_of_resting(one: Resting) -> ExitShape:
    """Return what a resting exit wants when it is priced anew."""
    return ExitShape(side=one.order.command.side, quantity=one.order.open_quantity, unfilled=one.unfilled)


def price_anew(one: Resting, instrument: InstrumentReply, reference: Reference | None) -> Decimal | None:
    """Return an exit's next protected limit; None where it keeps the one that it has, as every other order does."""
    order = one.order
    if order.command.intent is not Intent.EXIT or reference is None or not isinstance(instrument, Instrument):
        return None
    price = exit_price(order.command.side, reference.price, instrument, one.unfilled + 1, reference.age_s)
    return None if price == order.limit_price else price


def resting_in(orders: Iterable[Order]) -> tuple[Order, ...]:
    """Return the market orders of ours that rest, as a start takes them up."""
    return tuple(
        one
        for one in orders
        if one.state in RESTING and one.command.order_type is OrderType.MARKET and one.command.strategy != EXTERNAL
    )
