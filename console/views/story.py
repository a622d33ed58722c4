"""An order's journal in a trader's words: what happened, what it means for the position, and what to do.

Each line is told from what it brought and from the order as it stood before it: the same fill is news, the end of a
search, or a cancel that came too late. What happens to a cancel or modify is told in `console/views/change_story.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from console.views.change_story import CHANGE_TELLERS
from console.views.journal_context import JournalContext
from console.views.text import as_sentence, asked_text, price_text, traded_text
from domain.orders import text as order_text
from domain.orders.lifecycle import Event, State
from domain.orders.reasons import Reason, explain
from domain.orders.types import Side
from domain.read_models import Timeline

BOOKS_NEEDED: Final = 3
"""The proof's books where nobody says otherwise (proof.books)."""

_IN_DOUBT: Final = "Until it is found or proved absent its units count as taken: do not send it again by hand."
_NEXT_TIME: Final[Mapping[str, str]] = {
    Reason.BROKER_REFUSED: "Nothing traded; mend what the broker names, then send a new order.",
    Reason.SESSION_EXPIRED: "Nothing traded; send a new order once `status` shows a session.",
    Reason.BROKER_UNREACHABLE: "Nothing traded; send a new order once `status` shows that the broker answers.",
}
_FREE_AGAIN: Final = "Nothing traded, and its units are free again: a new order may be sent."
_WRONG_POSITION: Final = "The position is not what it was believed to be: look at `positions` now."


def sentences(timeline: Timeline, books_needed: int = BOOKS_NEEDED) -> tuple[str, ...]:
    """Return one sentence or a few for each line of the journal; `books_needed` complete a proof of absence."""
    return tuple(_told(timeline, books_needed))


def _told(timeline: Timeline, books_needed: int) -> Iterator[str]:
    row: dict[str, Any] = {}
    for line in timeline.lines:
        before = dict(row)
        row.update(line.changes)
        yield _sentence(JournalContext(timeline.order, line, before, dict(row), books_needed))


def _sentence(context: JournalContext) -> str:
    line = context.line
    if "resolved_by" in line.inputs:
        message = _resolved(context)
    else:
        message = _TELLERS.get(line.event, _other)(context)
        if "update" in line.inputs:
            message = f"The broker pushed: {message[:1].lower()}{message[1:]}"
    if context.is_late:
        return f"LATE TRUTH: the order was {line.state_before}, and is not. {message} {_WRONG_POSITION}"
    return message


def _meaning(context: JournalContext) -> str:
    """Return the tag's sentence and the note that came with this line, each said once."""
    line, before = context.line, context.before
    if context.is_late:
        return ""
    fresh = line.note if line.note and line.note != before.get("note", "") else ""
    meaning = ""
    if line.tag in set(Reason) and line.tag != before.get("tag"):
        changing = bool(context.row.get("change"))
        meaning = order_text.meaning(Reason(str(line.tag)), State(line.state_after), is_changing=changing)
    if fresh and fresh != meaning:
        return as_sentence(fresh) if line.event == Event.BLOCKED else _joined(meaning, f"Reason given: “{fresh}”.")
    return meaning


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


# The way to the broker


def _registered(context: JournalContext) -> str:
    command = context.order.command
    when = f" It is for the session of {context.order.day}." if command.amo else ""
    if "kept_in" in context.line.inputs:
        message = "The database could not be written; it was kept in the exit journal, so that it could leave."
        return f"Registered: {asked_text(context.order)}. {message}"
    return f"Registered and stored: {asked_text(context.order)}. Nothing has been sent yet.{when}"


def _seen(context: JournalContext) -> str:
    """Tell of an order of others; it stands as the book has it from its first line on."""
    where = context.order.command.comment or "nobody says where"
    message = f"Not placed by this desk ({where}), and seen in the broker's book: {asked_text(context.order)}."
    if context.row.get("filled_quantity"):
        traded = traded_text(context.order, context.row)
        return f"{message} {traded} These units count as EXTERNAL: no strategy exits them."
    if context.is_terminal:
        return f"{message} It is over; nothing traded."
    return f"{message} It may trade, and its units count as EXTERNAL; `cancel` takes it out of the market."


def _sent(context: JournalContext) -> str:
    """Say with what an order left: a market order leaves as a limit at the far end of its band."""
    side, quantity, limit = context.order.command.side, context.row.get("quantity"), context.row.get("limit_price")
    message = f"Passed risk and guard; stored before the wire, then sent once: {side} {quantity}"
    if limit is not None:
        message += f" at limit {price_text(limit)} ({'pay at most' if side is Side.BUY else 'take at least'} that)"
    return _joined(f"{message}.", _meaning(context))


def _accepted(context: JournalContext) -> str:
    message = f"The broker took it as order {context.number}."
    if not context.has_moved:
        return f"{message} The books had told of it before this reply."
    if context.order.command.amo:
        return f"{message} It waits there for the session of {context.order.day}."
    return f"{message} It is in the market and may trade."


def _refused(context: JournalContext) -> str:
    said = _meaning(context) or "The broker refused it; it is not in the market."
    next_time = _NEXT_TIME.get(context.line.tag or "", "Nothing traded; send a new order if it is still wanted.")
    return _joined(said, order_text.way_out_of(context.order) or next_time)


def _in_doubt(context: JournalContext) -> str:
    if not context.has_moved and context.line.state_after != State.UNCONFIRMED:
        return "The reply to it was lost as well; the books have told of it, so nothing is in doubt."
    return _joined(_meaning(context), _IN_DOUBT)


# What books and pushed reports show


def _found(context: JournalContext) -> str:
    """Say that a search is over, where it was one."""
    if context.line.state_before != State.UNCONFIRMED:
        return ""
    by = "by its tag" if context.line.inputs.get("matched_by") == "tag" else "at the broker"
    return f"Found {by}, as order {context.number}: it had arrived."


def _working(context: JournalContext) -> str:
    shows = "It is" if "update" in context.line.inputs else "The broker's book shows it"
    working = f"{shows} working, as order {context.number}."
    return _joined(_found(context), working, _meaning(context), "It may trade.")


def _filled(context: JournalContext) -> str:
    return _joined(_found(context), traded_text(context.order, context.row), _lost_race(context), _meaning(context))


def _lost_race(context: JournalContext) -> str:
    """Say what a fill means for a change that was under way."""
    if not context.pending:
        return ""
    if not context.is_terminal:
        return f"The {context.pending} is still open for the rest."
    if context.pending == "cancel":
        return "The cancel came too late: the fill won, and what it traded is held. Exit it if it is not wanted."
    return "The modify is void with it."


def _canceled(context: JournalContext) -> str:
    rest = "The rest is not in the market." if context.row.get("filled_quantity") else "It is not in the market."
    traded = traded_text(context.order, context.row)
    if "order_of" in context.line.inputs:
        order_of, resolved_on = context.line.inputs["order_of"], context.line.inputs.get("resolved_on", "today")
        ended = f"It ended with its trading day, {order_of}: the books of {resolved_on} do not show it."
        if context.line.tag == Reason.DAY_ENDED_UNKNOWN:
            seen = f"This desk had seen {context.row.get('filled_quantity') or 0} units trade"
            return f"{ended} {seen}; whether more did is not known. It is not in the market."
        return f"{ended} {traded} {rest}"
    if context.pending == "cancel":
        return _joined("Canceled, as asked.", traded, rest)
    said = _meaning(context) or "Canceled at the broker."
    return _joined(_found(context), said, "This desk did not ask for that.", traded, rest)


def _rejected(context: JournalContext) -> str:
    said = _meaning(context) or "The broker or the exchange rejected it."
    traded = traded_text(context.order, context.row)
    held = "What traded is held; the rest is not in the market." if context.row.get("filled_quantity") else ""
    return _joined(_found(context), said, traded, held)


# Notes


def _noted(context: JournalContext) -> str:
    if "healthy_books" in context.line.inputs:
        return _missed(context)
    note = context.line.note
    if context.line.tag == Reason.TWO_AT_BROKER:
        return f"{explain(Reason.TWO_AT_BROKER)} The second one is {note}: cancel it there if it is not wanted."
    if context.line.tag == Reason.UNKNOWN_BROKER_STATUS:
        return f"{explain(Reason.UNKNOWN_BROKER_STATUS)} Its word is “{note}”; if that stays, `resolve` the order."
    return _meaning(context) or "Noted; nothing has changed."


def _missed(context: JournalContext) -> str:
    """Tell of a book that did not show the order; enough of them, over enough time, prove it absent."""
    books, needed = context.line.inputs["healthy_books"], context.books_needed
    if books.isdecimal() and int(books) >= needed:
        return (
            f"One more healthy book without it ({books} of {needed}). They must also lie far enough apart "
            "(proof.window_s), as an order may enter a book late: it may still be live."
        )
    return f"One more healthy book without it ({books} of {needed}). That proves nothing yet: it may still be live."


# A person's word


def _resolved(context: JournalContext) -> str:
    reason = f", because “{context.line.note}”" if context.line.note else ""
    traded = traded_text(context.order, context.row)
    if context.line.inputs.get("found_at_broker") == "yes":
        rest = "It may trade on; the books take it from here." if not context.is_terminal else "It is over."
        return f"A person resolved it: found at the broker as order {context.number}{reason}. {traded} {rest}"
    late = "Should the broker show it after all, that is a late truth."
    return f"A person resolved it: not at the broker{reason}. {traded} {late}"


def _other(context: JournalContext) -> str:
    return _meaning(context) or f"Noted: {context.line.event}."


_TELLERS: Final[Mapping[str, Callable[[JournalContext], str]]] = {
    "REGISTERED": _registered,
    "SEEN": _seen,
    Event.BLOCKED: lambda context: _joined("Blocked by the desk, never sent.", _meaning(context)),
    Event.SENT: _sent,
    Event.ACCEPTED: _accepted,
    Event.REFUSED: _refused,
    Event.REPLY_LOST: _in_doubt,
    Event.RESTARTED: _in_doubt,
    Event.WORKING: _working,
    Event.PARTIALLY_FILLED: _filled,
    Event.FILLED: _filled,
    Event.CANCELED: _canceled,
    Event.REJECTED: _rejected,
    Event.PROVED_ABSENT: lambda context: f"{explain(Reason(context.line.tag or Reason.PROVED_ABSENT))} {_FREE_AGAIN}",
    Event.NOTED: _noted,
    **CHANGE_TELLERS,
}
