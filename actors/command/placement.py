"""The six steps of an order, in order. A part of CommandActor, in its thread; the theory stands in `actor.py`."""

from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

from loguru import logger

from actors.command.admission import Admission
from actors.command.entry_gate import EntryGate
from actors.command.followers import Followers
from actors.command.last_days import LastDays
from actors.command.part import Answer
from actors.command.pending import PendingOrder, PendingOrders
from actors.command.records import Records
from actors.command.tag_search import CannotTell, NotSent, SentBefore, TagSearch
from actors.messages.books import BooksReconciled, ReconcileNow
from actors.messages.broker import BrokerAnswered, PlaceOrder, TagLookedUp
from actors.messages.exits import ExitCut
from actors.messages.guard import ExposureReserved, ReserveExposure
from actors.messages.market import OrderPriced, PriceOrder
from actors.messages.orders import OrderAnswered, OrderDeclined, SubmitOrder
from actors.messages.persistence import (
    ExternalOrderRecorded,
    ForgetRegistration,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    RecordExternalOrder,
    RegisterOrder,
    RegistrationFailed,
)
from actors.messages.risk import CheckRefused, CheckRisk, RiskApproved
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.desk import database_alert
from domain.alerts.text.prices import cut_exit_alert, odd_lot_alert
from domain.broker.reply_types import Accepted, Refused, Unknown
from domain.exits.flatten import PositionKey
from domain.exits.pricing import shape_of
from domain.exits.stop_check import stop_objection
from domain.market.instrument import Objection
from domain.orders.hand_over import RUN
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.pricing import pricing_of
from domain.orders.reasons import Reason, explain
from domain.orders.types import Intent, OrderType
from domain.reconciliation.order_rows import remarks_tag_of

Registration: TypeAlias = OrderRegistered | OrderLookedUp | RegistrationFailed
Books: TypeAlias = BooksReconciled | ExternalOrderRecorded

_ANSWERS: Final = frozenset({Event.BLOCKED, Event.ACCEPTED, Event.REFUSED, Event.REPLY_LOST})
"""The events that end steps 1 to 5, so that the caller can be told."""


class Placement:
    """Owns the orders whose callers wait, and how each of them goes on."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        pending: PendingOrders,
        records: Records,
        followers: Followers,
        gate: EntryGate,
        admission: Admission,
        tag_search: TagSearch,
        orders_waiting_max: int,
        is_collared: bool,
        run: str,
        tell: Callable[[Alert], None],
    ) -> None:
        self._mail = mail
        self._clock = runtime.clock
        self._pending = pending
        self._records = records
        self._followers = followers
        self._gate = gate
        self._admission = admission
        self._tag_search = tag_search
        self._last_days = LastDays(mail, runtime.clock)
        self._orders_waiting_max = orders_waiting_max
        self._is_collared = is_collared
        self._said = {RUN: run} if run else {}
        self._tell = tell

    def receive(self, message: SubmitOrder | Registration | TagLookedUp | Answer | Books) -> None:
        """Take an order one step further."""
        match message:
            case SubmitOrder():
                self._take(message)
            case OrderRegistered() | OrderPriced():
                self._gather(message)
            case OrderLookedUp():
                self._answer_known(message)
            case RegistrationFailed():
                self._fail_to_register(message)
            case TagLookedUp():
                self._look_for_tag(message)
            case RiskApproved():
                self._reserve(message)
            case CheckRefused():
                self._take_no(message)
            case ExposureReserved():
                self._record_sending(message)
            case BrokerAnswered():
                self._record_reply(message)
            case BooksReconciled():
                self._record_reports(message)
            case ExternalOrderRecorded():
                self._take_external(message)
            case _:
                assert_never(message)

    # Step 1: register.

    def _take(self, message: SubmitOrder) -> None:
        """Begin, or wait for a place. Who comes while too many wait is declined; who waits already is not."""
        full = len(self._pending) >= self._orders_waiting_max and message.command.intent is not Intent.EXIT
        if full or self._pending.may_begin(message):
            self._submit(message, full=full)

    def _submit(self, message: SubmitOrder, *, full: bool = False) -> None:
        command = message.command
        declined = self._admission.refusal(command) or (Reason.DESK_BUSY if full else None)
        if not self._pending.open(message, declined):
            return
        if declined is not None:
            # Even a desk that takes nothing new still tells what became of an id it has seen.
            post(self._mail.repo, LookUpOrder(command_id=command.command_id))
            return
        day = self._admission.day_of(command)
        post(self._mail.repo, RegisterOrder(command=command, remarks_tag=remarks_tag_of(command), day=day))
        is_collared = self._is_collared and command.intent is not Intent.EXIT
        question = PriceOrder(
            command_id=command.command_id,
            exchange=command.exchange,
            symbol=command.symbol,
            needs_price=command.order_type is OrderType.MARKET or is_collared,
            exit=shape_of(command),
        )
        post(self._mail.market, question)

    def _answer_known(self, message: OrderLookedUp) -> None:
        """Answer with the order whose command id was seen before; decline one that is not taken and not known."""
        pending = self._end(message.command_id)
        known = self._records.find(message.command_id) or message.order
        if known is not None:
            pending.answer(OrderAnswered(order=known, repeated=True))
        elif message.cause:
            self._decline_unread(pending, message.cause)
        else:
            assert pending.declined is not None, "only a declined order is looked up"
            own = pending.declined is Reason.ALREADY_AT_BROKER
            text = "" if own else "; ".join(map(str, self._admission.blockers()))
            self._decline(pending, pending.declined, text or explain(pending.declined))

    def _decline_unread(self, pending: PendingOrder, cause: str) -> None:
        self._tell(database_alert(cause))
        self._decline(pending, Reason.DATABASE_UNAVAILABLE, cause)

    def _fail_to_register(self, message: RegistrationFailed) -> None:
        """Decline; an exit that no disk knows goes on: at once where its id is new, else once the books are read."""
        name, order = message.command_id, message.order
        if order is None:
            self._decline_unread(self._end(name), message.cause)
            return
        registered = OrderRegistered(order=order, unwritten=message.cause)
        if self._pending_order(name).is_new:
            self._gather(registered)
        else:
            self._tag_search.begin(registered, unwritten=message.cause)

    def _look_for_tag(self, message: TagLookedUp) -> None:
        """Send the exit if the broker has none with its tag; who can't be sent twice is not held up by its books."""
        name = message.command_id
        match self._tag_search.look(message):
            case None:
                pass
            case SentBefore() as found:
                self._find_sent(self._pending_order(name), found)
            case CannotTell() as found:
                blocked = OrderEvent(kind=Event.BLOCKED, tag=Reason.DATABASE_UNAVAILABLE, note=found.message)
                post(self._mail.repo, ForgetRegistration(command_id=name, blocked=blocked))
                self._decline(self._end(name), Reason.DATABASE_UNAVAILABLE, found.message)
            case NotSent() as found:
                self._pending_order(name).registration = {"tag_at_broker": found.seen}
                self._gather(found.registered)

    def _find_sent(self, pending: PendingOrder, found: SentBefore) -> None:
        """Answer with the order that an earlier run has sent: the books tell what became of it."""
        name, pending.order = found.order.command.command_id, found.order
        if found.is_external:
            self._block(name, Reason.ALREADY_AT_BROKER, "", {"broker_order_id": found.broker_order_id})
            return
        inputs = {"matched_by": "tag", "broker_order_id": found.broker_order_id}
        event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT, inputs=inputs)
        self._records.record(name, event)
        self._end(name).answer_after(event, self._clock.now(), repeated=True)
        post(self._mail.watcher, ReconcileNow())

    # Step 2: blockers.

    def _gather(self, message: OrderRegistered | OrderPriced) -> None:
        """Go on when the order is on disk and its instrument is known."""
        name = message.order.command.command_id if isinstance(message, OrderRegistered) else message.command_id
        pending = self._pending.find(name)
        if pending is None:
            return
        if isinstance(message, OrderPriced):
            pending.priced = message
        elif not self._have_registered(pending, message):
            return
        if pending.order is not None and pending.priced is not None and pending.pricing is None:
            self._check(pending, pending.priced)

    def _have_registered(self, pending: PendingOrder, message: OrderRegistered) -> bool:
        """Take up the order, unless an earlier run may have sent it: then its tag is looked for first."""
        self._tag_search.know(message.order)
        if not message.is_sought and self._tag_search.must_ask(pending.command):
            self._tag_search.begin(message)
            return False
        pending.order = message.order
        if message.unwritten:
            told = f"not in the database: {message.unwritten}"
            pending.registration = {**pending.registration, "registered": told}
            self._records.note_trouble(message.unwritten)
        return True

    def _check(self, pending: PendingOrder, priced: OrderPriced) -> None:
        """Hold the terms against hours, instrument and stops; then ask risk (2A)."""
        name = pending.command.command_id
        held_back = self._admission.objection(pending.command)
        if held_back is not None:
            self._block(name, held_back.reason, held_back.sentence, {})
            return
        pricing = pricing_of(pending.command, priced.instrument, priced.last_price, priced.reference)
        wrong = pricing if isinstance(pricing, Objection) else stop_objection(pending.command, pricing.last_price)
        if wrong is not None:
            self._block(name, wrong.reason, wrong.sentence, {})
        elif not isinstance(pricing, Objection):
            pending.pricing = pricing
            self._last_days.learn(priced.instrument)
            limit, last = pricing.limit_price, pricing.last_price
            post(self._mail.risk, CheckRisk(command=pending.command, price=limit, last_price=last))

    def _reserve(self, message: RiskApproved) -> None:
        """Ask the guard (2B and 2C), now that risk has said yes."""
        pending = self._pending_order(message.command_id)
        pending.inputs = message.inputs
        only = pending.from_position_only
        post(self._mail.guard, ReserveExposure(command=pending.command, from_position_only=only))

    def _take_no(self, message: CheckRefused) -> None:
        pending = self._pending_order(message.command_id)
        if message.reason is Reason.NOTHING_TO_EXIT:
            post(self._mail.exits, ExitCut(command=pending.command))
        # What is in the way, or why nothing is left to exit, is known beside the reason's own sentence.
        reference = pending.priced.reference if pending.priced is not None else None
        text = "" if message.why is None else message.why.sentence(reference)
        self._block(message.command_id, message.reason, text, dict(message.inputs))

    def _block(self, command_id: str, reason: Reason, sentence: str, inputs: dict[str, str]) -> None:
        event = OrderEvent(kind=Event.BLOCKED, tag=reason, note=sentence or explain(reason), inputs=inputs)
        self._records.record(command_id, event)

    # Step 3: SENT_TO_BROKER, durable before the wire.

    def _record_sending(self, message: ExposureReserved) -> None:
        pending = self._pending_order(message.command_id)
        assert pending.pricing is not None
        if message.quantity < pending.command.quantity:
            post(self._mail.exits, ExitCut(command=pending.command))
        quantity = pending.pricing.sendable(message.quantity)
        left = pending.pricing.odd(message.quantity)
        if left and not pending.from_position_only:
            # What the desk itself exits is told of when nothing but the odd units is left.
            position_key = PositionKey(pending.command.strategy, pending.command.key)
            self._tell(odd_lot_alert(str(position_key), left, pending.pricing.lot))
        rest, limit = message.quantity - left - quantity, pending.pricing.quantity_max
        note = f"cut to {quantity} units: one order carries at most {limit} units" if rest > 0 else None
        if rest > 0 and not pending.from_position_only:
            self._tell(cut_exit_alert(pending.command, quantity, rest))
        event = pending.sending(pending.pricing, quantity, note=note, reserved=message.inputs, said=self._said)
        self._records.record(message.command_id, event)

    # Step 4: execute.

    def execute(self, order: Order) -> None:
        """Ask the broker, once: the order's SEND is on disk, or kept for it."""
        post(self._mail.broker, PlaceOrder(order=order))

    # Step 5: record what came back, and tell the caller.

    def _record_reply(self, message: BrokerAnswered) -> None:
        match message.reply:
            case Accepted():
                event = OrderEvent(kind=Event.ACCEPTED, broker_order_id=message.reply.broker_order_id)
            case Refused():
                event = OrderEvent(kind=Event.REFUSED, tag=message.reply.reason, note=message.reply.message)
                if message.reply.reason is Reason.BROKER_UNREACHABLE:
                    self._gate.lose(message.reply.message)
            case Unknown():
                event = OrderEvent(kind=Event.REPLY_LOST, tag=Reason.REPLY_LOST, note=message.reply.cause)
            case _:
                assert_never(message.reply)
        # The write goes before the answer, so that whoever asks after it reads what it said.
        self._records.record(message.command_id, event)
        accepted, pending = self._records.accepted(message.command_id), self._end(message.command_id)
        if accepted is None:
            pending.answer_after(event, self._clock.now())
        else:
            pending.answer(OrderAnswered(order=accepted))

    # Step 6: watch.

    def _record_reports(self, message: BooksReconciled) -> None:
        """Record what the broker's books and updates prove, and the orders of others.

        Whether one of others has closed a position of ours depends on what we held: it never comes before what an
        earlier book has told of our own orders, and waits for the next book while that can't be told.
        """
        self._gate.compare(message)
        self._tag_search.see_books(message)
        has_untold = self._records.has_untold
        for report in message.reports:
            self._records.record(report.command_id, report.event)
        if not has_untold:
            for order in message.external:
                post(self._mail.repo, RecordExternalOrder(order=order))

    def _take_external(self, message: ExternalOrderRecorded) -> None:
        """Let the watcher know an order of others, and the guard what it does to the account."""
        self._tag_search.claim(message.order)
        self._followers.take_external(message.order, known=message.known)
        if not message.known:
            self._tag_search.ask_again()

    # After every event.

    def led(self, command_id: str) -> Order | None:
        """Return the order of a caller who waits, as it was last heard of here."""
        pending = self._pending.find(command_id)
        return None if pending is None else pending.order

    def follow(self, order: Order) -> None:
        """Know how an order stands now. A lead without an order is a repeat's: it goes no step."""
        pending = self._pending.find(order.command.command_id)
        if pending is not None and pending.order is not None:
            pending.order = order

    def go_on(self, order: Order, event: OrderEvent) -> None:
        """Give way to the next order, or answer a caller whose order is over before the broker was asked."""
        name = order.command.command_id
        if event.kind is Event.SENT:
            self._make_way(name)
        elif event.kind in _ANSWERS and self.led(name) is not None:
            self._end(name).answer(OrderAnswered(order=order))

    def stand_still(self, command_id: str, event: OrderEvent, cause: str) -> None:
        """Tell a waiting caller how the order stands: what was reported contradicts it."""
        del cause
        order = self.led(command_id)
        if order is not None and event.kind in {*_ANSWERS, Event.SENT}:
            self._end(command_id).answer(OrderAnswered(order=order))

    def may_go_on_unwritten(self, event: OrderEvent, cause: str) -> bool:
        """Say yes: an order goes on without the database, as the guide says."""
        del event, cause
        return True

    def _pending_order(self, command_id: str) -> PendingOrder:
        pending = self._pending.find(command_id)
        assert pending is not None, "a lead is open until step 5"
        return pending

    def _end(self, command_id: str) -> PendingOrder:
        """Close the lead and let the next order begin."""
        pending = self._pending.end(command_id)
        self._make_way(command_id)
        return pending

    def _make_way(self, command_id: str) -> None:
        for message in self._pending.free(command_id):
            self._submit(message)

    def _decline(self, pending: PendingOrder, reason: Reason, message: str) -> None:
        declined = OrderDeclined(command_id=pending.command.command_id, reason=reason, message=message)
        logger.warning("{} declined: {} ({})", pending.command.command_id, reason, message)
        pending.answer(declined)
        self._followers.tell_strategy(pending.command.strategy, declined)
