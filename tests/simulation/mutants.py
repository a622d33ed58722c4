# ruff: noqa: E501  a piece of production text is as long as it is there
"""The judge judged: the safety logic broken in one place at a time, each break to be caught by the simulation.

A mutant is a piece of production text and what stands there instead; it lives in the memory of one process alone.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break: in `path`, the text `old` (which stands there once) becomes `new`."""

    name: str
    path: str
    old: str
    new: str
    theme: str = "everything"
    """Where the hunt for it begins: the stories about what it breaks."""

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """Return the broken source; raise `ValueError` where the text has moved away."""
        text = (ROOT / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"mutant {self.name!r}: its text stands {text.count(self.old)} times in {self.path}")
        return text.replace(self.old, self.new)


MUTANTS: Final = (
    Mutant(
        "an order leaves before step 3 is written",
        "actors/command.py",
        "        self._record(message.command_id, happened)\n\n    def _record(self",
        "        skipped = EventUnrecorded(command_id=message.command_id, happened=happened, at=self._clock.now(), cause='')\n"
        "        self.actor_ref.tell(skipped)\n\n    def _record(self",
    ),
    Mutant(
        "a lost reply is asked again",
        "actors/broker.py",
        "        expired = isinstance(reply, Refused) and reply.reason is Reason.SESSION_EXPIRED\n",
        "        expired = not hasattr(reply, 'broker_order_id') and getattr(reply, 'reason', None) is None\n",
        theme="lost replies",
    ),
    Mutant(
        "a lost reply is taken for a refusal",
        "actors/command.py",
        "                happened = OrderEvent(event=Event.LOSE_REPLY, tag=Reason.REPLY_LOST, note=message.reply.cause)\n",
        "                happened = OrderEvent(event=Event.REFUSE, tag=Reason.BROKER_REFUSED, note=message.reply.cause)\n",
        theme="lost replies",
    ),
    Mutant(
        "a book that could not be read is taken for an empty one",
        "actors/watcher.py",
        "        if isinstance(book, Unavailable):\n            self._be_blind(book.cause)\n            return\n",
        "        if isinstance(book, Unavailable):\n            book = Book((), book.asked_at, self._clock.monotonic())\n",
        theme="first orders",
    ),
    Mutant(
        "orders are matched by the broker's number alone",
        "domain/reconcile.py",
        "        name = self._by_broker_id.get(row.broker_order_id) or self._by_remarks.get(row.remarks)\n",
        "        name = self._by_broker_id.get(row.broker_order_id)\n",
        theme="lost replies",
    ),
    Mutant(
        "a partly filled order that is canceled counts for nothing",
        "domain/guard.py",
        "        filled = order.filled_quantity * command.side.sign\n        moved =",
        "        filled = 0 if order.state is State.CANCELED else order.filled_quantity * command.side.sign\n        moved =",
        theme="ways out",
    ),
    Mutant(
        "an order is written without a look at the state it has",
        "storage/batch.py",
        'WHERE command_id = ? AND state = ? AND client_id = ?"',
        "WHERE command_id = ? AND ? <> '' AND client_id = ?\"",
        theme="disk",
    ),
    Mutant(
        "nothing is synced",
        "storage/repository.py",
        '            if not synced:\n                self._connection.execute("PRAGMA synchronous = NORMAL")\n',
        '            self._connection.execute("PRAGMA synchronous = NORMAL")\n',
    ),
    Mutant(
        "one book proves an order absent",
        "domain/absence.py",
        "        return self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)\n",
        "        return True\n",
        theme="lost replies",
    ),
    Mutant(
        "absence is proved by so many books, however quickly",
        "domain/absence.py",
        "        return self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)\n",
        "        return self.books >= needed.books\n",
        theme="lost replies",
    ),
    Mutant(
        "a book with fewer rows than before is a whole one",
        "domain/comparison.py",
        "        self._whole = not lost\n",
        "        self._whole, lost = True, []\n",
        theme="sight",
    ),
    Mutant(
        "exits wait among the entries",
        "actors/broker.py",
        "        return self.exits if is_cancel or message.order.command.intent is Intent.EXIT else self.entries\n",
        "        return self.exits if is_cancel else self.entries\n",
        theme="flood",
    ),
    Mutant(
        "cancels wait among the entries",
        "actors/broker.py",
        "        return self.exits if is_cancel or message.order.command.intent is Intent.EXIT else self.entries\n",
        "        return self.exits if message.order.command.intent is Intent.EXIT else self.entries\n",
        theme="flood",
    ),
    Mutant(
        "exits are not cut to what is held",
        "domain/guard.py",
        "            quantity = min(quantity, reducible)\n",
        "            quantity = max(quantity, reducible)\n",
    ),
    Mutant(
        "exits forget the exits that work",
        "domain/guard.py",
        "            reducible = abs(held) - closing if held * command.side.sign < 0 else 0\n",
        "            reducible = abs(held) if held * command.side.sign < 0 else 0\n",
    ),
    Mutant(
        "the repository answers before it commits",
        "actors/repo.py",
        "            letters = [self._write(message, known) for message in batch]\n",
        "            letters = [self._write(message, known) for message in batch]\n"
        "            _ = [post(self._command, one) for one in letters if one is not None]\n"
        "            letters = []\n",
        theme="disk",
    ),
    Mutant(
        "a restart sends what was on its way",
        "actors/command.py",
        "                happened = OrderEvent(event=Event.RESTART, tag=Reason.RESTARTED_IN_FLIGHT)\n",
        "                happened = OrderEvent(event=Event.RESTART, tag=Reason.RESTARTED_IN_FLIGHT)\n"
        "                post(self._broker, PlaceOrder(order=replace(order, limit_price=order.limit_price or order.command.price)))\n",
        theme="restarts",
    ),
    Mutant(
        "a restart takes what was on its way for failed",
        "actors/command.py",
        "                happened = OrderEvent(event=Event.RESTART, tag=Reason.RESTARTED_IN_FLIGHT)\n",
        "                happened = OrderEvent(event=Event.REFUSE, tag=Reason.BROKER_REFUSED)\n",
        theme="restarts",
    ),
    Mutant(
        "an update that comes twice counts twice",
        "domain/guard.py",
        "        moved = filled - self._counted.get(command.command_id, 0)\n",
        "        moved = filled\n",
        theme="late truths",
    ),
    Mutant(
        "fills are added up",
        "domain/order.py",
        "        filled = max(self.filled_quantity, happened.filled_quantity or 0)\n",
        "        filled = self.filled_quantity + (happened.filled_quantity or 0)\n",
    ),
    Mutant(
        "working orders are no exposure",
        "domain/guard.py",
        "        return bool(self.stakes) or any(self.positions.values())\n",
        "        return any(self.positions.values())\n",
        theme="late truths",
    ),
    Mutant(
        "positions are no exposure",
        "domain/guard.py",
        "        return bool(self.stakes) or any(self.positions.values())\n",
        "        return bool(self.stakes)\n",
    ),
    Mutant(
        "a lost reply frees the guard",
        "domain/guard.py",
        "        if not order.is_over:\n            unconfirmed =",
        "        if not order.is_over and order.state is not State.UNCONFIRMED:\n            unconfirmed =",
        theme="lost replies",
    ),
    Mutant(
        "entries pass while exits only",
        "domain/risk.py",
        "        if self.trading_state is TradingState.EXITS_ONLY:\n            return Reason.TRADING_EXITS_ONLY\n",
        "",
        theme="halts",
    ),
    Mutant(
        "entries pass a halt",
        "domain/risk.py",
        "        if self.trading_state is TradingState.HALTED and not (is_exit and command.origin in _PASS_A_HALT):\n",
        "        if self.trading_state is TradingState.HALTED and is_exit and command.origin not in _PASS_A_HALT:\n",
        theme="halts",
    ),
    Mutant(
        "a halt does not reach what waits at the broker's actor",
        "actors/broker.py",
        "                self._entries_stopped = message.stopped\n                self._stop_entries()\n",
        "                self._entries_stopped = None\n",
        theme="halts",
    ),
    Mutant(
        "entries pass blindly",
        "actors/sight.py",
        "        if self._session is not None or self._blind is not None:\n            return Reason.DESK_NOT_READY\n",
        "",
        theme="sight",
    ),
    Mutant(
        "silence is no blindness",
        "actors/sight.py",
        "        if self._blind is None and silent_s > self._silence_s_max:\n",
        "        if self._blind is None and silent_s > 3_600:\n",
        theme="sight",
    ),
    Mutant(
        "exits are held back like entries",
        "domain/risk.py",
        "        if is_exit:\n            return None\n        if self.trading_state",
        "        if self.trading_state",
        theme="halts",
    ),
    Mutant(
        "the guard holds exits back like entries",
        "domain/guard.py",
        "        if command.intent is Intent.EXIT:\n            closing =",
        "        if command.intent is Intent.EXIT and not book.stakes:\n            closing =",
    ),
    Mutant(
        "the rate ceiling is not kept",
        "domain/throttle.py",
        "        return max(0.0, free_from - now)\n",
        "        return 0.0\n",
        theme="flood",
    ),
    Mutant(
        "requests count from their beginning",
        "actors/broker.py",
        "        reply = self._ask_broker(message)\n        self._rate.count(self._clock.monotonic())\n",
        "        self._rate.count(self._clock.monotonic())\n        reply = self._ask_broker(message)\n",
        theme="flood",
    ),
    Mutant(
        "a restart forgets what this second has seen",
        "actors/broker.py",
        "            sent_at=None if sent_s_ago is None else clock.monotonic() - sent_s_ago,\n",
        "            sent_at=None,\n",
        theme="quick restarts",
    ),
    Mutant(
        "late truths are ignored",
        "domain/reconcile.py",
        "    if late and not is_younger:\n        return None\n",
        "    if late:\n        return None\n",
        theme="late truths",
    ),
    Mutant(
        "late truths are told to nobody",
        "actors/command.py",
        "        if alert is not None:\n            self._tell(alert)\n        if happened.event is Event.NOTE",
        "        if alert is not None and not late:\n            self._tell(alert)\n        if happened.event is Event.NOTE",
        theme="late truths",
    ),
    Mutant(
        "the journal misses a change of state",
        "storage/repository.py",
        "        self._journal(command_id, happened.event.value, before.state.value, new, changes, happened.inputs, happened.tag)\n",
        "        if happened.event is not Event.ACCEPT:\n"
        "            self._journal(\n"
        "                command_id, happened.event.value, before.state.value, new, changes, happened.inputs, happened.tag\n"
        "            )\n",
    ),
    Mutant(
        "orders of others are passed over",
        "actors/command.py",
        "        for order in message.foreign:\n            post(self._repo, RecordForeign(order=order))\n",
        "",
        theme="others",
    ),
    Mutant(
        "the trading state is not kept",
        "actors/repo.py",
        "                self._repository.set_trading_state(message.state, message.because, self._clock.now())\n",
        "                pass\n",
        theme="halts",
    ),
    Mutant(
        "an accepted cancel is taken for canceled",
        "actors/changes.py",
        "                happened = OrderEvent(event=Event.TAKE_CHANGE, change=change)\n",
        "                ended = Event.CANCEL if change.kind is ChangeKind.CANCEL else Event.TAKE_CHANGE\n"
        "                happened = OrderEvent(event=ended, change=change)\n",
        theme="late truths",
    ),
    Mutant(
        "a day's positions are carried",
        "domain/guard.py",
        "_OF_THE_DAY: Final = frozenset({Product.MIS, Product.CO, Product.BO})\n",
        "_OF_THE_DAY: Final = frozenset({Product.CO, Product.BO})\n",
        theme="days",
    ),
    Mutant(
        "what a past day left open is never settled",
        "domain/comparison.py",
        "            if order.is_over or name in self._shown or order.day >= self._day or",
        "            if order.is_over or name in self._shown or order.day <= self._day or",
        theme="days",
    ),
    Mutant(
        "the outcome is told to nobody",
        "actors/command.py",
        "        lead.answer(OrderAnswered(order=_as_answered(lead.order, happened, self._clock.now())))\n",
        "        if not isinstance(message.reply, Unknown):\n"
        "            lead.answer(OrderAnswered(order=_as_answered(lead.order, happened, self._clock.now())))\n",
        theme="lost replies",
    ),
    Mutant(
        "a watcher that died is left dead",
        "actors/supervisor.py",
        "        if self._restarting:\n            return\n        now",
        "        if self._restarting or why:\n            return\n        now",
        theme="sight",
    ),
    Mutant(
        "a wish to get out is not kept",
        "actors/repo.py",
        "                self._repository.keep_wish(message.wish)\n",
        "                pass\n",
        theme="ways out",
    ),
    Mutant(
        "an exit that fails is not tried again",
        "domain/exits.py",
        "        if not exposure.held or still_waits or self._rests(now, is_open=is_open):\n",
        "        if not exposure.held or still_waits or self.tries:\n",
        theme="ways out",
    ),
    Mutant(
        "fills that come before their order are dropped",
        "actors/repo.py",
        "        early = self._repository.take_early_fills()\n",
        "        early = self._repository.take_early_fills() and ()\n",
        theme="disk",
    ),
    Mutant(
        "books make an order younger than it is after a clock was set back",
        "storage/repository.py",
        "        return tuple(one if one.updated_at <= now else replace(one, updated_at=now) for one in found)\n",
        "        return found\n",
        theme="clocks",
    ),
    Mutant(
        "what the database did not take is forgotten",
        "actors/command.py",
        "        for message in self._unwritten.take():\n            post(self._repo, message)\n",
        "        self._unwritten.take()\n",
        theme="disk",
    ),
    Mutant(
        "an exit leaves before the exit journal has it",
        "actors/beside.py",
        "            self._journal.append(order)\n",
        "            pass\n",
        theme="disk",
    ),
    Mutant(
        "what the exit journal holds is not taken up",
        "actors/beside.py",
        "        self._waiting = {order.command.command_id: order for order in self._journal.read()}\n",
        "        self._waiting = {}\n",
        theme="disk",
    ),
    Mutant(
        "an exit that no disk knows leaves without a look at the books",
        "actors/command.py",
        "        if self._lead(message.order.command.command_id).is_new:\n",
        "        if message.order:\n",
        theme="disk",
    ),
    Mutant(
        "what happens while nothing can be written is told to nobody",
        "actors/command.py",
        "            self._spread(order, message.happened, late=is_late_truth(before.state, event))\n",
        "            pass\n",
        theme="disk",
    ),
    Mutant(
        "stops of before are not taken up",
        "actors/wiring.py",
        "TakeUpStops(protections=memory.protections, unarmed=memory.unarmed)",
        "TakeUpStops(protections=(), unarmed=())",
        theme="stops",
    ),
    Mutant(
        "stops are not armed by fills",
        "actors/command.py",
        "        if happened.filled_quantity and order.command.carries_stops:\n",
        "        if not happened.filled_quantity and order.command.carries_stops:\n",
        theme="stops",
    ),
    Mutant(
        "books are always read before entries",
        "actors/broker.py",
        "        elif self._lanes.reading and not (self._entry_was_passed and self._has_entry_for(now)):\n",
        "        elif self._lanes.reading:\n",
        theme="halts",
    ),
    Mutant(
        "an entry leaves in one breath with the login it needed",
        "actors/broker.py",
        "                self._lanes.of(message).appendleft((came_at, message))\n            else:\n",
        "                self._answer(message, self._ask_broker(message))\n"
        "                self._rate.count(self._clock.monotonic())\n            else:\n",
        theme="sight",
    ),
    Mutant(
        "a wait that is over sends one more",
        "actors/broker.py",
        "                if not message.woken:\n",
        "                if message is not None:\n",
        theme="flood",
    ),
    Mutant(
        "a halt is answered as if it were stored",
        "actors/repo.py",
        "                return len(self._unwritten())\n",
        "                return 0\n",
        theme="halts",
    ),
    Mutant(
        "an answer that does not know of a fill ends its stop",
        "actors/stops.py",
        "            knows = self._armed_after.get(scope, 0) < question\n",
        "            knows = True\n",
        theme="late stops",
    ),
    Mutant(
        "an old book in the hands of a watcher that wakes up gives sight",
        "actors/sight.py",
        "        if message.whole and message.asked_at >= self._sees_from and age_s <= self._silence_s_max:\n"
        "            self._blind, self._seen_s = None, self._clock.monotonic() - age_s\n",
        "        if message.whole and message.asked_at >= self._sees_from:\n"
        "            self._blind, self._seen_s = None, self._clock.monotonic()\n",
        theme="sight",
    ),
    Mutant(
        "what others trade meanwhile may settle a past day",
        "domain/comparison.py",
        "            if key in moving:\n",
        "            if key in set():\n",
        theme="days",
    ),
    Mutant(
        "stops of an older entry take the place of a newer one's",
        "actors/stops.py",
        "order.created_at < self._entered_at.get(known.protection_id, known.armed_at):",
        "order.quantity < 0:",
        theme="late stops",
    ),
    Mutant(
        "a halt is answered before it is stored",
        "actors/desk.py",
        "        return replace(now, stored=self.is_stored())\n",
        "        return now\n",
        theme="halts",
    ),
)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the broken text instead of the file's."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(ROOT / mutant.path))
        self._broken = mutant.source().encode()

    def get_code(self, fullname: str) -> object:  # type: ignore[override]
        return compile(self._broken, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module that is broken."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._mutant.module:
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(self._mutant))


def apply(mutant: Mutant) -> None:
    """Break this process: the module must not have been imported yet."""
    assert mutant.module not in sys.modules, f"{mutant.module} is here already, whole"
    sys.meta_path.insert(0, _Finder(mutant))
