"""Whether the broker has an order already that no disk of ours knows: its tag, in the order book and the trade book."""

from dataclasses import dataclass
from typing import TypeAlias

from domain.broker.reply_types import Unavailable
from domain.broker.snapshots import Book, OrderRow, TradeRow


@dataclass(frozen=True, slots=True)
class TagShown:
    """A book shows the tag: the order was sent, and has this number."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class TagNotShown:
    """Both books were read, and neither shows the tag."""


TagFate: TypeAlias = TagShown | TagNotShown | Unavailable


def look_for_tag(
    remarks_tag: str, orders: Book[OrderRow] | Unavailable, trades: Book[TradeRow] | Unavailable
) -> TagFate:
    """Return what the books say of the tag; one that can't be read proves nothing absent."""
    for book in (orders, trades):
        rows = book.rows if isinstance(book, Book) else ()
        for row in rows:
            if row.remarks == remarks_tag:
                return TagShown(row.broker_order_id)
    for book in (orders, trades):
        if isinstance(book, Unavailable):
            return book
    return TagNotShown()
