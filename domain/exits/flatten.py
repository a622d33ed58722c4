"""Seeing a position through to flat: one flatten task for each strategy and instrument (docs/architecture.md, exits).

Theory of operation. A flatten task decides by what the guard holds *now*, never by what it remembers having done. It
takes back what is working, sells what is held, looks again, and ends only when nothing is held and nothing can trade
any more. So a lost answer, a rejection, a partial fill, a death or a restart costs a look, and the guard's clamp sees
to it that two exits never sell more than is held. It never gives up: it gets slower, dearer and louder. One word alone
ends it before: shares that are not in the demat account no price and no patience sells (`SharesMissing`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Final, TypeAlias

from domain.backoff import Backoff
from domain.market.instrument import Instrument
from domain.orders.types import InstrumentKey, Origin, Side
from domain.orders.validation import QUANTITY_MAX
from domain.ports import trading_day
from domain.settings import ExitSettings

UNFILLED_ALARM_S: Final = 15.0
"""An exit that has not filled for so long, however often it was re-priced, is an alarm."""
LOUD_FROM: Final = 3
"""From this try on a person should look."""


@dataclass(frozen=True, slots=True)
class PositionKey:
    """What a flatten task is about: one strategy's position in one instrument and product."""

    strategy: str
    key: InstrumentKey

    def __str__(self) -> str:
        return f"{self.key.symbol} ({self.key.exchange} {self.key.product}) of {self.strategy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenRequest:
    """Somebody wants a scope flat, durable until it is. `request_id` names its orders."""

    request_id: str
    position_key: PositionKey
    reason: str
    origin: Origin
    asked_at: datetime

    def is_over(self, today: str) -> bool:
        """Say whether its position has ended with its day: what is held today of the same is not what was meant."""
        return self.position_key.key.product.ends_with_its_day and trading_day(self.asked_at) < today


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenEnd:
    """A request has ended: its position is flat, or of `missing` units the broker has no shares to sell."""

    request_id: str
    at: datetime
    missing: int = 0


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that may still trade in the scope, or of a past day that may have traded unseen."""

    command_id: str
    side: Side
    open_quantity: int
    is_past: bool = False
    """Nothing can take it back, and nobody waits for it: a book or a person tells what it did."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the guard knows of a scope: signed units held, and all orders that may still trade.

    `sold_beside` are units of delivery that orders of other strategies, or of others, may still sell: the broker puts
    those shares by for them.
    """

    held: int = 0
    open: tuple[OpenOrder, ...] = ()
    sold_beside: int = 0

    @property
    def is_flat(self) -> bool:
        """Say whether nothing is held and nothing can trade."""
        return not self.held and not self.open


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before the next look."""


@dataclass(frozen=True, slots=True)
class CancelOrders:
    """Cancel these orders."""

    command_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SendExit:
    """Sell or buy back so many units: the `number`th try since the last that filled whole.

    `unfilled` of the earlier ones were in the market and did not fill; only those make the price worse.
    """

    command_id: str
    side: Side
    quantity: int
    number: int
    unfilled: int = 0

    def makes_no_lot(self, instrument: Instrument) -> bool:
        """Say whether so few units can't be ordered."""
        return self.quantity < instrument.lot


@dataclass(frozen=True, slots=True)
class Flat:
    """The end: nothing is held, nothing can trade."""


@dataclass(frozen=True, slots=True)
class SharesMissing:
    """The end: the broker says in these words that the shares are not there; by our books so many units are held."""

    held: int
    message: str


Step: TypeAlias = Wait | CancelOrders | SendExit | Flat | SharesMissing


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """A way out that has ended because the shares are missing, while so many units were held by our books."""

    request_id: str
    position_key: PositionKey
    held: int


@dataclass(slots=True)
class FlattenTask:
    """Owns one position's way to flat: how often it has tried, and what was asked for when (monotonic seconds)."""

    request: FlattenRequest
    name: str
    """Begins the command ids of this run's orders: after a restart none is an earlier one's."""
    began_at: float
    settings: ExitSettings
    sent: int = 0
    """How many exits have left."""
    tries: int = 0
    """How many of them since the last that filled whole: a slice of a large position is no failure."""
    unfilled: int = 0
    """How many of those were in the market and did not fill: a worse price is the answer to that alone."""
    current: str | None = None
    unanswered: bool = False
    refused: bool = False
    """The try before the current one ended without having been in the market for `unfilled_s`."""
    _in_vain: bool = False
    """The current order was in an open market for `unfilled_s` and is being taken back."""
    _begun_at: float = inf
    """When the first of the tries left."""
    _sent_at: float = 0.0
    _rests_since: float = inf
    """When the current order was first seen in the market, or where it may be in it."""
    _held_then: int = 0
    _sold_beside_then: int = 0
    _missing: str = ""
    """The broker's words, where he refused the current order because the shares are not there."""
    _slice: int = 0
    _flat_since: float = inf
    _begun_then: str = ""
    """The newest entry of its position when that was last seen flat."""
    _was_entered_anew: bool = False
    _asked_back: dict[str, float] = field(default_factory=dict)

    def next_step(
        self, exposure: Exposure, now: float, *, is_open: bool = True, waits: bool = False, begun_by: str = ""
    ) -> Step:
        """Return what to do now, and take it as done. While its market is closed it tries now and then only.

        While it `waits` for others to get out first (`domain/exits/flatten_sequence.py`), it sends nothing. One of the
        desk's own is over as soon as its position, once flat, is `begun_by` another entry (command id).
        """
        if self.unanswered:
            return Wait()
        if exposure.is_flat:
            self._flat_since, self._begun_then = min(self._flat_since, now), begun_by
            return Flat() if now - self._flat_since >= self.settings.flat_for_s else Wait()
        self._was_entered_anew = self._was_entered_anew or self._is_entered_anew(begun_by)
        if self._was_entered_anew:
            return Flat()
        self._flat_since = inf
        working = [one.command_id for one in exposure.open if not one.is_past]
        others = [one for one in working if one != self.current]
        back = self._to_cancel(others, now)
        if back:
            return CancelOrders(back)
        if self.current in working:
            # From the broker's answer on: one that was long on its way has only now come into the market.
            self._rests_since = min(self._rests_since, now)
            is_old = now - self._rests_since >= self.settings.unfilled_s
            self._in_vain = self._in_vain or (is_old and is_open)
            back = self._to_cancel([self.current], now) if is_old else ()
            return CancelOrders(back) if back else Wait()
        if self._missing and self._is_final(exposure):
            return SharesMissing(exposure.held, self._missing)
        if self._slice and abs(self._held_then) - abs(exposure.held) >= self._slice:
            self.tries, self.unfilled, self._in_vain, self._begun_at = 0, 0, False, inf
        still_waits = bool(others) and now - self.began_at < self.settings.cancel_wait_s
        if not exposure.held or waits or still_waits or self._rests(now, is_open=is_open):
            return Wait()
        return self._send(exposure, now)

    def _is_entered_anew(self, begun_by: str) -> bool:
        """Say whether an entry has come since the position was flat: it was sent by one who knew that.

        A person or a strategy that wants it flat means the entries too that were on their way as that was said.
        """
        is_ours = self.request.origin is Origin.DESK
        return is_ours and self._flat_since < inf and begun_by not in {"", self._begun_then}

    def answered(self, command_id: str, quantity: int = 0) -> None:
        """Hear that an exit's steps 1 to 5 are over, however they ended: from now on the guard tells.

        `quantity` is what the order was cut to; when all of it has traded, the next order is no second try.
        """
        if command_id == self.current:
            self.unanswered, self._slice = False, quantity

    def refused_for_shares(self, command_id: str, message: str) -> None:
        """Hear that the broker has refused an exit because the shares are missing (`domain/positions/delivery.py`)."""
        if command_id == self.current:
            self._missing = message

    def _is_final(self, exposure: Exposure) -> bool:
        """Say whether no other order can be why the shares were missing: what works beside has them put by.

        Where the position is another one by now, another quantity is tried.
        """
        beside = exposure.open or exposure.sold_beside or self._sold_beside_then
        return not beside and exposure.held == self._held_then

    def _to_cancel(self, command_ids: Iterable[str], now: float) -> tuple[str, ...]:
        """Return those that were not asked back lately, and note that they are now."""
        again_s = self.settings.cancel_again_s
        due = tuple(one for one in command_ids if now - self._asked_back.get(one, -again_s) >= again_s)
        self._asked_back.update(dict.fromkeys(due, now))
        return due

    def is_loud(self, now: float) -> bool:
        """Say whether a person should look: too many tries, or too long a time since the first."""
        return self.tries >= LOUD_FROM or now - self._begun_at >= UNFILLED_ALARM_S

    def _rests(self, now: float, *, is_open: bool) -> bool:
        """Say whether the last try was too short a time ago: pauses double up to a bound.

        An order that did not fill in an open market is followed by the next at once: only its price was wrong.
        """
        if not self.tries or (self._in_vain and is_open):
            return False
        return now - self._sent_at < self._pause_s(is_open=is_open)

    def _pause_s(self, *, is_open: bool) -> float:
        refused = self.tries - self.unfilled if is_open else self.tries
        longest_s = self.settings.retry_s_max if is_open else self.settings.retry_closed_s
        return Backoff(self.settings.retry_s, longest_s).pause_s(refused - 1)

    def due_at(self, now: float) -> float:
        """Return when the next step may be another one although the exposure stays as it is (monotonic seconds).

        Infinity where only news brings one. What the calendar does is not in it.
        """
        if self.unanswered:
            return inf
        times = [
            self._flat_since + self.settings.flat_for_s,
            self._rests_since + self.settings.unfilled_s,
            self.began_at + self.settings.cancel_wait_s,
            *(self._sent_at + self._pause_s(is_open=is_open) for is_open in (True, False) if self.tries),
            *(at + self.settings.cancel_again_s for at in self._asked_back.values()),
        ]
        return min((one for one in times if one > now), default=inf)

    def _send(self, exposure: Exposure, now: float) -> SendExit:
        held, self._sold_beside_then, self._missing = exposure.held, exposure.sold_beside, ""
        self.refused = self.tries > 0 and not self._in_vain
        self.unfilled, self._in_vain = self.unfilled + self._in_vain, False
        self.sent, self.tries, self._held_then, self._slice = self.sent + 1, self.tries + 1, held, 0
        self.current, self.unanswered, self._sent_at = f"{self.name}-{self.sent}", True, now
        self._rests_since = inf
        self._begun_at = min(self._begun_at, now)
        return SendExit(
            self.current,
            Side.SELL if held > 0 else Side.BUY,
            min(abs(held), QUANTITY_MAX),
            self.tries,
            self.unfilled,
        )
