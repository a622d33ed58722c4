"""What happens to a cancel or modify, in a trader's words: accepted is not done yet, the order can still fill first."""

from collections.abc import Callable, Mapping
from typing import Final

from console.views.journal_context import JournalContext
from console.views.text import terms_text
from domain.orders.lifecycle import Event

_WHO: Final[Mapping[str, str]] = {"HUMAN": "A person", "DESK": "The desk", "STRATEGY": "The strategy"}


def _kind(context: JournalContext) -> str:
    return (context.line.inputs.get("change", "").lower() or context.pending) or "change"


def _stands(context: JournalContext) -> str:
    """Say what holds when nothing came of a change."""
    if context.is_terminal:
        return "The order had ended before it."
    row = context.row
    terms = terms_text(row.get("quantity"), row.get("limit_price"), row.get("wire_trigger_price"))
    return f"The order stands as it was ({terms}) and may trade."


def _asked(context: JournalContext) -> str:
    """Say what was asked for, by whom and why."""
    inputs = context.line.inputs
    who = _WHO.get(inputs.get("asked_by", ""), "Someone")
    reason = f", because “{inputs['reason']}”" if inputs.get("reason") else ""
    if _kind(context) == "cancel":
        total = context.row.get("quantity") or 0
        still = total - (context.row.get("filled_quantity") or 0)
        until = "until the books show it canceled, it may trade."
        return f"{who} asked to cancel what is open of it ({still} of {total} units){reason}. Sent once; {until}"
    terms = terms_text(inputs.get("quantity"), inputs.get("limit_price"), inputs.get("trigger_price"))
    until = "until the books show these terms, the old ones hold."
    return f"{who} asked to modify it to {terms}{reason}. Stored before the wire, then sent once; {until}"


def _taken(context: JournalContext) -> str:
    if context.is_terminal:
        return f"The broker took the {_kind(context)} after the order's end; it changes nothing."
    if not context.row.get("change"):
        return f"The broker took the {_kind(context)}; the books had shown it done before this reply."
    if _kind(context) == "cancel":
        return "The broker took the cancel. That is a request taken, not a cancel: a fill may win; the books will tell."
    return "The broker took the modify. That is a request taken: the old terms hold until the books show the new ones."


def _refused(context: JournalContext) -> str:
    message = f": “{context.line.note}”" if context.line.note else ""
    return f"The {_kind(context)} was not made{message}. {_stands(context)}"


def _lost(context: JournalContext) -> str:
    kind = _kind(context)
    cause = f" (“{context.line.note}”)" if context.line.note and context.line.inputs else ""
    event = (
        f"The reply to the {kind} was lost{cause}."
        if context.line.inputs
        else f"The desk stopped while the {kind} was on its way."
    )
    if context.is_terminal:
        return f"{event} The order had ended before it; nothing is in doubt."
    doubt = "it may trade" if kind == "cancel" else "count on the larger of both quantities"
    return f"{event} It may be done or not, and is never sent again; the books will tell. Until then {doubt}."


def _rejected(context: JournalContext) -> str:
    fresh = context.line.note if context.line.note != context.before.get("note") else ""
    message = f": “{fresh}”" if fresh else ""
    return f"The exchange rejected the {_kind(context)} after the broker had taken it{message}. {_stands(context)}"


def _lapsed(context: JournalContext) -> str:
    books = context.line.inputs.get("healthy_books", "enough")
    again = " Ask for it again if it is still wanted."
    return f"The {_kind(context)} took no effect: {books} healthy books never showed it. {_stands(context)}{again}"


def _replaced(context: JournalContext) -> str:
    row = context.row
    terms = terms_text(row.get("quantity"), row.get("limit_price"), row.get("wire_trigger_price"))
    if context.pending == "modify" and not row.get("change"):
        return f"The modify is done: the order now stands at {terms}."
    if context.pending == "modify":
        return f"The order now stands at {terms}, which is not what was asked for; the modify is still open."
    return f"Someone changed it elsewhere, not this desk: it now stands at {terms}, and may trade on these terms."


CHANGE_TELLERS: Final[Mapping[str, Callable[[JournalContext], str]]] = {
    Event.CHANGE_REQUESTED: _asked,
    Event.CHANGE_ACCEPTED: _taken,
    Event.CHANGE_REFUSED: _refused,
    Event.CHANGE_REPLY_LOST: _lost,
    Event.CHANGE_REJECTED: _rejected,
    Event.CHANGE_LAPSED: _lapsed,
    Event.REPLACED: _replaced,
}
