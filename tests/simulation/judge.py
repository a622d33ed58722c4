"""The judge: what must never be, held against the exchange's own ledger after every step.

It reads the desk's database from outside, with a connection of its own, and the ledger's truth; never what an actor
thinks. A violation ends the story.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from actors.messages.broker import ChangeAtBroker, PlaceOrder
from domain.broker.snapshots import PRODUCT_LETTERS
from domain.orders.change import ChangeKind
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Intent, Product, Side
from domain.risk.checks import TradingState
from tests.simulation.disk import Disk
from tests.simulation.exchange import CARRIED, Key, Ledger, Placed
from tests.simulation.forgotten import Forgotten
from tests.simulation.invariants import INVARIANTS, Violation
from tests.simulation.late_exits import FINAL
from tests.simulation.others import Others
from tests.simulation.port import Gateway
from tests.simulation.rules import Rules, key_of
from tests.simulation.scheduler import Scheduler

UNRESOLVED: Final = frozenset({"CREATED", "SENDING", "UNCONFIRMED"})
NEVER_THERE: Final = frozenset({"BLOCKED", "REFUSED", "NOT_PLACED"})
EXIT_REFUSALS: Final = frozenset(
    {
        "TRADING_EXITS_ONLY",
        "EXECUTION_GUARD_BLOCKED",
        "DUPLICATE_ORDER_BLOCKED",
        "RISK_LIMITS_EXCEEDED",
        "ORDERS_PER_DAY_EXCEEDED",
        "ORDER_QUANTITY_EXCEEDED",
        "ORDER_NOTIONAL_EXCEEDED",
        "RATE_LIMITED",
        "COOLING_DOWN",
        "DAILY_LOSS_BREACHED",
        "STRATEGY_LOSS_BREACHED",
        "PRICES_STALE",
        "RECONCILIATION_BREAK",
        "DESK_BUSY",
        "PRICE_OUTSIDE_COLLAR",
        "OPEN_POSITIONS_EXCEEDED",
    }
)
PER_SECOND_MAX: Final = 10
SLACK_S: Final = 1e-6
LANES_STOP_S: Final = 3.3
"""So long the request in flight may hold up the word that entries are stopped."""
LATE_FILL_S: Final = 6.0
"""So long it may take until a fill after a cancel is seen, the books being unreadable now and then."""
KNOWN_S: Final = 2.0
"""So long it takes, when nothing is in the way, until a fill is known and acted on."""


@dataclass(slots=True)
class Caller:
    """Who submitted, and what was answered."""

    command_id: str
    life: int
    answers: int = 0
    about: str = ""
    on_answer: Callable[[Any], None] | None = None
    judge: "Judge | None" = None

    def tell(self, message: Any) -> None:  # noqa: ANN401  an answer
        self.answers += 1
        if self.answers > 1 and self.judge is not None:
            self.judge.blame("answers", f"{self.about} {self.command_id} was answered {self.answers} times: {message}")
        if self.on_answer is not None:
            self.on_answer(message)


@dataclass(slots=True)
class Judge:
    """Owns what was asked for, the journal as far as it was read, and the violations."""

    scheduler: Scheduler
    ledger: Ledger
    gateway: Gateway
    disk: Disk
    violations: list[Violation] = field(default_factory=list)
    commands: dict[str, OrderCommand] = field(default_factory=dict)
    _created: dict[str, datetime] = field(default_factory=dict)
    submitted_s: dict[str, float] = field(default_factory=dict)
    callers: list[Caller] = field(default_factory=list)
    life: int = 0
    entries_stopped_s: float | None = None
    stop_was_stored: bool = True
    to_be_flat: set[tuple[str, Key]] = field(default_factory=set)
    filled_s: dict[tuple[str, Key], float] = field(default_factory=dict)
    stops_of_people: dict[tuple[str, Key], list[Decimal]] = field(default_factory=dict)
    book_seen_s: float = 0.0
    books_unavailable_s_max: float = 0.0
    phone_traded: bool = False
    late_fill_s: dict[str, float] = field(default_factory=dict)
    basket_legs: set[str] = field(default_factory=set)
    checked: int = 0
    journal_lines: int = 0
    _journal_seen: int = 0
    _journal_synced: int = 0
    rules: Rules = field(init=False)
    forgotten: Forgotten = field(init=False)
    others: Others = field(init=False)
    is_up: Callable[[], bool] = lambda: False
    """Whether a desk is running."""
    _reader: sqlite3.Connection | None = None
    _ways_out: list[list[Any]] = field(default_factory=list)
    _arrivals: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Know the rules."""
        self.rules = Rules(self)
        self.forgotten = Forgotten(self.disk, self.ledger, self.read)
        self.others = Others(self.scheduler, self.ledger, self.read, self.blame)

    def blame(self, invariant: str, message: str) -> None:
        """Write a violation down, and let the process end here: nothing after it is of interest."""
        assert invariant in INVARIANTS, invariant
        now, effects = self.scheduler.clock.seconds, self.scheduler.effects
        self.violations.append(Violation(invariant, message, now, effects))
        self.scheduler.crashed = True

    # reading the desk from outside

    def begin_life(self) -> None:
        """A new process, on a new file."""
        self.life += 1
        if not self.stop_was_stored:
            self.entries_stopped_s = None
        self.close()
        self.rules.begin_life()
        self.forgotten.begin_life()
        self._ways_out.clear()
        self.submitted_s.clear()
        self._journal_seen = self._journal_synced = 0

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def read(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  what a query takes
        if self._reader is None:
            self._reader = sqlite3.connect(f"file:{self.disk.path}?mode=ro", uri=True, check_same_thread=False)
        return self._reader.execute(sql, given).fetchall()

    def _has_table(self) -> bool:
        return bool(self.read("SELECT 1 FROM sqlite_master WHERE name = 'order_events'"))

    # at the wire

    def see_send(self, order: Order, what: str) -> None:
        """A request is about to leave."""
        self.checked += 1
        command = order.command
        self.commands[order.remarks_tag] = command
        self._created[order.remarks_tag] = order.created_at
        if what == "place":
            self._check_row(order)
            self.rules.see_send(order)
            if command.intent is not Intent.EXIT:
                self._check_entries_may_leave(order)
        self._check_ways_out(order, what)

    def _check_row(self, order: Order) -> None:
        rows = self.read(
            "SELECT o.state, (SELECT MAX(e.id) FROM order_events e WHERE e.command_id = o.command_id)"
            " FROM orders o WHERE o.remarks_tag = ?",
            order.remarks_tag,
        )
        name = order.command.command_id
        if not rows:
            if order.command.intent is not Intent.EXIT or not self._may_leave_without_a_row(order):
                self.blame("row first", f"{name} leaves without a row")
            self.forgotten.see_unwritten(order.remarks_tag, key_of(order.command))
            return
        if rows[0][1] > self._journal_synced and self.disk.refused == 0:
            self.blame("row first", f"{name} leaves while its row is not on the disk")
        if rows[0][0] != "SENDING" and self.disk.refused == 0:
            self.blame("row first", f"{name} leaves while its row says {rows[0][0]}")

    def _may_leave_without_a_row(self, order: Order) -> bool:
        """Say whether the exit journal has this exit, or no disk takes anything."""
        disk = self.disk
        kept = disk.journal_path.read_text(encoding="utf-8") if disk.journal_path.exists() else ""
        return disk.refused > 0 and (order.remarks_tag in kept or disk.journal_refused > 0)

    def _check_entries_may_leave(self, order: Order) -> None:
        name = order.command.command_id
        asked_s = self.submitted_s.get(name)
        stopped = self.entries_stopped_s
        if stopped is not None and self.scheduler.clock.seconds > stopped + LANES_STOP_S:
            self.blame("entries stop", f"{name} leaves long after entries were stopped at {stopped:.3f} s")
        if asked_s is None:
            return
        if stopped is not None and asked_s > stopped:
            self.blame("entries stop", f"{name} leaves although entries were stopped at {stopped:.3f} s")
        unavailable_s = asked_s - self.book_seen_s
        if unavailable_s > self.books_unavailable_s_max:
            self.blame("entries stop", f"{name} was taken {unavailable_s:.1f} s after the last book that was read")

    def see_put(self, name: str, message: Any) -> None:  # noqa: ANN401  any message
        """Something was put into a mailbox: a way out that comes to the broker's actor waits from now on."""
        if name != "BrokerActor":
            return
        is_cancel = isinstance(message, ChangeAtBroker) and message.change.kind is ChangeKind.CANCEL
        is_exit = isinstance(message, PlaceOrder | ChangeAtBroker) and message.order.command.intent is Intent.EXIT
        if is_cancel or is_exit:
            box = self.scheduler.box_of(name)
            self._ways_out.append([message, int(box is not None and box.busy)])

    def _check_ways_out(self, order: Order, what: str) -> None:
        """Count the requests that a way out waits for: more than one, in flight or about to leave, is a violation."""
        self._ways_out = [one for one in self._ways_out if self._still_waits(one[0])]
        if what == "cancel" or order.command.intent is Intent.EXIT:
            return
        for one in self._ways_out:
            one[1] += 1
            if one[1] > 1:
                name = one[0].order.command.command_id
                self.blame("exits first", f"{order.command.command_id} leaves while a way out of {name} waits")
                return

    def _still_waits(self, message: Any) -> bool:  # noqa: ANN401  an order or a change
        box = self.scheduler.box_of("BrokerActor")
        if box is None:
            return False
        lanes = box.actor._lanes
        inbox = (getattr(one, "message", None) for one in box.waiting)
        return any(one is message for one in (*inbox, *(waiting for _, waiting in (*lanes.exits, *lanes.entries))))

    def see_arrival(self, order: Order) -> None:
        """A request to place has come to the exchange."""
        command, earlier = order.command, self.ledger.by_tag.get(order.remarks_tag, [])
        if earlier and not self.forgotten.comes_too_late(order.remarks_tag, self.submitted_s.get(command.command_id)):
            self.blame("once", f"{command.command_id} is at the broker already as {earlier[0].number}")
        key = key_of(command)
        if command.intent is Intent.EXIT:
            self.forgotten.see_exit(key)
            self._check_exit(order, key)
        elif command.intent is Intent.ENTRY and command.command_id not in self.basket_legs:
            self._check_guard(order, key)

    def see_late_fill(self, order: Placed) -> None:
        """An order has traded after its cancel was told: for a while nobody can know."""
        command = self.commands.get(order.tag)
        if command is not None:
            self.late_fill_s[command.strategy] = self.scheduler.clock.seconds

    def see_fill(self, order: Placed) -> None:
        """Something has traded: who was told to get out may be out."""
        command = self.commands.get(order.tag)
        if command is None:
            self.others.see_trade(order)
            return
        self.others.see_fill(order, command)
        place = (command.strategy, order.key)
        self.filled_s[place] = self.scheduler.clock.seconds
        if self.is_out(*place):
            self.to_be_flat.discard(place)
            self.stops_of_people.pop(place, None)

    def see_halt(self, *, stored: bool) -> None:
        """A person was answered that entries are stopped, and whether a restart would know."""
        self.stop_was_stored = stored
        if stored and self.read("SELECT state FROM trading_state") in ([], [(TradingState.ACTIVE.value,)]):
            self.blame("stored", "a person was told that the halt is on the disk, and it is not")

    def cannot_know(self, strategy: str) -> bool:
        """Say whether the desk's picture of this strategy may honestly be wrong just now."""
        return self.phone_traded or self.scheduler.clock.seconds - self.late_fill_s.get(strategy, -99.0) < LATE_FILL_S

    def _check_exit(self, order: Order, key: Key) -> None:
        """No exit is larger than what is held and not being closed already.

        Where the exchange has taken the symbol off its list it refuses every order in it, so nothing can be sold: until
        the morning's books are read nobody can know that a contract was renamed, and an exit waits for no book. What
        has expired, and is ordered all the same, the rule "expiry" blames.
        """
        if self.ledger.is_gone(key[:2]):
            return
        strategy = order.command.strategy
        is_shares = key[2] == "C" and self.ledger.back_office.checks.delivers
        if self.cannot_know(strategy) or is_shares or key in self.forgotten.keys:
            return
        held = self.held(strategy, key)
        working = sum(
            one.open_quantity for one in self.of_strategy(strategy) if one.key == key and one.side is order.command.side
        )
        room = max(0, -held * order.command.side.sign)
        if working + order.quantity > room:
            message = f"{order.command.command_id} sells {order.quantity} with {working} working and {held} held"
            self.blame("exits bounded", message)

    def _check_guard(self, order: Order, key: Key) -> None:
        strategy = order.command.strategy
        if self.cannot_know(strategy) or (key[2] == "C" and order.command.side is Side.SELL):
            return
        for one in self.of_strategy(strategy):
            sells_shares = one.key[2] == "C" and one.side is Side.SELL
            known = one.tag not in self.forgotten.tags
            if one.is_live and one.day == self.ledger.day and known and not sells_shares:
                self.blame("guard", f"{order.command.command_id} enters while {one.number} of {strategy} works")
                return
        for place in sorted({key, *(one.key for one in self.of_strategy(strategy))}):
            held = self.held(strategy, place)
            if held and place not in self.forgotten.keys:
                self.blame("guard", f"{order.command.command_id} enters while {strategy} holds {held} of {place[1]}")

    def of_strategy(self, strategy: str) -> list[Placed]:
        """Return the strategy's orders of the day, as the exchange has them."""
        found = []
        for order in self.ledger.today:
            command = self.commands.get(order.tag)
            if command is not None and command.strategy == strategy:
                found.append(order)
        return found

    def held(self, strategy: str, key: Key) -> int:
        """Return what the strategy holds by the exchange's own fills, earlier days included where it is carried.

        Shares sold for delivery come from the demat: nobody is short of them. Those bought on an earlier day lie there
        too, and don't count: some may have traded while no desk ran, and stand in no book any more. What has ended is
        cash. A sale and a purchase may cross on their way: what was ordered first counts first.
        """
        units = 0
        if self.ledger.is_gone(key[:2]):
            return units
        ours = [one for one in self.ledger.orders.values() if one.tag in self.commands]
        for order in sorted(ours, key=lambda one: self._created[one.tag]) if key[2] == "C" else ours:
            command = self.commands[order.tag]
            counts = order.day == self.ledger.day or key[2] in CARRIED
            if command.strategy == strategy and order.key == key and counts:
                units += order.filled * order.side.sign
                units = max(0, units) if key[2] == "C" else units
        return units

    def see_request(self) -> None:
        """A request of any kind that counts has come to the broker."""
        now = self.scheduler.clock.seconds
        recent = self._arrivals
        recent.append(now)
        while recent and recent[0] <= now - 1.0 + SLACK_S:
            recent.popleft()
        if len(recent) > PER_SECOND_MAX:
            self.blame("rate", f"{len(recent)} requests came within a second")

    # after each commit

    def see_commit(self) -> None:
        """Hold every new line of the journal against the exchange."""
        if not self._has_table():
            return
        lines = self.read(
            "SELECT e.id, e.command_id, e.event, e.state_before, e.state_after, e.tag, o.remarks_tag,"
            " o.filled_quantity, o.intent, o.strategy FROM order_events e JOIN orders o ON o.command_id = e.command_id"
            " WHERE e.id > ? ORDER BY e.id",
            self._journal_seen,
        )
        for number, *line, strategy in lines:
            self._journal_seen = number
            self.journal_lines += 1
            if strategy != EXTERNAL:
                name, event, _, after, tag, remarks, *_ = line
                self.others.see_row(remarks)
                self.rules.see_line(name, event, after, tag, self.ledger.by_tag.get(remarks, []), strategy)
                self._check_line(*line)
        self.others.see_commit()
        if not self.disk.unsynced:
            self._journal_synced = self._journal_seen

    def _check_line(
        self,
        name: str,
        event: str,
        before: str,
        after: str,
        tag: str | None,
        remarks: str,
        filled: int,
        intent: str,
    ) -> None:
        there = self.ledger.by_tag.get(remarks, [])
        is_forgotten = self.forgotten.comes_too_late(remarks, self.submitted_s.get(name)) or (
            tag == Reason.ALREADY_AT_BROKER and remarks in self.forgotten.tags
        )
        if after in FINAL and before not in FINAL and event != "NOTED" and not is_forgotten:
            self._check_end(name, after, there)
            if after in NEVER_THERE and remarks in self.gateway.under_way:
                self.blame("no false end", f"{name} is {after} in our books while it is on its way to the broker")
        if filled > sum(one.filled for one in there):
            self.blame("fills", f"{name} is said to have filled {filled}, more than at the exchange")
        if intent == "EXIT" and after == "BLOCKED" and tag in EXIT_REFUSALS:
            self.blame("exits out", f"{name} was refused by us: {tag}")
        stopped = self.entries_stopped_s
        is_new = stopped is not None and self.submitted_s.get(name, 0.0) > stopped
        if event == "SENT" and intent == "ENTRY" and is_new:
            self.blame("entries stop", f"{name} is let through although entries were stopped at {stopped:.3f} s")

    def _check_end(self, name: str, state: str, there: list[Placed]) -> None:
        alive = [one for one in there if one.is_live and one.day == self.ledger.day]
        if alive:
            self.blame("no false end", f"{name} is {state} in our books while {alive[0].number} lives")
        elif state in NEVER_THERE and there:
            self.blame("no false end", f"{name} is {state} in our books but was at the broker as {there[0].number}")

    # when it is quiet

    def check_quiet(self, holdings: dict[str, Any]) -> None:
        """Nothing moves any more: rows, fills and sums are the exchange's.

        What an order of a past day traded while no desk ran may stand in no book any more: intraday is squared off,
        delivery lies in the demat, and what two orders traded on both sides adds up to nothing in a carried position.
        Nobody can know it then, and nobody may claim to: of each such order it has to be said that it is not known.
        """
        rows = self.read(
            "SELECT command_id, remarks_tag, state, filled_quantity, strategy, broker_order_id, day FROM orders"
        )
        known = {row[5] for row in rows if row[5]}
        for name, remarks, state, filled, strategy, number, day in rows:
            is_by_number = strategy == EXTERNAL or (number and self.forgotten.came_late(remarks))
            there = [self.ledger.orders[number]] if is_by_number else self.ledger.by_tag.get(remarks, [])
            traded = sum(one.filled for one in there)
            alive = [one for one in there if one.is_live]
            if state in UNRESOLVED:
                self.blame("resolves", f"{name} of {day} is still {state}; at the exchange: {text_of(there)}")
            elif (state not in FINAL) != bool(alive):
                self.blame("resolves", f"{name} of {day} is {state}; at the exchange: {text_of(there)}")
            unseen = day < self.ledger.day and self._is_told_unknown(name)
            if filled != traded and not unseen:
                self.blame("fills", f"{name} is {state} with {filled} filled; at the exchange {text_of(there)}")
        for order in self.ledger.today:
            if order.number not in known:
                self.blame("resolves", f"{order.number} ({order.tag or order.source}) is in no row of ours")
        self._check_fills()
        self._check_sums(holdings)
        self.rules.check_quiet()

    def _is_told_unknown(self, name: str) -> bool:
        """Say whether our row says that nobody knows what an order traded last, and a warning where it may be held."""
        warned = "SELECT COUNT(*) FROM alerts WHERE topic = ? AND what LIKE '%ended with its day%'"
        ((tag, product),) = self.read("SELECT tag, product FROM orders WHERE command_id = ?", name)
        is_terminal = Product(product).ends_with_its_day
        return tag == Reason.DAY_ENDED_UNKNOWN and (is_terminal or bool(self.read(warned, f"order:{name}")[0][0]))

    def _check_fills(self) -> None:
        """Every fill is kept, once."""
        kept: dict[str, int] = dict(self.read("SELECT command_id, SUM(quantity) FROM fills GROUP BY command_id"))
        for name, filled, day in self.read("SELECT command_id, filled_quantity, day FROM orders"):
            if day == self.ledger.day and kept.get(name, 0) != filled:
                self.blame("fills", f"{name} has filled {filled}, and fills of {kept.get(name, 0)} are kept")

    def check_ways_out(self) -> None:
        """Who was told to get out has been out; whose stop was reached is out."""
        if self.phone_traded:
            return
        for strategy, key in self.to_be_flat:
            if self.can_get_out(strategy, key) and key not in self.forgotten.keys:
                self.blame(
                    "flat", f"{strategy} was told to get out and still holds {self.held(strategy, key)} of {key[1]}"
                )
        for (strategy, key), level, sign in self.stops_in_force():
            held = self.held(strategy, key)
            price = self.ledger.prices[key[:2]]
            if self._is_given_up(strategy, key):
                continue
            if (price - level) * sign < 0:
                self.blame("stops", f"{strategy} holds {held} at {price}; its stop was {level}")
            elif not self._is_watched(strategy, key):
                self.blame("stops", f"{strategy} holds {held} of {key[1]}, and no stop watches it")

    def stops_in_force(self) -> Iterator[tuple[tuple[str, Key], Decimal, int]]:
        """Yield each position that is held under a stop for a while: its place, the stop's price, and its sign."""
        for strategy in sorted({one.strategy for one in self.commands.values()}):
            entries = [one for one in self.of_strategy(strategy) if self._takes(one) and one.filled]
            stops = self.commands[entries[-1].tag].stops if entries else None
            level = None if stops is None else stops.stop_loss
            if level is None or self._has_just_traded(strategy, entries[-1].key):
                continue
            last = entries[-1]
            # A person's word may have come too late or not at all: the stop that gives most is the one to hold to.
            loosest = min if last.side.sign > 0 else max
            level = loosest([level, *self.stops_of_people.get((strategy, last.key), ())])
            if self.held(strategy, last.key) * last.side.sign > 0:
                yield (strategy, last.key), level, last.side.sign

    def _has_just_traded(self, strategy: str, key: Key) -> bool:
        return self.scheduler.clock.seconds - self.filled_s.get((strategy, key), -99.0) < KNOWN_S

    def _is_watched(self, strategy: str, key: Key) -> bool:
        armed = "SELECT COUNT(*) FROM armed_stops WHERE ended = '' AND strategy = ? AND symbol = ?"
        return bool(self.read(armed, strategy, key[1])[0][0])

    def _is_given_up(self, strategy: str, key: Key) -> bool:
        """Say whether the way out that the stop began has ended for want of shares: a person is told, and decides.

        Where a part of them is sold later, by hand, the request is forgotten; that a person was told stays. What was
        entered after it has a stop of its own.
        """
        entries = "orders WHERE strategy = ? AND symbol = ? AND intent = 'ENTRY' AND filled_quantity"
        ((entered,),) = self.read(f"SELECT MAX(created_at) FROM {entries}", strategy, key[1])  # noqa: S608  no value of others
        requests = "SELECT missing FROM flatten_requests WHERE strategy = ? AND symbol = ? AND asked_at > ? ORDER BY id"
        if any(missing is not None for (missing,) in self.read(requests, strategy, key[1], entered)[-1:]):
            return True
        told = "SELECT 1 FROM alerts WHERE topic LIKE ? AND what LIKE ? AND raised_at > ?"
        return bool(self.read(told, f"exit:{key[1]} %{strategy}", "%refuses to sell%", entered))

    def _takes(self, order: Placed) -> bool:
        command = self.commands.get(order.tag)
        return command is not None and command.intent is not Intent.EXIT

    def _check_sums(self, holdings: dict[str, Any]) -> None:
        ours: dict[Key, int] = {}
        for held in holdings.values():
            for key, units in held.items():
                place = (key.exchange.value, key.symbol, PRODUCT_LETTERS[key.product])
                ours[place] = ours.get(place, 0) + units
        renamed = self.ledger.contracts.heirs
        for key in sorted({*ours, *self.ledger.net}):
            if key[2] == "C" or key[:2] in {*renamed, *renamed.values()}:
                continue  # what lies in the demat is in no book; what bears a new name nobody can count
            if ours.get(key, 0) != self.ledger.net.get(key, 0):
                message = f"{key}: our books sum to {ours.get(key, 0)}, the account holds {self.ledger.net.get(key, 0)}"
                self.blame("sums", message)

    def check_flat(self, strategy: str, key: Key) -> None:
        """All were told to get out: the strategy has, or the account where nobody knows whose it is."""
        held, who = self.held(strategy, key), strategy
        stays = self.can_get_out(strategy, key)
        if key in self.forgotten.keys:
            held, who = self.ledger.net.get(key, 0), "the account"
            stays = bool(held) and key not in self.forgotten.late_keys and not self.ledger.is_gone(key[:2])
        if stays:
            self.blame("flat", f"{who} was told to get out and still holds {held} of {key[1]}")

    def is_out(self, strategy: str, key: Key) -> bool:
        """Say whether nothing is held, or what nobody can sell: too little for a lot."""
        contract = self.ledger.contracts.today.get(key[:2])
        return abs(self.held(strategy, key)) < (1 if contract is None else contract.lot)

    def can_get_out(self, strategy: str, key: Key) -> bool:
        """Say whether something is held that the broker would let go: margin and the demat may forbid it."""
        held = self.held(strategy, key)
        side, now_s = (Side.SELL if held > 0 else Side.BUY), self.scheduler.clock.seconds
        return not self.is_out(strategy, key) and not self.ledger.back_office.objection(key, side, abs(held), now_s)

    def check_answers(self) -> None:
        """Everyone who asked this life of the desk has heard."""
        for one in self.callers:
            if one.life == self.life and one.answers != 1:
                self.blame("answers", f"{one.about} {one.command_id} was answered {one.answers} times")

    def check_journal(self) -> None:
        """The journal replays to the table, row for row, and each line begins where the one before ended."""
        columns = [row[1] for row in self.read("PRAGMA table_info(orders)") if row[1] != "id"]
        table = {
            row[columns.index("command_id")]: dict(zip(columns, row, strict=True))
            for row in self.read(f"SELECT {', '.join(columns)} FROM orders")  # noqa: S608  the table's own columns
        }
        replayed: dict[str, dict[str, Any]] = {}
        states: dict[str, str | None] = {}
        for name, before, after, changes in self.read(
            "SELECT command_id, state_before, state_after, changes FROM order_events ORDER BY id"
        ):
            if states.get(name) != before:
                self.blame("journal", f"{name}: a line begins at {before}, the one before ended at {states.get(name)}")
            states[name] = after
            replayed.setdefault(name, {}).update(json.loads(changes))
        for name, row in table.items():
            said = replayed.get(name, {})
            for column, value in said.items():
                if column in row and row[column] != value:
                    self.blame("journal", f"{name}: {column} is {row[column]!r}, the journal says {value!r}")
            if states.get(name) != row["state"]:
                self.blame("journal", f"{name} is {row['state']}, the journal says {states.get(name)}")

    def check_alarms(self) -> None:
        """Every late truth was told."""
        late = self.read("SELECT DISTINCT command_id FROM order_events WHERE tag = 'LATE_TRUTH'")
        told = " ".join(f"{topic} {what}" for topic, what in self.read("SELECT topic, what FROM alerts"))
        for (name,) in late:
            if name not in told:
                self.blame("alarm", f"{name} brought a late truth, and no alert speaks of it")


def text_of(there: list[Placed]) -> str:
    """Say what the exchange has."""
    return "; ".join(f"{one.number} {one.status} {one.filled} of {one.quantity}" for one in there) or "nothing"
