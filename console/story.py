"""An order's journal in a trader's words: what happened, what it was decided from, and what it means."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from actors.messages import Timeline
from domain.lifecycle import Event, State, is_late_truth
from domain.order import JournalLine, Order, Side
from domain.reasons import Reason, explain
from domain.seams import IST

LABELS: Final[Mapping[str, str]] = {
    "trading_state": "trading",
    "orders_today": "orders today before it",
    "notional": "value in rupees",
    "held": "units held",
    "open_orders": "open orders of the strategy",
    "already_closing": "units already being closed",
    "unconfirmed_orders": "orders of unknown fate",
    "other_order": "the other order",
    "last_price": "last price",
    "broker_status": "the broker's word",
    "filled": "filled",
    "matched_by": "found by",
    "book_asked_at": "book asked at",
    "healthy_books": "healthy books without it",
    "first_asked_at": "first asked at",
    "last_asked_at": "last asked at",
}
"""What the inputs of a decision are called in front of people."""


def sentences(timeline: Timeline) -> tuple[str, ...]:
    """Return one sentence for each line of the journal."""
    return tuple(_told(timeline))


def _told(timeline: Timeline) -> Iterator[str]:
    row: dict[str, Any] = {}
    for line in timeline.lines:
        before = dict(row)
        row.update(line.changes)
        sentence = _sentence(timeline.order, line, row, before)
        if line.state_before and _is_late(line):
            sentence = f"LATE TRUTH: the order was {line.state_before}, and is not. {sentence}"
        yield sentence


def _is_late(line: JournalLine) -> bool:
    return line.event in set(Event) and is_late_truth(State(line.state_before or ""), Event(line.event))


def _sentence(order: Order, line: JournalLine, row: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    said = _meaning(line, before)
    broker_order_id = row.get("broker_order_id")
    words = {
        "REGISTERED": f"Registered and stored: {_asked(order)}. Nothing has been sent yet.",
        Event.BLOCK: f"Blocked by the desk, never sent. {said}",
        Event.SEND: f"{_cleared(order, row)} {said}",
        Event.ACCEPT: f"The broker took it as order {broker_order_id}.",
        Event.REFUSE: said or "The broker refused it; it is not in the market.",
        Event.WORK: f"The broker's book shows it working, as order {broker_order_id}. {said}",
        Event.PARTLY_FILL: f"{_traded(order, row)} {said}",
        Event.FILL: f"{_traded(order, row)} {said}",
        Event.CANCEL: f"{said or 'Canceled at the broker.'} {_traded(order, row)}",
        Event.REJECT: f"{said or 'Rejected by the broker or the exchange.'} {_traded(order, row)}",
    }
    return words.get(line.event, said or f"Noted: {line.event}.").strip()


def _asked(order: Order) -> str:
    command = order.command
    parts = [
        f"{command.intent} {command.side} {command.quantity} {command.symbol} on {command.exchange}",
        f"{command.order_type} {command.product}",
    ]
    named = (
        ("at", command.price),
        ("trigger", command.trigger_price),
        ("stop loss", command.stop_loss),
        ("target", command.target),
    )
    parts += [f"{name} {price_words(price)}" for name, price in named if price is not None]
    parts.append(f"for {command.strategy}")
    words = ", ".join(parts)
    return f"{words} ({command.comment})" if command.comment else words


def _cleared(order: Order, row: Mapping[str, Any]) -> str:
    """Say with what an order left: a market order leaves as a limit at the far end of its band."""
    quantity, limit = row.get("quantity"), row.get("limit_price")
    words = f"Passed risk and guard; stored before the wire, then sent once: {order.command.side} {quantity}"
    if limit is not None:
        verb = "pay at most" if order.command.side is Side.BUY else "take at least"
        words += f" at limit {price_words(limit)} ({verb} that)"
    return f"{words}."


def _traded(order: Order, row: Mapping[str, Any]) -> str:
    filled, quantity, average = row.get("filled_quantity") or 0, row.get("quantity"), row.get("average_price")
    if not filled:
        return "Nothing traded."
    words = f"All {filled}" if filled == quantity else f"{filled} of {quantity}"
    verb = "bought" if order.command.side is Side.BUY else "sold"
    return f"{words} {verb} at {price_words(average)} on average." if average is not None else f"{words} {verb}."


def _meaning(line: JournalLine, before: Mapping[str, Any]) -> str:
    """Return the tag's sentence and the note that came with this line, each said once."""
    fresh = line.note if line.note and line.note != before.get("note", "") else ""
    meaning = explain(Reason(line.tag)) if line.tag in set(Reason) and line.tag != before.get("tag") else ""
    if fresh and fresh != meaning:
        return as_sentence(fresh) if line.event == Event.BLOCK else f"{meaning} Reason given: “{fresh}”.".strip()
    return meaning


def as_sentence(words: str) -> str:
    """Begin with a capital and end with a stop."""
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")


def decided_from(inputs: Mapping[str, str]) -> str:
    """Tell what a decision was made from."""
    return ", ".join(f"{LABELS.get(name, name.replace('_', ' '))} {_plain(value)}" for name, value in inputs.items())


def _plain(value: str) -> str:
    """Write a moment as the exchange's time of day; leave everything else."""
    if value in {"None", ""}:
        return "unknown"
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return clock_time(moment) if moment.tzinfo else value


def clock_time(moment: datetime) -> str:
    """Write the exchange's time of day with milliseconds."""
    return moment.astimezone(IST).strftime("%H:%M:%S.%f")[:-3]


def price_words(price: object) -> str:
    """Write a price or an amount of rupees: thousands apart, two decimals, or the four that a currency has."""
    if price is None:
        return "an unknown price"
    number = Decimal(str(price)).normalize() + 0
    exponent = number.as_tuple().exponent
    places = min(4, max(2, -exponent)) if isinstance(exponent, int) else 2
    return f"{number:,.{places}f}"
