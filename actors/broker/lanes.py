"""What waits for the wire, lane by lane: exits and cancels, books and look-ups, entries."""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from actors.messages.broker import ChangeAtBroker, LogIn, LookUp, LookUpTag, PlaceOrder, ReadBook
from domain.orders.change import ChangeKind
from domain.orders.types import Intent

Reading: TypeAlias = LogIn | LookUp | ReadBook | LookUpTag
Sending: TypeAlias = PlaceOrder | ChangeAtBroker
Waiting: TypeAlias = tuple[float, Sending]


@dataclass(slots=True)
class Lanes:
    """Owns what waits to be sent; orders and changes with the monotonic second they came in."""

    exits: deque[Waiting] = field(default_factory=deque)
    reading: deque[Reading] = field(default_factory=deque)
    entries: deque[Waiting] = field(default_factory=deque)
    _looked_up: bool = False

    def of(self, message: Sending) -> deque[Waiting]:
        """Return the lane in which this waits: a cancel goes with the exits, as it can only reduce what may trade."""
        is_cancel = isinstance(message, ChangeAtBroker) and message.change.kind is ChangeKind.CANCEL
        return self.exits if is_cancel or message.order.command.intent is Intent.EXIT else self.entries

    def next_reading(self) -> Reading:
        """Return what is read next, and let it wait no more: after a look-up a book, where one waits.

        Look-ups that hang, one of each symbol, would keep the books away that tell how a way out stands.
        """
        others = (at for at, one in enumerate(self.reading) if not isinstance(one, LookUp))
        place = next(others, 0) if self._looked_up else 0
        message = self.reading[place]
        del self.reading[place]
        self._looked_up = isinstance(message, LookUp)
        return message

    def drop_entries(self) -> tuple[Sending, ...]:
        """Return the entries that wait, and let them wait no more."""
        waiting = tuple(message for _, message in self.entries)
        self.entries.clear()
        return waiting

    def __len__(self) -> int:
        return len(self.exits) + len(self.reading) + len(self.entries)
