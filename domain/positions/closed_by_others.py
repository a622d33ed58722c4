"""What others did with the account, under EXTERNAL: a trade of theirs may close a position for us.

Our exits must not close it again. A trade of theirs closes what they hold themselves first, then ours, and what is left
opens a position of theirs.
"""

from domain.exits.flatten import PositionKey
from domain.orders.types import EXTERNAL, InstrumentKey, Side
from domain.positions.books import Books
from domain.positions.past_orders import PastOrders
from domain.reconciliation.vanishing import Holders


class ClosedByOthers:
    """Owns how many signed units of each instrument others have closed for our strategies."""

    def __init__(self, books: Books, past: PastOrders) -> None:
        self._books = books
        self._past = past
        self._closed: dict[InstrumentKey, int] = {}

    def still_held(self, key: InstrumentKey, held: int) -> int:
        """Return the part of a strategy's position that others have not closed."""
        closed = self._closed.get(key, 0)
        if held * closed >= 0:
            return held
        sign = 1 if held > 0 else -1
        return sign * min(abs(held), max(0, self._ours(key, sign) - abs(closed)))

    def left(self, key: InstrumentKey, side: Side) -> int:
        """Return the units that orders on `side` may still take off, after what EXTERNAL took.

        Orders that others have working hold no exit back: nobody knows whose position they are meant for, and exits get
        out. Strategies that hold the same way share what is left: together they never sell more than the account has.
        One that works to sell more than it holds, such as out of the demat, takes nothing from the others.
        """
        pool = 0
        for strategy, book in self._books:
            held = book.positions.get(key, 0)
            if strategy == EXTERNAL:
                pool -= max(0, self._closed.get(key, 0) * side.sign)
            elif held * side.sign < 0:
                pool += max(0, abs(held) - self._past.being_reduced(strategy, key, side))
        return max(0, pool)

    def count(self, key: InstrumentKey, moved: int, before: int) -> int:
        """Share a trade of others out: undo what they closed for us, close their own (`before` it), then close ours.

        Return what it moves their position by: all of it, but of delivery nothing that came out of the holdings.
        """
        self._closed[key], left = self._after(key, moved, before)
        return moved + (left if key.product.is_delivery and moved < 0 else 0)

    def _after(self, key: InstrumentKey, moved: int, before: int) -> tuple[int, int]:
        """Return what others have closed for us once they moved so many units, and how many of these closed nothing."""
        closed = self._closed.get(key, 0)
        sign = 1 if moved > 0 else -1
        theirs = before - closed
        left = abs(moved)
        undone = min(left, max(0, -closed * sign))
        left -= undone
        left -= min(left, max(0, -theirs * sign))
        taken = min(left, max(0, self._ours(key, -sign) - max(0, closed * sign)))
        return closed + sign * (undone + taken), left - taken

    def look_back(self, key: InstrumentKey) -> None:
        """Learn that a strategy has traded before all that others did: they have closed of ours what they could."""
        if not key.product.is_delivery:
            external = self._books.held(PositionKey(EXTERNAL, key))
            sign = 1 if external > 0 else -1
            self._closed[key] = sign * min(abs(external), self._ours(key, -sign))

    def _ours(self, key: InstrumentKey, sign: int) -> int:
        """Return the units that our strategies together hold on one side by their fills."""
        return sum(max(0, book.positions.get(key, 0) * sign) for name, book in self._books if name != EXTERNAL)

    def holders(self, key: InstrumentKey, quantity: int) -> Holders:
        """Return who holds an instrument, and how many units of ours a move by nobody's order would close."""
        held = ((name, book.positions.get(key, 0)) for name, book in self._books if name != EXTERNAL)
        external = self._books.held(PositionKey(EXTERNAL, key))
        grown = abs(self._after(key, quantity, external)[0]) - abs(self._closed.get(key, 0))
        strategies = tuple(sorted((name, units) for name, units in held if units))
        return Holders(strategies=strategies, external=external, closes=max(0, grown) if quantity else 0)

    def shift(self, key: InstrumentKey, units: int) -> None:
        """Count no more what others had closed of units that stand in their own book now."""
        closed = self._closed.get(key, 0)
        if closed * units < 0:
            self._closed[key] = closed + min(abs(closed), abs(units)) * (1 if units > 0 else -1)

    def begin_day(self) -> None:
        """Forget what they closed of positions that do not outlive their day."""
        self._closed = {key: units for key, units in self._closed.items() if not key.product.ends_with_its_day}
