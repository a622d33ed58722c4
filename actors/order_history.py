"""Orders as people ask for them: what is on disk, and what the database has not taken yet.

RepoActor says what waits, and has written by its answer all that was told to it before; the rest is read past it
(`storage/history.py`): no list, however long, and no journal is read in the thread that decides.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors.errors import DeskUnavailableError
from domain.orders.order import JournalLine, Order
from domain.orders.reference import is_named
from domain.read_models import Timeline, Unwritten
from storage.database import UnreadableError
from storage.history import History
from storage.journal import REGISTERED


class OrderHistory:
    """Reads orders, newest first, and the life of one. Raises `DeskUnavailableError` where they can't be read."""

    def __init__(self, stored: History, find_unwritten: Callable[[], Unwritten]) -> None:
        self._stored = stored
        self._find_unwritten = find_unwritten

    def orders(
        self, limit: int, *, open_only: bool, reference: str | None, between: Callable[[], None]
    ) -> tuple[Order, ...]:
        """Return at most `limit` orders, page by page, with `between` in between; first what is not on disk yet.

        With a `reference` only those that it may mean: the start of a command id, or the broker's number.
        """
        beside = (
            one for one in reversed(self._find_unwritten().exits) if reference is None or is_named(one, reference)
        )
        found = {one.command.command_id: one for one in beside}
        for page in self._pages(limit, open_only=open_only, reference=reference):
            for one in page:
                found.setdefault(one.command.command_id, one)
            if len(found) >= limit:
                break
            between()
        return tuple(found.values())[:limit]

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, or None when there is no such order."""
        beside = {one.command.command_id: one for one in self._find_unwritten().exits}
        with _told():
            stored = self._stored.timeline(command_id)
        if stored is None and command_id in beside:
            order = beside[command_id]
            return Timeline(order=order, lines=(_registered_beside(order),))
        return stored

    def _pages(self, limit: int, *, open_only: bool, reference: str | None) -> Iterator[tuple[Order, ...]]:
        with _told():
            if reference is not None:
                named = self._stored.named_orders(reference)
                yield tuple(one for one in named if not (open_only and one.is_terminal))
                return
            before: str | None = None
            while page := self._stored.newest_orders(limit, open_only=open_only, before=before):
                yield page
                before = page[-1].command.command_id


@contextmanager
def _told() -> Iterator[None]:
    """Tell who asks why nothing can be read."""
    try:
        yield
    except UnreadableError as error:
        raise DeskUnavailableError(str(error)) from None


def _registered_beside(order: Order) -> JournalLine:
    """Return the first line of an exit's journal, as the database will have it."""
    return JournalLine(
        command_id=order.command.command_id,
        at=order.created_at,
        event=REGISTERED,
        state_before=None,
        state_after=order.state.value,
        tag=None,
        note="",
        changes={"state": order.state.value, "quantity": order.quantity},
        inputs={"kept_in": "exit journal"},
    )
