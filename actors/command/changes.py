"""Cancels and modifies on their way: the six steps of an order, for a change of it.

Theory of operation. A caller's `ChangeOrder` opens a `PendingChange`, which lives until the caller is answered:

1. The order and the change's id are looked up; an id that was seen before is answered by the order as it stands.
2. A modify is held against the instrument, against risk, and reserved by the guard. A cancel can only reduce: it skips
   this.
3. CHANGE_REQUESTED is recorded with all terms, durable before the wire. A cancel and an exit's new price go on even
   when the database does not take it.
4. The broker is asked once.
5. The reply is recorded: taken, refused or lost. The caller is answered.

What the change did to the order is told by books and updates alone (`domain/reconciliation/order_rows.py`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from loguru import logger

from actors.command.part import Answer
from actors.command.records import Records
from actors.messages.broker import BrokerAnswered, ChangeAtBroker
from actors.messages.changes import (
    ChangeOrder,
)
from actors.messages.guard import ExposureReserved, ReserveExposure
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined
from actors.messages.persistence import LookUp, LookUpOrder, OrderLookedUp
from actors.messages.risk import CheckRefused, CheckRisk, RiskApproved
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.broker.reply_types import Accepted, Refused, Unknown
from domain.exits.pricing import shape_of
from domain.market.instrument import Objection
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand, as_modified, may_leave_unwritten
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.pricing import pricing_of
from domain.orders.reasons import Reason, explain
from domain.orders.validation import InvalidOrderError

Caller: TypeAlias = Address[OrderAnswered | OrderDeclined]
Heard: TypeAlias = ChangeOrder | OrderLookedUp | Answer

_CHANGEABLE: Final = frozenset({State.WORKING, State.PARTIALLY_FILLED})


@dataclass(slots=True)
class PendingChange:
    """One change on its way, and what has come in for it. `callers` are all who asked with this id.

    `sent`: the broker has been asked. `overtaken`: a cancel of the same order was asked for meanwhile.
    """

    command: ChangeCommand
    callers: list[Caller] = field(default_factory=list)
    order: Order | None = None
    wanted: OrderCommand | None = None
    change: Change | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    sent: bool = False
    overtaken: bool = False


class Changes:
    """Owns the changes whose callers wait. A part of CommandActor, in its thread."""

    def __init__(self, *, mail: Mailboxes, runtime: Runtime, records: Records) -> None:
        self._repo = mail.repo
        self._market = mail.market
        self._risk = mail.risk
        self._guard = mail.guard
        self._broker = mail.broker
        self._records = records
        self._clock = runtime.clock
        self._pending: dict[str, PendingChange] = {}
        self._unwritten: set[tuple[str, str]] = set()

    def names(self) -> tuple[str, ...]:
        """Return the ids of the changes on their way."""
        return tuple(self._pending)

    def receive(self, message: Heard) -> None:
        """Take a change one step further."""
        match message:
            case ChangeOrder():
                self._take(message)
            case OrderLookedUp():
                self._look_up(message)
            case OrderPriced():
                self._check(message)
            case RiskApproved():
                self._reserve(message)
            case ExposureReserved():
                self._have_reserved(message)
            case CheckRefused():
                self._block(message)
            case BrokerAnswered():
                self._record_reply(message)
            case _:
                assert_never(message)

    def _take(self, message: ChangeOrder) -> None:
        """Begin; who comes with the id of a change on its way hears its outcome."""
        name, order = message.command.change_id, message.command.command_id
        request = self._pending.get(name)
        if request is not None and request.command.command_id != order:
            if message.reply_to is not None:
                text = f"the change id {name} is on its way for another order; give this one an id of its own"
                declined = OrderDeclined(command_id=order, reason=Reason.CHANGE_IN_FLIGHT, message=text)
                post(message.reply_to, declined)
            return
        if request is None:
            request = self._pending[name] = PendingChange(message.command)
            post(self._repo, LookUpOrder(command_id=order, about=LookUp.CHANGE, change=message.command))
        if message.reply_to is not None:
            request.callers.append(message.reply_to)

    def _look_up(self, message: OrderLookedUp) -> None:
        """Step 1 is done: the order is known, or there is none."""
        request = self._pending[message.change_id]
        if message.cause:
            self._decline(request, Reason.DATABASE_UNAVAILABLE, message.cause)
            return
        # What has happened since stands ahead of the row.
        order = request.order = self._records.find(message.command_id) or message.order
        if order is None:
            self._decline(request, Reason.UNKNOWN_ORDER, f"no order has the command id {message.command_id}")
            return
        if message.outcome is not None or _id_of(request) in self._unwritten:
            self._answer(request, order, repeated=True, outcome=message.outcome)
            return
        pending = order.change
        is_cancel = request.command.kind is ChangeKind.CANCEL
        if order.state not in _CHANGEABLE or order.broker_order_id is None:
            self._decline(request, Reason.NOT_CHANGEABLE, _not_changeable(order))
        elif self._is_asked(order, request) or (pending is not None and not is_cancel):
            self._decline(request, Reason.CHANGE_IN_FLIGHT, explain(Reason.CHANGE_IN_FLIGHT))
        elif is_cancel:
            self._ask(
                request, Change(change_id=request.command.change_id, kind=ChangeKind.CANCEL, asked_at=self._clock.now())
            )
        else:
            self._look_at_terms(request, order)

    def _is_asked(self, order: Order, request: PendingChange) -> bool:
        """Say whether this has to wait: for a cancel on the wire or on its way, and a modify for any change at all."""
        pending = order.change
        if pending is not None and pending.kind is request.command.kind and pending.stage is ChangeStage.REQUESTED:
            return True
        others = (one for one in self._others(request) if one.order is not None)
        waits_for = {ChangeKind.CANCEL, request.command.kind}
        return any(one.command.kind in waits_for for one in others)

    def _others(self, request: PendingChange) -> Iterator[PendingChange]:
        """Yield the other changes of the same order that are on their way."""
        same = (one for one in self._pending.values() if one.command.command_id == request.command.command_id)
        return (one for one in same if one is not request)

    def follow(self, order: Order) -> None:
        """Let the changes of this order know how it stands now: what is told to the guard is never older."""
        for request in self._pending.values():
            if request.order is not None and request.command.command_id == order.command.command_id:
                request.order = order

    # Step 2, for a modify

    def _look_at_terms(self, request: PendingChange, order: Order) -> None:
        try:
            request.wanted = as_modified(order, request.command)
        except InvalidOrderError as error:
            self._decline(request, Reason.NOT_CHANGEABLE, str(error))
            return
        key = order.command.key
        question = PriceOrder(
            about=PriceQuestion.CHANGE,
            command_id=request.command.change_id,
            exchange=key.exchange,
            symbol=key.symbol,
            needs_price=False,
            exit=shape_of(request.wanted),
        )
        post(self._market, question)

    def _check(self, message: OrderPriced) -> None:
        """Check the new terms, now that the instrument is known, and ask risk."""
        request = self._pending[message.command_id]
        order, wanted = request.order, request.wanted
        assert order is not None
        assert wanted is not None
        pricing = pricing_of(wanted, message.instrument, message.last_price, message.reference)
        if isinstance(pricing, Objection):
            self._decline(request, pricing.reason, pricing.sentence)
            return
        request.change = Change(
            change_id=request.command.change_id,
            kind=ChangeKind.MODIFY,
            asked_at=self._clock.now(),
            quantity=wanted.quantity,
            limit_price=pricing.limit_price,
            trigger_price=pricing.trigger_price,
        )
        name, limit = request.command.change_id, pricing.limit_price
        post(self._risk, CheckRisk(change_id=name, command=wanted, price=limit))

    def _reserve(self, message: RiskApproved) -> None:
        """Risk says yes: ask the guard."""
        request = self._pending[message.change_id]
        assert request.order is not None
        assert request.wanted is not None
        request.inputs |= message.inputs
        wanted, order = request.wanted, request.order
        post(self._guard, ReserveExposure(command=wanted, change_id=message.change_id, order=order))

    def _have_reserved(self, message: ExposureReserved) -> None:
        """Record what the guard holds: an exit's growth is cut to what is left to reduce."""
        request = self._pending[message.change_id]
        assert request.order is not None
        assert request.change is not None
        request.inputs |= message.inputs
        change = replace(request.change, quantity=message.quantity)
        if _terms(change) == (request.order.quantity, request.order.limit_price, request.order.wire_trigger_price):
            self._decline(request, Reason.NOT_CHANGEABLE, "the order has these terms already; nothing was sent")
            return
        self._ask(request, change)

    def _block(self, message: CheckRefused) -> None:
        """Risk or guard says no."""
        self._decline(self._pending[message.change_id], message.reason, explain(message.reason), message.inputs)

    # Steps 3 to 5

    def _ask(self, request: PendingChange, change: Change) -> None:
        request.change = change
        if request.overtaken:
            self._decline(request, Reason.CHANGE_IN_FLIGHT, "a cancel of the order has been asked for meanwhile")
            return
        if change.kind is ChangeKind.CANCEL:
            for other in self._others(request):
                other.overtaken = True
        terms = {"quantity": change.quantity, "limit_price": change.limit_price, "trigger_price": change.trigger_price}
        inputs = {
            "change_id": change.change_id,
            "change": change.kind.value,
            **{name: str(value) for name, value in terms.items() if value is not None},
            "asked_by": request.command.origin.value,
            "reason": request.command.reason,
            **request.inputs,
        }
        event = OrderEvent(kind=Event.CHANGE_REQUESTED, change=change, inputs=inputs)
        self._records.record(request.command.command_id, event)

    def go_on(self, order: Order, event: OrderEvent) -> None:
        """Send what was asked, or answer what came back, now that it is on disk."""
        if event.kind is Event.CHANGE_REQUESTED and event.change is not None:
            self._unwritten.discard((order.command.command_id, event.change.change_id))
        request = self._change_of(event)
        if request is None or event.change is None:
            return
        request.order = order
        if event.kind is not Event.CHANGE_REQUESTED:
            self._answer(request, order)
        elif not request.sent:
            self._send(request, order, event.change)

    def _send(self, request: PendingChange, order: Order, change: Change) -> None:
        request.sent = True
        post(self._broker, ChangeAtBroker(order=order, change=change))

    def may_go_on_unwritten(self, event: OrderEvent, cause: str) -> bool:
        """Go on without the database: a cancel and an exit's new price go out all the same, another modify does not.

        Return whether it has happened after all, and is to be written later.
        """
        request = self._change_of(event)
        if event.change is None or request is None:
            return True
        assert request.order is not None
        if event.kind is not Event.CHANGE_REQUESTED:
            self._answer(request, request.order)
        elif may_leave_unwritten(request.order, event.change):
            self._unwritten.add(_id_of(request))
            if not request.sent:
                self._send(request, request.order, event.change)
        else:
            self._decline(request, Reason.DATABASE_UNAVAILABLE, cause)
            return False
        return True

    def stand_still(self, command_id: str, event: OrderEvent, cause: str) -> None:
        """Decline: the order ended on the way. One that the broker has been asked for hears its reply."""
        if event.kind is Event.CHANGE_REQUESTED and event.change is not None:
            self._unwritten.discard((command_id, event.change.change_id))
        request = self._change_of(event)
        if request is not None and not (request.sent and event.kind is Event.CHANGE_REQUESTED):
            self._decline(request, Reason.NOT_CHANGEABLE, cause)

    def _record_reply(self, message: BrokerAnswered) -> None:
        """Record what the broker answered."""
        change = message.change
        assert change is not None, "an order's own reply is no change's"
        match message.reply:
            case Accepted():
                event = OrderEvent(kind=Event.CHANGE_ACCEPTED, change=change)
            case Refused():
                event = OrderEvent(
                    kind=Event.CHANGE_REFUSED, tag=Reason.CHANGE_REFUSED, note=message.reply.message, change=change
                )
            case Unknown():
                event = OrderEvent(
                    kind=Event.CHANGE_REPLY_LOST, tag=Reason.CHANGE_REPLY_LOST, note=message.reply.cause, change=change
                )
            case _:
                assert_never(message.reply)
        inputs = {"change_id": change.change_id, "change": change.kind.value}
        self._records.record(message.command_id, replace(event, inputs=inputs))

    def _change_of(self, event: OrderEvent) -> PendingChange | None:
        """Return the change that an event is about. One that is being looked up is a repeat: the journal answers it."""
        request = None if event.change is None else self._pending.get(event.change.change_id)
        return request if request is not None and request.order is not None else None

    def _answer(
        self, request: PendingChange, order: Order, *, repeated: bool = False, outcome: Event | None = None
    ) -> None:
        del self._pending[request.command.change_id]
        for caller in request.callers:
            post(caller, OrderAnswered(order=order, repeated=repeated, outcome=outcome))

    def _decline(
        self, request: PendingChange, reason: Reason, message: str, inputs: Mapping[str, str] | None = None
    ) -> None:
        del self._pending[request.command.change_id]
        name = request.command.command_id
        logger.warning(
            "change {} of {} declined: {} ({}) {}", request.command.change_id, name, reason, message, inputs or ""
        )
        if request.order is not None and request.change is not None:
            # The guard may have reserved growth: what the order may trade is what it was.
            post(self._guard, OrderChanged(order=request.order))
        for caller in request.callers:
            post(caller, OrderDeclined(command_id=name, reason=reason, message=message))


def _id_of(request: PendingChange) -> tuple[str, str]:
    return request.command.command_id, request.command.change_id


def _terms(change: Change) -> tuple[object, ...]:
    return change.quantity, change.limit_price, change.trigger_price


def _not_changeable(order: Order) -> str:
    message = f"the order is {order.state}, and only what the broker is working on can be canceled or modified"
    return f"{message}; what it has filled is got out of by an EXIT" if order.filled_quantity else message
