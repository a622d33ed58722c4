"""Carried stops on a morning after a bonus or a split: held instead of hit, told, and entries of the symbol stopped.

A part of ExitsActor, in its thread; `domain/market/corporate_actions.py` decides.
"""

from collections.abc import Mapping
from decimal import Decimal

from loguru import logger

from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import SuspendSymbol
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.text.stops import adjusted_alert, adjusted_before, counts_again_alert
from domain.broker.snapshots import Tick
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.market.corporate_actions import Openings, Verdict
from domain.orders.types import Exchange
from domain.ports import trading_day
from domain.positions.pnl import symbol_of


class CarriedStops:
    """Owns which stops are held, and which symbols take no entries because of them."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        calendar: Calendar | None,
    ) -> None:
        self._command = mail.command
        self._notifier = mail.notifier
        self._calendar = calendar
        self._clock = runtime.clock
        self._openings = Openings()

    @property
    def waiting(self) -> tuple[PositionKey, ...]:
        """Return the stops that wait for the day's previous close: their last price is to be judged again."""
        return tuple(self._openings.asked)

    def see_close(self, tick: Tick) -> None:
        """Keep the previous close that a quote tells."""
        day, is_open = trading_day(self._clock.now()), self._is_open(tick.exchange)
        self._openings.see_close((tick.exchange, tick.symbol), day, tick.previous_close, is_open=is_open)

    def _is_open(self, exchange: Exchange) -> bool:
        return self._calendar is None or self._calendar.is_open(exchange, self._clock.now())

    def holds(self, armed_stop: ArmedStop, price: Decimal) -> bool:
        """Say whether this price is not to be held against the stop: now, or until a person has set it anew."""
        position_key, held_before = armed_stop.position_key, armed_stop.position_key in self._openings.held
        day, now = trading_day(self._clock.now()), self._clock.monotonic()
        verdict = self._openings.judge(armed_stop, price, day, now, is_open=self._is_open(position_key.key.exchange))
        if verdict is Verdict.ADJUSTED and not held_before:
            close = self._openings.held[position_key]
            logger.critical("stops of {} are held: the previous close is {} now", position_key, close)
            post(self._notifier, RaiseAlert(alert=adjusted_alert(armed_stop, price, close)))
            self._suspend(position_key, adjusted_before(armed_stop, close))
        elif verdict is Verdict.COUNTS and held_before:
            self._lift(position_key)
        return verdict is not Verdict.COUNTS

    def sorted_out(
        self, armed: Mapping[PositionKey, ArmedStop]
    ) -> tuple[dict[PositionKey, ArmedStop], frozenset[PositionKey]]:
        """Return the stops that are not held, and those of them that wait for the first price of the day."""
        day, held = trading_day(self._clock.now()), self._openings.held
        counting = {position_key: one for position_key, one in armed.items() if position_key not in held}
        return counting, frozenset(s for s, one in counting.items() if not self._openings.has_opened(one, day))

    def end(self, position_key: PositionKey) -> None:
        """Hear that a stop is over or set anew."""
        if self._openings.end(position_key):
            self._lift(position_key)

    def _lift(self, position_key: PositionKey) -> None:
        post(self._notifier, RaiseAlert(alert=counts_again_alert(position_key)))
        if not self._openings.holds(symbol_of(position_key.key)):
            self._suspend(position_key, "")

    def _suspend(self, position_key: PositionKey, reason: str) -> None:
        post(
            self._command,
            SuspendSymbol(exchange=position_key.key.exchange, symbol=position_key.key.symbol, reason=reason),
        )
