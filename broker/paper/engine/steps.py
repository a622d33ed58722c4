"""Each step of an order's life as a pure function: from the state before it to the state after it.

The sequences they make up are those of docs/protocol.md, event sequences.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from broker.paper.engine.checks import Rejection
from broker.paper.engine.market import Quote
from broker.paper.engine.orders import (
    AMO_MODIFIED,
    AMO_OPEN,
    MARKET_TYPES,
    STOP_TYPES,
    WORKING,
    Event,
    Fill,
    Report,
    Status,
    Ticket,
)

NOT_OPEN_TO_CANCEL: Final = "SAF:order is not open to cancel"
NOT_OPEN_TO_MODIFY: Final = "SAF:order is not open to modify"


def acknowledged(ticket: Ticket, at: datetime) -> Event:
    """Begin a life: the front has the order."""
    return Event(
        report=Report.NEW_ACK,
        status=Status.PENDING,
        internal="ORDER ACK",
        at=at,
        quantity=ticket.quantity,
        price_type=ticket.price_type,
        price=ticket.price,
        trigger=ticket.trigger,
        entered_at=at,
    )


def put_aside(state: Event, at: datetime) -> Event:
    """Wait for the opening. Assumption: an AMO is PENDING until then; no capture shows its status."""
    return replace(state, internal=AMO_OPEN, at=at)


def sent_on(state: Event, at: datetime) -> Event:
    """Pass the risk engine: the order is on its way to the exchange."""
    return replace(state, report=Report.PENDING_NEW, internal="ORDER PENDING", at=at)


def working(state: Event, exchange_number: str, at: datetime) -> Event:
    """Stand in the exchange's book: a stop waits for its trigger, anything else is open."""
    status = Status.TRIGGER_PENDING if state.price_type in STOP_TYPES else Status.OPEN
    return replace(
        state, report=Report.NEW, status=status, internal=status.value, exchange_number=exchange_number, at=at
    )


def rejected(state: Event, rejection: Rejection, exchange_number: str, at: datetime) -> Event:
    """End by a no. The risk engine's comes without an exchange number, the exchange's with one."""
    return replace(
        state,
        report=Report.REJECTED,
        status=Status.REJECTED,
        internal="REJECTED",
        at=at,
        reject_reason=rejection.text,
        rejected_by=rejection.by,
        exchange_number=state.exchange_number if rejection.by else exchange_number,
        fill=None,
    )


def change_refused(state: Event, report: Report, text: str, by: str, at: datetime) -> Event:
    """Stay as it was: a change or a cancel was not possible."""
    return replace(state, report=report, at=at, reject_reason=text, rejected_by=by, fill=None)


def cancelling(state: Event, at: datetime) -> tuple[Event, Event]:
    """Hear of a cancel: acknowledged, then pending."""
    heard = replace(state, report=Report.CANCEL_ACK, internal="CANCEL ACK", at=at, fill=None, reject_reason="")
    return heard, replace(heard, report=Report.PENDING_CANCEL, internal="CANCEL PENDING")


def cancelled(state: Event, at: datetime) -> Event:
    """End with what is open taken back; what traded stays."""
    return replace(
        state,
        report=Report.CANCELED,
        status=Status.CANCELED,
        internal="CANCELED",
        at=at,
        cancelled=state.quantity - state.filled,
        fill=None,
    )


def replaced(state: Event, wanted: Ticket, at: datetime) -> tuple[Event, Event, Event]:
    """Change terms: acknowledged, pending, done. Each time the revision goes up by one."""
    heard = replace(state, report=Report.MODIFY_ACK, internal="MODIFY ACK", at=at, fill=None, reject_reason="")
    pending = replace(heard, report=Report.PENDING_REPLACE, internal="MODIFY PENDING")
    waits = wanted.price_type in STOP_TYPES and not state.triggered
    status = Status.TRIGGER_PENDING if waits else Status.OPEN
    if state.status is Status.PENDING:
        status = state.status
    done = replace(
        heard,
        report=Report.REPLACED,
        status=status,
        internal=AMO_MODIFIED if status is Status.PENDING else status.value,
        quantity=wanted.quantity,
        price_type=state.price_type if state.triggered else wanted.price_type,
        price=wanted.price,
        trigger=state.trigger if state.triggered else wanted.trigger,
        revision=state.revision + 1,
        original_quantity=state.quantity,
        original_price=state.price,
        original_trigger=state.trigger,
        entered_at=at,
    )
    return heard, pending, done


def triggered(state: Event, at: datetime) -> Event:
    """Become an open order. Assumption: the report of that is New; no capture shows it."""
    return replace(
        state,
        report=Report.NEW,
        status=Status.OPEN,
        internal="OPEN",
        at=at,
        triggered=True,
        reject_reason="",
        fill=None,
    )


def filled(state: Event, fill: Fill) -> Event:
    """Trade. A closed order that trades late keeps its status until all of it has traded."""
    total = state.filled + fill.quantity
    status = Status.OPEN if state.status in WORKING else state.status
    if total == state.quantity:
        status = Status.COMPLETE
    return replace(
        state,
        report=Report.FILL,
        status=status,
        internal=status.value,
        at=fill.at,
        filled=total,
        turnover=state.turnover + fill.quantity * fill.price,
        cancelled=max(0, state.cancelled - fill.quantity),
        reject_reason="",
        fill=fill,
    )


def is_triggered(state: Event, sign: int, quote: Quote) -> bool:
    """Say whether the market has reached a stop's trigger; `sign` is 1 for a buy."""
    assert state.trigger is not None
    return (quote.last - state.trigger) * sign >= 0


def price_now(state: Event, sign: int, quote: Quote) -> Decimal | None:
    """Return the price the order trades at now, None while the market is beyond its limit."""
    price = quote.ask if sign > 0 else quote.bid
    if state.price_type in MARKET_TYPES or (state.price - price) * sign >= 0:
        return price
    return None
