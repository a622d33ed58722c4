"""How long each of the broker's three books has been away: without all three nothing is proved absent."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.orders.change import ChangeStage
from domain.orders.lifecycle import State
from domain.orders.order import Order


class BookKind(StrEnum):
    """The books that bear witness, in the order of their reading; the words are for people."""

    ORDERS = "order book"
    TRADES = "trade book"
    POSITIONS = "position book"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Which books have been away for too long, with why; which were read; and the orders whose fate waits for them."""

    away: tuple[tuple[BookKind, str], ...] = ()
    read: frozenset[BookKind] = frozenset()
    waiting: tuple[str, ...] = ()

    @property
    def books(self) -> frozenset[BookKind]:
        """Return the books that are away."""
        return frozenset(kind for kind, _ in self.away)

    def needs_alert(self, told: "Sighting") -> bool:
        """Say whether a person has to hear of it, after what was `told`.

        That the order book can't be read is told as blindness already; here it counts for the orders that wait for it.
        """
        counts = self.books if self.waiting else self.books - {BookKind.ORDERS}
        return bool(counts - told.books) or (bool(counts) and bool(self.waiting) and not told.waiting)

    def is_over_by(self, seen: "Sighting") -> bool:
        """Say whether all that was told as away has been read since; a new watcher's ignorance ends nothing."""
        return bool(self.away) and self.books <= seen.read


class BookOutages:
    """Owns when each book was last read (monotonic seconds), and why it was not since."""

    def __init__(self, away_s_max: float, began_s: float) -> None:
        self._away_s_max = away_s_max
        self._read_s = dict.fromkeys(BookKind, began_s)
        self._causes: dict[BookKind, str] = {}
        self._read: set[BookKind] = set()
        self._told: Sighting | None = None

    def read(self, kind: BookKind, now_s: float) -> None:
        """Note that a book was read."""
        self._read_s[kind] = now_s
        self._read.add(kind)
        self._causes.pop(kind, None)

    def miss(self, kind: BookKind, cause: str) -> None:
        """Note that a book was asked for and could not be read; the first cause is kept."""
        self._read.discard(kind)
        self._causes.setdefault(kind, cause)

    def look(self, now_s: float, orders: Iterable[Order]) -> Sighting | None:
        """Return how things stand where that has changed since it was last told."""
        away = [
            (kind, cause)
            for kind, cause in sorted(self._causes.items(), key=lambda one: _ORDER.index(one[0]))
            if now_s - self._read_s[kind] >= self._away_s_max
        ]
        sighting = Sighting(away=tuple(away), read=frozenset(self._read), waiting=waiting_for_books(orders))
        if sighting == self._told:
            return None
        self._told = sighting
        return sighting


_ORDER: Final = tuple(BookKind)


def waiting_for_books(orders: Iterable[Order]) -> tuple[str, ...]:
    """Return the command ids of the orders whose fate, or whose change's, only the books can tell."""
    return tuple(sorted(one.command.command_id for one in orders if _waits(one)))


def _waits(order: Order) -> bool:
    if order.state is State.UNCONFIRMED:
        return True
    return order.change is not None and order.change.stage is not ChangeStage.REQUESTED and not order.is_terminal
