"""What each actor begins with, from what the database remembers."""

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import State
from domain.orders.types import EXTERNAL, InstrumentKey
from domain.positions.pnl import PnlBook
from domain.reconciliation.known import known_from
from domain.reconciliation.reconciler import Known
from domain.snapshot import DeskSnapshot

_UNANSWERED: Final = frozenset({State.CREATED, State.SENDING})


def known_of(snapshot: DeskSnapshot) -> Known:
    """Return what the database remembers as a comparison of the books begins with it, last days and ends included."""
    return known_from(
        snapshot.orders,
        snapshot.positions,
        snapshot.moved,
        snapshot.accepted,
        snapshot.accepted_units,
        expiries=snapshot.expiries,
        ended=snapshot.ended,
    )


def pnl_from(snapshot: DeskSnapshot, today: str) -> PnlBook:
    """Return the day's profit and loss as the database remembers it: what was carried, and what traded today.

    What was carried counts from the first price of the day, also where an earlier run has seen it.
    """
    book = PnlBook(day=today)
    for one in snapshot.risk_days:
        if one.day == today:
            book.first_prices.update(one.first_prices)
    gone = snapshot.ended - {order.command.key for order in snapshot.orders}
    _carry(book, snapshot, gone)
    for order in snapshot.orders:
        book.count(order)
    _write_off(book, snapshot, gone)
    for key, units in snapshot.against_ours.items():
        if key not in gone:
            book.move(key, units)
    return book


def _carry(book: PnlBook, snapshot: DeskSnapshot, gone: AbstractSet[InstrumentKey]) -> None:
    for strategy, held in snapshot.positions.items():
        for key, quantity in held.items():
            if not key.product.ends_with_its_day and quantity and key not in gone:
                book.carry(PositionKey(strategy, key), quantity)


def _write_off(book: PnlBook, snapshot: DeskSnapshot, gone: AbstractSet[InstrumentKey]) -> None:
    for position_key, units in snapshot.written_off.items():
        closed, price = snapshot.closed_at.get(position_key, (0, None))
        if closed:
            book.shift(position_key, closed, price)
        if position_key.key not in gone:
            book.shift(position_key, units - closed)


def sent_s_ago(snapshot: DeskSnapshot, now: datetime) -> float | None:
    """Return how many seconds ago an earlier process sent its last request, at the latest; None where none did today.

    What has no recorded answer may have left just before that process died.
    """
    ours = [one for one in snapshot.orders if one.command.strategy != EXTERNAL]
    if any(one.state in _UNANSWERED or one.change is not None for one in ours):
        return 0.0
    return min((max(0.0, (now - one.updated_at).total_seconds()) for one in ours), default=None)
