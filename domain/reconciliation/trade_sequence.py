"""Who traded first, an order of others or one of ours, where one book tells of both.

A trade of others closes what strategies hold, or opens a position of their own: it depends on who was first
(`domain/positions/closed_by_others.py`). Where that is not known ours counts as the first: should that be wrong, an
exit finds less to close although the account is flat; the other way round it would sell what the account has no more.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

from domain.orders.order import Order
from domain.orders.types import EXTERNAL
from domain.ports import trading_day
from domain.reconciliation.order_rows import Report


def may_come_second(theirs: Order, ours: Iterable[Order]) -> bool:
    """Say whether `theirs` is an order of others, and one of `ours` in the same instrument is open."""
    command = theirs.command
    return command.strategy == EXTERNAL and any(
        one.command.key == command.key and one.command.strategy != EXTERNAL and not one.is_terminal for one in ours
    )


class TradeSequence:
    """Owns what of others waits, as an order of ours in the instrument is open and the order book does not show it.

    The trade book tells whether ours has traded: it waits until one was read, and no longer than `wait_s` seconds, a
    proof of absence. Nobody sees it meanwhile, which is worse than a wrong guess where it lasts.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait: Final = timedelta(seconds=wait_s)
        self._since: dict[tuple[str, int], datetime] = {}
        self._trades_asked_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._unseen: tuple[Order, ...] = ()

    def see_orders(self, asked_at: datetime, orders: Iterable[Order], shown: AbstractSet[str]) -> None:
        """Learn which open orders of the day an order book does not show, of all that are known."""
        day = trading_day(asked_at)
        open_orders = (one for one in orders if not one.is_terminal and one.day == day)
        self._unseen = tuple(one for one in open_orders if one.command.command_id not in shown)
        self._asked_at = asked_at
        if not self._unseen:
            self._since.clear()

    def see_trades(self, asked_at: datetime) -> None:
        """Know that a trade book was read."""
        self._trades_asked_at = asked_at

    def must_wait(self, theirs: Order) -> bool:
        """Say whether what the last order book tells of an order of others can't be counted yet."""
        asked_at, trades_at = self._asked_at, self._trades_asked_at
        if asked_at is None or not may_come_second(theirs, self._unseen):
            return False
        since = self._since.setdefault((theirs.command.command_id, theirs.filled_quantity), asked_at)
        return (trades_at is None or trades_at < since) and asked_at - since < self._wait

    def ours_first(self, news: Iterable[tuple[Order, Report]]) -> list[Report]:
        """Put what a book tells of our own orders before what it tells of others; what must wait is left out."""
        told = [(order.command.strategy == EXTERNAL, report) for order, report in news if not self.must_wait(order)]
        return [report for _, report in sorted(told, key=lambda pair: pair[0])]
