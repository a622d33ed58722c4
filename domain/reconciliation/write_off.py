"""A person's corrections of the guard: what may be written off, and where our sums differ from the broker's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, PositionRow, key_of
from domain.exits.flatten import PositionKey
from domain.orders.types import InstrumentKey


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """A strategy's signed units that count no more, by a person's decision or closed by the broker at a price."""

    position_key: PositionKey
    units: int
    reason: str
    at: datetime
    price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What all strategies and EXTERNAL hold together by our fills, and the account at the broker; signed units."""

    key: InstrumentKey
    ours: int
    theirs: int

    def __str__(self) -> str:
        where = f"{self.key.symbol} ({self.key.exchange} {self.key.product})"
        return f"{where}: {self.ours:+d} by our fills, {self.theirs:+d} at the broker"


def differences(
    positions: Mapping[str, Mapping[InstrumentKey, int]],
    delivery_today: Mapping[InstrumentKey, int],
    book: Book[PositionRow],
) -> tuple[Difference, ...]:
    """Hold our sums against the broker's position book (the guide's reconcile_with_broker); changes nothing.

    Of delivery that book shows what today's orders moved, below zero where holdings were sold: so that is compared.
    """
    ours = dict(delivery_today)
    for held in positions.values():
        for key, units in held.items():
            if not key.product.is_delivery:
                ours[key] = ours.get(key, 0) + units
    theirs: dict[InstrumentKey, int] = {}
    for row in book.rows:
        known = key_of(row)
        if known is not None:
            theirs[known] = row.net_quantity - (row.carried_quantity if known.product.is_delivery else 0)
    keys = sorted(ours.keys() | theirs.keys(), key=lambda key: (key.exchange, key.symbol, key.product))
    found = (Difference(key, ours.get(key, 0), theirs.get(key, 0)) for key in keys)
    return tuple(one for one in found if one.ours != one.theirs)


def objection_to_write_off(
    position_key: PositionKey, book: Book[PositionRow] | Unavailable | None, *, force: bool
) -> str:
    """Say why a position may not be written off (the guide's force_clear_symbol); empty where it may.

    While the broker shows units of it, clearing would make us blind to them: a person has to say that they know.
    """
    if force:
        return ""
    if not isinstance(book, Book):
        cause = "the broker did not answer in time" if book is None else book.cause
        return f"the broker's positions can't be read ({cause}); try again, or say --force"
    shown = sum(row.net_quantity for row in book.rows if key_of(row) == position_key.key)
    if position_key.key.product.is_delivery:
        shown = max(0, shown)  # below zero are shares that were sold out of the holdings: nothing to get out of
    if shown:
        key = position_key.key
        return f"the broker shows {shown:+d} {key.symbol} ({key.product}); get out of it, or say --force"
    return ""
