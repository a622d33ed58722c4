"""What every strategy holds and may still trade, by instrument, as the exits go by it."""

from collections.abc import Iterator

from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.orders.types import EXTERNAL, InstrumentKey, Side
from domain.positions.books import Books
from domain.positions.closed_by_others import ClosedByOthers
from domain.positions.past_orders import PastOrders


def exposures_in(books: Books, past: PastOrders, closed: ClosedByOthers) -> Iterator[tuple[PositionKey, Exposure]]:
    """Yield all that is not flat; EXTERNAL is nobody's to exit.

    What others have closed for us is held no more: no more is told than the account still has.
    """
    for strategy, book in books:
        if strategy == EXTERNAL:
            continue
        for key in dict.fromkeys((*book.positions, *(one.key for one in book.reservations.values()))):
            waiting = tuple(
                OpenOrder(name, one.side, one.open_quantity, one.is_past(books.day))
                for name, one in books.living(key, book).items()
                if not one.held_back
            )
            held = closed.still_held(key, book.positions.get(key, 0))
            exposure = Exposure(held, waiting, _sold_beside(books, past, strategy, key))
            if not exposure.is_flat:
                yield PositionKey(strategy, key), exposure


def _sold_beside(books: Books, past: PastOrders, strategy: str, key: InstrumentKey) -> int:
    """Return the units of delivery that orders of everybody else may still sell."""
    if not key.product.is_delivery:
        return 0
    return sum(past.being_reduced(name, key, Side.SELL) for name, _ in books if name != strategy)


def awaited_in(books: Books) -> frozenset[PositionKey]:
    """Return the positions of which a basket's leg is reserved and has not come to be sent yet."""
    reservations = ((strategy, one) for strategy, book in books for one in book.reservations.values())
    return frozenset(PositionKey(strategy, one.key) for strategy, one in reservations if one.held_back)
