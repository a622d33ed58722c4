"""The snapshot that a start goes by: what is on disk, and what waits beside it."""

from actors.repo.journaled_exits import JournaledExits
from domain.ports import Clock, trading_day
from domain.snapshot import DeskSnapshot
from storage.database import reading
from storage.repository import OrderRepository


def load_snapshot(stored: OrderRepository, beside: JournaledExits, clock: Clock) -> DeskSnapshot:
    """Return what the actors start from; raise `UnreadableError` where the database does not let us.

    An exit that the database has not taken yet is told as well: it may have been sent all the same.
    """
    now = clock.now()
    with reading():
        state, reason = stored.desk_state.trading_state()
        written = stored.remembered_orders(now)
        carried = stored.roll_ups.carried(now)
        names = {order.command.command_id for order in written}
        waiting = (one for one in beside.waiting if one.command.command_id not in names)
        return DeskSnapshot(
            orders=(*written, *waiting),
            positions=carried.positions(),
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
            unarmed=stored.unarmed_entries(stored.roll_ups.counted_until(trading_day(now))),
            risk_days=stored.desk_state.risk_days(),
            baskets=stored.baskets.read(),
            alerts=stored.alerts.unfinished(),
            written_off=stored.write_offs.counted(now),
            last_prices=carried.prices,
            trades=stored.journal.trades_beside_others(written),
            ended_in_order=beside.ended_in_order,
            stored_by=stored.journal.runs_of_sending(written),
        )
