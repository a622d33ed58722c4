"""Step 6: what the trade book proves of an order, also where the order book does not show it.

A trade is exposure, whatever the order book says. One with the order's number, or with our tag, finds its order; one
without either may still be its: then it speaks against a proof that the order never arrived.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.broker.snapshots import Book, BrokerStatus, OrderRow, TradeRow
from domain.orders.order import Order, OrderEvent
from domain.orders.types import Side
from domain.reconciliation.breaks import Break, BreakKind, fills_name
from domain.reconciliation.order_rows import OrderIndex, Report, match_order_row

AVERAGE_STEP: Final = Decimal("0.0001")
"""Average prices are kept to this step, as finely as any price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """All that the trade book has of one order: units, and their value in rupees. `remarks` may be missing."""

    broker_order_id: str
    remarks: str
    exchange: str
    symbol: str
    side: Side
    quantity: int
    value: Decimal

    @property
    def average_price(self) -> Decimal:
        """Return the average price of a unit."""
        return (self.value / self.quantity).quantize(AVERAGE_STEP)

    def may_be(self, order: Order) -> bool:
        """Say whether this may be `order`, going by what it trades in; a tag of another order says that it is not."""
        command = order.command
        same = (self.exchange, self.symbol, self.side) == (command.exchange, command.symbol, command.side)
        return same and self.remarks in {"", order.remarks_tag}


def traded_by_number(rows: Iterable[TradeRow]) -> dict[str, Traded]:
    """Sum the trade book up by order, each fill once."""
    found: dict[str, Traded] = {}
    seen: set[tuple[str, str, str]] = set()
    for row in rows:
        fill = (row.exchange, row.broker_order_id, row.fill_id)
        if fill in seen:
            continue
        seen.add(fill)
        earlier = found.get(row.broker_order_id)
        found[row.broker_order_id] = Traded(
            broker_order_id=row.broker_order_id,
            remarks=row.remarks or ("" if earlier is None else earlier.remarks),
            exchange=row.exchange,
            symbol=row.symbol,
            side=row.side,
            quantity=row.quantity + (0 if earlier is None else earlier.quantity),
            value=row.price * row.quantity + (0 if earlier is None else earlier.value),
        )
    return found


def event_of_trades(order: Order, traded: Traded, asked_at: datetime) -> OrderEvent | None:
    """Return what trades add to what we know of `order`, or None when they add nothing.

    Quantities are cumulative. An order that has traded whole is filled; of another, nobody knows here whether the rest
    still works: it counts as working, until a book shows otherwise.
    """
    if traded.quantity <= order.filled_quantity:
        return None
    row = OrderRow(
        broker_order_id=traded.broker_order_id,
        status=BrokerStatus.COMPLETE if traded.quantity >= order.quantity else BrokerStatus.OPEN,
        status_text="",
        remarks=traded.remarks,
        exchange=traded.exchange,
        symbol=traded.symbol,
        side=traded.side,
        product=order.command.product.value,
        quantity=max(order.quantity, traded.quantity),
        filled_quantity=traded.quantity,
        average_price=traded.average_price,
        reject_reason="",
    )
    event = match_order_row(order, row, asked_at)
    if event is None:
        return None
    inputs = {
        "book": "trade book",
        "filled": f"{traded.quantity} of {row.quantity}",
        "matched_by": "broker id" if order.broker_order_id == traded.broker_order_id else "tag",
        "book_asked_at": asked_at.isoformat(),
    }
    return replace(event, inputs=inputs)


def news_of_trades(book: Book[TradeRow], shown: AbstractSet[str], orders: OrderIndex) -> Iterator[tuple[Order, Report]]:
    """Yield what trades prove of orders whose numbers the order book has not `shown`; each is observed at once."""
    for traded in traded_by_number(row for row in book.rows if row.broker_order_id not in shown).values():
        order = orders.match(traded)
        event = None if order is None else event_of_trades(order, traded, book.asked_at)
        if order is None or event is None:
            continue
        # The next book may come before this one is on disk: it is judged by what this one told.
        orders.observe(order.after(event, book.asked_at))
        yield order, Report(order.command.command_id, event)


def found_by_two(breaks: Iterable[Break], trades: Book[TradeRow], orders: OrderIndex) -> Iterator[Report]:
    """Yield fills that the order book lacks for long, and that the trade book and the positions both have."""
    missed = {one.key: one.difference for one in breaks if one.kind is BreakKind.POSITION}
    lagging = {one.name for one in breaks if one.kind is BreakKind.FILLS and one.difference < 0}
    if not missed or not lagging:
        return
    for traded in traded_by_number(row for row in trades.rows if fills_name(row.broker_order_id) in lagging).values():
        order = orders.match(traded)
        if order is None:
            continue
        units = traded.quantity - order.filled_quantity
        if missed.get(order.command.key, 0) * order.command.side.sign < units:
            continue
        event = event_of_trades(order, traded, trades.asked_at)
        if event is not None:
            yield Report(order.command.command_id, event)


def traded_today(lone: Iterable[Traded], orders: OrderIndex, day: str) -> set[str]:
    """Return the command ids of the day's orders that the trade book alone shows: the account holds what they did."""
    known = (orders.match(one) for one in lone)
    return {one.command.command_id for one in known if one is not None and one.day == day}
