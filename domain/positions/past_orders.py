"""What orders of past days that are not resolved may have taken off a position unseen."""

from domain.orders.types import InstrumentKey, Side
from domain.positions.books import Books


class PastOrders:
    """Owns by how many signed units the account differs from all our books, where orders of a past day may be why."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._apart: dict[InstrumentKey, int] = {}

    def be_apart(self, key: InstrumentKey, difference: int) -> None:
        """Learn by how many units the account differs."""
        self._apart[key] = difference

    def come_nearer(self, key: InstrumentKey, moved: int) -> None:
        """Count units that the account had all the time, and our books have now."""
        if key in self._apart:
            self._apart[key] -= moved

    def begin_day(self) -> None:
        """Forget all: today's books tell anew."""
        self._apart.clear()

    def being_reduced(self, strategy: str, key: InstrumentKey, side: Side) -> int:
        """Return the units that open orders on `side` may still take off, or may have taken off on a past day."""
        reservations = self._books.reservations(strategy, key, side)
        past = sum(one.open_quantity for one in reservations if one.is_past(self._books.day))
        working = sum(one.open_quantity for one in reservations) - past
        return working + min(past, self._reduced_unseen_max(strategy, key, side, past))

    def _reduced_unseen_max(self, strategy: str, key: InstrumentKey, side: Side, past: int) -> int:
        """Return how many units past days' orders of a strategy on `side` took off at most, by what the account holds.

        It is known what all of them together did: so many units as the account is apart from our books. Those of others
        on the other side may have made up for more. `past` where the account does not tell, or orders can't explain it.
        """
        if key not in self._apart:
            return past
        apart = self._apart[key] * side.sign
        same, opposite = (self._past_units(key, one) for one in (side, side.opposite))
        if not -sum(opposite.values()) <= apart <= sum(same.values()):
            return past
        return max(0, apart + sum(units for name, units in opposite.items() if name != strategy))

    def _past_units(self, key: InstrumentKey, side: Side) -> dict[str, int]:
        """Return by strategy the units of past days' orders on `side` that may have traded unseen."""
        units: dict[str, int] = {}
        for name, _ in self._books:
            past = (one for one in self._books.reservations(name, key, side) if one.is_past(self._books.day))
            units[name] = sum(one.open_quantity for one in past)
        return units
