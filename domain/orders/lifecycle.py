"""The life of an order, as one table.

Theory of operation. An order is in exactly one `State`. Things happen to it: we block it, send it, the broker
answers, a book shows it trading. Each such happening is an `Event`. `TRANSITIONS` names, for every state, the
ordinary events and where they lead; `LATE_TRUTHS` names what the broker may still prove after we believed the
order over. A pair that stands in neither table is illegal: `advance` raises and nothing has changed.

Three rules shape the table:

* Silence is not failure. A lost reply leads to UNCONFIRMED, never to an end; only a broker's word or the proof
  of absence leads on from there.
* Updates may overtake replies. A book can show an order filled before the reply to its placement arrives, so
  every live and final state accepts ACCEPT and REPLY_LOST without moving.
* FAILED means proven to have no exposure; EXECUTED means exposure was taken. `status_of` projects each state
  onto the four statuses of the order flow's contract.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class State(StrEnum):
    """Where an order stands. Finer than `Status`, so that no word means two things."""

    CREATED = "CREATED"
    BLOCKED = "BLOCKED"
    SENDING = "SENDING"
    UNCONFIRMED = "UNCONFIRMED"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REFUSED = "REFUSED"
    REJECTED = "REJECTED"
    NOT_PLACED = "NOT_PLACED"


class Event(StrEnum):
    """What can happen to an order, in the order of the six steps; then what a cancel or modify goes through.

    A change is asked for, then taken, refused or lost by the reply; later rejected, or lapsed where the books never
    show it. REPLACE is new terms that a book shows, whoever asked for them.
    """

    BLOCKED = "BLOCKED"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    REPLY_LOST = "REPLY_LOST"
    RESTARTED = "RESTARTED"
    WORKING = "WORKING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    PROVED_ABSENT = "PROVED_ABSENT"
    CHANGE_REQUESTED = "CHANGE_REQUESTED"
    CHANGE_ACCEPTED = "CHANGE_ACCEPTED"
    CHANGE_REFUSED = "CHANGE_REFUSED"
    CHANGE_REPLY_LOST = "CHANGE_REPLY_LOST"
    CHANGE_REJECTED = "CHANGE_REJECTED"
    CHANGE_LAPSED = "CHANGE_LAPSED"
    REPLACED = "REPLACED"
    NOTED = "NOTED"


class Status(StrEnum):
    """The contract of the `orders.status` column (guide, status state machine)."""

    CREATED = "CREATED"
    SENT_TO_BROKER = "SENT_TO_BROKER"
    EXECUTED = "EXECUTED"
    FAILED = "FAILED"


class IllegalTransitionError(Exception):
    """An event that the order's state does not allow. Raised before anything changes."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"{event} cannot happen to an order that is {state}")
        self.state = state
        self.event = event


TransitionTable: TypeAlias = Mapping[State, Mapping[Event, State]]

_SEEN: Final = MappingProxyType(
    {
        Event.WORKING: State.WORKING,
        Event.PARTIALLY_FILLED: State.PARTIALLY_FILLED,
        Event.FILLED: State.FILLED,
        Event.CANCELED: State.CANCELED,
        Event.REJECTED: State.REJECTED,
    }
)
"""What a broker's book can show of an order whose reply has not told its fate."""


_CHANGES: Final = (
    Event.CHANGE_ACCEPTED,
    Event.CHANGE_REFUSED,
    Event.CHANGE_REPLY_LOST,
    Event.CHANGE_REJECTED,
    Event.CHANGE_LAPSED,
)
"""What may become of a change, also after the order has ended: a fill may win."""


def _stay(state: State, *events: Event) -> dict[Event, State]:
    return dict.fromkeys((*events, Event.NOTED), state)


TRANSITIONS: Final[TransitionTable] = MappingProxyType(
    {
        State.CREATED: {
            **_stay(State.CREATED),
            **_SEEN,
            Event.BLOCKED: State.BLOCKED,
            Event.SENT: State.SENDING,
            # When step 3 could not be written the order went on unrecorded (guide, error recovery).
            Event.ACCEPTED: State.WORKING,
            Event.REFUSED: State.REFUSED,
            Event.REPLY_LOST: State.UNCONFIRMED,
            Event.RESTARTED: State.UNCONFIRMED,
        },
        State.BLOCKED: _stay(State.BLOCKED),
        State.SENDING: {
            **_stay(State.SENDING),
            **_SEEN,
            Event.ACCEPTED: State.WORKING,
            Event.REFUSED: State.REFUSED,
            Event.REPLY_LOST: State.UNCONFIRMED,
            Event.RESTARTED: State.UNCONFIRMED,
        },
        State.UNCONFIRMED: {
            **_stay(State.UNCONFIRMED, Event.REPLY_LOST, Event.RESTARTED),
            **_SEEN,
            Event.PROVED_ABSENT: State.NOT_PLACED,
        },
        State.WORKING: {
            **_stay(
                State.WORKING,
                Event.ACCEPTED,
                Event.REPLY_LOST,
                Event.WORKING,
                Event.CHANGE_REQUESTED,
                *_CHANGES,
                Event.REPLACED,
            ),
            Event.PARTIALLY_FILLED: State.PARTIALLY_FILLED,
            Event.FILLED: State.FILLED,
            Event.CANCELED: State.CANCELED,
            Event.REJECTED: State.REJECTED,
        },
        State.PARTIALLY_FILLED: {
            **_stay(State.PARTIALLY_FILLED, Event.ACCEPTED, Event.REPLY_LOST, Event.PARTIALLY_FILLED),
            **_stay(State.PARTIALLY_FILLED, Event.CHANGE_REQUESTED, *_CHANGES, Event.REPLACED),
            Event.FILLED: State.FILLED,
            Event.CANCELED: State.CANCELED,
            Event.REJECTED: State.REJECTED,
        },
        State.FILLED: _stay(State.FILLED, Event.ACCEPTED, Event.REPLY_LOST, Event.FILLED, *_CHANGES),
        State.CANCELED: _stay(State.CANCELED, Event.ACCEPTED, Event.REPLY_LOST, Event.CANCELED, *_CHANGES),
        State.REFUSED: _stay(State.REFUSED),
        State.REJECTED: _stay(State.REJECTED, Event.ACCEPTED, Event.REPLY_LOST, Event.REJECTED, *_CHANGES),
        State.NOT_PLACED: _stay(State.NOT_PLACED),
    }
)
"""Every state, its ordinary events, and where they lead."""

TERMINAL: Final = frozenset(
    state for state, moves in TRANSITIONS.items() if all(target is state for target in moves.values())
)
"""The states no ordinary event leads out of."""

LATE_TRUTHS: Final[TransitionTable] = MappingProxyType(
    {
        State.CANCELED: {
            Event.WORKING: State.WORKING,
            Event.PARTIALLY_FILLED: State.PARTIALLY_FILLED,
            Event.FILLED: State.FILLED,
            Event.REJECTED: State.REJECTED,
        },
        State.REJECTED: {
            Event.WORKING: State.WORKING,
            Event.PARTIALLY_FILLED: State.PARTIALLY_FILLED,
            Event.FILLED: State.FILLED,
            Event.CANCELED: State.CANCELED,
        },
        State.REFUSED: dict(_SEEN),
        State.NOT_PLACED: dict(_SEEN),
        # An earlier run sent it, and no disk knew: this one blocked the same id before the broker showed it.
        State.BLOCKED: dict(_SEEN),
    }
)
"""What the broker may prove of an order that we believed over. Legal, tagged, and loud."""


def advance(state: State, event: Event) -> State:
    """Return the state after `event`; raise `IllegalTransitionError` where the tables have no such pair."""
    target = TRANSITIONS[state].get(event) or LATE_TRUTHS.get(state, {}).get(event)
    if target is None:
        raise IllegalTransitionError(state, event)
    return target


def is_late_truth(state: State, event: Event) -> bool:
    """Say whether `event` contradicts an end that we had already recorded."""
    return event in LATE_TRUTHS.get(state, {})


def status_of(state: State, filled_quantity: int) -> Status:
    """Project a state onto the contract: EXECUTED took exposure, FAILED is proven to have none."""
    match state:
        case State.CREATED:
            return Status.CREATED
        case State.SENDING | State.UNCONFIRMED | State.WORKING | State.PARTIALLY_FILLED:
            return Status.SENT_TO_BROKER
        case State.FILLED:
            return Status.EXECUTED
        case State.CANCELED | State.REJECTED:
            return Status.EXECUTED if filled_quantity > 0 else Status.FAILED
        case State.BLOCKED | State.REFUSED | State.NOT_PLACED:
            return Status.FAILED
