"""What is asked of the database: the snapshot of a start, lists of orders, and the life of one.

What the database has not taken yet, and the exit journal holds, is told as well: it may have been sent all the same.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from actors.messages.persistence import FindOrders
from actors.repo.journaled_exits import JournaledExits
from domain.orders.order import JournalLine, Order
from domain.orders.reference import is_named
from domain.ports import Clock
from domain.read_models import Timeline
from domain.snapshot import DeskSnapshot
from storage.journal import REGISTERED
from storage.repository import OrderRepository

ORDERS_A_TURN_MAX: Final = 25
"""Who lists thousands of orders asks again and again: an exit waits for no more of them in this thread."""
Found = TypeVar("Found")


class Queries:
    """Reads what is on disk, and what waits beside it; raises `UnreadableError` where the database does not let us."""

    def __init__(self, repository: OrderRepository, beside: JournaledExits, clock: Clock) -> None:
        self._repository = repository
        self._beside = beside
        self._clock = clock

    def snapshot(self) -> DeskSnapshot:
        """Return what the actors start from."""
        return self._read(self._snapshot)

    def orders(self, message: FindOrders) -> tuple[Order, ...]:
        """Return the newest orders, those first that the database has not taken yet; no more than one turn may take."""
        return self._read(lambda: self._newest(message))

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, or None when there is no such order."""
        return self._read(lambda: self._timeline(command_id))

    def _read(self, read: Callable[[], Found]) -> Found:
        with self._repository.reading():
            return read()

    def _snapshot(self) -> DeskSnapshot:
        now = self._clock.now()
        stored = self._repository
        state, reason = stored.desk_state.trading_state()
        written = stored.remembered_orders(now)
        names = {order.command.command_id for order in written}
        beside = (one for one in self._beside.waiting if one.command.command_id not in names)
        return DeskSnapshot(
            orders=(*written, *beside),
            positions=stored.roll_ups.older_positions(now),
            orders_today=stored.roll_ups.sent_today(now),
            trading_state=state,
            reason=reason,
            moved=stored.moves.units(now),
            accepted=stored.moves.accepted_today(now),
            accepted_units=stored.moves.accepted_units(now),
            against_ours=stored.moves.against_ours(now),
            vanished=stored.moves.vanished(),
            ended=stored.moves.ended(),
            closed_at=stored.write_offs.closed_at(now),
            expiries=stored.desk_state.expiries(),
            requests=stored.flatten_requests.open(),
            ended_requests=stored.flatten_requests.ended(now),
            armed_stops=stored.stops.read(now),
            unarmed=stored.unarmed_entries(),
            risk_days=stored.desk_state.risk_days(),
            baskets=stored.baskets.read(),
            alerts=stored.alerts.unfinished(),
            written_off=stored.write_offs.counted(now),
            last_prices=stored.roll_ups.last_prices(),
            trades=stored.journal.trades_beside_others(written),
            ended_in_order=self._beside.ended_in_order,
            stored_by=stored.journal.runs_of_sending(written),
        )

    def _newest(self, message: FindOrders) -> tuple[Order, ...]:
        beside = {one.command.command_id: one for one in reversed(self._beside.waiting)}
        first = () if message.before is not None else tuple(beside.values())
        if message.reference is not None:
            first = tuple(one for one in first if is_named(one, message.reference))
        written = self._repository.newest_orders(
            min(message.limit, ORDERS_A_TURN_MAX),
            open_only=message.open_only,
            before=None if message.before in beside else message.before,
            reference=message.reference,
        )
        return (*first, *(one for one in written if one.command.command_id not in beside))

    def _timeline(self, command_id: str) -> Timeline | None:
        beside = self._beside.find(command_id)
        order = self._repository.get(command_id)
        if order is None and beside is not None:
            return Timeline(order=beside, lines=(_registered_beside(beside),))
        return None if order is None else Timeline(order=order, lines=self._repository.journal.lines(command_id))


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
