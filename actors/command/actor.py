"""CommandActor: leads each order through its life, all six steps.

Theory of operation. A caller's `SubmitOrder` opens a `PendingOrder`, which lives until the caller is answered
(`placement.py` has the steps in code, in this order):

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
6. Watch.     WatcherActor reports what the broker's books and updates prove (`BooksReconciled`);
              each report is stored like any other event, and guard, watcher and strategy hear of it. Orders of others
              are stored as EXTERNAL. What the three books tell differently stops entries (`BooksChecked`).

The parts. An order is led by `Placement`; a cancel or modify of it takes the same way in `Changes`; a person's last
word on it is `ManualResolution`. Each event that one of them records comes back through this actor and belongs to that
one alone (`_part_of`). In between stand `Records` (what is written, and what waits for the database) and `Followers`
(who hears that an order has moved). `EntryGate` and `ExternalMoves` are about the account: whether its books are seen
and agree, and units that no order explains.

Nothing here decides about money: terms, risk, guard and life cycle are judged in the domain. Nothing here waits:
each step is one message out, and the next begins with the message that comes back. Nothing here sends twice: an
order leaves for the broker only when its own SEND event returns, and that event is legal once.
"""

from dataclasses import dataclass
from typing import assert_never

from loguru import logger

from actors.command.admission import Admission
from actors.command.changes import Changes
from actors.command.entry_gate import EntryGate
from actors.command.external_moves import ExternalMoves
from actors.command.followers import Followers
from actors.command.part import Part, is_about_change
from actors.command.pending import PendingOrders
from actors.command.placement import Placement
from actors.command.records import Records
from actors.command.resolution import ManualResolution
from actors.command.tag_search import TagSearch
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import FollowOrders, SuspendSymbol
from actors.messages.books import (
    AcceptBreak,
    BooksChecked,
    BooksReconciled,
    BooksUnavailable,
    BooksWitnessed,
    BreakResolved,
    DayBegan,
    FetchChangedOrders,
    FillsSeen,
    PositionWrittenOff,
    ReconcileNow,
)
from actors.messages.broker import BrokerAnswered, SessionChanged, TagLookedUp
from actors.messages.changes import (
    ChangeOrder,
    ResolveOrder,
)
from actors.messages.desk import FindReadiness, JoinStrategy, SnapshotLoaded, StopTaking
from actors.messages.guard import ExposureReserved, HoldersTold
from actors.messages.inboxes import CommandInbox
from actors.messages.market import OrderPriced
from actors.messages.orders import SubmitOrder
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalOrderRecorded,
    LookUp,
    OrderLookedUp,
    OrderRegistered,
    RecordFills,
    RegistrationFailed,
    UndoRecorded,
)
from actors.messages.risk import CheckRefused, RiskApproved, TradingStateChanged
from actors.messages.timer import TimerFired
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.alert import Alert
from domain.alerts.text.broker import session_alert
from domain.blocker import Blocker, BlockerKind
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.orders.change import ChangeStage
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.read_models import Readiness
from domain.reconciliation.breaks import Break


class CommandActor(SharedThreadActor):
    """Owns its parts, and which of them an event belongs to."""

    def __init__(
        self, *, mail: Mailboxes, runtime: Runtime, limits: "CommandLimits", calendar: Calendar | None, run: str = ""
    ) -> None:
        super().__init__(mail.supervisor)
        self._mail = mail
        self._pending = PendingOrders()
        bounds = limits.books_unavailable_s_max, limits.silence_s_max
        self._gate = EntryGate(*bounds, runtime.clock, self._tell, limits.book_away_s_max)
        self._records = Records(mail=mail, runtime=runtime, pending=self._pending, tell=self._tell)
        self._followers = Followers(mail, self._tell)
        self._tag_search = TagSearch(mail, runtime)
        self._admission = Admission(
            gate=self._gate,
            records=self._records,
            tag_search=self._tag_search,
            calendar=calendar,
            square_off=limits.square_off,
            clock=runtime.clock,
        )
        self._placement = Placement(
            mail=mail,
            runtime=runtime,
            pending=self._pending,
            records=self._records,
            followers=self._followers,
            gate=self._gate,
            admission=self._admission,
            tag_search=self._tag_search,
            orders_waiting_max=limits.orders_waiting_max,
            is_collared=limits.collared,
            run=run,
            tell=self._tell,
        )
        self._changes = Changes(mail=mail, runtime=runtime, records=self._records)
        self._resolution = ManualResolution(mail, self._records, self._pending)
        self._lookers: dict[LookUp, Placement | Changes | ManualResolution] = {
            LookUp.ORDER: self._placement,
            LookUp.CHANGE: self._changes,
            LookUp.RESOLUTION: self._resolution,
        }
        self._moves = ExternalMoves(
            mail=mail, runtime=runtime, followers=self._followers, gate=self._gate, tell=self._tell
        )

    def on_receive(self, message: CommandInbox) -> Readiness | Break | None:
        """Hand the message to the part that it is for."""
        match message:
            case SubmitOrder() | OrderRegistered() | RegistrationFailed() | TagLookedUp():
                self._placement.receive(message)
            case ChangeOrder():
                self._changes.receive(message)
            case ResolveOrder():
                self._resolution.receive(message)
            case OrderLookedUp():
                self._lookers[message.about].receive(message)
            case OrderPriced() | RiskApproved() | CheckRefused() | ExposureReserved() | BrokerAnswered():
                (self._changes if is_about_change(message) else self._placement).receive(message)
            case BooksReconciled() | ExternalOrderRecorded():
                self._placement.receive(message)
            case EventRecorded():
                self._go_on(message)
            case EventIllegal():
                self._stand_still(message)
            case EventUnrecorded():
                self._go_on_unrecorded(message)
            case TimerFired():
                self._records.retry()
            case JoinStrategy() | FollowOrders() | TradingStateChanged() | PositionWrittenOff():
                self._followers.receive(message)
            case FetchChangedOrders():
                self._followers.tell_watcher(self._records.ahead)
            case BooksChecked() | BooksUnavailable() | BooksWitnessed() | SessionChanged() | DayBegan() | FillsSeen():
                self._see_books(message)
            case BreakResolved() | HoldersTold() | UndoRecorded():
                self._moves.receive(message)
            case AcceptBreak():
                return self._moves.accept(message.name, message.reason)
            case SuspendSymbol():
                self._admission.suspend(message.exchange, message.symbol, message.reason)
            case SnapshotLoaded():
                self._resume(message)
            case StopTaking():
                self._admission.is_stopping = True
            case FindReadiness():
                return self._readiness()
            case _:
                assert_never(message)
        return None

    # After every event: who must know, and what comes next.

    def _part_of(self, event: OrderEvent) -> Part:
        """Return the one part that an event belongs to, whoever reported it."""
        if event.change is not None:
            return self._changes
        return self._resolution if event.tag is Reason.RESOLVED_BY_HAND else self._placement

    def _go_on(self, message: EventRecorded) -> None:
        """Take the next step, now that the event is on disk."""
        event = message.event
        # What has happened since stands ahead of the row: nobody is told an older state than he knows.
        order, was_told = self._records.have_written(message)
        self._placement.follow(order)
        if event.kind is Event.SENT:
            # First of all: the broker's thread wakes up while the others are told.
            self._placement.execute(order)
        if was_told:
            self._followers.catch_up(order)
        elif not message.again:
            self._followers.spread(order, event, late=message.late, late_quantity=message.late_quantity)
            self._changes.follow(order)
        self._part_of(event).go_on(order, event)

    def _stand_still(self, message: EventIllegal) -> None:
        """Report a contradiction; the order stays as it is, and a waiting caller hears how that is."""
        logger.error("{}: {}", message.command_id, message.cause)
        self._records.have_refused(message.command_id, message.event)
        self._part_of(message.event).stand_still(message.command_id, message.event, message.cause)

    def _go_on_unrecorded(self, message: EventUnrecorded) -> None:
        """Go on without the database (guide, error recovery): nothing is lost, and entries pause until it writes."""
        event = message.event
        if not self._part_of(event).may_go_on_unwritten(event, message.cause):
            return
        kept = self._records.keep(message, self._placement.led(message.command_id))
        if kept is None:
            return
        before, order = kept
        if order is not before:
            late, late_quantity = before.is_late(event), before.late_quantity(event)
            self._followers.spread(order, event, late=late, late_quantity=late_quantity)
            self._changes.follow(order)
        if self._placement.led(message.command_id) is not None:
            self._placement.follow(order)
            if event.kind is Event.SENT:
                self._placement.execute(order)
            self._placement.go_on(order, event)

    # What is seen of the broker.

    def _see_books(
        self, message: BooksChecked | BooksUnavailable | BooksWitnessed | SessionChanged | DayBegan | FillsSeen
    ) -> None:
        match message:
            case BooksChecked():
                # A difference stops entries; what others carried is theirs, and what a past day left is closed.
                for report in message.checked.reports:
                    self._records.record(report.command_id, report.event)
                self._gate.disagree(message.checked.breaks)
                self._moves.take(message.checked)
            case BooksUnavailable():
                self._gate.books_unavailable(message)
            case BooksWitnessed():
                self._gate.witness(message)
            case SessionChanged():
                self._take_session(message)
            case DayBegan():
                post(self._mail.guard, message)
            case FillsSeen():
                post(self._mail.repo, RecordFills(fills=message.fills))
            case _:
                assert_never(message)

    def _take_session(self, message: SessionChanged) -> None:
        """Take entries only with a session, and after the books have been compared in it."""
        alert = session_alert(message.state, message.message)
        if alert is not None:
            self._tell(alert)
        if self._gate.take_session(message):
            post(self._mail.watcher, ReconcileNow())

    # The desk's own life.

    def _resume(self, message: SnapshotLoaded) -> None:
        """Mark what an earlier run left on its way: it may be live, and is never sent again."""
        snapshot = message.snapshot
        self._tag_search.resume(snapshot.orders, ended_in_order=snapshot.ended_in_order)
        for order in snapshot.orders:
            if order.state in {State.CREATED, State.SENDING}:
                event = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)
                self._records.record(order.command.command_id, event)
                if order.command.command_id in message.unsent:
                    absent = OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.NEVER_LEFT)
                    self._records.record(order.command.command_id, absent)
            if order.change is not None and order.change.stage is ChangeStage.REQUESTED and not order.is_terminal:
                lost = OrderEvent(kind=Event.CHANGE_REPLY_LOST, tag=Reason.CHANGE_REPLY_LOST, change=order.change)
                self._records.record(order.command.command_id, lost)
        self._gate.take_up(snapshot.vanished)

    def _tell(self, alert: Alert) -> None:
        post(self._mail.notifier, RaiseAlert(alert=alert))

    def _readiness(self) -> Readiness:
        stopping = (Blocker.of(BlockerKind.STOPPING),) if self._admission.is_stopping else ()
        return Readiness(
            blockers=(*self._admission.blockers(), *stopping),
            in_flight=(*self._pending.names(), *self._changes.names()),
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
