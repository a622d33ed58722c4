"""What every strategy holds and may still trade, by instrument, as the exits go by it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.orders.types import EXTERNAL, InstrumentKey, Side
from domain.positions.books import Books, StrategyBook
from domain.positions.closed_by_others import ClosedByOthers
from domain.positions.past_orders import PastOrders


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands in one book, before what others did with the account."""

    book: StrategyBook
    exposures: tuple[tuple[PositionKey, Exposure], ...]


class Exposures:
    """Owns what was found in each book: it is frozen, so that holds until another takes its place, as on a new day."""

    def __init__(self, books: Books, past: PastOrders, closed: ClosedByOthers) -> None:
        self._books = books
        self._past = past
        self._closed = closed
        self._found: dict[str, _Found] = {}

    def __iter__(self) -> Iterator[tuple[PositionKey, Exposure]]:
        """Yield all that is not flat; EXTERNAL is nobody's to exit.

        What others have closed for us is held no more: no more is told than the account still has.
        """
        for strategy, book in self._books:
            if strategy == EXTERNAL:
                continue
            for position_key, exposure in self._in_book(strategy, book):
                held = self._closed.still_held(position_key.key, exposure.held)
                sold_beside = self._sold_beside(strategy, position_key.key)
                if held != exposure.held or sold_beside:
                    exposure = replace(exposure, held=held, sold_beside=sold_beside)  # noqa: PLW2901
                if not exposure.is_flat:
                    yield position_key, exposure

    def awaited(self) -> frozenset[PositionKey]:
        """Return the positions of which a basket's leg is reserved and has not come to be sent yet."""
        reservations = ((strategy, one) for strategy, book in self._books for one in book.reservations.values())
        return frozenset(PositionKey(strategy, one.key) for strategy, one in reservations if one.held_back)

    def _in_book(self, strategy: str, book: StrategyBook) -> tuple[tuple[PositionKey, Exposure], ...]:
        found = self._found.get(strategy)
        if found is None or found.book is not book:
            keys = dict.fromkeys((*book.positions, *(one.key for one in book.reservations.values())))
            exposures = tuple((PositionKey(strategy, key), self._exposure(key, book)) for key in keys)
            found = self._found[strategy] = _Found(book, exposures)
        return found.exposures

    def _exposure(self, key: InstrumentKey, book: StrategyBook) -> Exposure:
        waiting = tuple(
            OpenOrder(name, one.side, one.open_quantity, one.is_past(self._books.day))
            for name, one in self._books.living(key, book).items()
            if not one.held_back
        )
        return Exposure(book.positions.get(key, 0), waiting)

    def _sold_beside(self, strategy: str, key: InstrumentKey) -> int:
        """Return the units of delivery that orders of everybody else may still sell."""
        if not key.product.is_delivery:
            return 0
        return sum(self._past.being_reduced(name, key, Side.SELL) for name, _ in self._books if name != strategy)
