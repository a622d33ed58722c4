"""The wiring: which actors there are, whom each may speak to, and the order in which they start and end.

Start: the database first, because it remembers what the others start from; then those who judge; then the broker;
the watcher last. Nothing enters before the watcher has compared the broker's books with ours.
"""

from collections.abc import Callable
from typing import Any, Final

import pykka

from actors.adapters import Adapters, DeskFeed
from actors.baskets import BasketsActor
from actors.broker.actor import BrokerActor
from actors.command.actor import CommandActor, CommandLimits
from actors.errors import DeskStartError, DeskUnavailableError
from actors.exits.actor import ExitsActor
from actors.guard import GuardActor
from actors.market import MarketActor
from actors.messages.alerts import NotificationSent, RaiseAlert
from actors.messages.broker import FindBrokerState, LogIn
from actors.messages.desk import FindReadiness, KeepAlive, SnapshotLoaded
from actors.messages.guard import FindHoldings
from actors.messages.inboxes import (
    BasketsInbox,
    BrokerInbox,
    CommandInbox,
    ExitsInbox,
    GuardInbox,
    MarketInbox,
    NotifierInbox,
    RepoInbox,
    RiskInbox,
    SupervisorInbox,
    WatcherInbox,
)
from actors.messages.persistence import LoadSnapshot
from actors.messages.query import Answer, Query
from actors.messages.risk import FindTradingState
from actors.messages.timer import TimerFired
from actors.notifier import NotifierActor
from actors.repo.actor import RepoActor
from actors.risk.actor import RiskActor
from actors.runtime.actor import stop_actor
from actors.runtime.address import AddressSlot, post
from actors.runtime.clock import SteadyClock
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThread
from actors.runtime.timer import ThreadTimer
from actors.supervisor import SupervisorActor
from actors.watcher import WatcherActor
from broker.http.wire_log import WireLog, boot_of_machine
from broker.port import Broker
from domain.alerts.policy import Notification
from domain.alerts.text.desk import calendar_alert
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.market.expiry import Contracts
from domain.market.trading_days import TradingDays
from domain.orders.hand_over import never_left
from domain.orders.types import EXTERNAL
from domain.ports import IST, Clock, Ids, trading_day
from domain.positions.ledger import GuardLedger
from domain.reconciliation.reconciler import Reconciler
from domain.redaction import secrets_of
from domain.risk.checks import RiskBook, TradingState
from domain.settings import Mode, Settings
from domain.snapshot import DeskSnapshot
from domain.starting import known_of, pnl_from, sent_s_ago
from notify.channels import channels_of
from notify.port import ChannelError
from notify.sender import Sender
from storage.database import StorageError

ASK_WAIT_S: Final = 10.0


class Wiring:
    """Owns every actor's line, the thread that most of them share, and the timer."""

    def __init__(
        self,
        settings: Settings,
        *,
        broker: Broker | None,
        feed: DeskFeed | None,
        machine_clock: Clock,
        ids: Ids,
        escalate: Callable[[str], None],
        summarise: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._machine_clock = machine_clock
        self._ids = ids
        self._escalate = escalate
        self._summarise = summarise
        self._run = ids.new()
        self._wire = WireLog(settings.storage.path, boot_of_machine())
        self._sender: Sender | None = None
        self.is_running = False
        self.clock = SteadyClock(machine_clock)
        self.calendar: Calendar | None = None
        self.trading_days = TradingDays(Calendar(settings.calendar), enforced=self._keeps_hours())
        self.refs: dict[str, pykka.ActorRef[Any]] = {}
        self.command: AddressSlot[CommandInbox] = AddressSlot("CommandActor")
        self.repo: AddressSlot[RepoInbox] = AddressSlot("RepoActor")
        self.risk: AddressSlot[RiskInbox] = AddressSlot("RiskActor")
        self.guard: AddressSlot[GuardInbox] = AddressSlot("GuardActor")
        self.market: AddressSlot[MarketInbox] = AddressSlot("MarketActor")
        self.broker: AddressSlot[BrokerInbox] = AddressSlot("BrokerActor")
        self.watcher: AddressSlot[WatcherInbox] = AddressSlot("WatcherActor")
        self.supervisor: AddressSlot[SupervisorInbox] = AddressSlot("SupervisorActor")
        self.exits: AddressSlot[ExitsInbox] = AddressSlot("ExitsActor")
        self.baskets: AddressSlot[BasketsInbox] = AddressSlot("BasketsActor")
        self.notifier: AddressSlot[NotifierInbox] = AddressSlot("NotifierActor")
        self.mail = Mailboxes(
            command=self.command,
            risk=self.risk,
            guard=self.guard,
            broker=self.broker,
            watcher=self.watcher,
            repo=self.repo,
            market=self.market,
            exits=self.exits,
            baskets=self.baskets,
            notifier=self.notifier,
            supervisor=self.supervisor,
        )
        self.adapters = Adapters(broker, feed, self.mail)

    def start(self) -> None:
        """Start every actor, hear from each, and log in; raises `DeskStartError`, and then `stop` is to be called."""
        self.timer = ThreadTimer(self.clock)
        self.runtime = Runtime(clock=self.clock, ids=self._ids, timer=self.timer)
        self.loop = SharedThread()
        self.is_running = True
        self._start_notifier()
        self._start_repo()
        snapshot = self.recall()
        loaded = SnapshotLoaded(snapshot=snapshot, unsent=self._unsent(snapshot))
        post(self.notifier, loaded)
        self.calendar = self._make_calendar()
        feed, port = self.adapters.start(self._settings, self.clock, self._machine_clock)
        self._start_risk(snapshot)
        self._start_guard(snapshot)
        self._start_market(snapshot, feed)
        self._start_command(loaded)
        self._start_exits()
        self._start_baskets(loaded)
        self._start_broker(port, feed, snapshot)
        self._shake_hands()
        # The watcher first: what the login brings up is told to it. Nothing is asked of the broker before.
        self._begin(self.watcher, self._start_watcher())
        post(self.broker, LogIn())
        post(self.watcher, TimerFired())
        post(self.risk, TimerFired())
        post(self.exits, loaded)
        self._start_supervisor()
        for thread in () if self._sender is None else self._sender.threads:
            post(self.supervisor, KeepAlive(thread=thread))

    def stop(self) -> None:
        """Stop every actor in order, the database last; what waits in their mailboxes is dropped."""
        self.is_running = False
        self.adapters.stop()
        deciders = (self.baskets, self.exits, self.risk, self.guard, self.market)
        self._stop_actors(self.supervisor, self.watcher, self.broker, self.command, *deciders)
        if self._sender is not None:
            # Before those who note what was told.
            self._sender.stop(self._settings.alerts.send_timeout_s)
        self._stop_actors(self.notifier, self.repo)
        self.loop.stop()
        self.timer.stop()

    def _stop_actors(self, *lines: AddressSlot[Any]) -> None:
        for line in lines:
            ref = self.refs.get(line.name)
            line.close()
            if ref is not None:
                stop_actor(ref, self._settings.broker.read_timeout_s + self._settings.broker.connect_timeout_s)

    def ask_of(self, line: AddressSlot[Any], question: Query[Answer], wait_s: float = ASK_WAIT_S) -> Answer:
        """Ask an actor and wait; raise `DeskUnavailableError` when it is gone or does not answer in time."""
        try:
            answer: Answer = self.refs[line.name].ask(question, timeout=wait_s)  # type: ignore[assignment]
        except (KeyError, pykka.ActorDeadError):
            raise DeskUnavailableError(f"{line.name} is not running; the desk is stopping or has not started") from None
        except pykka.Timeout:
            raise DeskUnavailableError(f"{line.name} did not answer within {wait_s:.0f} s; try again") from None
        except StorageError as error:
            raise DeskUnavailableError(str(error)) from None
        return answer

    def recall(self) -> DeskSnapshot:
        """Return what the database remembers; raise `DeskStartError` saying what is wrong with it."""
        try:
            return self.ask_of(self.repo, LoadSnapshot())
        except Exception as error:
            raise DeskStartError(str(error)) from error

    def _begin(self, line: AddressSlot[Any], ref: pykka.ActorRef[Any]) -> None:
        self.refs[line.name] = ref
        line.connect(ref)

    def _start_notifier(self) -> None:
        settings = self._settings.alerts
        try:
            channels = channels_of(settings)
        except ChannelError as error:
            raise DeskStartError(str(error)) from error
        if channels:
            self._sender = Sender(channels, settings, self.clock, self._note_told, secrets_of(self._settings))
        self._begin(
            self.notifier,
            NotifierActor.start_on(
                self.loop,
                mail=self.mail,
                runtime=self.runtime,
                outbox=self._sender,
                summarise=self._summarise,
                settings=settings,
            ),
        )

    def _note_told(self, notification: Notification, channel: str) -> None:
        post(self.notifier, NotificationSent(alert_ids=notification.alert_ids, channel=channel))

    def _start_repo(self) -> None:
        settings = self._settings
        self._begin(
            self.repo,
            RepoActor.start_on(
                self.loop, mail=self.mail, runtime=self.runtime, settings=settings.storage, client_id=settings.client_id
            ),
        )

    def _start_risk(self, snapshot: DeskSnapshot) -> None:
        settings, clock = self._settings, self.clock
        book = RiskBook(
            limits=settings.risk,
            day=trading_day(clock.now()),
            trading_state=snapshot.trading_state,
            reason=snapshot.reason,
            orders_today=snapshot.orders_today,
        )
        if settings.exits_only and book.trading_state is TradingState.ACTIVE:
            book = book.with_state(TradingState.EXITS_ONLY, "started with exits_only")
        self._begin(
            self.risk,
            RiskActor.start_on(
                self.loop,
                mail=self.mail,
                runtime=self.runtime,
                book=book,
                pnl=pnl_from(snapshot, trading_day(clock.now())),
                days=snapshot.risk_days,
                trading_days=self.trading_days,
                budgets={one.name: one.loss_max for one in settings.strategies if one.loss_max is not None},
                working=[
                    one.command for one in snapshot.orders if not one.is_terminal and one.command.strategy != EXTERNAL
                ],
            ),
        )

    def _start_guard(self, snapshot: DeskSnapshot) -> None:
        today, contracts = trading_day(self.clock.now()), Contracts(snapshot.expiries)
        ledger = GuardLedger(snapshot.positions, snapshot.orders, today, contracts, snapshot.trades)
        for key, quantity in snapshot.moved.items():
            ledger.move(key, quantity)
        for position_key, units in snapshot.written_off.items():
            ledger.shift(position_key, units)
        guard = GuardActor.start_on(self.loop, mail=self.mail, runtime=self.runtime, ledger=ledger)
        self._begin(self.guard, guard)

    def _start_market(self, snapshot: DeskSnapshot, feed: DeskFeed) -> None:
        self._begin(
            self.market,
            MarketActor.start_on(
                self.loop, mail=self.mail, runtime=self.runtime, feed=feed, remembered=snapshot.last_prices
            ),
        )

    def _start_command(self, loaded: SnapshotLoaded) -> None:
        settings = self._settings
        limits = CommandLimits(
            settings.broker.orders_waiting_max,
            settings.watcher.books_unavailable_s_max,
            settings.watcher.books_unavailable_s_max + settings.watcher.poll_interval_s,
            self._square_off(),
            book_away_s_max=settings.watcher.book_away_s_max,
            collared=settings.risk.price_collar_percent is not None,
        )
        self._begin(
            self.command,
            CommandActor.start_on(
                self.loop, mail=self.mail, runtime=self.runtime, limits=limits, calendar=self.calendar, run=self._run
            ),
        )
        post(self.command, loaded)

    def _unsent(self, snapshot: DeskSnapshot) -> frozenset[str]:
        """Return the orders that the last run stored as SENDING and never handed to the wire; begin this run's log."""
        handed = self._wire.read()
        self._wire.begin(self._run)
        names = ((order, order.command.command_id) for order in snapshot.orders)
        return frozenset(name for order, name in names if never_left(order, snapshot.stored_by.get(name), handed))

    def _start_exits(self) -> None:
        settings = self._settings
        self._begin(
            self.exits,
            ExitsActor.start_on(
                self.loop,
                mail=self.mail,
                runtime=self.runtime,
                client_id=settings.client_id,
                settings=settings.exits,
                stops=settings.stops,
                square_off=self._square_off(),
                calendar=self.calendar,
            ),
        )

    def _start_baskets(self, loaded: SnapshotLoaded) -> None:
        self._begin(
            self.baskets,
            BasketsActor.start_on(self.loop, mail=self.mail, runtime=self.runtime, client_id=self._settings.client_id),
        )
        post(self.baskets, loaded)

    def _square_off(self) -> SquareOff:
        own = {one.name: one.square_off for one in self._settings.strategies if one.square_off is not None}
        return SquareOff(self.calendar, self._settings.stops.square_off_before_close_min, own)

    def _start_broker(self, port: Broker, feed: DeskFeed, snapshot: DeskSnapshot) -> None:
        self._begin(
            self.broker,
            BrokerActor.start(
                mail=self.mail,
                runtime=self.runtime,
                broker=port,
                feed=feed,
                settings=self._settings.broker,
                sent_s_ago=sent_s_ago(snapshot, self.clock.now()),
                wire=self._wire,
            ),
        )

    def _start_supervisor(self) -> None:
        self._begin(
            self.supervisor,
            SupervisorActor.start(
                watcher=self.watcher,
                start_watcher=self._start_watcher,
                escalate=self._escalate,
                notifier=self.notifier,
                settings=self._settings.supervisor,
                clock=self.clock,
                timer=self.timer,
            ),
        )

    def _start_watcher(self) -> pykka.ActorRef[WatcherActor]:
        """Start a watcher that knows what the database knows; an earlier one is told to go."""
        earlier = self.refs.get(self.watcher.name)
        if earlier is not None:
            earlier.stop(block=False)
        known = known_of(self.recall())
        settings = self._settings
        ref = WatcherActor.start(
            mail=self.mail,
            runtime=self.runtime,
            reconciler=Reconciler(known, settings.client_id, settings.proof, settings.watcher),
            settings=settings.watcher,
        )
        self.refs[self.watcher.name] = ref
        return ref

    def _shake_hands(self) -> None:
        """Hear from each actor before work begins: a start that raised is told to nobody else."""
        self.ask_of(self.command, FindReadiness())
        self.ask_of(self.risk, FindTradingState())
        self.ask_of(self.guard, FindHoldings())
        self.ask_of(self.broker, FindBrokerState())

    def _make_calendar(self) -> Calendar | None:
        """Return the trading calendar, where its hours are kept: always with live money, on paper when asked for."""
        if not self.trading_days.enforced:
            return None
        calendar = self.trading_days.calendar
        doubts = calendar.doubts(self.clock.now().astimezone(IST).date())
        if doubts:
            post(self.notifier, RaiseAlert(alert=calendar_alert(doubts)))
        return calendar

    def _keeps_hours(self) -> bool:
        chosen = self._settings.calendar.enforced
        return self._settings.mode is Mode.LIVE if chosen is None else chosen
