"""The writes of one group inside an open transaction, and the answer to each once it is committed."""

from collections.abc import Sequence
from typing import assert_never

from actors.messages.books import AcceptanceUndone, BreakResolved, UndoAcceptance
from actors.messages.inboxes import CommandInbox
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    ExternalOrderRecorded,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    Record,
    Recordable,
    RecordEvent,
    RecordExternalMove,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    UndoRecorded,
)
from actors.repo.writes import Write
from domain.alerts.alert import AlertRecord
from domain.baskets import BasketRecord
from domain.exits.flatten import FlattenEnd, FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.expiry import Expiry
from domain.orders.lifecycle import Event, IllegalTransitionError
from domain.orders.order import Order
from domain.ports import Clock
from domain.reconciliation.write_off import WriteOff
from domain.risk.checks import TradingDecision
from domain.risk.loss_limit import RiskDay
from storage.repository import OrderRepository, UnknownOrderError


class Writer:
    """Writes messages through the repository; owns nothing beside it."""

    def __init__(self, repository: OrderRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def write(self, batch: Sequence[Write]) -> list[CommandInbox | None]:
        """Write a group inside the open transaction; return the answers, to be posted after the commit."""
        new = [one.command.command_id for one in batch if isinstance(one, RegisterOrder)]
        known = self._repository.known(new) if new else {}
        return [self._write(message, known) for message in batch]

    def look_up(self, message: LookUpOrder) -> OrderLookedUp:
        """Return an order as it stands, and how far a change of it has come."""
        found, change = self._repository.get(message.command_id), message.change
        outcome = None
        if found is not None and change is not None:
            outcome = self._repository.journal.change_outcome(found, change.change_id)
        return looked_up(message, found, outcome)

    def _write(self, message: Write, known: dict[str, Order]) -> CommandInbox | None:
        match message:
            case RegisterOrder():
                return self._register(message, known)
            case LookUpOrder():
                return self.look_up(message)
            case RecordEvent():
                return self._move(message)
            case RecordExternalOrder():
                kept = self._repository.keep_external_order(message.order)
                return ExternalOrderRecorded(order=kept, known=kept is not message.order)
            case RecordExternalMove():
                return self._resolve(message)
            case UndoAcceptance():
                undone = self._repository.moves.undo_acceptance(message.name, message.reason, message.at)
                answer = AcceptanceUndone(name=message.name, undone=undone)
                return UndoRecorded(answer=answer, reply_to=message.reply_to)
            case RecordFills():
                self._repository.add_fills(message.fills)
            case Record():
                self._keep(message.item)
            case _:
                assert_never(message)
        return None

    def _register(self, message: RegisterOrder, known: dict[str, Order]) -> CommandInbox:
        name = message.command.command_id
        earlier = known.get(name)
        if earlier is not None:
            # Read anew: an event of the same group may have moved it since the group looked.
            return OrderLookedUp(command_id=name, order=self._repository.get(name) or earlier)
        order = self._repository.create(message.command, message.remarks_tag, self._clock.now(), message.day)
        known[name] = order
        return OrderRegistered(order=order)

    def _move(self, message: RecordEvent) -> CommandInbox:
        try:
            recorded = self._repository.update_status(message.command_id, message.event, message.at)
        except (IllegalTransitionError, UnknownOrderError) as error:
            return EventIllegal(command_id=message.command_id, event=message.event, cause=str(error))
        return EventRecorded(
            order=recorded.order,
            event=message.event,
            late=recorded.late,
            late_quantity=recorded.late_quantity,
            again=recorded.again,
        )

    def _resolve(self, message: RecordExternalMove) -> CommandInbox:
        """Write a move, and with it which strategies hold something no more."""
        resolved = message.recon_break
        self._repository.moves.resolve_break(resolved, message.reason, message.at, message.kind)
        for strategy, units in message.ended:
            assert resolved.key is not None, "only of a position units end"
            ended = WriteOff(
                position_key=PositionKey(strategy, resolved.key),
                units=units,
                reason=message.reason,
                at=message.at,
                price=resolved.price,
            )
            self._repository.write_offs.keep(ended)
        return BreakResolved(recon_break=resolved, kind=message.kind, reason=message.reason, ended=message.ended)

    def _keep(self, item: Recordable) -> None:
        """Write one item into its table."""
        match item:
            case TradingDecision():
                self._repository.desk_state.set_trading_state(item.state, item.reason, self._clock.now())
            case FlattenRequest():
                self._repository.flatten_requests.keep(item)
            case FlattenEnd():
                self._repository.flatten_requests.end(item.request_id, item.at, item.missing)
            case ArmedStop():
                self._repository.stops.keep(item)
            case RiskDay():
                self._repository.desk_state.keep_risk_day(item)
            case BasketRecord():
                self._repository.baskets.keep(item)
            case AlertRecord():
                self._repository.alerts.keep(item)
            case Expiry():
                self._repository.desk_state.keep_expiry(item.exchange, item.symbol, item.expires_on)
            case WriteOff():
                self._repository.write_offs.keep(item)
            case _:
                assert_never(item)


def looked_up(
    message: LookUpOrder, order: Order | None, outcome: Event | None = None, cause: str = ""
) -> OrderLookedUp:
    """Return the answer to a look-up."""
    change_id = "" if message.change is None else message.change.change_id
    return OrderLookedUp(
        command_id=message.command_id,
        order=order,
        about=message.about,
        change_id=change_id,
        outcome=outcome,
        cause=cause,
    )
