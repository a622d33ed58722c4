"""What a frame of the feed tells, and to whom (docs/protocol.md, WebSocket)."""

from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec

from loguru import logger

from broker.feed.connection import LOGIN_ANSWERS, ConnectionLostError, as_frame, says_ok
from broker.feed.held_updates import HeldUpdates
from broker.noren.row_fields import UnreadableRowError, price_if_told, price_or_none, word_if_told
from broker.noren.updates import order_update
from domain.broker.snapshots import OrderUpdate, Tick
from domain.market.instrument import Instrument
from domain.ports import Clock

Given = ParamSpec("Given")
_INDEX: Final = "UNDIND"
"""What the broker calls the kind of an index."""


class FrameDispatch:
    """Owns who is told of ticks and order updates, and counts what could not be read and what could not be told.

    Used by the feed's thread. `watched` is read as it stands; its owner may add to it meanwhile.
    """

    def __init__(
        self,
        clock: Clock,
        watched: Mapping[tuple[str, str], Instrument],
        on_tick: Callable[[Tick], None],
        on_orders: Callable[[tuple[OrderUpdate, ...]], None],
    ) -> None:
        self._clock = clock
        self._watched = watched
        self._on_tick = on_tick
        self._on_orders = on_orders
        self._held = HeldUpdates()
        self._called: dict[tuple[str, str], str] = {}
        self.malformed = 0
        self.untold = 0
        self.hears_hearts = False
        """Once the broker has answered a heartbeat in text, one that answers pings alone has gone mute."""

    def hear(self, text: bytes) -> None:
        """Tell what one frame says; raise `ConnectionLostError` where it takes the login back.

        An order's update is held until it is due (`held_updates.py`). A price that came after one that told of a trade
        or an end stays after it.
        """
        frame = as_frame(text)
        kind = frame.get("t") if frame is not None else None
        if frame is None or not isinstance(kind, str):
            self.malformed += 1
            return
        self.hears_hearts = self.hears_hearts or kind == "hk"
        try:
            if kind == "om":
                self._held.hold(order_update(frame, self._clock.now()), self._clock.monotonic())
                if self._held.is_full:
                    self.tell_updates()
            elif kind in {"tk", "tf"}:
                self._hear_price(frame)
        except (KeyError, TypeError, UnreadableRowError):
            self.malformed += 1
        if kind in LOGIN_ANSWERS and not says_ok(frame):
            raise ConnectionLostError("the broker took the feed's session back (NOT_OK)")

    def wait_s(self, longest_s: float) -> float:
        """Return how long to wait for the next frame, at most `longest_s`."""
        return self._held.wait_s(longest_s, self._clock.monotonic())

    def tell_due_updates(self) -> None:
        """Tell the updates of orders that have waited long enough for more."""
        self._tell_updates(self._held.take_due(self._clock.monotonic()))

    def tell_updates(self) -> None:
        """Tell the updates of orders that were heard since the last time, in their order."""
        self._tell_updates(self._held.take())

    def _tell_updates(self, updates: tuple[OrderUpdate, ...]) -> None:
        if updates:
            self.tell(self._on_orders, updates)

    def _hear_price(self, frame: dict[str, Any]) -> None:
        """Tell a tick where the frame brings a last price: later frames hold changed fields only, the name too."""
        key = (frame["e"], frame["tk"])
        instrument = self._watched.get(key)
        if instrument is None:
            return
        called = word_if_told(frame, "ts")
        if called:
            # [assumption] An index is spelled otherwise in some frames. It can't be traded, and its token tells it.
            self._called[key] = "" if called == instrument.symbol or instrument.kind == _INDEX else called
        price = price_or_none(frame, "lp")
        if price is None or price < 0:
            return
        self.tell_due_updates()
        at = self._clock.now()
        tick = Tick(
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            last_price=price,
            seen_at=at,
            called=self._called.get(key, ""),
            previous_close=price_if_told(frame, "c"),
        )
        self.tell(self._on_tick, tick)

    def tell(self, callback: Callable[Given, None], *given: Given.args, **named: Given.kwargs) -> None:
        """Call an owner back. An error of his costs what he was told, not the connection: the books tell it too.

        It is logged at the 1st, 2nd, 4th, 8th... time, so that a tick a millisecond can't flood the log.
        """
        try:
            callback(*given, **named)
        except Exception as error:  # noqa: BLE001  whatever an owner does wrong, the feed goes on for the others
            self.untold += 1
            if self.untold & (self.untold - 1) == 0:
                logger.opt(exception=error).error("the feed could not tell its owner, {} times now", self.untold)
