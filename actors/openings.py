"""Carried stops on a morning after a bonus or a split: held instead of hit, told, and entries of the symbol stopped.

A part of ExitsActor, in its thread; `domain/adjusted.py` decides.
"""

from collections.abc import Mapping
from decimal import Decimal

from loguru import logger

from actors.address import Address, post
from actors.messages import CommandInbox, NotifierInbox, RaiseAlert, SuspendSymbol
from domain.adjusted import Openings, Verdict
from domain.calendar import Calendar
from domain.evidence import Tick
from domain.exits import Scope
from domain.order import Exchange
from domain.pnl import symbol_of
from domain.seams import Clock, trading_day
from domain.stop_words import adjusted_alert, adjusted_before, counts_again_alert
from domain.stops import Protection


class CarriedStops:
    """Owns which stops are held, and which symbols take no entries because of them."""

    def __init__(
        self,
        *,
        command: Address[CommandInbox],
        notifier: Address[NotifierInbox],
        calendar: Calendar | None,
        clock: Clock,
    ) -> None:
        self._command = command
        self._notifier = notifier
        self._calendar = calendar
        self._clock = clock
        self._openings = Openings()

    @property
    def waiting(self) -> tuple[Scope, ...]:
        """Return the stops that wait for the day's previous close: their last price is to be judged again."""
        return tuple(self._openings.asked)

    def see_close(self, tick: Tick) -> None:
        """Keep the previous close that a quote tells."""
        day, is_open = trading_day(self._clock.now()), self._is_open(tick.exchange)
        self._openings.see_close((tick.exchange, tick.symbol), day, tick.previous_close, is_open=is_open)

    def _is_open(self, exchange: Exchange) -> bool:
        return self._calendar is None or self._calendar.is_open(exchange, self._clock.now())

    def holds(self, protection: Protection, price: Decimal) -> bool:
        """Say whether this price is not to be held against the stop: now, or until a person has set it anew."""
        scope, held_before = protection.scope, protection.scope in self._openings.held
        day, now = trading_day(self._clock.now()), self._clock.monotonic()
        verdict = self._openings.judge(protection, price, day, now, is_open=self._is_open(scope.key.exchange))
        if verdict is Verdict.ADJUSTED and not held_before:
            close = self._openings.held[scope]
            logger.critical("stops of {} are held: the previous close is {} now", scope, close)
            post(self._notifier, RaiseAlert(alert=adjusted_alert(protection, price, close)))
            self._suspend(scope, adjusted_before(protection, close))
        elif verdict is Verdict.COUNTS and held_before:
            self._lift(scope)
        return verdict is not Verdict.COUNTS

    def sorted_out(self, armed: Mapping[Scope, Protection]) -> tuple[dict[Scope, Protection], frozenset[Scope]]:
        """Return the stops that are not held, and those of them that wait for the first price of the day."""
        day, held = trading_day(self._clock.now()), self._openings.held
        counting = {scope: one for scope, one in armed.items() if scope not in held}
        return counting, frozenset(s for s, one in counting.items() if not self._openings.has_opened(one, day))

    def end(self, scope: Scope) -> None:
        """Hear that a stop is over or set anew."""
        if self._openings.end(scope):
            self._lift(scope)

    def _lift(self, scope: Scope) -> None:
        post(self._notifier, RaiseAlert(alert=counts_again_alert(scope)))
        if not self._openings.holds(symbol_of(scope.key)):
            self._suspend(scope, "")

    def _suspend(self, scope: Scope, because: str) -> None:
        post(self._command, SuspendSymbol(exchange=scope.key.exchange, symbol=scope.key.symbol, because=because))
