"""What the comparing of the broker's books with ours remembers from one cycle to the next.

Each cycle brings the three books, one after the other. The order book tells what has happened to orders, which orders
are foreign, and what is absent; the three together tell whether they agree, and settle what a past day left open.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.absence import Absences, Witnesses, must_be_shown
from domain.books import (
    CARRIED_PRODUCTS,
    Disagreement,
    Patience,
    Quarrel,
    Sums,
    fills_disagree,
    fills_name,
    hidden,
    position_name,
    positions_disagree,
    unreadable,
)
from domain.evidence import Book, OrderRow, OrderUpdate, PositionRow, TradeRow, key_of
from domain.explaining import undone_by, with_orders
from domain.foreign import external_order
from domain.moves import BY_A_PERSON, MoveKind
from domain.order import InstrumentKey, Order
from domain.past_orders import Today, past_orders
from domain.reconcile import OrderIndex, Report, event_of, event_of_update, filled_in, looks_like_ours
from domain.seams import may_have_turned, trading_day, turning_since
from domain.settings import ProofSettings, WatcherSettings
from domain.trades import Traded, event_of_trades, found_by_two, traded_by_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database knows when a comparison begins: orders, and units (signed) that no known order explains.

    `carried` is what orders of earlier days left; `moved` are moves by nobody's order that count today,
    `accepted_units` those of them that a person has accepted; `accepted` are the names of disagreements that a person
    has accepted today.
    """

    orders: tuple[Order, ...] = ()
    carried: Mapping[InstrumentKey, int] = field(default_factory=dict)
    moved: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted_units: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Compared:
    """What an order book proves: news of our orders, and orders of others that are not recorded yet.

    `whole` is False for a book that has lost rows: it proves nothing absent, and what it hides cannot be seen.
    `checked` is the judgement on the round before this book, where there was a whole one; or on rows long lost.
    """

    reports: tuple[Report, ...]
    foreign: tuple[Order, ...]
    whole: bool
    checked: "Checked | None" = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the three books prove together: ends of a past day's orders, units carried by others, disagreements.

    `undone` are acceptances that an order found since explains: they are taken back.
    """

    reports: tuple[Report, ...]
    carried: tuple[Disagreement, ...]
    disagreements: tuple[Disagreement, ...]
    undone: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class _Round:
    """The three books of one round, the order book being whole; `shown` are the command ids that it shows."""

    orders: Book[OrderRow]
    shown: frozenset[str]
    trades: Book[TradeRow]
    positions: Book[PositionRow]


class Comparison:
    """Owns the orders books may speak of, what the day's books have shown, and proofs and differences under way."""

    def __init__(self, known: Known, client_id: str, proof: ProofSettings, watching: WatcherSettings) -> None:
        self.orders = OrderIndex(known.orders)
        self._client_id = client_id
        self._carried = defaultdict(int, known.carried)
        self._moved = defaultdict(int, known.moved)
        self._accepted_units = defaultdict(int, known.accepted_units)
        self._accepted = set(known.accepted)
        self._absences = Absences(proof)
        self._patience = Patience(watching.disagreements_seen_min, watching.disagreement_s_min)
        self._hidden = Patience(proof.books, proof.window_s)
        self._apart: tuple[Disagreement, ...] = ()
        self._orders_book: Book[OrderRow] | None = None
        self._numbers: frozenset[str] = frozenset()
        self._shown: set[str] = set()
        self._whole = False
        self._round: _Round | None = None
        self._numbers_seen: dict[str, datetime] = {}
        self._strangers: set[str] = set()
        self._unreadable: list[OrderRow] = []
        self._day = ""

    # the order book

    def compare(self, book: Book[OrderRow]) -> Compared:
        """Return what `book` proves, and advance or complete the proofs of absence."""
        reports: list[Report] = []
        shown: set[str] = set()
        strange: list[OrderRow] = []
        for row in book.rows:
            order = self.orders.match(row)
            if order is None or order.broker_order_id not in {None, row.broker_order_id}:
                strange.append(row)
            if order is None:
                continue
            shown.add(order.command.command_id)
            happened = event_of(order, row, book.asked_at)
            if happened is not None:
                reports.append(Report(order.command.command_id, happened))
        self._enter_day(trading_day(book.asked_at), shown)
        lost = [one for one in self._lost(book, shown) if one.name not in self._accepted]
        self._whole = not lost
        self._orders_book, self._shown = book, shown
        self._numbers = frozenset(row.broker_order_id for row in book.rows)
        lasting = self._hidden.lasting(lost, book.asked_at, lambda _: False)
        if self._whole:
            checked, witnesses = self._check(book.rows)
            if witnesses is not None:
                reports.extend(self._absences.advance(self.orders, witnesses))
        else:
            checked = Checked((), (), (*self._apart, *lasting)) if lasting else None
        return Compared(tuple(reports), tuple(self._foreign(strange, book)), self._whole, checked)

    def _lost(self, book: Book[OrderRow], shown: set[str]) -> list[Disagreement]:
        """Return what a whole book would show: what an earlier one of the day did, and what the broker named to us.

        A book without it proves nothing absent. The second holds also for a watcher that has seen no earlier book.
        What was placed before the broker turned its books in the night is no more in them, and not lost.
        """
        asked_at = book.asked_at
        placed = {row.broker_order_id: row.entered_at or asked_at for row in book.rows}
        missing = {number: at for number, at in self._numbers_seen.items() if number not in placed}
        for one in self.orders:
            if one.broker_order_id and must_be_shown(one, shown, asked_at):
                missing[one.broker_order_id] = min(missing.get(one.broker_order_id, asked_at), one.created_at)
        self._numbers_seen = placed | self._numbers_seen
        return [hidden(number) for number, at in sorted(missing.items()) if not may_have_turned(at, asked_at)]

    def _foreign(self, strange: list[OrderRow], book: Book[OrderRow]) -> Iterator[Order]:
        """Yield the orders of others. One with a tag like ours may be new to this watcher alone: it waits a book."""
        waited, self._strangers = self._strangers, set()
        self._unreadable.clear()
        for row in strange:
            if looks_like_ours(row.remarks) and row.broker_order_id not in waited:
                self._strangers.add(row.broker_order_id)
                continue
            order = external_order(row, self._client_id, book.asked_at)
            if order is not None:
                yield order
            else:
                self._unreadable.append(row)

    def _enter_day(self, day: str, shown: set[str]) -> None:
        """Turn the page: what earlier days left is carried, where the product lets it be."""
        if day == self._day:
            return
        if self._day:
            self._accepted.clear()
            self._moved, self._accepted_units = _carried_of(self._moved), _carried_of(self._accepted_units)
        self._day, self._numbers_seen, self._apart = day, {}, ()
        for order in self.orders.forget_before(day):
            if order.command.key.product in CARRIED_PRODUCTS:
                self._carried[order.command.key] += order.filled_quantity * order.command.side.sign
            shown.discard(order.command.command_id)

    # updates

    def compare_update(self, update: OrderUpdate) -> Report | None:
        """Return what a pushed update proves of an order of ours; foreign ones are left to the next book."""
        order = self.orders.match(update.row)
        if order is None:
            return None
        happened = event_of_update(order, update)
        if happened is None:
            return None
        # The next update may come before this one is on disk: it is judged by what this one told.
        self.orders.observe(order.after(happened, update.seen_at))
        return Report(order.command.command_id, happened)

    # the trade book

    def compare_trades(self, book: Book[TradeRow]) -> tuple[Report, ...]:
        """Return what trades prove of orders that the last order book does not show: they find their orders."""
        reports: list[Report] = []
        for traded in traded_by_number(row for row in book.rows if row.broker_order_id not in self._numbers).values():
            order = self.orders.match(traded)
            happened = None if order is None else event_of_trades(order, traded, book.asked_at)
            if order is None or happened is None:
                continue
            # The next book may come before this one is on disk: it is judged by what this one told.
            self.orders.observe(order.after(happened, book.asked_at))
            reports.append(Report(order.command.command_id, happened))
        return tuple(reports)

    # the three books together

    def keep(self, trades: Book[TradeRow], positions: Book[PositionRow]) -> None:
        """Take the books that were read after the last order book: the next one completes the round."""
        whole = self._orders_book if self._whole else None
        self._round = None if whole is None else _Round(whole, frozenset(self._shown), trades, positions)

    def _check(self, rows: tuple[OrderRow, ...]) -> tuple[Checked | None, Witnesses | None]:
        """Judge the last round, now that `rows` tell what traded meanwhile; None when there was no whole round."""
        judged, self._round = self._round, None
        if judged is None:
            return None, None
        before = {row.broker_order_id: row for row in judged.orders.rows}
        moved = [row for row in rows if _has_traded(row, before.get(row.broker_order_id))]
        unjudged = {fills_name(row.broker_order_id) for row in moved}
        moving = {key for key in map(key_of, moved) if key is not None}
        unjudged |= {position_name(key) for key in moving} | self._turned(judged.positions.asked_at)
        trades = judged.trades
        found = [*fills_disagree(judged.orders.rows, trades.rows), *map(unreadable, self._unreadable)]
        sums = Sums(carried=self._carried, moved=self._moved)
        lone = traded_by_number(row for row in trades.rows if row.broker_order_id not in before).values()
        apart = positions_disagree(judged.positions.rows, self.orders, self._shown | self._traded(lone), sums)
        keys_apart = {one.key for one in apart}
        today = Today(day=self._day, shown=self._shown, trades=trades.rows, apart=keys_apart, moving=moving)
        past, reports = past_orders(self.orders, today)
        settled = [one for one in (*found, *apart, *past) if one.name not in unjudged]
        lasting = self._patience.lasting(settled, judged.positions.asked_at, unjudged.__contains__)
        carried = tuple(one for one in lasting if one.quarrel is Quarrel.CARRIED)
        told = [one for one in lasting if one.quarrel is not Quarrel.CARRIED and one.name not in self._accepted]
        undoing = (undone_by(one, self._accepted_units, self.orders) for one in told)
        undone = {one.name: one for one in undoing if one is not None}
        by_number = {one.broker_order_id: one for one in lone}
        disagreements = tuple(with_orders(one, self.orders, by_number) for one in told if one.name not in undone)
        self._apart = disagreements
        reports.extend(found_by_two(disagreements, trades, self.orders))
        witnesses = Witnesses(
            shown=judged.shown | self._shown,
            asked_at=judged.orders.asked_at,
            asked_s=judged.orders.asked_s,
            apart={one.key: one.difference for one in apart if one.key is not None},
            moving=moving,
            unknown=tuple(one for one in lone if self.orders.match(one) is None),
            untold=frozenset(one.name for one in found if one.quarrel is Quarrel.FILLS),
        )
        return Checked(tuple(reports), carried, disagreements, tuple(undone.values())), witnesses

    def _turned(self, asked_at: datetime) -> set[str]:
        """Return the names that can't be judged while the broker turns its books, one after the other, in the night."""
        if turning_since(asked_at) is None:
            return set()
        orders = [one for one in self.orders if may_have_turned(one.created_at, asked_at)]
        names = {position_name(one.command.key) for one in orders}
        return names | {fills_name(one.broker_order_id) for one in orders if one.broker_order_id}

    def _traded(self, lone: Iterable[Traded]) -> set[str]:
        """Return the command ids of today's orders that the trade book alone shows: the account holds what they did."""
        known = (self.orders.match(one) for one in lone)
        return {one.command.command_id for one in known if one is not None and one.day == self._day}

    # what others decide

    def move(self, key: InstrumentKey, quantity: int, kind: MoveKind = MoveKind.CARRIED) -> None:
        """Count units that the account holds by nobody's order."""
        self._moved[key] += quantity
        if kind in BY_A_PERSON:
            self._accepted_units[key] += quantity

    def accept(self, name: str) -> None:
        """Say no more of this disagreement today."""
        self._accepted.add(name)

    def undo_acceptance(self, name: str) -> None:
        """Speak of this disagreement again."""
        self._accepted.discard(name)


def _carried_of(units: Mapping[InstrumentKey, int]) -> defaultdict[InstrumentKey, int]:
    return defaultdict(int, {key: n for key, n in units.items() if key.product in CARRIED_PRODUCTS})


def _has_traded(row: OrderRow, before: OrderRow | None) -> bool:
    return filled_in(row) != (0 if before is None else filled_in(before))
