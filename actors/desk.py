"""The desk: wiring, start order, handshakes, drain, and the way back.

Start: the database first, because it remembers what the others start from; then those who judge; then the broker;
the watcher last. Nothing enters before the watcher has compared the broker's books with ours. Stop: strategies
first, then no new orders, then those in flight, and the database last.
"""

import gc
import importlib
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import pykka
from loguru import logger

from actors.address import Address, Line, ReplyOnce, post
from actors.broker import BrokerActor
from actors.clock import RandomIds, SteadyClock, SystemClock
from actors.command import CommandActor, CommandLimits
from actors.exits import ExitsActor
from actors.guard import GuardActor
from actors.loop import SharedLoop
from actors.market import MarketActor
from actors.messages import (
    AcceptDisagreement,
    BrokerInbox,
    BrokerState,
    ChangeOrder,
    CommandInbox,
    DeskMemory,
    ExitsInbox,
    ExitsNow,
    ExposuresTold,
    FeedChanged,
    FindBrokerState,
    FindExits,
    FindExposures,
    FindHoldings,
    FindOrders,
    FindReadiness,
    FindTimeline,
    FindTradingState,
    FindWatchState,
    GuardInbox,
    Holdings,
    JoinStrategy,
    LogIn,
    MakeFlat,
    MarketInbox,
    OrderAnswered,
    OrderDeclined,
    OrderUpdated,
    OrderUpdateSeen,
    Poll,
    PositionBookRead,
    PriceSeen,
    Readiness,
    ReadPositionBook,
    RecallDesk,
    RepoInbox,
    ResumeOrders,
    RiskInbox,
    SettleOrder,
    SetTradingState,
    StopTaking,
    SubmitOrder,
    SupervisorInbox,
    Timeline,
    TradingStateNow,
    WatcherInbox,
    WatchState,
)
from actors.repo import RepoActor
from actors.risk import RiskActor
from actors.strategy import StrategyActor, StrategySeams
from actors.supervisor import SupervisorActor
from actors.timer import ThreadTimer
from actors.watcher import WatcherActor
from broker.feed import Feed
from broker.noren import NorenBroker
from broker.port import Broker
from domain.books import Disagreement
from domain.calendar import Calendar
from domain.change_command import ChangeCommand
from domain.comparison import Comparison, known_from
from domain.evidence import OrderUpdate, Tick
from domain.exits import ExitWish, Scope
from domain.guard import GuardLedger
from domain.order import Order, OrderCommand, Origin
from domain.risk import RiskBook, TradingState
from domain.seams import Clock, Ids, trading_day
from domain.settings import Mode, Settings, StrategySettings
from domain.settlement import Settlement
from storage.backup import back_up
from storage.database import StorageError
from storage.lease import Lease, take_lease

ASK_WAIT_S: Final = 10.0
SWITCH_INTERVAL_S: Final = 0.001
"""How long one busy thread may keep the others waiting. The default of 5 ms would multiply the order path's latency."""

GARBAGE_THRESHOLDS: Final = (20_000, 20, 50)
"""The order path makes no cycles; looking for them less often keeps the looking out of its way."""

Answer = TypeVar("Answer")


class DeskStartError(Exception):
    """The desk could not start; says what is wrong and what to do."""


class DeskUnavailableError(Exception):
    """An actor did not answer in time, or is gone; says so in a sentence."""


class DeskFeed(Protocol):
    """What brings ticks: told the session by the broker's actor, and what to watch by the market's."""

    def start(self, session: Any) -> None:  # noqa: ANN401  the adapter's own session
        """Begin, or go on, with this session."""

    def watch(self, instrument: Any) -> None:  # noqa: ANN401  an Instrument
        """Bring ticks of this instrument from now on."""

    def stop(self) -> None:
        """End the feed's thread."""


@dataclass(frozen=True, slots=True)
class Status:
    """The desk at a glance."""

    trading: TradingStateNow
    readiness: Readiness
    broker: BrokerState
    watch: WatchState
    exits: ExitsNow


class Desk:
    """One account's desk: six actors, a market, a supervisor, a timer, and the strategies."""

    def __init__(
        self,
        settings: Settings,
        *,
        broker: Broker | None = None,
        feed: DeskFeed | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self._settings = settings
        self._machine_clock = clock or SystemClock()
        self._clock = SteadyClock(self._machine_clock)
        self._ids = ids or RandomIds()
        self._broker_port = broker
        self._feed = feed
        self._failed = threading.Event()
        self._failure = ""
        self._refs: dict[str, pykka.ActorRef[Any]] = {}
        self._strategies: list[pykka.ActorRef[Any]] = []
        self._command: Line[CommandInbox] = Line("CommandActor")
        self._repo: Line[RepoInbox] = Line("RepoActor")
        self._risk: Line[RiskInbox] = Line("RiskActor")
        self._guard: Line[GuardInbox] = Line("GuardActor")
        self._market: Line[MarketInbox] = Line("MarketActor")
        self._broker: Line[BrokerInbox] = Line("BrokerActor")
        self._watcher: Line[WatcherInbox] = Line("WatcherActor")
        self._supervisor: Line[SupervisorInbox] = Line("SupervisorActor")
        self._exits: Line[ExitsInbox] = Line("ExitsActor")
        self._memory: DeskMemory | None = None
        self._lease: Lease | None = None

    # Start and stop.

    def start(self) -> None:
        """Start every actor and log in; raises `DeskStartError` and leaves nothing running."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        self._timer = ThreadTimer(self._clock)
        self._loop = SharedLoop()
        try:
            self._take_lease()
            self._start_actors()
        except BaseException:
            self.stop(grace_s=0)
            raise

    def _take_lease(self) -> None:
        """Keep a second desk for this account out, before anything of it is touched."""
        settings, now = self._settings, self._clock.now()
        live = settings.mode is Mode.LIVE
        try:
            self._lease = take_lease(settings.storage.path, settings.client_id, live=live, now=now)
        except StorageError as error:
            raise DeskStartError(str(error)) from error

    def _start_actors(self) -> None:
        settings, clock, timer, loop = self._settings, self._clock, self._timer, self._loop
        supervisor, command, repo = self._supervisor, self._command, self._repo
        self._begin(
            self._repo,
            RepoActor.start_on(
                loop,
                supervisor=supervisor,
                command=command,
                settings=settings.storage,
                client_id=settings.client_id,
                clock=clock,
                timer=timer,
            ),
        )
        self._memory = memory = self._recall()
        book = RiskBook(
            limits=settings.risk,
            day=trading_day(clock.now()),
            trading_state=memory.trading_state,
            because=memory.because,
            orders_today=memory.orders_today,
        )
        if settings.exits_only and book.trading_state is TradingState.ACTIVE:
            book = book.turned(TradingState.EXITS_ONLY, "started with exits_only")
        self._begin(
            self._risk,
            RiskActor.start_on(
                loop,
                supervisor=supervisor,
                command=command,
                repo=repo,
                broker=self._broker,
                book=book,
                clock=clock,
            ),
        )
        ledger = GuardLedger(memory.positions, memory.orders, trading_day(clock.now()))
        for key, quantity in memory.moved.items():
            ledger.move(key, quantity)
        self._begin(self._guard, GuardActor.start_on(loop, supervisor=supervisor, command=command, ledger=ledger))
        feed, port = self._adapters()
        self._begin(
            self._market,
            MarketActor.start_on(
                loop, supervisor=supervisor, command=command, broker=self._broker, feed=feed, clock=clock
            ),
        )
        calendar = self._calendar()
        limits = CommandLimits(settings.broker.orders_waiting_max, settings.watcher.blind_s_max)
        self._begin(
            self._command,
            CommandActor.start_on(
                loop,
                supervisor=supervisor,
                repo=repo,
                market=self._market,
                risk=self._risk,
                guard=self._guard,
                broker=self._broker,
                watcher=self._watcher,
                limits=limits,
                calendar=calendar,
                clock=clock,
                timer=timer,
            ),
        )
        post(self._command, ResumeOrders(orders=memory.orders))
        self._begin(
            self._exits,
            ExitsActor.start_on(
                loop,
                supervisor=supervisor,
                command=command,
                guard=self._guard,
                market=self._market,
                repo=repo,
                client_id=settings.client_id,
                settings=settings.exits,
                calendar=calendar,
                clock=clock,
                ids=self._ids,
                timer=timer,
            ),
        )
        self._begin(
            self._broker,
            BrokerActor.start(
                supervisor=supervisor,
                command=command,
                watcher=self._watcher,
                market=self._market,
                broker=port,
                feed=feed,
                settings=settings.broker,
                clock=clock,
                timer=timer,
            ),
        )
        self._shake_hands()
        # The watcher first: a login brings the feed up, and that is told to the watcher.
        self._begin(self._watcher, self._start_watcher())
        post(self._broker, LogIn())
        post(self._watcher, Poll())
        post(self._exits, MakeFlat(wishes=memory.wishes))
        self._begin(
            self._supervisor,
            SupervisorActor.start(
                watcher=self._watcher,
                start_watcher=self._start_watcher,
                escalate=self._escalate,
                settings=settings.supervisor,
                clock=clock,
                timer=timer,
            ),
        )

    def _begin(self, line: Line[Any], ref: pykka.ActorRef[Any]) -> None:
        self._refs[line.name] = ref
        line.connect(ref)

    def _adapters(self) -> tuple[DeskFeed, Broker]:
        settings = self._settings.broker
        feed = self._feed
        if feed is None:
            feed = self._feed = Feed(settings, self._clock, self._see_tick, self._see_feed, on_order=self._see_update)
        return feed, self._broker_port or NorenBroker(settings, self._clock, self._machine_clock)

    def _see_tick(self, tick: Tick) -> None:
        post(self._market, PriceSeen(tick=tick))

    def _see_update(self, update: OrderUpdate) -> None:
        post(self._watcher, OrderUpdateSeen(update=update))

    def _see_feed(self, up: bool, words: str) -> None:  # noqa: FBT001  the feed's callback
        logger.log("INFO" if up else "WARNING", "feed {}: {}", "up" if up else "down", words)
        post(self._watcher, FeedChanged(up=up, words=words))

    def _calendar(self) -> Calendar | None:
        """Return the trading calendar, where its hours are kept: always with live money, on paper when asked for."""
        chosen = self._settings.calendar
        enforced = self._settings.mode is Mode.LIVE if chosen.enforced is None else chosen.enforced
        if not enforced:
            return None
        calendar = Calendar(chosen)
        for doubt in calendar.doubts(self._clock.now().date()):
            logger.warning("calendar: {}", doubt)
        return calendar

    def _recall(self) -> DeskMemory:
        try:
            memory: DeskMemory = self._ask("RepoActor", RecallDesk())
        except Exception as error:
            raise DeskStartError(str(error)) from error
        return memory

    def _shake_hands(self) -> None:
        """Hear from each actor before work begins: a start that raised is told to nobody else."""
        self._ask("CommandActor", FindReadiness())
        self._ask("RiskActor", FindTradingState())
        self._ask("GuardActor", FindHoldings())
        self._ask("BrokerActor", FindBrokerState())

    def _start_watcher(self) -> pykka.ActorRef[WatcherActor]:
        """Start a watcher that knows what the database knows; an earlier one is told to go."""
        earlier = self._refs.get(self._watcher.name)
        if earlier is not None:
            earlier.stop(block=False)
        memory = self._recall()
        known = known_from(memory.orders, memory.positions, memory.moved, memory.accepted)
        settings = self._settings
        ref = WatcherActor.start(
            supervisor=self._supervisor,
            command=self._command,
            broker=self._broker,
            comparison=Comparison(known, settings.client_id, settings.proof, settings.watcher),
            settings=self._settings.watcher,
            clock=self._clock,
            timer=self._timer,
        )
        self._refs[self._watcher.name] = ref
        return ref

    def start_strategies(self) -> None:
        """Start the strategies that the settings name; raises `DeskStartError` naming the one that can't."""
        assert self._memory is not None
        seams = StrategySeams(
            supervisor=self._supervisor,
            command=self._command,
            market=self._market,
            exits=self._exits,
            client_id=self._settings.client_id,
            clock=self._clock,
            ids=self._ids,
            memory=self._recall(),
        )
        for chosen in self._settings.strategies:
            kind = load_strategy(chosen)
            try:
                self._strategies.append(kind.start(seams, chosen, **chosen.parameters))
            except Exception as error:
                raise DeskStartError(f"strategy {chosen.name!r} could not be made: {error}") from error

    def _escalate(self, why: str) -> None:
        logger.critical("the desk must end: {}", why)
        self._failure = why
        self._failed.set()

    def wait_for_failure(self, timeout_s: float) -> str | None:
        """Wait until an actor's death ends the desk, or the time is over; return what happened."""
        return self._failure if self._failed.wait(timeout_s) else None

    def stop(self, grace_s: float | None = None) -> tuple[str, ...]:
        """Stop in order, letting orders in flight end for `grace_s` seconds; return the ids that did not."""
        grace = self._settings.supervisor.shutdown_grace_s if grace_s is None else grace_s
        self.stop_strategies()
        if self._command.name in self._refs:
            post(self._command, StopTaking())
        orphans = self._drain(grace)
        for name in (self._supervisor.name, self._watcher.name, self._broker.name, self._command.name):
            self._stop_actor(name)
        for name in (self._exits.name, self._risk.name, self._guard.name, self._market.name, self._repo.name):
            self._stop_actor(name)
        if self._feed is not None:
            self._feed.stop()
        self._loop.stop()
        self._timer.stop()
        if self._lease is not None:
            self._lease.release()
        if orphans:
            logger.warning("stopped with orders in flight: {}", ", ".join(orphans))
        return orphans

    def stop_strategies(self) -> None:
        """Stop every strategy; their orders and positions stay as they are, and the desk goes on."""
        for ref in self._strategies:
            _stop(ref, 1.0)
        self._strategies.clear()

    def _drain(self, grace_s: float) -> tuple[str, ...]:
        ends_at = self._clock.monotonic() + grace_s
        while True:
            try:
                in_flight: tuple[str, ...] = self._ask("CommandActor", FindReadiness()).in_flight
            except DeskUnavailableError:
                return ()
            if not in_flight or self._clock.monotonic() >= ends_at:
                return in_flight
            self._failed.wait(0.05)

    def _stop_actor(self, name: str) -> None:
        ref = self._refs.get(name)
        if ref is not None:
            _stop(ref, self._settings.broker.read_timeout_s + self._settings.broker.connect_timeout_s)

    # What callers outside the actors ask.

    def submit(self, command: OrderCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Send an order into the desk and wait for the outcome of steps 1 to 5; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._command, SubmitOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def send(self, command: OrderCommand, reply_to: Address[OrderAnswered | OrderDeclined]) -> None:
        """Send an order into the desk; `reply_to` hears the outcome."""
        post(self._command, SubmitOrder(command=command, reply_to=reply_to))

    def join(self, strategy: str, address: Address[OrderUpdated | OrderDeclined]) -> None:
        """Tell this address what becomes of the strategy's orders, after each commit."""
        post(self._command, JoinStrategy(strategy=strategy, address=address))

    def change(self, command: ChangeCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Cancel or modify an order and wait for the broker's answer; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._command, ChangeOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def settle(self, command_id: str, settlement: Settlement) -> OrderAnswered | OrderDeclined | None:
        """Let a person say what became of an order; None when that could not be recorded in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._command, SettleOrder(command_id=command_id, settlement=settlement, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def accept(self, name: str, because: str) -> Disagreement | None:
        """Accept what the books disagree about; None when they do not, or no longer."""
        found: Disagreement | None = self._ask("CommandActor", AcceptDisagreement(name=name, because=because))
        return found

    def log_in(self) -> None:
        """Try to open the broker's session again, also after the broker has refused it."""
        post(self._broker, LogIn(by_hand=True))

    def orders(self, most: int, *, open_only: bool = False) -> tuple[Order, ...]:
        """Return at most `most` orders, newest first."""
        found: tuple[Order, ...] = self._ask("RepoActor", FindOrders(most=most, open_only=open_only))
        return found

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, or None when there is no such order."""
        found: Timeline | None = self._ask("RepoActor", FindTimeline(command_id=command_id))
        return found

    def holdings(self) -> Holdings:
        """Return what each strategy holds."""
        found: Holdings = self._ask("GuardActor", FindHoldings())
        return found

    def broker_positions(self) -> PositionBookRead | None:
        """Return the account's positions as the broker has them, or None when it does not answer in time."""
        reply: ReplyOnce[PositionBookRead] = ReplyOnce()
        post(self._broker, ReadPositionBook(reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def flatten(self, because: str, strategy: str | None = None) -> tuple[Scope, ...]:
        """See every position through to flat, or those of one strategy; return what is on its way.

        Without a strategy entries stop first, so that nothing is opened behind the exits' back; a halt stays a halt.
        """
        state: TradingStateNow = self._ask("RiskActor", FindTradingState())
        if strategy is None and state.state is TradingState.ACTIVE:
            self.set_trading_state(TradingState.EXITS_ONLY, f"flatten: {because}")
        told: ExposuresTold = self._ask("GuardActor", FindExposures())
        scopes = tuple(one for one in told.exposures if strategy in {None, one.strategy})
        wishes = tuple(
            ExitWish(
                wish_id=self._ids.new(),
                scope=scope,
                because=because,
                origin=Origin.HUMAN,
                asked_at=self._clock.now(),
            )
            for scope in scopes
        )
        post(self._exits, MakeFlat(wishes=wishes))
        return scopes

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""
        found: ExitsNow = self._ask("ExitsActor", FindExits())
        return found

    def set_trading_state(self, state: TradingState, because: str) -> TradingStateNow:
        """Turn trading to ACTIVE, EXITS_ONLY or HALTED."""
        now: TradingStateNow = self._ask("RiskActor", SetTradingState(state=state, because=because))
        return now

    def status(self) -> Status:
        """Return the desk at a glance."""
        return Status(
            trading=self._ask("RiskActor", FindTradingState()),
            readiness=self.readiness(),
            broker=self._broker_state(),
            watch=self._watch_state(),
            exits=self.exits(),
        )

    def readiness(self) -> Readiness:
        """Return whether entries are taken, and why not."""
        found: Readiness = self._ask("CommandActor", FindReadiness())
        return found

    def _broker_state(self) -> BrokerState:
        """Ask the broker's actor, which may be in the middle of a slow request."""
        try:
            found: BrokerState = self._ask("BrokerActor", FindBrokerState(), wait_s=1.0)
        except DeskUnavailableError:
            return BrokerState(session="busy with a request", waiting=-1, placed=-1, idle_s=0.0)
        return found

    def _watch_state(self) -> WatchState:
        try:
            found: WatchState = self._ask("WatcherActor", FindWatchState(), wait_s=1.0)
        except DeskUnavailableError:
            return WatchState(book_asked_at=None, feed="the watcher does not answer")
        return found

    def _ask(self, name: str, question: Any, wait_s: float = ASK_WAIT_S) -> Any:  # noqa: ANN401  each caller names the answer
        try:
            return self._refs[name].ask(question, timeout=wait_s)
        except (KeyError, pykka.ActorDeadError):
            raise DeskUnavailableError(f"{name} is not running; the desk is stopping or has not started") from None
        except pykka.Timeout:
            raise DeskUnavailableError(f"{name} did not answer within {wait_s:.0f} s; try again") from None


def back_up_database(settings: Settings, target: Path) -> dict[str, Any]:
    """Copy the desk's database to a new file, also while a desk writes; return what it holds and the seconds it took.

    Raises `DeskUnavailableError` saying why not.
    """
    clock = SystemClock()
    began = clock.monotonic()
    try:
        report = back_up(settings.storage.path, target)
    except StorageError as error:
        raise DeskUnavailableError(str(error)) from error
    return {**asdict(report), "seconds": round(clock.monotonic() - began, 3)}


def _stop(ref: pykka.ActorRef[Any], wait_s: float) -> None:
    try:
        ref.stop(timeout=wait_s)
    except (pykka.ActorDeadError, pykka.Timeout):
        logger.warning("{} did not stop within {:.0f} s", ref, wait_s)


def load_strategy(chosen: StrategySettings) -> type[StrategyActor]:
    """Import a strategy's class by its path; raises `DeskStartError` naming what is wrong with it."""
    module_name, _, class_name = chosen.class_path.replace(":", ".").rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DeskStartError(f"strategy {chosen.name!r}: class {chosen.class_path!r} not found ({error})") from error
    if not (isinstance(kind, type) and issubclass(kind, StrategyActor)):
        raise DeskStartError(f"strategy {chosen.name!r}: {chosen.class_path!r} is not a StrategyActor")
    return kind
