"""The desk from outside: it starts and ends the wiring, and takes what callers ask.

Stop: strategies first, then no new orders, then those in flight, and the database last.
"""

import gc
import importlib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import pykka
from loguru import logger

from actors.messages.alerts import AcknowledgeAlarms, AlarmsAcknowledged, AlertsNow, FindAlerts, RaiseAlert
from actors.messages.baskets import BasketAnswered, BasketsNow, FindBaskets, SubmitBasket
from actors.messages.books import (
    AcceptanceUndone,
    AcceptBreak,
    FindWatchState,
    HoldingWrittenOff,
    PositionsRead,
    PositionWrittenOff,
    ReconcileNow,
    UndoAcceptance,
    WatchState,
)
from actors.messages.broker import BrokerState, FindBrokerState, LogIn, ReadBook
from actors.messages.changes import ChangeOrder, ResolveOrder
from actors.messages.desk import FindReadiness, JoinStrategy, KeepAlive, Readiness, StopTaking
from actors.messages.exits import ExitsNow, FindExits, Flatten
from actors.messages.guard import ExposuresTold, FindExposures, FindHoldings, Holdings, WriteOffPosition
from actors.messages.market import FindUnwatched, UnwatchedNow
from actors.messages.orders import OrderAnswered, OrderDeclined, OrderUpdated, SubmitOrder
from actors.messages.persistence import FindOrders, FindTimeline, FindUnwritten, Timeline
from actors.messages.risk import (
    FindPnl,
    FindTradingState,
    PnlNow,
    SetTradingState,
    TradingStateChanged,
    TradingStateNow,
)
from actors.messages.stops import FindStops, SetStops, StopsAnswered, StopsNow
from actors.runtime.address import Address, ReplyOnce, post
from actors.runtime.clock import RandomIds, SystemClock
from actors.strategy import StrategyActor, StrategyPorts
from actors.wiring import ASK_WAIT_S, DeskFeed, DeskStartError, DeskUnavailableError, Wiring, stop_actor
from broker.port import Broker
from domain.alerts.text.desk import ending_alert, started_alert, stopped_alert, stranger_alert, summary_alert
from domain.baskets import Basket
from domain.broker.book_outages import BookKind
from domain.broker.snapshots import Book
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.exits.stops import StopTerms
from domain.market.watching import Unwatched
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.resolution import Resolution
from domain.orders.types import Origin
from domain.ports import Clock, Ids, Kept, trading_day
from domain.reconciliation.breaks import Break
from domain.reconciliation.write_off import Difference, differences, objection_to_write_off
from domain.risk.checks import TradingState
from domain.settings import Mode, Settings, StrategySettings
from storage.backup import back_up
from storage.database import StorageError
from storage.kept_files import KeptFiles
from storage.lease import Lease, take_lease

OPEN_ORDERS_TOLD_MAX: Final = 1_000
SUMMED_UP_MAX: Final = 20_000
SWITCH_INTERVAL_S: Final = 0.001
"""How long one busy thread may keep the others waiting. The default of 5 ms would multiply the order path's latency."""

GARBAGE_THRESHOLDS: Final = (20_000, 20, 50)
"""The order path makes no cycles; looking for them less often keeps the looking out of its way."""

Answer = TypeVar("Answer")


NOBODY_SAYS: Final = AlertsNow(records=(), open=(), trouble="the part of the desk that tells does not answer")


@dataclass(frozen=True, slots=True)
class Status:
    """The desk at a glance."""

    trading: TradingStateNow
    readiness: Readiness
    broker: BrokerState
    watch: WatchState
    feed: str
    """How the feed stands, in its own words."""
    exits: ExitsNow
    unwatched: tuple[Unwatched, ...] = ()
    """What strategies watch and get no prices of."""
    alerts: AlertsNow = NOBODY_SAYS
    """Which alarms are open, and how the channels deliver; without the alerts themselves."""


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
        lease: Lease | None = None,
    ) -> None:
        """Make a desk; `lease` is what `hold_account` has taken already."""
        self._settings = settings
        self._ids = ids or RandomIds()
        self._failed = threading.Event()
        self._failure = ""
        self._wiring = Wiring(
            settings,
            broker=broker,
            feed=feed,
            machine_clock=clock or SystemClock(),
            ids=self._ids,
            escalate=self._escalate,
            summarise=self._summarise,
        )
        self._clock = self._wiring.clock
        self._strategies: list[pykka.ActorRef[Any]] = []
        self._lease = lease
        self.taken_up = ""
        """What the start has found of earlier runs, in words; empty where there was nothing."""
        self._files = KeptFiles()
        self.has_lost_a_file = False
        """Whether a start would begin with another database than the one that this run wrote to."""

    # Start and stop.

    def start(self) -> None:
        """Start every actor and log in; raises `DeskStartError` and leaves nothing running."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        try:
            if self._lease is None:
                self._lease = hold_account(self._settings, self._clock.now())
            self._wiring.start()
            self._files = KeptFiles(self._settings.storage.path, *self._lease.paths)
            self._tell_start()
        except BaseException:
            self.stop(grace_s=0)
            raise

    def _tell_start(self) -> None:
        held = sum(len(positions) for positions in self.holdings().positions.values())
        open_orders = len(self.orders(OPEN_ORDERS_TOLD_MAX, open_only=True))
        found = (
            (held, "held"),
            (open_orders, "open"),
            (len(self.stops().armed), "under stops"),
            (len(self.exits().under_way), "on the way to flat"),
        )
        whats = {"open": "orders"}
        self.taken_up = ", ".join(f"{count} {whats.get(how, 'positions')} {how}" for count, how in found if count)
        post(self._wiring.notifier, RaiseAlert(alert=started_alert(held, open_orders)))

    def _summarise(self) -> None:
        """Sum the day up, in a thread of its own: it asks the actors."""
        threading.Thread(target=self._sum_up, name="summary", daemon=True).start()

    def _sum_up(self) -> None:
        try:
            orders = self.orders(SUMMED_UP_MAX)
            today = trading_day(self._clock.now())
            fates = Counter(str(one.status) for one in orders if one.day == today)
            if not self._wiring.trading_days.is_worth_a_summary(today, fates.total()):
                return
            held = {
                f"{units:+d} {key.symbol} of {strategy}"
                for strategy, positions in self.holdings().positions.items()
                for key, units in positions.items()
            }
            alert = summary_alert(today, fates, sorted(held), self.pnl().total)
        except DeskUnavailableError as error:
            logger.warning("the day was not summed up: {}", error)
            return
        post(self._wiring.notifier, RaiseAlert(alert=alert))

    def start_strategies(self) -> None:
        """Start the strategies that the settings name; raises `DeskStartError` naming the one that can't."""
        ports = StrategyPorts(
            supervisor=self._wiring.supervisor,
            command=self._wiring.command,
            market=self._wiring.market,
            exits=self._wiring.exits,
            baskets=self._wiring.baskets,
            client_id=self._settings.client_id,
            clock=self._clock,
            ids=self._ids,
            snapshot=self._wiring.recall(),
        )
        for chosen in self._settings.strategies:
            kind = load_strategy(chosen)
            try:
                self._strategies.append(kind.start(ports, chosen, **chosen.parameters))
            except Exception as error:
                raise DeskStartError(f"strategy {chosen.name!r} could not be made: {error}") from error

    def _escalate(self, why: str) -> None:
        logger.critical("the desk must end: {}", why)
        post(self._wiring.notifier, RaiseAlert(alert=ending_alert(why)))
        self._failure = why
        self._failed.set()

    def wait_for_failure(self, timeout_s: float) -> str | None:
        """Wait until an actor's death or a lost file ends the desk, or the time is over; return what happened."""
        if not self._failed.wait(timeout_s) and (lost := self._files.objection()):
            self.has_lost_a_file = True
            self._escalate(lost)
        return self._failure if self._failed.is_set() else None

    def stop(self, grace_s: float | None = None) -> tuple[str, ...]:
        """Stop in order, letting orders in flight end for `grace_s` seconds; return the ids that did not."""
        grace = self._settings.supervisor.shutdown_grace_s if grace_s is None else grace_s
        self.stop_strategies()
        orphans: tuple[str, ...] = ()
        if self._wiring.is_running:
            post(self._wiring.command, StopTaking())
            orphans = self._drain(grace)
            post(self._wiring.notifier, RaiseAlert(alert=stopped_alert(orphans)))
            self._wiring.stop()
        if self._lease is not None:
            self._lease.release()
        if orphans:
            logger.warning("stopped with orders in flight: {}", ", ".join(orphans))
        return orphans

    def stop_strategies(self) -> None:
        """Stop every strategy; their orders and positions stay as they are, and the desk goes on."""
        for ref in self._strategies:
            stop_actor(ref, 1.0)
        self._strategies.clear()

    def _drain(self, grace_s: float) -> tuple[str, ...]:
        ends_at = self._clock.monotonic() + grace_s
        while True:
            try:
                in_flight: tuple[str, ...] = self._wiring.ask_of(self._wiring.command, FindReadiness()).in_flight
            except DeskUnavailableError:
                return ()
            if not in_flight or self._clock.monotonic() >= ends_at:
                return in_flight
            self._failed.wait(0.05)

    # What callers outside the actors ask.

    def submit(self, command: OrderCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Send an order into the desk and wait for the outcome of steps 1 to 5; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, SubmitOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def send(self, command: OrderCommand, reply_to: Address[OrderAnswered | OrderDeclined]) -> None:
        """Send an order into the desk; `reply_to` hears the outcome."""
        post(self._wiring.command, SubmitOrder(command=command, reply_to=reply_to))

    def join(
        self, strategy: str, address: Address[OrderUpdated | OrderDeclined | TradingStateChanged | HoldingWrittenOff]
    ) -> None:
        """Tell this address what becomes of the strategy's orders, after each commit."""
        post(self._wiring.command, JoinStrategy(strategy=strategy, address=address))

    def submit_basket(self, basket: Basket, wait_s: float) -> BasketAnswered | None:
        """Send orders that belong together and wait until they have ended; None when that is not known in time."""
        reply: ReplyOnce[BasketAnswered] = ReplyOnce()
        post(self._wiring.baskets, SubmitBasket(basket=basket, reply_to=reply))
        return reply.wait(wait_s)

    def baskets(self) -> BasketsNow:
        """Return the baskets, oldest first."""
        found: BasketsNow = self._wiring.ask_of(self._wiring.baskets, FindBaskets())
        return found

    def change(self, command: ChangeCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Cancel or modify an order and wait for the broker's answer; None when it is not known in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, ChangeOrder(command=command, reply_to=reply))
        return reply.wait(wait_s)

    def resolve(self, command_id: str, resolution: Resolution) -> OrderAnswered | OrderDeclined | None:
        """Let a person say what became of an order; None when that could not be recorded in time."""
        reply: ReplyOnce[OrderAnswered | OrderDeclined] = ReplyOnce()
        post(self._wiring.command, ResolveOrder(command_id=command_id, resolution=resolution, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def accept(self, name: str, reason: str) -> Break | None:
        """Accept what the books differ about; None when they do not, or no longer."""
        found: Break | None = self._wiring.ask_of(self._wiring.command, AcceptBreak(name=name, reason=reason))
        return found

    def undo_acceptance(self, name: str, reason: str) -> AcceptanceUndone | None:
        """Take back what a person has accepted under this name; None when that could not be recorded in time."""
        reply: ReplyOnce[AcceptanceUndone] = ReplyOnce()
        post(self._wiring.repo, UndoAcceptance(name=name, reason=reason, at=self._clock.now(), reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def log_in(self) -> None:
        """Try to open the broker's session again, also after the broker has refused it."""
        post(self._wiring.broker, LogIn(by_hand=True))

    def orders(
        self, limit: int, *, open_only: bool = False, between: Callable[[], None] = lambda: None
    ) -> tuple[Order, ...]:
        """Return at most `limit` orders, newest first; they are read a few at a time, with `between` in between."""
        found: dict[str, Order] = {}
        while len(found) < limit:
            before = next(reversed(found), None)
            question = FindOrders(limit=limit - len(found), open_only=open_only, before=before)
            some: tuple[Order, ...] = self._wiring.ask_of(self._wiring.repo, question)
            known = len(found)
            for one in some:
                found.setdefault(one.command.command_id, one)
            if len(found) == known:
                break
            between()
        return tuple(found.values())[:limit]

    def timeline(self, command_id: str) -> Timeline | None:
        """Return an order with its journal, or None when there is no such order."""
        found: Timeline | None = self._wiring.ask_of(self._wiring.repo, FindTimeline(command_id=command_id))
        return found

    def holdings(self) -> Holdings:
        """Return what each strategy holds."""
        found: Holdings = self._wiring.ask_of(self._wiring.guard, FindHoldings())
        return found

    def broker_positions(self) -> PositionsRead | None:
        """Return the account's positions as the broker has them, or None when it does not answer in time."""
        reply: ReplyOnce[PositionsRead] = ReplyOnce()
        post(self._wiring.broker, ReadBook(kind=BookKind.POSITIONS, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def flatten(self, reason: str, strategy: str | None = None) -> tuple[PositionKey, ...]:
        """See every position through to flat, or those of one strategy; return what is on its way.

        Without a strategy entries stop first, so that nothing is opened behind the exits' back; a halt stays a halt.
        A basket's leg that is still to come is among it: the hedge that it leans on leaves.
        """
        state: TradingStateNow = self._wiring.ask_of(self._wiring.risk, FindTradingState())
        if strategy is None and state.state is TradingState.ACTIVE:
            self.set_trading_state(TradingState.EXITS_ONLY, f"flatten: {reason}")
        told: ExposuresTold = self._wiring.ask_of(self._wiring.guard, FindExposures())
        awaited = sorted(told.awaited, key=str)
        position_keys = tuple(
            one for one in dict.fromkeys((*told.exposures, *awaited)) if strategy in {None, one.strategy}
        )
        self.see_to_flat(position_keys, reason)
        return position_keys

    def see_to_flat(self, position_keys: Sequence[PositionKey], reason: str) -> None:
        """See these positions through to flat, as a person asks: over refusals, dead sessions and restarts."""
        requests = tuple(
            FlattenRequest(
                request_id=self._ids.new(),
                position_key=position_key,
                reason=reason,
                origin=Origin.HUMAN,
                asked_at=self._clock.now(),
            )
            for position_key in position_keys
        )
        post(self._wiring.exits, Flatten(requests=requests))
        self.exits()  # Has taken them up, and told the database.
        if not self.is_stored():
            logger.critical("flatten is under way, but not on the disk: a restart would not know of it")

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""
        found: ExitsNow = self._wiring.ask_of(self._wiring.exits, FindExits())
        return found

    def stops(self) -> StopsNow:
        """Return the positions that are under stops."""
        found: StopsNow = self._wiring.ask_of(self._wiring.exits, FindStops())
        return found

    def protect(self, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsAnswered | None:
        """Put a position under stops, or with None remove them; None when that is not answered in time."""
        reply: ReplyOnce[StopsAnswered] = ReplyOnce()
        post(self._wiring.exits, SetStops(position_key=position_key, terms=terms, reason=reason, reply_to=reply))
        return reply.wait(ASK_WAIT_S)

    def write_off(self, position_key: PositionKey, reason: str, *, force: bool = False) -> str:
        """Take a strategy's position out of our books by hand; return why not, or an empty text when it is done.

        Refused while the broker shows units of it, unless `force`, and while orders of it may still trade.
        """
        read = self.broker_positions()
        refused = objection_to_write_off(position_key, None if read is None else read.book, force=force)
        if refused:
            return refused
        units: int | None = self._wiring.ask_of(self._wiring.guard, WriteOffPosition(position_key=position_key))
        if units is None:
            return f"orders of {position_key} may still trade; cancel or resolve them first"
        if not units:
            return f"{position_key} holds nothing by our books"
        written_off = PositionWrittenOff(position_key=position_key, units=units, reason=reason, at=self._clock.now())
        post(self._wiring.command, written_off)
        return ""

    def reconcile(self) -> tuple[Difference, ...] | str:
        """Hold our sums against the broker's positions now; return the differences, or why they can't be told."""
        read = self.broker_positions()
        if read is None:
            return "the broker did not answer in time"
        if not isinstance(read.book, Book):
            return read.book.cause
        post(self._wiring.watcher, ReconcileNow())
        ours = self.holdings()
        return differences(ours.positions, ours.delivery_today, read.book)

    def alerts(self) -> AlertsNow:
        """Return what was told lately, and which alarms are open."""
        found: AlertsNow = self._wiring.ask_of(self._wiring.notifier, FindAlerts())
        return found

    def acknowledge(self, topic: str | None) -> AlarmsAcknowledged:
        """Take a topic's alarm as seen by a person, or all of them."""
        seen: AlarmsAcknowledged = self._wiring.ask_of(self._wiring.notifier, AcknowledgeAlarms(topic=topic))
        return seen

    def warn_of_stranger(self, chat_id: str, earlier: int) -> None:
        """Tell that somebody else talks to the bot."""
        post(self._wiring.notifier, RaiseAlert(alert=stranger_alert(chat_id, earlier)))

    def keep_alive(self, thread: Kept) -> None:
        """Have the supervisor start this thread again whenever it dies."""
        post(self._wiring.supervisor, KeepAlive(thread=thread))

    def trading_state(self) -> TradingStateNow:
        """Return what may be sent, and why."""
        found: TradingStateNow = self._wiring.ask_of(self._wiring.risk, FindTradingState())
        return found

    def pnl(self) -> PnlNow:
        """Return how the day stands, in rupees."""
        found: PnlNow = self._wiring.ask_of(self._wiring.risk, FindPnl())
        return found

    def set_trading_state(self, state: TradingState, reason: str, *, force: bool = False) -> TradingStateNow:
        """Turn trading to ACTIVE, EXITS_ONLY or HALTED, and wait until that is on the disk.

        `force` resumes over a broken loss limit.
        """
        word = SetTradingState(state=state, reason=reason, force=force)
        now: TradingStateNow = self._wiring.ask_of(self._wiring.risk, word)
        return replace(now, stored=self.is_stored())

    def is_stored(self) -> bool:
        """Say whether all that was decided before this question is on the disk: a restart would know of it."""
        try:
            unwritten: int = self._wiring.ask_of(self._wiring.repo, FindUnwritten())
        except DeskUnavailableError:
            return False
        return not unwritten

    def status(self) -> Status:
        """Return the desk at a glance."""
        return Status(
            trading=self._wiring.ask_of(self._wiring.risk, FindTradingState()),
            readiness=self.readiness(),
            broker=self._broker_state(),
            watch=self._watch_state(),
            feed=self._wiring.feed_text,
            exits=self.exits(),
            unwatched=self._unwatched(),
            alerts=self._delivery(),
        )

    def _delivery(self) -> AlertsNow:
        try:
            found: AlertsNow = self._wiring.ask_of(self._wiring.notifier, FindAlerts(with_records=False), wait_s=1.0)
        except DeskUnavailableError:
            return NOBODY_SAYS
        return found

    def _unwatched(self) -> tuple[Unwatched, ...]:
        try:
            found: UnwatchedNow = self._wiring.ask_of(self._wiring.market, FindUnwatched(), wait_s=1.0)
        except DeskUnavailableError:
            return ()
        return found.missing

    def readiness(self) -> Readiness:
        """Return whether entries are taken, and why not."""
        found: Readiness = self._wiring.ask_of(self._wiring.command, FindReadiness())
        return found

    def _broker_state(self) -> BrokerState:
        """Ask the broker's actor, which may be in the middle of a slow request."""
        try:
            found: BrokerState = self._wiring.ask_of(self._wiring.broker, FindBrokerState(), wait_s=1.0)
        except DeskUnavailableError:
            return BrokerState(session="busy with a request", waiting=-1, placed=-1, idle_s=0.0)
        return found

    def _watch_state(self) -> WatchState:
        try:
            found: WatchState = self._wiring.ask_of(self._wiring.watcher, FindWatchState(), wait_s=1.0)
        except DeskUnavailableError:
            return WatchState(book_asked_at=None)
        return found


def hold_account(settings: Settings, now: datetime) -> Lease:
    """Keep a second desk for this account out, before anything of it is touched; raise `DeskStartError`."""
    try:
        live = settings.mode is Mode.LIVE
        return take_lease(settings.storage.path, settings.client_id, live=live, now=now)
    except StorageError as error:
        raise DeskStartError(str(error)) from error


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


def load_strategy(chosen: StrategySettings) -> type[StrategyActor]:
    """Import a strategy's class by its path; raises `DeskStartError` naming what is wrong with it."""
    module_name, _, class_name = chosen.class_path.replace(":", ".").rpartition(".")
    try:
        kind = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise DeskStartError(f"strategy {chosen.name!r}: class {chosen.class_path!r} not found ({error})") from error
    except Exception as error:  # whatever a strategy's own file does while it is loaded
        said = f"{type(error).__name__}: {error}"
        raise DeskStartError(f"strategy {chosen.name!r}: {module_name} can't be loaded ({said})") from error
    if not (isinstance(kind, type) and issubclass(kind, StrategyActor)):
        raise DeskStartError(f"strategy {chosen.name!r}: {chosen.class_path!r} is not a StrategyActor")
    return kind


__all__ = [
    "Desk",
    "DeskStartError",
    "DeskUnavailableError",
    "Lease",
    "Status",
    "back_up_database",
    "hold_account",
    "load_strategy",
]
