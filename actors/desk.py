"""The desk from outside: it starts and ends the wiring, and takes what callers ask.

Stop: strategies first, then no new orders, then those in flight, and the database last.
"""

import gc
import sys
import threading
from collections import Counter
from typing import Any, Final

import pykka
from loguru import logger

from actors.account import hold_account
from actors.adapters import DeskFeed
from actors.desk_interface import DeskInterface
from actors.errors import DeskStartError, DeskUnavailableError
from actors.messages.alerts import RaiseAlert
from actors.messages.desk import FindReadiness, StopTaking
from actors.runtime.actor import stop_actor
from actors.runtime.address import post
from actors.runtime.clock import RandomIds, SystemClock
from actors.strategy import StrategyPorts
from actors.strategy_loading import load_strategy
from actors.wiring import Wiring
from broker.port import Broker
from domain.alerts.text.desk import ending_alert, started_alert, stopped_alert, summary_alert
from domain.ports import Clock, Ids, trading_day
from domain.settings import Settings
from domain.texts import counted
from storage.exit_journal import ExitJournalFile
from storage.history import History
from storage.integrity import damage_of
from storage.kept_files import KeptFiles
from storage.lease import Lease

OPEN_ORDERS_TOLD_MAX: Final = 1_000
SUMMED_UP_MAX: Final = 20_000
SWITCH_INTERVAL_S: Final = 0.001
"""How long one busy thread may keep the others waiting. The default of 5 ms would multiply the order path's latency."""

GARBAGE_THRESHOLDS: Final = (20_000, 20, 50)
"""The order path makes no cycles; looking for them less often keeps the looking out of its way."""


class Desk(DeskInterface):
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
        self._failed = threading.Event()
        self._failure = ""
        wiring = Wiring(
            settings,
            broker=broker,
            feed=feed,
            machine_clock=clock or SystemClock(),
            ids=ids or RandomIds(),
            escalate=self._escalate,
            summarise=self._summarise,
        )
        super().__init__(wiring, ids or RandomIds(), History(settings.storage.path, settings.client_id))
        self._strategies: list[pykka.ActorRef[Any]] = []
        self._lease = lease
        self.taken_up = ""
        """What the start has found of earlier runs, in words; empty where there was nothing."""
        self._files = KeptFiles()
        self._is_damaged = False
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
            threading.Thread(target=self._check_database, name="integrity", daemon=True).start()
        except BaseException:
            self.stop(grace_s=0)
            raise

    def _check_database(self) -> None:
        """Read every page, in a thread of its own: after a clean end the start has not."""
        path = self._settings.storage.path
        if damage := damage_of(path, lambda: self._wiring.is_running):
            self._is_damaged = True
            self._escalate(damage)

    def _tell_start(self) -> None:
        held, open_orders = self._held(), self._open_orders()
        self.taken_up = self._what_there_is(held, open_orders)
        post(self._wiring.notifier, RaiseAlert(alert=started_alert(held, open_orders)))

    def _held(self) -> int:
        return sum(len(positions) for positions in self.holdings().positions.values())

    def _open_orders(self) -> int:
        return len(self.orders(OPEN_ORDERS_TOLD_MAX, open_only=True))

    def _what_there_is(self, held: int, open_orders: int) -> str:
        """Count what the desk watches, in words; empty where there is nothing."""
        found = (
            (held, "position", "held"),
            (open_orders, "order", "open"),
            (len(self.stops().armed), "position", "under stops"),
            (len(self.exits().under_way), "position", "on the way to flat"),
        )
        return ", ".join(f"{counted(count, what)} {how}" for count, what, how in found if count)

    def _what_is_left(self) -> str:
        try:
            return self._what_there_is(self._held(), self._open_orders())
        except DeskUnavailableError:
            return "what it held"

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
            post(self._wiring.notifier, RaiseAlert(alert=stopped_alert(orphans, self._what_is_left())))
            self._wiring.stop()
        if self._is_damaged:
            # This run has not ended in order, whatever it said: the next start reads every page, and refuses.
            ExitJournalFile(self._settings.storage.path).open()
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
                in_flight = self._wiring.ask_of(self._wiring.command, FindReadiness()).in_flight
            except DeskUnavailableError:
                return ()
            if not in_flight or self._clock.monotonic() >= ends_at:
                return in_flight
            self._failed.wait(0.05)
