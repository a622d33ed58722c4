"""Step 6: what one row of the broker's, polled or pushed, proves has happened to one order of ours.

Nothing here writes. A row becomes an `OrderEvent`, or nothing where it brings no news. The same function judges rows of
the order book and pushed updates, so that both tell the same story.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Protocol

from domain.broker.snapshots import BrokerStatus, OrderRow, OrderUpdate, ReportType
from domain.orders.change import ChangeKind
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import TRANSITIONS, Event, is_late_truth
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason

REMARKS_PREFIX: Final = "sd"
REMARKS_CHARACTERS: Final = 20

_ALIVE: Final = frozenset({BrokerStatus.PENDING, BrokerStatus.OPEN, BrokerStatus.TRIGGER_PENDING})
_CHANGE_REFUSED: Final = {
    ReportType.CANCEL_REJECTED: ChangeKind.CANCEL,
    ReportType.REPLACE_REJECTED: ChangeKind.MODIFY,
}


def remarks_tag_of(command: OrderCommand) -> str:
    """Derive the short tag that finds an order in the broker's books by `remarks` (docs/protocol.md, identifiers).

    20 characters of a-z and 0-9: 72 bits of a hash over client and command id, the same in every process.
    """
    digest = hashlib.sha256(f"{command.client_id}|{command.command_id}".encode()).hexdigest()
    return REMARKS_PREFIX + digest[: REMARKS_CHARACTERS - len(REMARKS_PREFIX)]


def looks_like_ours(remarks: str) -> bool:
    """Say whether a desk of this kind may have placed the order that carries these remarks."""
    return len(remarks) == REMARKS_CHARACTERS and remarks.startswith(REMARKS_PREFIX)


@dataclass(frozen=True, slots=True)
class Report:
    """What the broker's books prove has happened to one order of ours."""

    command_id: str
    event: OrderEvent


class Named(Protocol):
    """What the broker's rows carry to name an order: its own number, and our tag."""

    @property
    def broker_order_id(self) -> str:
        """Return the broker's number."""

    @property
    def remarks(self) -> str:
        """Return the tag, or nothing."""


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

    def match(self, row: "Named") -> Order | None:
        """Find the order a row speaks of: by the broker's id, else by our tag."""
        name = self._by_broker_id.get(row.broker_order_id) or self._by_remarks.get(row.remarks)
        return None if name is None else self._by_command.get(name)

    def knows_number(self, broker_order_id: str) -> bool:
        """Say whether an order is known to have this number at the broker."""
        return broker_order_id in self._by_broker_id

    def forget_before(self, day: str) -> tuple[Order, ...]:
        """Drop and return the orders of earlier days that are over; the books speak of today only."""
        gone = tuple(order for order in self if order.is_terminal and order.day < day)
        for order in gone:
            del self._by_command[order.command.command_id]
            self._by_broker_id.pop(order.broker_order_id or "", None)
            self._by_remarks.pop(order.remarks_tag, None)
        return gone


def match_order_row(order: Order, row: OrderRow, asked_at: datetime) -> OrderEvent | None:
    """Return what a book's `row` adds to what we know of `order`, or None when it adds nothing.

    Quantities that go backwards are older than what we know. A row that shows a finished order alive counts only
    from a book that was asked for after we saw the end; so do terms that differ from those we know.
    """
    known_by_another = order.broker_order_id not in {None, row.broker_order_id}
    if known_by_another:
        known = order.tag is Reason.TWO_AT_BROKER
        return None if known else OrderEvent(kind=Event.NOTED, tag=Reason.TWO_AT_BROKER, note=row.broker_order_id)
    filled = filled_in(row)
    if filled < order.filled_quantity:
        return None
    if row.status is BrokerStatus.UNKNOWN:
        return _held(order, row)
    event, reason = _event_and_reason(row)
    late = is_late_truth(order.state, event)
    is_younger = asked_at > order.updated_at
    if late and not is_younger:
        return None
    target = TRANSITIONS[order.state].get(event)
    if target is None and not late:
        return None
    terms = _new_terms(order, row) if is_younger else {}
    if target is order.state and not _brings_news(order, row):
        if not terms or order.is_terminal:
            return None
        event, reason = Event.REPLACED, None
    return OrderEvent(
        kind=event,
        tag=reason,
        note=row.reject_reason or None,
        broker_order_id=row.broker_order_id,
        filled_quantity=filled,
        average_price=row.average_price,
        inputs={
            "broker_status": row.status_text,
            "filled": f"{filled} of {row.quantity}",
            "matched_by": "broker id" if order.broker_order_id == row.broker_order_id else "tag",
            "book_asked_at": asked_at.isoformat(),
        },
        **terms,
    )


def match_order_update(order: Order, update: OrderUpdate) -> OrderEvent | None:
    """Return what a pushed update adds to what we know of `order`, or None when it adds nothing.

    The report type is read before the status: a rejected cancel or modify says nothing of the order. Updates may come
    late and out of order, so only more fills contradict an end that we know, and only a report of new terms brings
    terms; what else they would contradict is left to the next book.
    """
    row, kind = update.row, _CHANGE_REFUSED.get(update.report)
    if kind is not None:
        change = order.change
        if change is None or change.kind is not kind:
            return None
        note = row.reject_reason or None
        return OrderEvent(kind=Event.CHANGE_REJECTED, tag=Reason.CHANGE_REJECTED, note=note, change=change)
    if order.is_terminal and filled_in(row) <= order.filled_quantity and row.status in _ALIVE:
        return None
    event = match_order_row(order, row, update.seen_at)
    if event is None:
        return None
    inputs = {**event.inputs, "update": update.report.value, "update_seen_at": update.seen_at.isoformat()}
    del inputs["book_asked_at"]
    if update.report is not ReportType.REPLACED:
        if event.kind is Event.REPLACED:
            return None
        # What has traded cannot be more than was asked for: then the quantity is news whatever the report is about.
        quantity = row.quantity if filled_in(row) > order.quantity else None
        event = replace(event, quantity=quantity, limit_price=None, trigger_price=None)
    return replace(event, inputs=inputs)


def filled_in(row: OrderRow) -> int:
    """Return the units traded: COMPLETE means all of them, also where the row does not say how many."""
    return row.quantity if row.status is BrokerStatus.COMPLETE and not row.filled_quantity else row.filled_quantity


def _new_terms(order: Order, row: OrderRow) -> dict[str, Any]:
    """Return the terms in which the row differs from what we know: modified by us, or from the phone."""
    terms: dict[str, Any] = {}
    if row.quantity > 0 and row.quantity != order.quantity:
        terms["quantity"] = row.quantity
    if _differs(row.price, order.limit_price):
        terms["limit_price"] = row.price
    if _differs(row.trigger_price, order.wire_trigger_price):
        terms["trigger_price"] = row.trigger_price
    return terms


def _differs(shown: Decimal | None, known: Decimal | None) -> bool:
    return bool(shown) and shown != known


def _held(order: Order, row: OrderRow) -> OrderEvent | None:
    """Hold an order whose status is a word nobody knows, but take over what else the row proves: id and fills."""
    grown = row.filled_quantity > order.filled_quantity
    legal = Event.PARTIALLY_FILLED in TRANSITIONS[order.state] or is_late_truth(order.state, Event.PARTIALLY_FILLED)
    known = order.tag is Reason.UNKNOWN_BROKER_STATUS and order.note == row.status_text
    if known and not grown:
        return None
    return OrderEvent(
        kind=Event.PARTIALLY_FILLED if grown and legal else Event.NOTED,
        tag=Reason.UNKNOWN_BROKER_STATUS,
        note=row.status_text,
        broker_order_id=row.broker_order_id,
        filled_quantity=row.filled_quantity if legal else None,
        average_price=row.average_price if legal else None,
    )


def _brings_news(order: Order, row: OrderRow) -> bool:
    more_filled = filled_in(row) > order.filled_quantity
    is_clearer = order.tag in {Reason.UNKNOWN_BROKER_STATUS, Reason.LEGACY_ORDER} and not order.is_terminal
    return more_filled or is_clearer or order.broker_order_id != row.broker_order_id


def _event_and_reason(row: OrderRow) -> tuple[Event, Reason | None]:
    assert row.status is not BrokerStatus.UNKNOWN, "an unknown word holds the order"
    match row.status:
        case BrokerStatus.COMPLETE:
            return Event.FILLED, None
        case BrokerStatus.CANCELED:
            return Event.CANCELED, Reason.BROKER_CANCELED
        case BrokerStatus.REJECTED:
            return Event.REJECTED, Reason.BROKER_REJECTED
        case BrokerStatus.PENDING | BrokerStatus.OPEN | BrokerStatus.TRIGGER_PENDING:
            return (Event.PARTIALLY_FILLED if row.filled_quantity else Event.WORKING), None
