"""What an order's tag means now: its sentence, held against the state, so that no word denies what is known.

A tag is kept as long as it explains something; the state may have gone on meanwhile. A reply that was lost is no doubt
any more once a book has shown the order, and a change that was refused says nothing of an order that has ended.
"""

from collections.abc import Mapping
from typing import Final

from domain.orders.lifecycle import TERMINAL, Event, State
from domain.orders.order import Order
from domain.orders.reasons import EXPLANATIONS, Kind, Reason, explain
from domain.orders.types import Intent

_ALL: Final = frozenset(State)
_OPEN: Final = _ALL - TERMINAL
_AT_WORK: Final = frozenset({State.WORKING, State.PARTIALLY_FILLED})
_BY_THE_DESK: Final = frozenset({Kind.INVALID, Kind.BLOCKED, Kind.NOT_READY})
_TRUE_IN: Final[Mapping[Reason, frozenset[State]]] = {
    Reason.BROKER_REFUSED: frozenset({State.REFUSED}),
    Reason.BROKER_UNREACHABLE: frozenset({State.REFUSED}),
    Reason.SESSION_EXPIRED: frozenset({State.REFUSED}),
    Reason.BROKER_RATE_LIMITED: frozenset({State.REFUSED}),
    Reason.RATE_LIMITED: frozenset({State.REFUSED}),
    Reason.REPLY_LOST: frozenset({State.UNCONFIRMED}),
    Reason.RESTARTED_IN_FLIGHT: frozenset({State.UNCONFIRMED}),
    Reason.BROKER_REJECTED: frozenset({State.REJECTED}),
    Reason.BROKER_CANCELED: frozenset({State.CANCELED}),
    Reason.CANCELED_AS_ASKED: frozenset({State.CANCELED}),
    Reason.PROVED_ABSENT: frozenset({State.NOT_PLACED}),
    Reason.UNKNOWN_BROKER_STATUS: _OPEN,
    Reason.DAY_ENDED: frozenset({State.CANCELED, State.REJECTED}),
    Reason.DAY_ENDED_UNKNOWN: frozenset({State.CANCELED, State.REJECTED}),
    Reason.CHANGE_REFUSED: _AT_WORK,
    Reason.CHANGE_REJECTED: _AT_WORK,
    Reason.CHANGE_NOT_SEEN: _AT_WORK,
    Reason.CHANGE_REPLY_LOST: _AT_WORK,
    Reason.LATE_TRUTH: frozenset({State.WORKING, State.PARTIALLY_FILLED, State.FILLED}),
    Reason.LEGACY_ORDER: _OPEN,
}
"""Where a reason's own sentence is true. The desk's own reasons are true of BLOCKED and REFUSED, the rest anywhere."""

_SHOWN: Final[Mapping[State, str]] = {
    State.WORKING: "is working",
    State.PARTIALLY_FILLED: "has filled in part",
    State.FILLED: "has filled",
    State.CANCELED: "was canceled",
    State.REJECTED: "was rejected",
}
"""What is known of an order that the broker has shown."""
_BEFORE_IT_ENDED: Final[Mapping[Reason, str]] = {
    Reason.CHANGE_REFUSED: "A change of the order was refused, or could not be sent, before it ended.",
    Reason.CHANGE_REJECTED: "The exchange rejected a change of the order before it ended.",
    Reason.CHANGE_NOT_SEEN: "A change of the order had taken no effect before it ended.",
    Reason.CHANGE_REPLY_LOST: "The reply to a change was lost; the order has ended, so nothing is in doubt.",
    Reason.UNKNOWN_BROKER_STATUS: "The broker once gave the order a status this desk does not know.",
    Reason.LEGACY_ORDER: "The order was taken over from an older orders table.",
    Reason.LATE_TRUTH: "The broker has shown another end of the order than the one that was recorded first.",
}


def is_said_by(reason: Reason, state: State) -> bool:
    """Say whether the reason's own sentence is true of an order in this state."""
    if EXPLANATIONS[reason].kind in _BY_THE_DESK:
        return state in {State.BLOCKED, State.REFUSED}
    return state in _TRUE_IN.get(reason, _ALL)


def meaning(reason: Reason, state: State, *, is_changing: bool = False) -> str:
    """Return what the reason means to an order in this state; nothing where it says nothing of it.

    `is_changing`: a cancel or modify of the order is not resolved yet.
    """
    if reason is Reason.CHANGE_REPLY_LOST and state in _AT_WORK and not is_changing:
        return "The reply to a change was lost; the books have shown since then how the order stands."
    if is_said_by(reason, state):
        return explain(reason)
    if reason in {Reason.REPLY_LOST, Reason.RESTARTED_IN_FLIGHT} and state in _SHOWN:
        lost = "The broker's reply was lost" if reason is Reason.REPLY_LOST else "The desk stopped during the sending"
        return f"{lost}, but the broker's books show that the order {_SHOWN[state]}."
    return _BEFORE_IT_ENDED.get(reason, "") if state in TERMINAL else ""


def meaning_of(order: Order) -> str:
    """Return what the order's tag means to it now; nothing without one, or where it says nothing of this state."""
    return "" if order.tag is None else meaning(order.tag, order.state, is_changing=order.change is not None)


_SAID_BY_THE_BROKER: Final = frozenset({Reason.BROKER_REFUSED, Reason.BROKER_RATE_LIMITED})
_NOT_REPEATED: Final = frozenset(
    {Reason.SESSION_EXPIRED, Reason.BROKER_UNREACHABLE, Reason.BROKER_RATE_LIMITED, Reason.RATE_LIMITED}
)
"""What stood in the way of the order may pass; the order itself is not sent again."""


def said_by_the_broker(reason: Reason | None) -> bool:
    """Say whether the broker itself refused an order that is REFUSED: where nobody was reached, nobody did."""
    return reason is None or reason in _SAID_BY_THE_BROKER


def refused_by(reason: Reason | None) -> str:
    """Say who refused an order that is REFUSED."""
    if said_by_the_broker(reason):
        return "Refused by the broker"
    return "Not accepted, no session" if reason is Reason.SESSION_EXPIRED else "Never sent"


def could_not_leave(order: Order) -> bool:
    """Say whether this is an exit that found no way to the broker: nothing of it is in the market."""
    return order.command.intent is Intent.EXIT and order.state is State.REFUSED and order.tag in _NOT_REPEATED


_OUTCOMES: Final = frozenset(
    {
        *(
            Event.BLOCKED,
            Event.ACCEPTED,
            Event.REFUSED,
            Event.REPLY_LOST,
            Event.RESTARTED,
            Event.PARTIALLY_FILLED,
            Event.FILLED,
        ),
        *(Event.CANCELED, Event.REJECTED, Event.PROVED_ABSENT),
    }
)
"""What becomes of an order; the rest is a step on its way, or is about a change."""


def outcome_line(order: Order, event: Event) -> str:
    """Return the log's line about what has become of an order, with its numbers; empty where that is no outcome."""
    if event not in _OUTCOMES:
        return ""
    command = order.command
    what = f"{command.command_id}: {command.intent} {command.side} {order.quantity} {command.symbol} {command.product}"
    said = [f"{what} of {command.strategy} is {order.state}"]
    if order.state in _AT_WORK and order.broker_order_id:
        said.append(f"broker order {order.broker_order_id}")
    if order.limit_price is not None and order.state in _AT_WORK:
        said.append(f"limit {order.limit_price:f}")
    if order.filled_quantity:
        at = "" if order.average_price is None else f" at {order.average_price:f}"
        said.append(f"{order.filled_quantity} filled{at}")
    if order.tag is not None and order.state is not State.FILLED:
        said.append(f"{order.tag}{f' ({order.note})' if order.note else ''}")
    return ", ".join(said)


def way_out_of(order: Order) -> str:
    """Return how an exit that could not be sent gets out all the same; nothing for any other order."""
    if not could_not_leave(order):
        return ""
    return (
        "This exit is not tried again by itself: "
        f"`flatten --strategy {order.command.strategy}` goes on until the strategy is flat, "
        "and so does an exit that is sent with `--until-flat`."
    )
