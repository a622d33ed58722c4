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
    "change_id": "change",
    "change": "kind",
    "quantity": "units",
    "limit_price": "limit",
    "trigger_price": "trigger",
    "asked_by": "asked by",
    "left_by_others": "units left after what others did with the account",
    "open": "units open",
    "wanted_open": "units open if changed",
    "update": "the broker's report",
    "update_seen_at": "update seen at",
    "order_of": "order of",
    "settled_on": "settled on",
    "settled_by": "settled by",
    "found_at_broker": "found at the broker",
    "database": "the database said",
}
"""What the inputs of a decision are called in front of people."""

_TERMS: Final = ("quantity", "limit_price", "trigger_price")


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
        "SEEN": f"Not placed by this desk ({_by_whom(order)}), and seen in the broker's book: {_asked(order)}.",
        Event.ASK_CHANGE: f"{_wished(line)} Stored before the wire, then sent once.",
        Event.TAKE_CHANGE: f"The broker took the {_change(line)}. That is no change yet: the books will show it.",
        Event.REFUSE_CHANGE: said or f"The broker refused the {_change(line)}; the order stands as it was.",
        Event.LOSE_CHANGE: said or f"The reply to the {_change(line)} was lost; the books will tell.",
        Event.REJECT_CHANGE: said or "The exchange rejected the change; the order stands as it was.",
        Event.LAPSE_CHANGE: said or "The change was never seen in the books; the order stands as it was.",
        Event.REPLACE: f"The broker's book shows new terms: {_terms_now(row)}.",
        Event.NOTE: _noted(line) or said,
        Event.REJECT: f"{said or 'Rejected by the broker or the exchange.'} {_traded(order, row)}",
    }
    return words.get(line.event, said or f"Noted: {line.event}.").strip()


def _by_whom(order: Order) -> str:
    return order.command.comment or "but elsewhere"


def _change(line: JournalLine) -> str:
    return line.inputs.get("change", "change").lower()


def _wished(line: JournalLine) -> str:
    """Say what was asked for, by whom and why."""
    told = [f"{LABELS[name]} {line.inputs[name]}" for name in _TERMS if name in line.inputs]
    what = f"A {_change(line)} was asked for" + (f": {', '.join(told)}" if told else "")
    because = line.inputs.get("because")
    return f"{what}, because “{because}”." if because else f"{what}."


def _terms_now(row: Mapping[str, Any]) -> str:
    limit, trigger = row.get("limit_price"), row.get("wire_trigger_price")
    words = f"{row.get('quantity')} units"
    words += f" at limit {price_words(limit)}" if limit is not None else ""
    return words + (f", trigger {price_words(trigger)}" if trigger is not None else "")


def _noted(line: JournalLine) -> str:
    """Tell of a book that did not show the order; enough of them prove it absent."""
    books = line.inputs.get("healthy_books")
    return f"Healthy book {books} without it. One book proves nothing; the search goes on." if books else ""


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
