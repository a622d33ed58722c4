"""What the comparing of the broker's books with ours remembers from one cycle to the next.

Each cycle brings the three books, one after the other. The order book tells what has happened to orders, which orders
are foreign, and what is absent; the three together tell whether they agree, and resolve what a past day left open.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from domain.broker.snapshots import Book, OrderRow, OrderUpdate, PositionRow, TradeRow, held_in, key_of
from domain.market.expiry import Contracts, Expiries
from domain.orders.external import external_order
from domain.orders.order import Order
from domain.orders.types import InstrumentKey
from domain.ports import dropping_since, may_have_been_dropped, trading_day
from domain.reconciliation.absence import Absences, Witnesses, must_be_shown
from domain.reconciliation.breaks import (
    CARRIED_PRODUCTS,
    Break,
    BreakKind,
    ExpectedPositions,
    PersistenceFilter,
    carried_of,
    fill_breaks,
    fills_name,
    has_traded,
    hidden,
    names_dropped_at_night,
    position_breaks,
    position_name,
    unreadable,
)
from domain.reconciliation.broker_square_off import SquareOffs
from domain.reconciliation.explaining import all_undone, with_orders
from domain.reconciliation.moves import BY_A_PERSON, MoveKind
from domain.reconciliation.order_rows import OrderIndex, Report, looks_like_ours, match_order_row, match_order_update
from domain.reconciliation.past_orders import PastOrders, Today
from domain.reconciliation.trade_sequence import TradeSequence, may_come_second, ours_first, unseen_orders
from domain.reconciliation.trades import found_by_two, news_of_trades, traded_by_number, traded_today
from domain.reconciliation.vanishing import expired, heir_of, with_heirs
from domain.settings import ProofSettings, WatcherSettings

_NO_BREAK: Final = frozenset({BreakKind.CARRIED, BreakKind.EXPIRED, BreakKind.SQUARED_OFF})
"""What night and broker do to positions: told apart from what the books tell differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the database knows when a comparison begins: orders, and units (signed) that no known order explains.

    `carried` is what orders of earlier days left; `moved` are moves by nobody's order that count today,
    `accepted_units` those of them that a person has accepted; `accepted` are the names of breaks that a person
    has accepted today; `expiries` are the last days of contracts, `ended` the positions that have ended by them.
    """

    orders: tuple[Order, ...] = ()
    carried: Mapping[InstrumentKey, int] = field(default_factory=dict)
    moved: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted_units: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted: frozenset[str] = frozenset()
    expiries: Expiries = field(default_factory=dict)
    ended: frozenset[InstrumentKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What an order book proves: news of our orders, and orders of others that are not recorded yet.

    `whole` is False for a book that has lost rows: it proves nothing absent, and what it hides cannot be seen.
    `checked` is the judgement on the round before this book, where there was a whole one; or on rows long lost.
    """

    reports: tuple[Report, ...]
    external: tuple[Order, ...]
    whole: bool
    checked: "Checked | None" = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the three books prove together: ends of a past day's orders, units carried by others, breaks.

    `undone` are acceptances that an order found since explains: they are taken back. `ended` are positions that the
    account has no more because their contract is over, or because the broker has squared them off. `living` are
    positions that the account has although their contract should be over.
    """

    reports: tuple[Report, ...]
    carried: tuple[Break, ...]
    breaks: tuple[Break, ...]
    undone: tuple[Break, ...] = ()
    ended: tuple[Break, ...] = ()
    living: frozenset[InstrumentKey] = frozenset()

    @property
    def apart(self) -> dict[InstrumentKey, int]:
        """Return by how many signed units the account differs from our books, where orders of a past day may be why."""
        past = (one for one in self.breaks if one.kind is BreakKind.PAST)
        return {one.key: one.difference for one in past if one.key is not None}


@dataclass(frozen=True, slots=True)
class _Round:
    """The three books of one round, the order book being whole; `shown` are the command ids that it shows."""

    orders: Book[OrderRow]
    shown: frozenset[str]
    trades: Book[TradeRow]
    positions: Book[PositionRow]


class Reconciler:
    """Owns the orders books may speak of, what the day's books have shown, and proofs and differences under way."""

    def __init__(self, known: Known, client_id: str, proof: ProofSettings, watching: WatcherSettings) -> None:
        self.orders = OrderIndex(known.orders)
        self._client_id = client_id
        self._carried = defaultdict(int, known.carried)
        self._moved = defaultdict(int, known.moved)
        self._accepted_units = defaultdict(int, known.accepted_units)
        self._accepted = set(known.accepted)
        self.square_offs = SquareOffs()
        self.contracts = Contracts(known.expiries, known.ended)
        self._absences = Absences(proof)
        self._filter = PersistenceFilter(watching.breaks_seen_min, watching.break_s_min)
        self._past = PastOrders(watching)
        self._hidden = PersistenceFilter(proof.books, proof.window_s)
        self._sequence = TradeSequence(proof.window_s)
        self._apart: tuple[Break, ...] = ()
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

    def compare(self, book: Book[OrderRow]) -> Reconciled:
        """Return what `book` proves, and advance or complete the proofs of absence."""
        news: list[tuple[Order, Report]] = []
        shown: set[str] = set()
        strange: list[OrderRow] = []
        for row in book.rows:
            order = self.orders.match(row)
            if order is None or order.broker_order_id not in {None, row.broker_order_id}:
                strange.append(row)
            if order is None:
                continue
            shown.add(order.command.command_id)
            event = match_order_row(order, row, book.asked_at)
            if event is not None:
                news.append((order, Report(order.command.command_id, event)))
        self._enter_day(trading_day(book.asked_at), shown)
        lost = [one for one in self._lost(book, shown) if one.name not in self._accepted]
        strange = self._less_what_waits(strange)
        unknown = [row for row in book.rows if row.broker_order_id in self._strangers]
        self._sequence.see_orders(book, unseen_orders(self.orders, shown, book.asked_at), unknown)
        reports = ours_first((order, report) for order, report in news if not self._sequence.must_wait(order))
        external = [one for one in self._external(strange, book) if not self._sequence.must_wait(one)]
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
        return Reconciled(tuple(reports), tuple(external), self._whole, checked)

    def _lost(self, book: Book[OrderRow], shown: set[str]) -> list[Break]:
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
        return [hidden(number) for number, at in sorted(missing.items()) if not may_have_been_dropped(at, asked_at)]

    def _less_what_waits(self, strange: list[OrderRow]) -> list[OrderRow]:
        """Return the rows of others. One with a tag like ours may be new to this watcher alone: it waits a book."""
        waited = self._strangers
        fresh = [row for row in strange if looks_like_ours(row.remarks) and row.broker_order_id not in waited]
        self._strangers = {row.broker_order_id for row in fresh}
        return [row for row in strange if row.broker_order_id not in self._strangers]

    def _external(self, strange: list[OrderRow], book: Book[OrderRow]) -> Iterator[Order]:
        """Yield the orders of others."""
        self._unreadable.clear()
        for row in strange:
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
            self._moved, self._accepted_units = carried_of(self._moved), carried_of(self._accepted_units)
        self._day, self._numbers_seen, self._apart = day, {}, ()
        for order in self.orders.forget_before(day):
            if order.command.key.product in CARRIED_PRODUCTS:
                self._carried[order.command.key] += order.filled_quantity * order.command.side.sign
            shown.discard(order.command.command_id)

    # updates and trades

    def reconcile_update(self, update: OrderUpdate) -> Report | None:
        """Return what a pushed update proves of an order; foreign ones are left to the next book.

        So are those of others where an open order of ours may have traded before: a book tells of both.
        """
        order = self.orders.match(update.row)
        if order is None or may_come_second(order, self.orders):
            return None
        event = match_order_update(order, update)
        if event is None:
            return None
        # The next update may come before this one is on disk: it is judged by what this one told.
        self.orders.observe(order.after(event, update.seen_at))
        return Report(order.command.command_id, event)

    def reconcile_trades(self, book: Book[TradeRow]) -> tuple[Report, ...]:
        """Return what trades prove of orders that the last order book does not show: they find their orders."""
        self._sequence.see_trades(book)
        return tuple(ours_first(news_of_trades(book, self._numbers, self.orders)))

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
        moving, unjudged = self._moved_since(
            judged, [row for row in rows if has_traded(row, before.get(row.broker_order_id))]
        )
        trades = judged.trades
        found = [*fill_breaks(judged.orders.rows, trades.rows), *map(unreadable, self._unreadable)]
        sums = ExpectedPositions(carried=self._carried, moved=self._moved)
        lone = traded_by_number(row for row in trades.rows if row.broker_order_id not in before).values()
        keys = {*self._carried, *self._moved, *(one.command.key for one in self.orders)}
        carried_on = {key for key in keys if key.product in CARRIED_PRODUCTS}
        over = self.contracts.gone(carried_on - moving, judged.positions, self.orders, self._day)
        shown = self._shown | traded_today(lone, self.orders, self._day)
        differ = position_breaks(judged.positions.rows, self.orders, shown, sums)
        apart = [one for one in differ if one.key not in over]
        differences = {one.key: one.difference for one in apart if one.key is not None}
        held = held_in(judged.positions)
        today = Today(day=self._day, shown=self._shown, trades=trades.rows, apart=differences, moving=moving, held=held)
        past, resolved = self._past.resolve(self.orders, today, judged.positions.asked_at)
        ends = self.contracts.mark(resolved, self.orders, judged.positions)
        reports = with_heirs(ends, self.orders, {**self._moved, **differences})
        gone = (*map(expired, over), *self.square_offs.found(judged.orders.rows, judged.positions.rows, moving))
        seen = [one for one in (*found, *apart, *past, *gone) if one.name not in unjudged]
        lasting = self._filter.lasting(seen, judged.positions.asked_at, unjudged.__contains__)
        # While the broker turns its books in the night, what is missing may be there again by the morning.
        by_day = [] if dropping_since(judged.positions.asked_at) else lasting
        carried = tuple(replace(one, heir=heir_of(one, apart)) for one in by_day if one.kind is BreakKind.CARRIED)
        ended = tuple(one for one in by_day if one.kind in {BreakKind.EXPIRED, BreakKind.SQUARED_OFF})
        told = [one for one in lasting if one.kind not in _NO_BREAK and one.name not in self._accepted]
        undone = all_undone(told, self._accepted_units, self.orders)
        breaks = tuple(with_orders(one, self.orders, lone) for one in told if one.name not in undone)
        self._apart = breaks
        reports.extend(found_by_two(breaks, trades, self.orders))
        witnesses = Witnesses(
            shown=judged.shown | self._shown,
            asked_at=judged.orders.asked_at,
            asked_s=judged.orders.asked_s,
            apart=differences,
            moving=moving,
            unknown=tuple(one for one in lone if self.orders.match(one) is None),
            untold=frozenset(one.name for one in found if one.kind is BreakKind.FILLS),
        )
        living = self.contracts.living(held_in(judged.positions), judged.positions.asked_at)
        return Checked(tuple(reports), carried, breaks, tuple(undone.values()), ended, living), witnesses

    def _moved_since(self, judged: _Round, moved: list[OrderRow]) -> tuple[set[InstrumentKey], set[str]]:
        """Return what is moving, and the names of the breaks that this round can't judge for it, or for the night."""
        moving = {key for key in map(key_of, moved) if key is not None}
        names = {fills_name(row.broker_order_id) for row in moved} | {position_name(key) for key in moving}
        return moving, names | names_dropped_at_night(self.orders, judged.positions.asked_at)

    # what others decide

    def move(self, key: InstrumentKey, quantity: int, kind: MoveKind = MoveKind.CARRIED) -> None:
        """Count units that the account holds by nobody's order."""
        self._moved[key] += quantity
        if kind is MoveKind.EXPIRED:
            self.contracts.end(key)
        if kind in BY_A_PERSON:
            self._accepted_units[key] += quantity

    def accept(self, name: str) -> None:
        """Say no more of this break today."""
        self._accepted.add(name)

    def undo_acceptance(self, name: str) -> None:
        """Speak of this break again."""
        self._accepted.discard(name)
