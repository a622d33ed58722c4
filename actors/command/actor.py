"""CommandActor: leads each order through its life, all six steps.

Theory of operation. A caller's `SubmitOrder` opens a `PendingOrder`, which lives until the caller is answered:

1. Register.  RepoActor stores the order as CREATED (`RegisterOrder`), or knows its command id already and returns
              the first outcome. Meanwhile MarketActor says what the exchange demands of the instrument (`PriceOrder`).
              Nothing below happens before both are in. An exit that the database does not take is registered in the
              exit journal, and where that fails too, looked for at the broker by its tag (`tag_search.py`).
2. Blockers.  The terms are checked against lot, tick, freeze quantity and circuit limits; RiskActor judges 2A
              (`CheckRisk`); GuardActor judges 2B and 2C, reserves, and clamps exits (`ReserveExposure`).
3. Record.    RepoActor stores SENDING with the final price and quantity (`RecordEvent`). Durable before the wire.
              If the database does not take it, the order goes on all the same, as the guide says: the tag finds it.
4. Execute.   BrokerActor asks the broker once (`PlaceOrder`).
5. Result.    Accepted, Refused or Unknown is stored (`RecordEvent`) and the caller is answered.
6. Watch.     WatcherActor reports what the broker's books and updates prove (`BooksReconciled`, `UpdatesReconciled`);
              each report is stored like any other event, and guard, watcher and strategy hear of it. Orders of others
              are stored as EXTERNAL. What the three books tell differently stops entries (`BooksChecked`).

Cancels and modifies take the same way, in `actors/command/changes.py`; a person's last word on an order is
`ResolveOrder`.

Nothing here decides about money: terms, risk, guard and life cycle are judged in the domain. Nothing here waits:
each step is one message out, and the next begins with the message that comes back. Nothing here sends twice: an
order leaves for the broker only when its own SEND event returns, and that event is legal once.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, assert_never

from loguru import logger

from actors.command.changes import Changes
from actors.command.entry_gate import EntryGate
from actors.command.external_moves import ExternalMoves
from actors.command.pending import PendingOrder, PendingOrders
from actors.command.pending_writes import EARLIER_WAIT, PendingWrites
from actors.command.resolution import ManualResolution
from actors.command.tag_search import TagSearch
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import FollowOrders, LegMoved, SuspendSymbol
from actors.messages.books import (
    AcceptBreak,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    ChangedOrders,
    DayBegan,
    ExpiryLearnt,
    FetchChangedOrders,
    FillsSeen,
    HoldingWrittenOff,
    PositionWrittenOff,
    ReconcileNow,
)
from actors.messages.broker import ChangeAnswered, PlaceAnswered, PlaceOrder, SessionChanged, TagLookedUp
from actors.messages.changes import (
    ChangeApproved,
    ChangeBlocked,
    ChangeLookedUp,
    ChangeOrder,
    ChangeReserved,
    ChangeUnreadable,
    ResolutionLookedUp,
    ResolveOrder,
)
from actors.messages.desk import FindReadiness, JoinStrategy, Readiness, ResumeOrders, StopTaking
from actors.messages.exits import ExitCut, MarketOrderMoved, SaleRefused
from actors.messages.guard import (
    BeginDay,
    ExposureMoved,
    ExposureRefused,
    ExposureReserved,
    HoldersTold,
    ReserveExposure,
)
from actors.messages.inboxes import (
    CommandInbox,
)
from actors.messages.market import OrderPriced, PriceOrder, PriceSeen
from actors.messages.orders import OrderAnswered, OrderDeclined, OrderUpdated, SubmitOrder
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalMoveRecorded,
    ExternalOrderRecorded,
    ForgetRegistration,
    LookUpOrder,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    RecordEvent,
    RecordExpiry,
    RecordExternalOrder,
    RecordFills,
    RecordWriteOff,
    RegisterOrder,
    RegistrationFailed,
    RegistrationUnwritten,
    RetryUnrecorded,
    UndoRecorded,
)
from actors.messages.risk import (
    BroadcastTradingState,
    CheckRisk,
    FillCounted,
    OrderOver,
    PnlWrittenOff,
    RiskApproved,
    RiskBlocked,
    TradingStateChanged,
)
from actors.messages.stops import EntryMoved
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.alert import Alert
from domain.alerts.text.broker import session_alert
from domain.alerts.text.desk import database_alert, database_back_alert
from domain.alerts.text.orders import order_alert
from domain.alerts.text.prices import cut_exit_alert, odd_lot_alert
from domain.broker.reply_types import Accepted, Refused, Unavailable, Unknown
from domain.broker.snapshots import Tick
from domain.exits.flatten import PositionKey
from domain.exits.pricing import shape_of
from domain.exits.square_off import SquareOff
from domain.exits.stop_check import stop_objection
from domain.market.calendar import Calendar
from domain.market.expiry import has_expired
from domain.market.instrument import Instrument, Objection
from domain.market.price import PriceSource
from domain.orders.change import ChangeKind, ChangeStage
from domain.orders.command import OrderCommand
from domain.orders.hand_over import RUN
from domain.orders.lifecycle import Event, IllegalTransitionError, State, is_late_truth
from domain.orders.order import Order, OrderEvent
from domain.orders.pricing import pricing_of
from domain.orders.reasons import Reason, explain
from domain.orders.tag_lookup import TagShown, look_for_tag
from domain.orders.text import outcome_line
from domain.orders.types import Exchange, Intent, OrderType
from domain.positions.delivery import is_refused_for_shares
from domain.reconciliation.breaks import Break
from domain.reconciliation.order_rows import Report, remarks_tag_of
from domain.reconciliation.reconciler import Checked

RETRY_UNRECORDED_S: Final = 1.0
_ANSWERS: Final = frozenset({Event.BLOCKED, Event.ACCEPTED, Event.REFUSED, Event.REPLY_LOST})
"""The events that end steps 1 to 5, so that the caller can be told."""


class CommandActor(SharedThreadActor):
    """Owns the leads, the strategies' addresses, and what speaks against taking orders."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        limits: "CommandLimits",
        calendar: Calendar | None,
        run: str = "",
    ) -> None:
        super().__init__(mail.supervisor)
        self._said = {RUN: run} if run else {}
        self._repo = mail.repo
        self._market = mail.market
        self._risk = mail.risk
        self._guard = mail.guard
        self._broker = mail.broker
        self._watcher = mail.watcher
        self._exits = mail.exits
        self._notifier = mail.notifier
        self._limits = limits
        self._calendar = calendar
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._pending = PendingOrders()
        self._changes = Changes(mail=mail, runtime=runtime, record=self._record)
        self._resolution = ManualResolution(mail.repo, self._record)
        self._tag_search = TagSearch(mail.broker, runtime.clock, runtime.timer)
        self._gate = EntryGate(
            limits.books_unavailable_s_max, limits.silence_s_max, runtime.clock, self._tell, limits.book_away_s_max
        )
        self._strategies: dict[
            str, Address[OrderUpdated | OrderDeclined | TradingStateChanged | HoldingWrittenOff]
        ] = {}
        self._followers: dict[str, Address[LegMoved]] = {}
        self._moves = ExternalMoves(
            mail=mail,
            runtime=runtime,
            strategies=self._strategies,
            gate=self._gate,
            tell=self._tell,
        )
        self._suspended: dict[tuple[Exchange, str], str] = {}
        self._last_days: dict[tuple[Exchange, str], date] = {}
        self._moved: dict[str, Order] = {}
        self._fills_grew = False
        self._unwritten = PendingWrites()
        self._stopping = False
        self._writes = True

    def on_receive(self, message: CommandInbox) -> Readiness | Break | None:
        """Take each order one step further."""
        match message:
            case SubmitOrder():
                self._take(message)
            case ChangeOrder():
                self._changes.take(message)
            case ChangeLookedUp():
                self._changes.look_up(
                    replace(message, order=self._known_now(message.command.command_id, message.order))
                )
            case ChangeUnreadable():
                self._changes.fail_to_look_up(message)
            case ChangeApproved():
                self._changes.go_on_approved(message)
            case ChangeReserved():
                self._changes.reserve(message)
            case ChangeBlocked():
                self._changes.block(message)
            case ChangeAnswered():
                self._changes.take_reply(message)
            case ResolveOrder():
                self._resolution.take(message, self._pending.names())
            case ResolutionLookedUp():
                self._resolution.look_up(message)
            case AcceptBreak():
                return self._moves.accept(message.name, message.reason)
            case OrderPriced() if self._changes.is_about_a_change(message):
                self._changes.price(message)
            case OrderRegistered() | OrderPriced():
                self._gather(message)
            case OrderRepeated() | OrderNotFound() | RegistrationFailed():
                self._answer_unregistered(message)
            case RegistrationUnwritten():
                self._go_on_unregistered(message)
            case TagLookedUp():
                self._look_for_tag(message)
            case RiskApproved():
                self._reserve(message)
            case RiskBlocked() | ExposureRefused():
                if message.reason is Reason.NOTHING_TO_EXIT:
                    post(self._exits, ExitCut(command=self._pending_order(message.command_id).command))
                self._block(message.command_id, message.reason, self._text_of(message), dict(message.inputs))
            case ExposureReserved():
                self._record_sending(message)
            case PlaceAnswered():
                self._record_reply(message)
            case EventRecorded():
                self._go_on(message)
            case EventIllegal():
                self._stand_still(message)
            case EventUnrecorded():
                self._go_on_unrecorded(message)
            case RetryUnrecorded():
                self._retry()
            case FetchChangedOrders():
                self._tell_moves()
            case BooksReconciled():
                self._record_reports(message)
            case BooksUnavailable():
                self._gate.books_unavailable(message)
            case BooksWitnessed():
                self._gate.witness(message)
            case ExternalOrderRecorded():
                self._take_external(message)
            case ExternalMoveRecorded():
                self._moves.count(message)
            case HoldersTold():
                self._moves.judge(message)
            case UndoRecorded():
                self._moves.undo(message)
            case DayBegan():
                post(self._guard, BeginDay(day=message.day))
            case FillsSeen():
                post(self._repo, RecordFills(fills=message.fills))
            case SessionChanged():
                self._take_session(message)
            case ResumeOrders():
                self._resume(message)
                self._gate.take_up(message.vanished)
            case JoinStrategy():
                self._strategies[message.strategy] = message.address
            case SuspendSymbol():
                self._suspended[message.exchange, message.symbol] = message.reason
            case FollowOrders():
                self._followers.update(dict.fromkeys(message.command_ids, message.follower))
            case BroadcastTradingState():
                for address in self._strategies.values():
                    post(address, TradingStateChanged(state=message.state, reason=message.reason))
            case PositionWrittenOff():
                self._tell_of_write_off(message)
            case StopTaking():
                self._stopping = True
            case FindReadiness():
                return self._readiness()
            case _:
                assert_never(message)
        return None

    # Step 1: register.

    def _take(self, message: SubmitOrder) -> None:
        """Begin, or wait for a place. Who comes while too many wait is declined; who waits already is not."""
        full = len(self._pending) >= self._limits.orders_waiting_max and message.command.intent is not Intent.EXIT
        if full or self._pending.may_begin(message):
            self._submit(message, full=full)

    def _submit(self, message: SubmitOrder, *, full: bool = False) -> None:
        command = message.command
        declined = self._objection_to_taking(command) or (Reason.DESK_BUSY if full else None)
        if not self._pending.open(message, declined):
            return
        if declined is not None:
            # Even a desk that takes nothing new still tells what became of an id it has seen.
            post(self._repo, LookUpOrder(command_id=command.command_id))
            return
        day = self._day_of(command)
        post(self._repo, RegisterOrder(command=command, remarks_tag=remarks_tag_of(command), day=day))
        collared = self._limits.collared and command.intent is not Intent.EXIT
        needs_price = command.order_type is OrderType.MARKET or collared
        question = PriceOrder(
            command_id=command.command_id,
            exchange=command.exchange,
            symbol=command.symbol,
            needs_price=needs_price,
            exit=shape_of(command),
        )
        post(self._market, question)

    def _objection_to_taking(self, command: OrderCommand) -> Reason | None:
        if self._stopping:
            return Reason.DESK_STOPPING
        if self._tag_search.number_of(command) is not None:
            return Reason.ALREADY_AT_BROKER
        if command.intent is Intent.EXIT:
            return None
        if self._unwritten:
            return Reason.DATABASE_UNAVAILABLE
        return self._gate.objection()

    def _day_of(self, command: OrderCommand) -> str:
        """Return the day of an after-market order, the next one that trades; any other's is that of its creation."""
        if not command.amo or self._calendar is None:
            return ""
        return self._calendar.session_day(command.exchange, self._clock.now(), amo=True).isoformat()

    def _answer_unregistered(self, message: OrderRepeated | OrderNotFound | RegistrationFailed) -> None:
        match message:
            case OrderRepeated():
                name = message.order.command.command_id
                order = self._known_now(name, message.order)
                assert order is not None
                self._end(name).answer(OrderAnswered(order=order, repeated=True))
            case OrderNotFound():
                pending = self._end(message.command_id)
                assert pending.declined is not None, "only a declined order is looked up"
                own = pending.declined is Reason.ALREADY_AT_BROKER
                text = "" if own else "; ".join(self._reasons())
                self._decline(pending, pending.declined, text or explain(pending.declined))
            case RegistrationFailed():
                self._tell(database_alert(message.cause))
                self._decline(self._end(message.command_id), Reason.DATABASE_UNAVAILABLE, message.cause)

    def _known_now(self, command_id: str, written: Order | None) -> Order | None:
        """Return an order as it stands, where it stands further than its row."""
        return self._unwritten.find(command_id) or written

    def _go_on_unregistered(self, message: RegistrationUnwritten) -> None:
        """Go on with an exit that no disk knows: at once where its id is new, else once the broker's books are read."""
        registered = OrderRegistered(order=message.order, unwritten=message.cause)
        if self._pending_order(message.order.command.command_id).is_new:
            self._gather(registered)
        else:
            self._tag_search.begin(registered, self.actor_ref, unwritten=message.cause)

    def _look_for_tag(self, message: TagLookedUp) -> None:
        """Send the exit if the broker has none with its tag; who can't be sent twice is not held up by its books."""
        name = message.command_id
        seeking = self._tag_search.find(name)
        if seeking is None or self._tag_search.has_strangers(message):
            return
        self._tag_search.end(name)
        pending, order = self._pending_order(name), seeking.registered.order
        fate = look_for_tag(order.remarks_tag, message.orders, message.trades)
        if isinstance(fate, TagShown):
            self._find_sent(pending, order, fate)
        elif isinstance(fate, Unavailable) and seeking.unwritten:
            text = (
                f"whether this id was sent before can't be told: nothing can be written ({seeking.unwritten}), and the"
                f" broker's books can't be read ({fate.cause}). Nothing was sent; send it again, or use `flatten`"
            )
            blocked = OrderEvent(kind=Event.BLOCKED, tag=Reason.DATABASE_UNAVAILABLE, note=text)
            post(self._repo, ForgetRegistration(command_id=name, blocked=blocked))
            self._decline(self._end(name), Reason.DATABASE_UNAVAILABLE, text)
        else:
            seen = fate.cause if isinstance(fate, Unavailable) else "not there"
            pending.registration = {"tag_at_broker": seen}
            self._gather(replace(seeking.registered, is_sought=True))

    def _find_sent(self, pending: PendingOrder, order: Order, found: TagShown) -> None:
        """Answer with the order that an earlier run has sent: the books tell what became of it."""
        name = order.command.command_id
        if self._tag_search.number_of(order.command) is not None:
            pending.order = order
            self._block(name, Reason.ALREADY_AT_BROKER, "", {"broker_order_id": found.broker_order_id})
            return
        inputs = {"matched_by": "tag", "broker_order_id": found.broker_order_id}
        event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT, inputs=inputs)
        self._record(name, event)
        answer = OrderAnswered(order=_as_answered(order, event, self._clock.now()), repeated=True)
        self._end(name).answer(answer)
        post(self._watcher, ReconcileNow())

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
        strategy = self._strategies.get(pending.command.strategy)
        if strategy is not None:
            post(strategy, declined)

    # Step 2: blockers.

    def _gather(self, message: OrderRegistered | OrderPriced) -> None:
        """Go on when the order is on disk and its instrument is known."""
        name = message.order.command.command_id if isinstance(message, OrderRegistered) else message.command_id
        pending = self._pending.find(name)
        if pending is None:
            return
        if isinstance(message, OrderRegistered):
            self._tag_search.know(message.order)
            if not message.is_sought and self._tag_search.must_ask(pending.command):
                self._tag_search.begin(message, self.actor_ref)
                return
            pending.order = message.order
            if message.unwritten:
                pending.registration = {
                    **pending.registration,
                    "registered": f"not in the database: {message.unwritten}",
                }
                self._note_unwritten(message.unwritten)
        else:
            pending.priced = message
        if pending.order is None or pending.priced is None or pending.pricing is not None:
            return
        too_late = self._too_late(pending.command)
        if too_late is not None:
            self._block(name, too_late.reason, too_late.sentence, {})
            return
        priced = pending.priced
        pricing = pricing_of(pending.command, priced.instrument, priced.last_price, priced.reference)
        wrong = pricing if isinstance(pricing, Objection) else stop_objection(pending.command, pricing.last_price)
        if wrong is not None:
            self._block(name, wrong.reason, wrong.sentence, {})
        elif not isinstance(pricing, Objection):
            pending.pricing = pricing
            self._learn_expiry(priced.instrument)
            check = CheckRisk(command=pending.command, price=pricing.limit_price, last_price=pricing.last_price)
            post(self._risk, check)

    def _too_late(self, command: OrderCommand) -> Objection | None:
        """Say what holds this order back: closed hours, the square-off, adjusted prices. It holds back no exit."""
        suspended = self._suspended.get((command.exchange, command.symbol))
        if suspended and command.intent is not Intent.EXIT:
            return Objection(Reason.SYMBOL_SUSPENDED, suspended)
        if command.amo or command.intent is Intent.EXIT:
            return None
        now = self._clock.now()
        closed = None if self._calendar is None else self._calendar.objection(command.exchange, now)
        if closed is not None:
            return Objection(Reason.MARKET_CLOSED, closed)
        due = self._limits.square_off.due(command.strategy, command.key, now)
        return None if due is None else Objection(Reason.SQUARE_OFF_BEGAN, f"nothing new is taken: {due}")

    def _pending_order(self, command_id: str) -> PendingOrder:
        pending = self._pending.find(command_id)
        assert pending is not None, "a lead is open until step 5"
        return pending

    def _reserve(self, message: RiskApproved) -> None:
        pending = self._pending_order(message.command_id)
        pending.inputs = message.inputs
        only = pending.from_position_only
        post(self._guard, ReserveExposure(command=pending.command, from_position_only=only))

    def _text_of(self, message: RiskBlocked | ExposureRefused) -> str:
        """Return what is known beside the reason's own sentence: what is in the way, or why nothing is left to exit."""
        why = message.why if isinstance(message, ExposureRefused) else None
        priced = self._pending_order(message.command_id).priced
        return "" if why is None else why.sentence(priced.reference if priced is not None else None)

    def _block(self, command_id: str, reason: Reason, sentence: str, inputs: dict[str, str]) -> None:
        note = sentence or explain(reason)
        event = OrderEvent(kind=Event.BLOCKED, tag=reason, note=note, inputs=inputs)
        self._record(command_id, event)

    # Step 3: SENT_TO_BROKER, durable before the wire.

    def _record_sending(self, message: ExposureReserved) -> None:
        pending = self._pending_order(message.command_id)
        assert pending.pricing is not None
        if message.quantity < pending.command.quantity:
            post(self._exits, ExitCut(command=pending.command))
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
        event = OrderEvent(
            kind=Event.SENT,
            tag=Reason.EXIT_CLAMPED if quantity < pending.command.quantity else None,
            note=note,
            quantity=quantity,
            limit_price=pending.pricing.limit_price,
            trigger_price=pending.pricing.trigger_price,
            inputs={
                **pending.registration,
                **pending.inputs,
                **message.inputs,
                "last_price": str(pending.pricing.last_price),
                **pending.pricing.story,
                **self._said,
            },
        )
        self._record(message.command_id, event)

    def _learn_expiry(self, instrument: object) -> None:
        """Keep the last day of what is traded, so that a position is known to end with its contract.

        One that is over already tells nothing: what is known of an earlier day, or the broker's list, may be old.
        """
        if not isinstance(instrument, Instrument) or instrument.expires_on is None:
            return
        symbol, last_day = (instrument.exchange, instrument.symbol), instrument.expires_on
        if self._last_days.get(symbol) != last_day and not has_expired(last_day, self._clock.now()):
            self._last_days[symbol] = last_day
            post(self._repo, RecordExpiry(exchange=symbol[0], symbol=symbol[1], expires_on=last_day))
            learnt = ExpiryLearnt(exchange=symbol[0], symbol=symbol[1], expires_on=last_day)
            post(self._watcher, learnt)
            post(self._guard, learnt)

    def _record(self, command_id: str, event: OrderEvent) -> None:
        at, pending = self._clock.now(), self._pending.find(command_id)
        if not self._unwritten.holds(command_id):
            is_exit = pending is not None and pending.command.intent is Intent.EXIT
            is_cancel = event.change is not None and event.change.kind is ChangeKind.CANCEL
            urgent = is_exit or is_cancel
            post(self._repo, RecordEvent(command_id=command_id, event=event, at=at, is_urgent=urgent))
            return
        # What the database did not take is tried again in order: nothing of the same order may be written past it.
        self.actor_ref.tell(EventUnrecorded(command_id=command_id, event=event, at=at, cause=EARLIER_WAIT))

    def _record_news(self, reports: tuple[Report, ...]) -> None:
        for report in reports:
            self._record(report.command_id, report.event)

    # Steps 4 and 5: execute, tell the caller, and record what came back.

    def _record_reply(self, message: PlaceAnswered) -> None:
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
        self._record(message.command_id, event)
        pending = self._end(message.command_id)
        assert pending.order is not None
        pending.answer(OrderAnswered(order=_as_answered(pending.order, event, self._clock.now())))

    # After every event: who must know, and what comes next.

    def _go_on(self, message: EventRecorded) -> None:
        if not self._writes and not self._unwritten:
            self._writes = True
            self._tell(database_back_alert())
        event, name = message.event.kind, message.order.command.command_id
        was_told = self._unwritten.resolve(name, message.event)
        # What has happened since stands ahead of the row: nobody is told an older state than he knows.
        order = self._unwritten.find(name) or message.order
        pending = self._pending.find(name)
        if pending is not None and pending.order is not None:
            # A lead without an order is a repeat's: it waits for the word that its id is known, and goes no step.
            pending.order = order
        if event is Event.SENT:
            # First of all: the broker's thread wakes up while the others are told.
            post(self._broker, PlaceOrder(order=order))
        if was_told:
            post(self._guard, ExposureMoved(order=order))
            self._moved[name] = order
        elif not message.again:
            self._spread(order, message.event, late=message.late)
        if event is Event.SENT:
            self._make_way(name)
        elif event is Event.BLOCKED and pending is not None:
            self._end(name).answer(OrderAnswered(order=order))
        elif message.event.change is not None:
            self._changes.go_on(order, message.event)
        self._resolution.go_on(order, message.event)

    def _spread(self, order: Order, event: OrderEvent, *, late: bool) -> None:
        alert = order_alert(order, event, late=late)
        if alert is not None:
            self._tell(alert)
        if told := outcome_line(order, event.kind):
            logger.info("{}", told)
        if event.kind is Event.NOTED and event.note is not None:
            logger.error("{}: {} ({})", order.command.command_id, order.tag, order.note)
        cut = event.kind is Event.SENT and order.quantity < order.command.quantity
        if cut or event.kind not in {Event.SENT, Event.ACCEPTED}:
            post(self._guard, ExposureMoved(order=order))
        self._changes.follow(order)
        self._moved[order.command.command_id] = order
        self._fills_grew = self._fills_grew or bool(event.filled_quantity)
        if event.filled_quantity:
            post(self._risk, FillCounted(order=order))
            self._tell_price(order)
        if order.is_terminal:
            post(self._risk, OrderOver(command=order.command))
        if event.filled_quantity and order.command.carries_stops:
            post(self._exits, EntryMoved(order=order))
        if order.command.order_type is OrderType.MARKET and event.kind is not Event.SENT:
            post(self._exits, MarketOrderMoved(order=order))
        if is_refused_for_shares(order):
            post(self._exits, SaleRefused(order=order))
        follower = self._followers.get(order.command.command_id)
        if follower is not None:
            post(follower, LegMoved(order=order))
            if order.is_terminal:
                del self._followers[order.command.command_id]
        strategy = self._strategies.get(order.command.strategy)
        if strategy is not None:
            post(strategy, OrderUpdated(order=order, event=event))

    def _tell_price(self, order: Order) -> None:
        """Let the market know at what price the account has traded: something to fall back on."""
        if order.average_price is not None:
            key = order.command.key
            price, at = order.average_price, order.updated_at
            tick = Tick(exchange=key.exchange, symbol=key.symbol, last_price=price, seen_at=at)
            post(self._market, PriceSeen(tick=tick, source=PriceSource.TRADE))

    def _stand_still(self, message: EventIllegal) -> None:
        """Report a contradiction; the order stays as it is, and a waiting caller hears how that is."""
        logger.error("{}: {}", message.command_id, message.cause)
        self._unwritten.resolve(message.command_id, message.event)
        pending = self._pending.find(message.command_id)
        if pending is not None and pending.order is not None and message.event.kind in {*_ANSWERS, Event.SENT}:
            self._end(message.command_id).answer(OrderAnswered(order=pending.order))
        self._changes.stand_still(message.command_id, message.event, message.cause)
        self._resolution.stand_still(message.command_id, message.event, message.cause)

    def _go_on_unrecorded(self, message: EventUnrecorded) -> None:
        """Go on without the database (guide, error recovery): nothing is lost, and entries pause until it writes."""
        if not self._changes.go_on_unrecorded(message.event, message.cause):
            return
        self._note_unwritten(message.cause)
        if not self._unwritten:
            self._timer.tell_after(RETRY_UNRECORDED_S, self.actor_ref, RetryUnrecorded())
        name, event = message.command_id, message.event.kind
        pending = self._pending.find(name)
        led = None if pending is None else pending.order
        before = self._unwritten.find(name) or led or message.order
        order = self._unwritten.keep(message, before)
        if order is None or before is None:
            return
        if order is not before:
            self._spread(order, message.event, late=is_late_truth(before.state, event))
        if pending is None or led is None:
            return
        pending.order = order
        if event is Event.SENT:
            post(self._broker, PlaceOrder(order=order))
            self._make_way(name)
        elif event in _ANSWERS:
            self._end(name).answer(OrderAnswered(order=order))

    def _note_unwritten(self, cause: str) -> None:
        if self._writes:
            self._writes = False
            self._tell(database_alert(cause))

    def _retry(self) -> None:
        for message in self._unwritten.take():
            post(self._repo, message)

    # Step 6: what the broker's books prove.

    def _tell_moves(self) -> None:
        # A watcher that was started anew has read the rows alone.
        moved = {**{one.command.command_id: one for one in self._unwritten.orders}, **self._moved}
        post(self._watcher, ChangedOrders(orders=tuple(moved.values()), fills_grew=self._fills_grew))
        self._moved, self._fills_grew = {}, False

    def _record_reports(self, message: BooksReconciled) -> None:
        if message.asked_at is not None:
            self._gate.compare(message.asked_at, whole=message.whole)
            if message.whole:
                self._tag_search.count_book()
        self._record_news(message.reports)
        for order in message.external:
            post(self._repo, RecordExternalOrder(order=order))
        if message.checked is not None:
            self._take_breaks(message.checked)

    def _take_session(self, message: SessionChanged) -> None:
        """Take entries only with a session, and after the books have been compared in it."""
        alert = session_alert(message.state, message.message)
        if alert is not None:
            self._tell(alert)
        if self._gate.take_session(message):
            post(self._watcher, ReconcileNow())

    def _take_external(self, message: ExternalOrderRecorded) -> None:
        """Let the watcher know an order of others, and the guard what it does to the account."""
        order = message.order
        self._moved[order.command.command_id] = order
        self._tag_search.claim(order)
        if not message.known:
            logger.warning(
                "{} was placed elsewhere: {} {}", order.command.command_id, order.state, order.command.symbol
            )
            post(self._guard, ExposureMoved(order=order))
            post(self._risk, FillCounted(order=order))
            self._tag_search.ask_again()

    def _take_breaks(self, checked: Checked) -> None:
        """Take what the three books tell differently, resolve what others carried, close what a past day left."""
        self._record_news(checked.reports)
        self._gate.disagree(checked.breaks)
        self._moves.take(checked)

    # A person's word.

    def _tell_of_write_off(self, message: PositionWrittenOff) -> None:
        """Tell everybody who counts a strategy's units that they are written off, and why."""
        position_key, units = message.position_key, message.units
        logger.warning("{}: {:+d} units were written off by hand: {}", position_key, units, message.reason)
        post(self._repo, RecordWriteOff(position_key=position_key, units=units, reason=message.reason, at=message.at))
        post(self._risk, PnlWrittenOff(position_key=position_key, units=units))
        strategy = self._strategies.get(position_key.strategy)
        if strategy is not None:
            post(strategy, HoldingWrittenOff(key=position_key.key, units=units))

    # The desk's own life.

    def _resume(self, message: ResumeOrders) -> None:
        """Mark what an earlier run left on its way: it may be live, and is never sent again."""
        self._tag_search.resume(message.orders, ended_in_order=message.ended_in_order)
        for order in message.orders:
            if order.state in {State.CREATED, State.SENDING}:
                event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)
                self._record(order.command.command_id, event)
                if order.command.command_id in message.unsent:
                    absent = OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.NEVER_LEFT)
                    self._record(order.command.command_id, absent)
            if order.change is not None and order.change.stage is ChangeStage.REQUESTED and not order.is_terminal:
                lost = OrderEvent(kind=Event.CHANGE_REPLY_LOST, tag=Reason.CHANGE_REPLY_LOST, change=order.change)
                self._record(order.command.command_id, lost)

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))

    def _reasons(self) -> tuple[str, ...]:
        unwritten = f"{len(self._unwritten)} events wait for the database" if self._unwritten else None
        return self._gate.reasons() if unwritten is None else (*self._gate.reasons(), unwritten)

    def _readiness(self) -> Readiness:
        return Readiness(
            reasons=self._reasons(),
            in_flight=(*self._pending.names(), *self._changes.names()),
            stopping=self._stopping,
            breaks=self._gate.breaks,
        )


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """The bounds kept here: orders waiting at once, seconds without a readable book, the time of the square-off.

    `silence_s_max` bounds the seconds in which nothing is heard of books, `book_away_s_max` those in which one of the
    three can't be read.
    """

    orders_waiting_max: int
    books_unavailable_s_max: float
    silence_s_max: float
    square_off: SquareOff = SquareOff()  # noqa: RUF009  frozen
    book_away_s_max: float = 600.0
    collared: bool = False
    """Whether risk wants to know the last price of every entry."""


def _as_answered(order: Order, event: OrderEvent, at: datetime) -> Order:
    """Return the order after `event`; where a book has told more already, the order as the book told it."""
    try:
        return order.after(event, at)
    except IllegalTransitionError:
        return order
