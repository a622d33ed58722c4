"""Tells a story: one desk, through all its lives, against one exchange, and a judge.

Same seed, same code: the same story, to the last byte of the journal.
"""

import hashlib
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from loguru import logger

from actors.desk import Desk
from actors.errors import DeskStartError, DeskUnavailableError
from domain.broker.snapshots import BrokerStatus
from domain.exits.flatten import PositionKey
from domain.ports import IST
from domain.settings import Settings
from tests.simulation.contracts import FIRST_DAY
from tests.simulation.crowd import Crowd, key_of_scope
from tests.simulation.disk import Disk, made_database, on_disk
from tests.simulation.exchange import Ledger
from tests.simulation.judge import Judge
from tests.simulation.port import Gateway, Push
from tests.simulation.scheduler import Crash, Scheduler, StuckError, VirtualClock, staged
from tests.simulation.story import CrashAt, Outcome, Story

MONDAY: Final = datetime.combine(FIRST_DAY, time(9, 20), IST)
PROOF_S: Final = 5.0
BLIND_S: Final = 3.0
BLIND_SLACK_S: Final = 0.7
SETTLE_S: Final = 60.0
QUIET_S: Final = 4.0
"""So long nothing may move before it counts as resolved: differences of the books take a while to be told."""


class Names:
    """Names in order; a new process goes on where the last one was, as real ones never repeat."""

    def __init__(self) -> None:
        self._given = 0

    def new(self) -> str:
        self._given += 1
        return f"n{self._given:06}"


class World:
    """Owns the exchange, the disk and the crowd, which outlive every process of the desk."""

    def __init__(self, story: Story, folder: Path) -> None:
        self.story = story
        self.clock = VirtualClock(MONDAY)
        self.scheduler = Scheduler(self.clock, story.seed)
        self.chance = random.Random(f"{story.seed} world")  # noqa: S311  a seed has to bring the same again
        self.scheduler.dawdle_share = story.dawdle_share
        self.disk = Disk(folder, self.scheduler)
        self.ledger = Ledger(self.scheduler, story.seed, story.habits, story.customs, story.checks)
        self.gateway = Gateway(self.scheduler, self.ledger, story.seed, story.troubles)
        self.push = Push(self.scheduler, self.gateway, random.Random(f"{story.seed} feed"))  # noqa: S311  as above
        self.judge = Judge(self.scheduler, self.ledger, self.gateway, self.disk)
        self.crowd = Crowd(self.scheduler, self.ledger, self.judge, story.seed, story.manners)
        self.names = Names()
        self.desk: Desk | None = None
        self.failure = ""
        self.lives = 0
        self.effects_of_lives: list[int] = []
        self._began_at = 0
        self.effects_before_quiet = 0
        self.unsynced_at_crashes: list[int] = []
        self._crashes = list(story.crashes)
        self._connect()

    def _connect(self) -> None:
        judge = self.judge
        self.ledger.tell = self.push.bring
        self.ledger.on_fill = judge.see_fill
        self.ledger.on_late_fill = judge.see_late_fill
        self.scheduler.see_put = judge.see_put
        self.gateway.on_send = judge.see_send
        self.gateway.on_arrival = judge.see_arrival
        self.gateway.on_request = judge.see_request
        self.gateway.on_order_book = self._see_book
        self.gateway.on_reply = judge.rules.see_reply
        story = self.story
        loss = story.settings.get("risk", {}).get("daily_loss_max")
        judge.rules.begin(story.rules, None if loss is None else Decimal(loss))
        judge.is_up = lambda: self.desk is not None
        self.gateway.lose_reply_of = self.story.lose_reply_of
        self.disk.after_commit = judge.see_commit
        judge.books_unavailable_s_max = BLIND_S + BLIND_SLACK_S
        self.crowd.orders_max = self.story.orders_max

    def _see_book(self) -> None:
        self.judge.book_seen_s = self.clock.seconds

    # the story

    def run(self) -> Outcome:
        """Tell the story to its end, or to the first violation."""
        story = self.story
        try:
            for day in range(story.days):
                self._live_a_day(day)
                if self.judge.violations:
                    break
        except StuckError as error:
            self.judge.blame("resolves", str(error))
        finally:
            self.judge.close()
            self.disk.let_go()
            self.scheduler.forget_process()
        return self._outcome()

    def _live_a_day(self, day: int) -> None:
        story = self.story
        begins_s = day * 86_400.0
        self.clock.seconds = max(self.clock.seconds, begins_s)
        self.judge.rules.end_day()
        self.ledger.begin_day((MONDAY + timedelta(days=day)).date().isoformat())
        self.judge.rules.begin_day()
        self.judge.others.begin_day()
        self.crowd.begin_day()
        self._be_noisy()
        self._plan(story.seconds)
        self._live_until(self.clock.seconds + story.seconds)
        if self.judge.violations:
            return
        if day < story.days - 1 and story.abrupt_ends:
            self._die()
            self.scheduler.run_until(self.clock.seconds + 1)
            self.ledger.end_day()
            return
        self.effects_before_quiet = self.scheduler.effects
        self._be_quiet()
        self._finish()

    def _plan(self, seconds: float) -> None:
        """Wind the troubles that come at moments of their own."""
        story, scheduler, chance = self.story, self.scheduler, self.chance
        now = self.clock.seconds
        self._walk()
        self.crowd.begin()
        deeds = (
            (story.disk_refuses, self._refuse_writes),
            (story.disk_locks, self._lock_database),
            (story.journal_refuses, self._refuse_all),
            (story.watcher_dies, self._kill_watcher),
            (story.watcher_hangs, self._hang_watcher),
            (story.clock_steps, self._step_clock),
            (story.feed_falls, lambda: self.push.fall(self.chance.random() * 4)),
            (story.blackouts, self._darken),
            (story.hidings, self._hide),
            (story.other_writers, self._write_beside),
            (story.stops, self._stop_in_order),
            (story.outages, self._lack),
            (story.locks, self._lock),
            (story.ip_refusals, self._refuse_address),
            (story.takeovers, self.gateway.lose_session),
            (story.band_narrows, lambda: self.ledger.contracts.narrow(self.ledger.prices)),
            (story.feed_errs, lambda: self.gateway.sayings.begin_to_err(self.clock.seconds)),
        )
        for times, deed in deeds:
            for _ in range(times):
                scheduler.at(now + chance.random() * seconds, deed)
        if story.missing and not story.outages:
            self.gateway.missing = frozenset(story.missing)

    def _walk(self) -> None:
        """Let prices move, and be told; when it is quiet they stand, and are told all the same."""
        if not self.ledger.quiet:
            self.ledger.walk()
        for exchange, symbol in self.ledger.prices:
            self.push.tick(exchange, symbol, self.clock.now())
        if not self.ledger.quiet:
            self.judge.rules.look()
        # In the end nothing happens that needs as many prices.
        self.scheduler.after(1.0 if self.ledger.quiet else 0.25, self._walk) if self.ledger.is_open else None

    def _live_until(self, until_s: float) -> None:
        """Let the desk live, die and live again until then."""
        while self.clock.seconds < until_s and not self.judge.violations:
            if self.desk is None and not self._start():
                continue
            try:
                self.scheduler.run_until(until_s)
            except Crash:
                self._die()

    def _start(self) -> bool:
        """Start the desk, or die in the attempt."""
        self.lives += 1
        self._began_at = self.scheduler.effects
        self.judge.begin_life()
        self.disk.may_lose_power = False
        if self._crashes:
            crash = self._crashes[0]
            self.scheduler.crash_at = self.scheduler.effects + crash.effect
            self.disk.may_lose_power = crash.power
        refused = self.disk.refused
        desk = Desk(
            self._settings(),
            broker=self.gateway,
            feed=self.push,
            clock=self.clock,
            ids=self.names,
        )
        self.desk = desk
        self.gateway.clock = desk._clock
        self._wire_feed(desk)
        try:
            desk._wiring._escalate = self._hear_of_death
            desk._wiring.start()
            self._lock_after_start()
            self.crowd.meet(desk)
        except Crash:
            self._die()
            return False
        except DeskStartError as error:
            if self.disk.is_refusing() or self.disk.is_locked() or self.disk.refused > refused:
                self._die()
                return False
            self.judge.blame("alive", f"the desk did not start: {error}")
            return False
        return True

    def _lock_after_start(self) -> None:
        """Let another process lock the file, perhaps, before anybody who waited for the desk asks it, or soon after."""
        share = self.story.start_lock_share
        if not share or self.ledger.quiet or self.chance.random() >= share:
            return
        lock = self._refuse_all if self.story.journal_refuses else self._lock_database
        if self.chance.random() < 0.5:
            lock()
        else:
            self.scheduler.after(self.chance.random() * 0.2, lock)

    def _wire_feed(self, desk: Desk) -> None:
        wiring = desk._wiring
        self.push.hear = wiring.adapters.see_updates
        self.push.hear_tick = wiring.adapters.see_tick
        self.push.hear_state = wiring.adapters.see_feed

    def _hear_of_death(self, why: str) -> None:
        if self.scheduler.crashed:
            return
        self.judge.blame("alive", why)

    def _die(self) -> None:
        """The process is gone; what it leaves on the disk is the next one's beginning."""
        self.effects_of_lives.append(self.scheduler.effects - self._began_at)
        self.unsynced_at_crashes.append(self.disk.unsynced)
        crash = self._crashes.pop(0) if self._crashes and not self.judge.violations else CrashAt(0)
        self.crowd.lose()
        self.crowd.busy = False
        self.push.stop()
        self.desk = None
        if self.judge.violations:
            return
        self.judge.close()
        self.disk.cut(power=crash.power)
        self.scheduler.forget_process()
        self.gateway.needs_login = True
        self.judge.book_seen_s = self.clock.seconds
        self.scheduler.run_until(self.clock.seconds + self.chance.random() * self.story.downtime_s_max)

    def _stop_in_order(self) -> None:
        """End the process as a person does, and start it again."""
        desk = self.desk
        if desk is None or self.scheduler.crashed or self.gateway_is_busy():
            return
        self.crowd.lose()
        self._crashes.insert(0, CrashAt(0))
        desk.stop(grace_s=0)
        self.scheduler.crashed = True
        raise Crash

    def gateway_is_busy(self) -> bool:
        box = self.scheduler.box_of("BrokerActor")
        return box is None or box.busy or self.crowd.busy

    # troubles that come at a moment

    def _refuse_writes(self) -> None:
        self.disk.refuses_until_s = self.clock.seconds + self.chance.random() * 1.5

    def _lock_database(self) -> None:
        lasts_s = 0.5 + self.chance.random() * 3
        self.disk.locked_until_s = self.clock.seconds + lasts_s
        if self.story.dies_in_lock:
            self.scheduler.after(self.chance.random() * lasts_s, self._die_soon)
        if self.story.dies_after_lock:
            self.scheduler.at(self.disk.locked_until_s + self.chance.random(), self._die_soon)

    def _die_soon(self) -> None:
        """Let the process die at its next effect."""
        if self.desk is not None and not self.ledger.quiet:
            self._crashes.insert(0, CrashAt(0))
            self.scheduler.crash_at = self.scheduler.effects + 1

    def _refuse_all(self) -> None:
        """Let neither the database nor the exit journal be written."""
        self._lock_database()
        self.disk.journal_refuses_until_s = self.disk.locked_until_s

    def _kill_watcher(self) -> None:
        box = self.scheduler.box_of("WatcherActor")
        if box is not None and not box.busy and self.desk is not None:
            box.actor._learn = _raise

    def _hang_watcher(self) -> None:
        box = self.scheduler.box_of("WatcherActor")
        if box is not None:
            box.sleeps_until = self.clock.seconds + 2 + self.chance.random() * 8

    def _darken(self) -> None:
        self.gateway.dark_until_s = self.clock.seconds + 2 + self.chance.random() * 10

    def _hide(self) -> None:
        """Let the order book lack its newest rows for a while."""
        self.gateway.hides_until_s = self.clock.seconds + 6 + self.chance.random() * 8
        self.gateway.shows_rows = len(self.ledger.today) * 2 // 3

    def _lack(self) -> None:
        """Let everything that the story names be missing for a while."""
        self.gateway.missing = frozenset(self.story.missing)
        self.scheduler.after(3 + self.chance.random() * self.story.outage_s_max, self._have_again)

    def _have_again(self) -> None:
        self.gateway.missing = frozenset()

    def _lock(self) -> None:
        self.disk.locked_until_s = self.clock.seconds + 1 + self.chance.random() * self.story.lock_s_max

    def _refuse_address(self) -> None:
        """Let the broker refuse orders from this address for a while."""
        self.ledger.back_office.ip_refused_until_s = self.clock.seconds + 2 + self.chance.random() * 6

    def _write_beside(self) -> None:
        """Let a second writer, which should not be, record the end of an order that has truly ended."""
        if self.desk is None or self.disk.is_refusing():
            return
        rows = self.judge.read("SELECT command_id, remarks_tag FROM orders WHERE state = 'WORKING' ORDER BY id")
        for name, remarks in rows:
            there = self.ledger.by_tag.get(remarks, [])
            if there and there[0].status is BrokerStatus.COMPLETE:
                self.disk.write_beside(name, there[0], self.clock.now())
                return
        self.scheduler.after(0.05, self._write_beside)

    def _step_clock(self) -> None:
        self.clock.wall_is_off_s = self.chance.choice((-3_600.0, -3_600.0, -30.0, 0.0, 30.0))

    # the end

    def _be_noisy(self) -> None:
        self.ledger.quiet = self.gateway.quiet = self.crowd.quiet = False

    def _be_quiet(self) -> None:
        """Take the faults away; prices stand, the market still trades."""
        self.ledger.quiet = self.gateway.quiet = self.crowd.quiet = True
        self.gateway.missing = frozenset()
        self.disk.refuses_until_s = self.disk.locked_until_s = -1.0
        self.disk.journal_refuses_until_s = min(self.disk.journal_refuses_until_s, self.clock.seconds)
        self._crashes.clear()
        self.scheduler.crash_at = None

    def _finish(self) -> None:
        """Everything resolves; what is told to get out gets out; starting again changes nothing."""
        judge = self.judge
        if not self._settle():
            return
        judge.check_answers()
        judge.check_ways_out()
        if not self.story.other_writers and not judge.violations:
            self._get_flat()
        if judge.violations:
            return
        self._check()
        if judge.violations:
            return
        # Until a start has read what a second writer told the table alone, an absence may wait for its position.
        if self.story.is_short or (self.story.other_writers and not self._settle_anew()):
            return
        before = self._tables()
        if not (self._settle_anew() and self._settle_anew()):
            return
        self._check()
        after = self._tables()
        if before != after:
            new = [row for row in after if row not in before][:3]
            judge.blame("start twice", f"new after two starts: {new}")
        self._end_in_order(start=False)
        self.ledger.end_day()

    def _settle_anew(self) -> bool:
        self._end_in_order()
        return self._settle()

    def _check(self) -> None:
        desk = self.desk
        assert desk is not None
        try:
            holdings = dict(desk.holdings().positions)
        except (DeskUnavailableError, Crash):
            self.judge.blame("alive", "the guard does not answer")
            return
        if not self.story.other_writers:
            # What a second writer told the table alone, the guard can't know before the next start.
            self.judge.check_quiet(holdings)
        self.judge.check_journal()
        self.judge.check_alarms()

    def _settle(self) -> bool:
        """Go on until nothing moves any more, at most so long."""
        until_s = self.clock.seconds + SETTLE_S
        quiet_since: tuple[float, Any] = (self.clock.seconds, None)
        while self.clock.seconds < until_s:
            self._live_until(self.clock.seconds + 0.5)
            if self.judge.violations:
                return False
            if self.desk is None:
                continue
            self.crowd.settle_what_nobody_knows()
            now = self._unsettled()
            if now != quiet_since[1]:
                quiet_since = (self.clock.seconds, now)
            elif not now[0] and self.judge.book_seen_s - quiet_since[0] > QUIET_S:
                # Nothing has moved, and that was seen: a watcher that hangs is quiet too.
                return True
        return True

    def _unsettled(self) -> tuple[int, Any]:
        judge = self.judge
        rows = judge.read("SELECT COUNT(*) FROM orders WHERE state IN ('CREATED', 'SENDING', 'UNCONFIRMED')")
        moved = judge.read("SELECT COUNT(*), MAX(id) FROM order_events")
        changes = judge.read("SELECT COUNT(*) FROM orders WHERE change IS NOT NULL")
        baskets = judge.read("SELECT COUNT(*) FROM baskets WHERE state = 'RUNNING'")
        return rows[0][0] + changes[0][0] + baskets[0][0], moved

    def _get_flat(self) -> None:
        """Tell everything to get out, and see that it does."""
        desk = self.desk
        assert desk is not None
        try:
            desk.flatten("the end of the story")
            until_s = self.clock.seconds + SETTLE_S
            while self.clock.seconds < until_s:
                self.scheduler.run_until(self.clock.seconds + 1.0)
                if not desk.exits().under_way:
                    break
        except (Crash, DeskUnavailableError) as error:
            if not self.judge.violations:
                self.judge.blame("alive", f"the desk does not answer: {error!r}")
            return
        stuck = [one for one in desk.exits().under_way if self._can_get_out(one)]
        if stuck:
            self.judge.blame("flat", f"still on their way: {', '.join(map(str, stuck))}")
            return
        if not self._settle():
            return
        self.judge.others.check_flat(self.judge.forgotten.keys)
        if self.judge.phone_traded:
            return
        for one in self.crowd.strategies:
            for exchange, symbol, product in one.places:
                self.judge.check_flat(one.name, key_of_scope(exchange.value, symbol, product))

    def _can_get_out(self, position_key: PositionKey) -> bool:
        key = key_of_scope(position_key.key.exchange.value, position_key.key.symbol, position_key.key.product)
        return self.judge.can_get_out(position_key.strategy, key)

    def _end_in_order(self, *, start: bool = True) -> None:
        desk = self.desk
        if desk is None:
            return
        self.crowd.lose()
        try:
            desk.stop(grace_s=0)
        except Crash:
            return
        self.push.stop()
        self.desk = None
        self.judge.close()
        self.disk.cut(power=False)
        self.scheduler.forget_process()
        self.gateway.needs_login = True
        self.judge.book_seen_s = self.clock.seconds
        if start:
            self._start()

    def _tables(self) -> list[tuple[Any, ...]]:
        """Return what two starts may not change."""
        return [
            *self.judge.read("SELECT * FROM orders ORDER BY id"),
            *self.judge.read("SELECT * FROM order_events ORDER BY id"),
            *self.judge.read("SELECT * FROM fills ORDER BY id"),
            *self.judge.read("SELECT * FROM external_moves ORDER BY id"),
        ]

    def _settings(self) -> Settings:
        given: dict[str, Any] = {
            "mode": "paper",
            "client_id": "FA1",
            "data_dir": self.disk.path.parent,
            "storage": {"path": self.disk.path, "busy_timeout_ms": 0},
            "broker": {"connect_timeout_s": 1.0, "read_timeout_s": 2.0, "login_retry_s": 0.5, "login_retry_s_max": 2.0},
            "watcher": {"poll_interval_s": 0.5, "books_unavailable_s_max": BLIND_S, "break_s_min": 2.0},
            "proof": {"books": 3, "window_s": PROOF_S},
            "exits": {"unfilled_s": 1.0, "retry_s": 0.3, "retry_s_max": 1.0},
            "risk": {"orders_per_day_max": 1_000_000, "order_notional_max": None},
        }
        for section, values in self.story.settings.items():
            given[section] = {**given.get(section, {}), **values} if isinstance(values, dict) else values
        return Settings(**given)

    def _outcome(self) -> Outcome:
        return Outcome(
            story=self.story,
            violations=self.judge.violations,
            digest=self._digest(),
            orders=self.crowd.orders,
            placed=len(self.ledger.orders),
            effects=self.scheduler.effects,
            effects_of_lives=self.effects_of_lives,
            effects_before_quiet=self.effects_before_quiet,
            unsynced_at_crashes=self.unsynced_at_crashes,
            kinds=self.scheduler.kinds,
            sends=self.gateway.sends,
            lives=self.lives,
            days=self.story.days,
            turns=self.scheduler.turns,
            seconds=self.clock.seconds,
            met=self.gateway.met,
            lines=self.ledger.lines,
            states=self._states(),
        )

    def _digest(self) -> str:
        """Return one hash of the exchange's ledger and of the desk's journal."""
        sum_ = hashlib.sha256()
        for line in self.ledger.lines:
            sum_.update(line.encode())
        try:
            for row in self.judge.read("SELECT * FROM order_events ORDER BY id"):
                sum_.update(repr(row).encode())
        except Exception:  # noqa: BLE001  a story may end before there is a table
            sum_.update(b"no journal")
        self.judge.close()
        return sum_.hexdigest()

    def _states(self) -> dict[str, int]:
        try:
            return dict(self.judge.read("SELECT state, COUNT(*) FROM orders GROUP BY state"))
        except Exception:  # noqa: BLE001  as above
            return {}
        finally:
            self.judge.close()


def _raise(_: object) -> None:
    raise RuntimeError("the watcher stumbles")


@contextmanager
def a_folder() -> Iterator[Path]:
    """Lend a folder, in memory where the machine has such a place: a simulated disk is synced by the simulation."""
    memory = Path("/dev/shm")  # noqa: S108  where it exists it is made for this
    folder = Path(tempfile.mkdtemp(prefix="desk-story-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell(story: Story, hear: Callable[[str], None] | None = None) -> Outcome:
    """Run a story from its beginning to its end; `hear` is told every message that is handled."""
    logger.disable("")
    try:
        return _tell(story, hear)
    finally:
        logger.enable("")


def _tell(story: Story, hear: Callable[[str], None] | None) -> Outcome:
    with a_folder() as folder:
        world = World(story, folder)
        if story.has_begun:
            world.disk.path.write_bytes(made_database())
        if hear is not None:
            world.scheduler.tell_story = lambda line: hear(f"{world.clock.seconds:9.4f}  {line}")
        with staged(world.scheduler), on_disk(world.disk):
            return world.run()
