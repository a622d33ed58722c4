"""Step 6: the broker's rows against our orders, and the proof of absence.

Nothing here writes. A book becomes `Report`s: what each row proves has happened to an order of ours.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.evidence import Book, BrokerStatus, OrderRow
from domain.lifecycle import TRANSITIONS, Event, State, is_late_truth
from domain.order import Order, OrderCommand, OrderEvent
from domain.reasons import Reason
from domain.seams import trading_day
from domain.settings import ProofSettings

REMARKS_PREFIX: Final = "sd"
REMARKS_CHARACTERS: Final = 20


def remarks_tag_of(command: OrderCommand) -> str:
    """Derive the short tag that finds an order in the broker's books by `remarks` (docs/protocol.md, identifiers).

    20 characters of a-z and 0-9: 72 bits of a hash over client and command id, the same in every process.
    """
    digest = hashlib.sha256(f"{command.client_id}|{command.command_id}".encode()).hexdigest()
    return REMARKS_PREFIX + digest[: REMARKS_CHARACTERS - len(REMARKS_PREFIX)]


@dataclass(frozen=True, slots=True)
class Report:
    """What the broker's books prove has happened to one order of ours."""

    command_id: str
    happened: OrderEvent


class OrderIndex:
    """The orders a book may speak of: every unresolved one, and those of today that are over (late truths)."""

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self._by_command: dict[str, Order] = {}
        self._by_broker_id: dict[str, str] = {}
        self._by_remarks: dict[str, str] = {}
        for order in orders:
            self.observe(order)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._by_command.values())

    def observe(self, order: Order) -> None:
        """Take over an order as it stands now."""
        name = order.command.command_id
        self._by_command[name] = order
        if order.broker_order_id:
            self._by_broker_id[order.broker_order_id] = name
        if order.remarks_tag:
            self._by_remarks[order.remarks_tag] = name

    def match(self, row: OrderRow) -> Order | None:
        """Find the order a row speaks of: by the broker's id, else by our tag."""
        name = self._by_broker_id.get(row.broker_order_id) or self._by_remarks.get(row.remarks)
        return None if name is None else self._by_command.get(name)

    def forget_before(self, day: str) -> None:
        """Drop orders of earlier days that are over; the books speak of today only."""
        for name, order in list(self._by_command.items()):
            if order.is_over and trading_day(order.created_at) < day:
                del self._by_command[name]
                self._by_broker_id.pop(order.broker_order_id or "", None)
                self._by_remarks.pop(order.remarks_tag, None)


def event_of(order: Order, row: OrderRow, asked_at: datetime) -> OrderEvent | None:
    """Return what `row` adds to what we know of `order`, or None when it adds nothing.

    Quantities that go backwards are older than what we know. A row that shows a finished order alive counts only
    from a book that was asked for after we saw the end.
    """
    if order.broker_order_id not in {None, row.broker_order_id}:
        known = order.tag is Reason.TWO_AT_BROKER
        return None if known else OrderEvent(event=Event.NOTE, tag=Reason.TWO_AT_BROKER, note=row.broker_order_id)
    filled = _filled(row)
    if filled < order.filled_quantity:
        return None
    if row.status is BrokerStatus.UNKNOWN:
        return _held(order, row)
    event, reason = _event_and_reason(row)
    late = is_late_truth(order.state, event)
    if late and asked_at <= order.updated_at:
        return None
    target = TRANSITIONS[order.state].get(event)
    if target is None and not late:
        return None
    if target is order.state and not _brings_news(order, row):
        return None
    return OrderEvent(
        event=event,
        tag=reason,
        note=row.reject_reason or None,
        broker_order_id=row.broker_order_id,
        filled_quantity=filled,
        average_price=row.average_price,
        inputs={
            "broker_status": row.status_words,
            "filled": f"{filled} of {row.quantity}",
            "matched_by": "broker id" if order.broker_order_id == row.broker_order_id else "tag",
            "book_asked_at": asked_at.isoformat(),
        },
    )


def _filled(row: OrderRow) -> int:
    """Return the units traded: COMPLETE means all of them, also where the row does not say how many."""
    return row.quantity if row.status is BrokerStatus.COMPLETE and not row.filled_quantity else row.filled_quantity


def _held(order: Order, row: OrderRow) -> OrderEvent | None:
    """Hold an order whose status is a word nobody knows, but take over what else the row proves: id and fills."""
    grown = row.filled_quantity > order.filled_quantity
    legal = Event.PARTLY_FILL in TRANSITIONS[order.state] or is_late_truth(order.state, Event.PARTLY_FILL)
    known = order.tag is Reason.UNKNOWN_BROKER_STATUS and order.note == row.status_words
    if known and not grown:
        return None
    return OrderEvent(
        event=Event.PARTLY_FILL if grown and legal else Event.NOTE,
        tag=Reason.UNKNOWN_BROKER_STATUS,
        note=row.status_words,
        broker_order_id=row.broker_order_id,
        filled_quantity=row.filled_quantity if legal else None,
        average_price=row.average_price if legal else None,
    )


def _brings_news(order: Order, row: OrderRow) -> bool:
    more_filled = _filled(row) > order.filled_quantity
    cleared = order.tag in {Reason.UNKNOWN_BROKER_STATUS, Reason.LEGACY_ORDER} and not order.is_over
    return more_filled or cleared or order.broker_order_id != row.broker_order_id


def _event_and_reason(row: OrderRow) -> tuple[Event, Reason | None]:
    assert row.status is not BrokerStatus.UNKNOWN, "an unknown word holds the order"
    match row.status:
        case BrokerStatus.COMPLETE:
            return Event.FILL, None
        case BrokerStatus.CANCELED:
            return Event.CANCEL, Reason.BROKER_CANCELED
        case BrokerStatus.REJECTED:
            return Event.REJECT, Reason.BROKER_REJECTED
        case BrokerStatus.PENDING | BrokerStatus.OPEN | BrokerStatus.TRIGGER_PENDING:
            return (Event.PARTLY_FILL if row.filled_quantity else Event.WORK), None


@dataclass(frozen=True, slots=True)
class Absence:
    """The healthy books, so far, that did not show an order."""

    books: int
    first_asked_at: datetime
    last_asked_at: datetime

    def proves(self, needed: ProofSettings) -> bool:
        """Say whether enough books over a long enough time have missed the order."""
        spread = self.last_asked_at - self.first_asked_at
        return self.books >= needed.books and spread >= timedelta(seconds=needed.window_s)


class Comparison:
    """What the comparing of books remembers: the orders, the size of the day's books, the proofs under way."""

    def __init__(self, orders: Iterable[Order], needed: ProofSettings) -> None:
        self.orders = OrderIndex(orders)
        self._needed = needed
        self._absences: dict[str, Absence] = {}
        self._rows_seen_max = 0
        self._day = ""

    def compare(self, book: Book[OrderRow]) -> tuple[Report, ...]:
        """Return what `book` proves, and advance or complete the proofs of absence."""
        self._enter_day(trading_day(book.asked_at))
        reports: list[Report] = []
        shown: set[str] = set()
        for row in book.rows:
            order = self.orders.match(row)
            if order is None:
                continue
            shown.add(order.command.command_id)
            happened = event_of(order, row, book.asked_at)
            if happened is not None:
                reports.append(Report(order.command.command_id, happened))
        # A book shorter than an earlier one of the day, or without an order that the broker has named to us, has lost
        # rows: it proves nothing absent. The second holds also for a watcher that has seen no earlier book.
        whole = not any(_must_be_shown(order, shown, book.asked_at) for order in self.orders)
        if whole and len(book.rows) >= self._rows_seen_max:
            self._rows_seen_max = len(book.rows)
            reports.extend(self._absent(shown, book.asked_at))
        return tuple(reports)

    def _enter_day(self, day: str) -> None:
        if day != self._day:
            self._day, self._rows_seen_max = day, 0
            self.orders.forget_before(day)

    def _absent(self, shown: set[str], asked_at: datetime) -> Iterator[Report]:
        missing = [order for order in self.orders if _may_be_absent(order, shown, asked_at)]
        still = {order.command.command_id for order in missing}
        self._absences = {name: proof for name, proof in self._absences.items() if name in still}
        for order in missing:
            name = order.command.command_id
            earlier = self._absences.get(name, Absence(0, asked_at, asked_at))
            proof = replace(earlier, books=earlier.books + 1, last_asked_at=asked_at)
            self._absences[name] = proof
            if proof.proves(self._needed):
                yield Report(name, _proved_absent(proof))


def _must_be_shown(order: Order, shown: set[str], asked_at: datetime) -> bool:
    """Say whether a whole book would show `order`, and this one does not."""
    return (
        order.broker_order_id is not None
        and order.command.command_id not in shown
        and asked_at > order.updated_at
        and trading_day(order.created_at) == trading_day(asked_at)
    )


def _may_be_absent(order: Order, shown: set[str], asked_at: datetime) -> bool:
    """Say whether a book that does not show `order` counts against it.

    The book must have been asked for after the send, be of the order's own day, and be able to show the tag.
    """
    return (
        order.state is State.UNCONFIRMED
        and bool(order.remarks_tag)
        and order.command.command_id not in shown
        and asked_at > order.updated_at
        and trading_day(order.created_at) == trading_day(asked_at)
    )


def _proved_absent(proof: Absence) -> OrderEvent:
    return OrderEvent(
        event=Event.PROVE_ABSENT,
        tag=Reason.PROVED_ABSENT,
        inputs={
            "healthy_books": str(proof.books),
            "first_asked_at": proof.first_asked_at.isoformat(),
            "last_asked_at": proof.last_asked_at.isoformat(),
        },
    )
