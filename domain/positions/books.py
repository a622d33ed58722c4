"""What each strategy holds by its fills, and what of its orders may still trade."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from domain.exits.flatten import PositionKey
from domain.orders.types import InstrumentKey, Side


@dataclass(frozen=True, slots=True)
class Reservation:
    """An order that is reserved, on its way, or working: what may still trade of it."""

    key: InstrumentKey
    side: Side
    open_quantity: int
    unconfirmed: bool = False
    held_back: bool = False
    """A leg of a basket that has not been sent yet."""
    limit_price: Decimal | None = None
    day: str = ""
    """The trading day that it is good for; empty where that is not known for sure."""

    def is_past(self, today: str) -> bool:
        """Say whether its day is over: it can't trade any more, and may have traded unseen."""
        return bool(self.day) and self.day < today

    def is_gone(self, today: str) -> bool:
        """Say whether it can't matter any more: what a past day traded of it was squared off with that day."""
        return self.is_past(today) and self.key.product.ends_with_its_day

    @property
    def may_take_a_position(self) -> bool:
        """Say whether trading it may leave something held: a sale of delivery never does."""
        return not (self.key.product.is_delivery and self.side is Side.SELL)


@dataclass(frozen=True, slots=True)
class StrategyBook:
    """One strategy's exposure. `positions` are signed units from fills."""

    positions: Mapping[InstrumentKey, int] = field(default_factory=dict)
    reservations: Mapping[str, Reservation] = field(default_factory=dict)

    @property
    def has_exposure(self) -> bool:
        """Say whether anything is held, working or unconfirmed."""
        return any(one.may_take_a_position for one in self.reservations.values()) or any(self.positions.values())


_EMPTY: Final = StrategyBook()


class Books:
    """Owns every strategy's book, and the trading day. A change replaces one frozen book whole."""

    def __init__(self, positions: Mapping[str, Mapping[InstrumentKey, int]], day: str) -> None:
        self.day = day
        self._books = {strategy: StrategyBook(held) for strategy, held in positions.items()}

    def __iter__(self) -> Iterator[tuple[str, StrategyBook]]:
        return iter(self._books.items())

    def of(self, strategy: str) -> StrategyBook:
        """Return the strategy's book; an unknown strategy holds nothing."""
        return self._books.get(strategy, _EMPTY)

    def held(self, position_key: PositionKey) -> int:
        """Return the signed units that a strategy holds by its fills."""
        return self.of(position_key.strategy).positions.get(position_key.key, 0)

    def reservations(self, strategy: str, key: InstrumentKey, side: Side) -> list[Reservation]:
        """Return a strategy's open orders on one side of an instrument that can matter today."""
        reservations = self.of(strategy).reservations.values()
        return [one for one in reservations if one.key == key and one.side is side and not one.is_gone(self.day)]

    def living(self, key: InstrumentKey, book: StrategyBook) -> dict[str, Reservation]:
        """Return the open orders of an instrument that can matter today."""
        return {name: one for name, one in book.reservations.items() if one.key == key and not one.is_gone(self.day)}

    def put(self, position_key: PositionKey, units: int) -> None:
        """Let a strategy hold these signed units."""
        book = self.of(position_key.strategy)
        self._books[position_key.strategy] = replace(book, positions={**book.positions, position_key.key: units})

    def reserve(self, strategy: str, reservations: Mapping[str, Reservation]) -> None:
        """Hold these orders, in the place of what was held under their names."""
        book = self.of(strategy)
        self._books[strategy] = replace(book, reservations={**book.reservations, **reservations})

    def release(self, strategy: str, name: str) -> None:
        """Hold this order no more."""
        book = self.of(strategy)
        kept = {other: one for other, one in book.reservations.items() if other != name}
        self._books[strategy] = replace(book, reservations=kept)

    def begin_day(self, day: str) -> None:
        """Forget the positions that do not outlive their day."""
        self.day = day
        for strategy, book in self._books.items():
            kept = {key: held for key, held in book.positions.items() if not key.product.ends_with_its_day}
            self._books[strategy] = replace(book, positions=kept)
