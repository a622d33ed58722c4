"""Entries that are taken back while their position stays: what a limit's flatten leaves alone may not grow.

A part of ExitsActor, in its thread. It goes by what the guard says is open, and asks again until nothing is.
"""

from collections.abc import Mapping

from actors.exits.order_sender import OrderSender
from domain.exits.flatten import Exposure, PositionKey
from domain.orders.types import Side
from domain.ports import Clock


class EntryCanceler:
    """Owns the positions whose entries are to go, why, and when each order was asked back (monotonic seconds)."""

    def __init__(self, *, sender: OrderSender, clock: Clock, again_s: float) -> None:
        self._sender = sender
        self._clock = clock
        self._again_s = again_s
        self._wanted: dict[PositionKey, str] = {}
        self._asked: dict[str, float] = {}

    def want(self, position_key: PositionKey, reason: str) -> None:
        """Take back what may still be bought of this position."""
        self._wanted[position_key] = reason

    def look(self, exposures: Mapping[PositionKey, Exposure]) -> None:
        """Cancel what is open, no oftener than an answer can have come; be done with a position that has none."""
        if not self._wanted:
            return
        now = self._clock.monotonic()
        self._asked = {name: at for name, at in self._asked.items() if now - at < self._again_s}
        for position_key, reason in list(self._wanted.items()):
            exposure = exposures.get(position_key)
            entries = [] if exposure is None else [one for one in exposure.open if one.side is Side.BUY]
            if not entries:
                del self._wanted[position_key]
            for entry in entries:
                if entry.command_id not in self._asked:
                    self._asked[entry.command_id] = now
                    self._sender.cancel(entry.command_id, reason)
