"""The day against its limits, and what trading is allowed: check 2A."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Intent, Origin
from domain.settings import RiskSettings


class TradingState(StrEnum):
    """What may be sent: everything, exits only, or nothing but a person's own exits."""

    ACTIVE = "ACTIVE"
    EXITS_ONLY = "EXITS_ONLY"
    HALTED = "HALTED"

    @property
    def objection_to_entries(self) -> Reason | None:
        """Return why no entry is sent; None where entries are."""
        match self:
            case TradingState.ACTIVE:
                return None
            case TradingState.EXITS_ONLY:
                return Reason.TRADING_EXITS_ONLY
            case TradingState.HALTED:
                return Reason.TRADING_HALTED


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingDecision:
    """A decision about what may be sent, and why; it stands over restarts."""

    state: TradingState
    reason: str


_PASS_A_HALT: Final = frozenset({Origin.HUMAN, Origin.DESK})


@dataclass(frozen=True, slots=True)
class RiskPassed:
    """Check 2A's yes, with what it was made from."""

    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RiskRefused:
    """Check 2A's no."""

    reason: Reason
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RiskBook:
    """The trading state and the day's count. `day` is the exchange's day, YYYY-MM-DD."""

    limits: RiskSettings
    day: str
    trading_state: TradingState = TradingState.ACTIVE
    reason: str = ""
    orders_today: int = 0

    def on_day(self, day: str) -> "RiskBook":
        """Return the book of `day`; a new day starts counting at zero."""
        return self if day == self.day else replace(self, day=day, orders_today=0)

    def with_state(self, state: TradingState, reason: str) -> "RiskBook":
        """Return the book with another trading state."""
        return replace(self, trading_state=state, reason=reason)

    def check(
        self,
        command: OrderCommand,
        price: Decimal | None,
        last_price: Decimal | None = None,
        positions: int = 0,
    ) -> "tuple[RiskBook, RiskPassed | RiskRefused]":
        """Judge one order and count it when it passes. `price` (rupees a unit) is None where it is not known.

        `last_price` is the market's; `positions` are the other positions that are held or being entered. Limits never
        hold back an EXIT; only HALTED does, unless a person or the desk itself asked for it.
        """
        verdict = self._judged(command, price, last_price, positions, self._objection_to_another(command))
        if isinstance(verdict, RiskRefused):
            return self, verdict
        return replace(self, orders_today=self.orders_today + 1), verdict

    def check_change(self, command: OrderCommand, price: Decimal | None) -> RiskPassed | RiskRefused:
        """Judge an order as a modify would make it: a change is no order, so the day's count is nothing to it."""
        return self._judged(command, price, None, 0, None)

    def _objection_to_another(self, command: OrderCommand) -> Reason | None:
        used_up = self.orders_today >= self.limits.orders_per_day_max
        return Reason.ORDERS_PER_DAY_EXCEEDED if used_up and command.intent is not Intent.EXIT else None

    def _judged(
        self,
        command: OrderCommand,
        price: Decimal | None,
        last_price: Decimal | None,
        positions: int,
        counted: Reason | None,
    ) -> RiskPassed | RiskRefused:
        notional = None if price is None else price * command.quantity
        inputs = {
            "trading_state": str(self.trading_state),
            "orders_today": str(self.orders_today),
            "quantity": str(command.quantity),
            "notional": "unknown" if notional is None else str(notional),
        }
        reason = (
            self._objection_to_trading(command)
            or counted
            or self._objection_to_size(command, notional)
            or self._objection_beside(command, price, last_price, positions)
        )
        return RiskPassed(inputs) if reason is None else RiskRefused(reason, inputs)

    def _objection_beside(
        self, command: OrderCommand, price: Decimal | None, last_price: Decimal | None, positions: int
    ) -> Reason | None:
        """Judge an entry by what it stands beside: the market, and the positions there are."""
        if command.intent is Intent.EXIT:
            return None
        limit, collar = self.limits.open_positions_max, self.limits.price_collar_percent
        if limit is not None and positions >= limit:
            return Reason.OPEN_POSITIONS_EXCEEDED
        if collar is None or price is None or last_price is None:
            return None
        return Reason.PRICE_OUTSIDE_COLLAR if abs(price - last_price) * 100 > last_price * collar else None

    def _objection_to_trading(self, command: OrderCommand) -> Reason | None:
        is_exit = command.intent is Intent.EXIT
        if self.trading_state is TradingState.HALTED and not (is_exit and command.origin in _PASS_A_HALT):
            return Reason.TRADING_HALTED
        stopped = self.trading_state is TradingState.EXITS_ONLY and not is_exit
        return Reason.TRADING_EXITS_ONLY if stopped else None

    def _objection_to_size(self, command: OrderCommand, notional: Decimal | None) -> Reason | None:
        if command.intent is Intent.EXIT:
            return None
        if command.quantity > self.limits.order_quantity_max:
            return Reason.ORDER_QUANTITY_EXCEEDED
        limit = self.limits.order_notional_max
        if limit is not None and notional is not None and notional > limit:
            return Reason.ORDER_NOTIONAL_EXCEEDED
        return None
