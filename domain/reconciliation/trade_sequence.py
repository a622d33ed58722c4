"""Who traded first, an order of others or one of ours, where one book tells of both.

A trade of others closes what strategies hold, or opens a position of their own: it depends on who was first
(`domain/positions/closed_by_others.py`). Where a book can't tell, ours counts as the first: should that be wrong, an
exit finds less to close although the account is flat; the other way round it would sell what the account has no more.
So an order of others is counted after one of ours of the other side, which may have opened what it closed, and after an
exit of its own side, which may have closed that before it.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, TypeAlias

from domain.broker.snapshots import Book, OrderRow, TradeRow, key_of
from domain.orders.order import Order
from domain.orders.types import EXTERNAL, InstrumentKey, Intent, Side
from domain.ports import trading_day
from domain.reconciliation.order_rows import Report, looks_like_ours

Place: TypeAlias = tuple[InstrumentKey, Side]
"""Where others trade, and on which side."""


def may_come_second(theirs: Order, ours: Iterable[Order]) -> bool:
    """Say whether `theirs` is of others and comes after an open one of `ours`, should that have traded."""
    command = theirs.command
    return command.strategy == EXTERNAL and any(
        one.command.key == command.key
        and one.command.strategy != EXTERNAL
        and not one.is_terminal
        and (command.key, command.side) in _places_after(one)
        for one in ours
    )


def _places_after(ours: Order) -> Iterator[Place]:
    """Yield where the trades of others come after those of an order of ours."""
    command = ours.command
    yield command.key, command.side.opposite
    if command.intent is Intent.EXIT:
        yield command.key, command.side


def ours_first(news: Iterable[tuple[Order, Report]]) -> list[Report]:
    """Put what one book tells of our own orders before what it tells of those of others."""
    told = sorted(news, key=lambda pair: pair[0].command.strategy == EXTERNAL)
    return [report for _, report in told]


class TradeSequence:
    """Owns which orders of others wait, as the order book lacks an open order of ours that they come after.

    The trade book tells whether ours has traded: each waits until one was read, and at most `wait_s` seconds, as long
    as a proof of absence takes. Nobody sees it meanwhile, which is worse than a wrong guess where it lasts.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s: Final = wait_s
        self._since_s: dict[str, tuple[Place, float]] = {}
        self._trades_asked_s: float | None = None
        self._asked_s = 0.0
        self._unseen: set[Place] = set()

    def see_orders(self, book: Book[OrderRow], unseen: Iterable[Order], strangers: Iterable[OrderRow]) -> None:
        """Learn what of ours a book does not show: open orders, and rows that may be ours and wait for the next one."""
        rows = (key for row in strangers if (key := key_of(row)) is not None)
        self._unseen = {place for one in unseen for place in _places_after(one)}
        self._unseen.update((key, side) for key in rows for side in Side)
        self._since_s = {name: one for name, one in self._since_s.items() if one[0] in self._unseen}
        self._asked_s = book.asked_s

    def see_trades(self, book: Book[TradeRow]) -> None:
        """Know that a trade book was read."""
        self._trades_asked_s = book.asked_s

    def must_wait(self, theirs: Order) -> bool:
        """Say whether what the last order book tells of an order of others can't be counted yet."""
        command = theirs.command
        place = (command.key, command.side)
        if looks_like_ours(theirs.note or ""):
            return False  # it has waited a book already, and may have traded long before ours was asked for
        if command.strategy != EXTERNAL or place not in self._unseen:
            return False
        _, since_s = self._since_s.setdefault(command.command_id, (place, self._asked_s))
        was_read = self._trades_asked_s is not None and self._trades_asked_s >= since_s
        return not was_read and self._asked_s - since_s < self._wait_s


def unseen_orders(orders: Iterable[Order], shown: AbstractSet[str], asked_at: datetime) -> Iterator[Order]:
    """Yield the open orders of ours, of the day, that a book does not show by their command ids."""
    day = trading_day(asked_at)
    for one in orders:
        is_ours = one.command.strategy != EXTERNAL
        if is_ours and not one.is_terminal and one.day == day and one.command.command_id not in shown:
            yield one
