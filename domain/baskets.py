"""Orders that belong together: in which order they leave, and what becomes of the rest when one fails.

A leg counts as taken when it has filled, never when it was accepted. A leg whose fate is unknown is waited for, never
guessed and never skipped. After a failure nothing more is sent; what is working is taken back, and what has filled is
kept and named (STOP) or made flat (COMPENSATE).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from math import inf
from typing import Final, TypeAlias

from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.types import Intent, Side
from domain.orders.validation import InvalidOrderError, check_comment, check_id

LEGS_MAX: Final = 20
LEG_WAIT_S: Final = 30.0
CANCEL_AGAIN_S: Final = 5.0


class InvalidBasketError(InvalidOrderError):
    """A basket that can't be meant: says in one sentence what is wrong. Nothing was registered or sent."""


class Pace(StrEnum):
    """Whether each leg waits until the one before has filled, or all leave at once."""

    SEQUENTIAL = "SEQUENTIAL"
    TOGETHER = "TOGETHER"


class OnFailure(StrEnum):
    """What becomes of legs that have filled when another one fails."""

    STOP = "STOP"
    COMPENSATE = "COMPENSATE"


class BasketState(StrEnum):
    """How a basket stands."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    STOPPED = "STOPPED"
    COMPENSATED = "COMPENSATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """Legs in the order in which they leave: entries of one strategy, 1 to `LEGS_MAX`. Raises `InvalidBasketError`.

    With `hedge_first`, the default, no leg that sells may stand before one that buys: the bought leg is the hedge.
    `leg_wait_s` is how long (seconds) a leg may work before it is taken back and has failed.
    """

    basket_id: str
    strategy: str
    legs: tuple[OrderCommand, ...]
    pace: Pace = Pace.SEQUENTIAL
    on_failure: OnFailure = OnFailure.STOP
    hedge_first: bool = True
    leg_wait_s: float = LEG_WAIT_S
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        check_id("basket_id", self.basket_id)
        check_comment("reason", self.reason)
        if not 1 <= len(self.legs) <= LEGS_MAX:
            raise InvalidBasketError(f"a basket has 1 to {LEGS_MAX} legs, not {len(self.legs)}")
        if len({leg.command_id for leg in self.legs}) != len(self.legs):
            raise InvalidBasketError("two legs of the basket have the same command_id")
        for leg in self.legs:
            if leg.strategy != self.strategy:
                raise InvalidBasketError(f"leg {leg.command_id} is of strategy {leg.strategy}, not of {self.strategy}")
            if leg.intent is not Intent.ENTRY:
                raise InvalidBasketError(f"leg {leg.command_id} is an {leg.intent}; a basket takes entries only")
        if not 0 < self.leg_wait_s < inf:
            raise InvalidBasketError(f"leg_wait_s must be a number of seconds above 0, not {self.leg_wait_s}")
        sells = [number for number, leg in enumerate(self.legs) if leg.side is Side.SELL]
        buys = [number for number, leg in enumerate(self.legs) if leg.side is Side.BUY]
        if self.hedge_first and sells and buys and sells[0] < buys[-1]:
            message = f"leg {self.legs[sells[0]].symbol} sells before {self.legs[buys[-1]].symbol} is bought"
            raise InvalidBasketError(f"{message}; put the hedge first, or say hedge_first = false")


@dataclass(frozen=True, slots=True)
class SendLegs:
    """Send these legs now."""

    legs: tuple[OrderCommand, ...]


@dataclass(frozen=True, slots=True)
class CancelLegs:
    """Cancel these legs, and wait for evidence."""

    command_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The end: how, in words, and which legs were never sent and which have filled in part or whole."""

    state: BasketState
    message: str
    unsent: tuple[OrderCommand, ...]
    filled: tuple[OrderCommand, ...]


@dataclass(frozen=True, slots=True)
class WaitOn:
    """Nothing to do before a leg moves, or time passes."""


Step: TypeAlias = SendLegs | CancelLegs | Finish | WaitOn


@dataclass(slots=True)
class Progress:
    """Owns how far a basket is: each leg's order as last heard of, and when it was sent (monotonic seconds)."""

    basket: Basket
    orders: dict[str, Order] = field(default_factory=dict)
    sent_at: dict[str, float] = field(default_factory=dict)
    stopped: str = ""
    """Why no further leg may leave, where something else than a leg says so."""
    declined: dict[str, str] = field(default_factory=dict)
    _asked_back: dict[str, float] = field(default_factory=dict)

    def hear(self, order: Order) -> None:
        """Take over what a leg has become; a cancel that came before the broker had it is asked again at once."""
        name = order.command.command_id
        earlier = self.orders.get(name)
        if order.broker_order_id is not None and (earlier is None or earlier.broker_order_id is None):
            self._asked_back.pop(name, None)
        self.orders[name] = order

    def next_step(self, now: float) -> Step:
        """Return what to do now, and take it as done."""
        failed = self._failure()
        under_way = [leg.command_id for leg in self.basket.legs if self._is_under_way(leg.command_id)]
        if failed:
            back = self._to_cancel(under_way, now)
            if back:
                return CancelLegs(back)
            return WaitOn() if under_way else self._ended(failed)
        late = [one for one in under_way if now - self.sent_at[one] >= self.basket.leg_wait_s]
        back = self._to_cancel(late, now)
        if back:
            return CancelLegs(back)
        unsent = self._unsent()
        if not unsent:
            return WaitOn() if under_way else self._ended("")
        if self.basket.pace is Pace.SEQUENTIAL:
            if under_way:
                return WaitOn()
            unsent = unsent[:1]
        self.sent_at.update(dict.fromkeys((leg.command_id for leg in unsent), now))
        return SendLegs(unsent)

    def _to_cancel(self, names: list[str], now: float) -> tuple[str, ...]:
        """Return those that were not asked back lately: a cancel may be refused while a leg's fate is unknown."""
        due = tuple(one for one in names if now - self._asked_back.get(one, -inf) >= CANCEL_AGAIN_S)
        self._asked_back.update(dict.fromkeys(due, now))
        return due

    def _unsent(self) -> tuple[OrderCommand, ...]:
        return tuple(leg for leg in self.basket.legs if leg.command_id not in self.sent_at)

    def _is_under_way(self, name: str) -> bool:
        if name not in self.sent_at or name in self.declined:
            return False
        order = self.orders.get(name)
        return order is None or not order.is_terminal

    def _failure(self) -> str:
        """Say which leg has failed, or what else stops the basket; empty while all is well."""
        for leg in self.basket.legs:
            order, message = self.orders.get(leg.command_id), self.declined.get(leg.command_id)
            if message is None and order is not None and order.is_terminal and order.state is not State.FILLED:
                message = f"{order.state} {order.note or order.tag or ''}".strip()
            if message is not None:
                return f"leg {leg.side} {leg.quantity} {leg.symbol} failed: {message}"
        return self.stopped if self._unsent() else ""

    def _ended(self, failure: str) -> Finish:
        filled = tuple(leg for leg in self.basket.legs if self._filled(leg.command_id))
        if not failure:
            return Finish(BasketState.DONE, f"all {len(filled)} legs have filled", (), filled)
        held = ", ".join(f"{leg.side} {self._filled(leg.command_id)} {leg.symbol}" for leg in filled)
        unsent = tuple(leg for leg in self.basket.legs if leg.command_id not in self.sent_at.keys() - self.declined)
        rest = f"; {len(unsent)} legs were not sent" if unsent else ""
        if not filled:
            return Finish(BasketState.STOPPED, f"{failure}{rest}; nothing is held", unsent, ())
        if self.basket.on_failure is OnFailure.COMPENSATE:
            message = f"{failure}{rest}; what had filled is being made flat: {held}"
            sold = [leg.symbol for leg in filled if leg.product.is_delivery and leg.side is Side.SELL]
            if sold:
                message += f"; delivery that was sold is not bought back: {', '.join(sold)}"
            return Finish(BasketState.COMPENSATED, message, unsent, filled)
        return Finish(BasketState.STOPPED, f"{failure}{rest}; held without the others: {held}", unsent, filled)

    def _filled(self, name: str) -> int:
        order = self.orders.get(name)
        return 0 if order is None else order.filled_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketRecord:
    """A basket as the database keeps it."""

    basket: Basket
    state: BasketState
    message: str
    asked_at: datetime


def resumed(record: BasketRecord, orders: Mapping[str, Order], now: float) -> Progress:
    """Return an earlier run's basket: legs in flight are waited for, and no further leg is ever sent by itself."""
    progress = Progress(record.basket, stopped="the desk was restarted before the basket was whole")
    for leg in record.basket.legs:
        order = orders.get(leg.command_id)
        if order is not None:
            progress.sent_at[leg.command_id] = now
            progress.hear(order)
    return progress
