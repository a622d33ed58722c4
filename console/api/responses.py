"""What came of submitting an order: the HTTP status, and one sentence for the person who sent it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from actors.messages.orders import OrderAnswered, OrderDeclined
from console.views.response_types import OutcomeAnswer
from console.views.serializers import order_form
from console.views.text import as_sentence, price_text, terms_text
from domain.exits.flatten import PositionKey
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State, Status
from domain.orders.order import Order
from domain.orders.reasons import EXPLANATIONS, Kind, Reason, explain
from domain.orders.text import meaning_of, refused_by, way_out_of
from domain.orders.types import OrderType, Side

HTTP_OF: Final[Mapping[Kind, int]] = {
    Kind.INVALID: 422,
    Kind.BLOCKED: 409,
    Kind.NOT_READY: 503,
    Kind.BROKER: 502,
    Kind.UNRESOLVED: 202,
    Kind.INFO: 200,
}
"""How a caller is answered, by who said no."""

_UNRESOLVED: Final = frozenset({State.CREATED, State.SENDING, State.UNCONFIRMED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An answer to POST /orders."""

    http_status: int
    command_id: str | None
    sentence: str
    order: Order | None = None
    repeated: bool = False
    reason: Reason | None = None

    def body(self) -> OutcomeAnswer:
        """Return the answer's JSON."""
        return {
            "command_id": self.command_id,
            "sentence": self.sentence,
            "reason": self.reason.value if self.reason else None,
            "repeated": self.repeated,
            "order": order_form(self.order) if self.order else None,
        }


def outcome_of(answer: OrderAnswered | OrderDeclined, command: OrderCommand) -> Outcome:
    """Say what became of the order."""
    if isinstance(answer, OrderDeclined):
        return Outcome(
            http_status=HTTP_OF[EXPLANATIONS[answer.reason].kind],
            command_id=answer.command_id,
            sentence=f"Not accepted ({answer.reason}): {answer.message} Retry with the same command id.",
            reason=answer.reason,
        )
    order = answer.order
    sentence = standing(order)
    if answer.repeated:
        sentence = f"Repeated: this command id was seen before and nothing was sent again. {sentence}"
        if differing := _differing(order.command, command):
            sentence += f" Beware: the first order was another one; it differs in {', '.join(differing)}."
    return Outcome(
        http_status=http_status_of(order),
        command_id=order.command.command_id,
        sentence=sentence,
        order=order,
        repeated=answer.repeated,
        reason=order.tag,
    )


def goes_on_until_flat(refused: Outcome, order: Order, *, stored: bool) -> Outcome:
    """Say that the desk makes flat by itself what this exit could not get out of."""
    position_key = PositionKey(order.command.strategy, order.command.key)
    message = (
        f"{position_key} is on its way to flat instead: the desk goes on until nothing of it is held; `status` tells."
    )
    kept = "" if stored else " The database does not take it yet: a restart before it does would not know of it."
    what = f"{order.command.side} {order.quantity} {order.command.symbol}"
    sentence = f"{refused_by(order.tag)} ({order.tag}): {what}. {_why(order)} {message}{kept}"
    return replace(refused, http_status=202, sentence=sentence)


def not_known_in_time(command: OrderCommand, order: Order | None, waited_s: float) -> Outcome:
    """Say that the outcome is still to come, with the state so far."""
    so_far = standing(order) if order else "Nothing is known of it yet."
    sentence = (
        f"Not known within {waited_s:g} s. {so_far} Ask again for {command.command_id}, "
        "or send it again with the same command id: it never goes out twice."
    )
    return Outcome(http_status=202, command_id=command.command_id, sentence=sentence, order=order)


def refused(answer: OrderDeclined) -> Outcome:
    """Say why a change or a resolution was not made."""
    return Outcome(
        http_status=HTTP_OF[EXPLANATIONS[answer.reason].kind],
        command_id=answer.command_id,
        sentence=f"Not done ({answer.reason}): {as_sentence(answer.message)}",
        reason=answer.reason,
    )


def changed(answer: OrderAnswered, command: ChangeCommand) -> Outcome:
    """Say what the broker answered to a cancel or modify: accepted is not done yet, the order can still fill first."""
    order, change = answer.order, answer.order.change
    what, name, now = command.kind.value.lower(), answer.order.command.command_id, standing(order)
    if answer.repeated:
        told = _nothing_came(answer, what, now) or changed(replace(answer, repeated=False), command)
        again = f"Repeated: this {what} was asked for before; nothing was sent again. {told.sentence}"
        return replace(told, sentence=again, repeated=True)
    if change is not None and change.change_id == command.change_id:
        if change.stage is ChangeStage.REPLY_LOST:
            lost = f"The reply to the {what} was lost: it may be done or not, and is never sent again."
            return _outcome(order, 202, f"{lost} `why {name}` tells when the books know. {now}")
        if change.stage is ChangeStage.ACCEPTED:
            return _outcome(order, 200, f"{_taken(order, change)} `why {name}` will tell when it is.")
    elif order.tag is Reason.CHANGE_REFUSED:
        return _outcome(order, 502, f"The {what} was not made: “{order.note}”. {now}")
    elif command.kind is ChangeKind.CANCEL and order.state is State.CANCELED:
        return _outcome(order, 200, f"The cancel is done. {now}")
    elif order.is_terminal:
        return _outcome(order, 200, f"The order ended before the {what} did. {now}")
    elif command.kind is ChangeKind.MODIFY and _has_terms(order, command):
        return _outcome(order, 200, f"The modify is done. {now}")
    return _outcome(order, 202, f"The {what} was sent; what came of it is not known yet: `why {name}` will tell. {now}")


_NOTHING_CAME: Final[Mapping[Event, str]] = {
    Event.CHANGE_REFUSED: "The {} was refused, or could not be sent.",
    Event.CHANGE_REJECTED: "The exchange rejected the {} after the broker had taken it.",
    Event.CHANGE_LAPSED: "The {} took no effect: the books never showed it.",
}


def _nothing_came(answer: OrderAnswered, what: str, now: str) -> Outcome | None:
    """Say that an earlier try of this change came to nothing, where its journal says so."""
    message = _NOTHING_CAME.get(answer.outcome) if answer.outcome is not None else None
    return None if message is None else _outcome(answer.order, 502, f"{message.format(what)} {now}")


def _taken(order: Order, change: Change) -> str:
    what = f"{order.command.side} {order.quantity - order.filled_quantity} {order.command.symbol}"
    if change.kind is ChangeKind.CANCEL:
        return f"Cancel taken by the broker: {what} is being canceled, unless a fill wins;"
    terms = terms_text(change.quantity, change.limit_price, change.trigger_price)
    return f"Modify taken by the broker: {what} is being changed to {terms}, unless a fill wins;"


def _has_terms(order: Order, command: ChangeCommand) -> bool:
    wanted = (command.quantity, command.price, command.trigger_price)
    now = (order.quantity, order.limit_price, order.wire_trigger_price)
    return all(want is None or want == have for want, have in zip(wanted, now, strict=True))


def not_changed_in_time(command: ChangeCommand, waited_s: float) -> Outcome:
    """Say that the broker's answer to a change is still to come."""
    what = command.kind.value.lower()
    sentence = (
        f"Not known within {waited_s:g} s whether the broker took the {what}. Ask `why {command.command_id}`, "
        f"or send it again with the same change id ({command.change_id}): it never goes out twice."
    )
    return Outcome(http_status=202, command_id=command.command_id, sentence=sentence)


def resolved(order: Order) -> Outcome:
    """Say how an order stands that a person has resolved."""
    return _outcome(order, 200, f"Resolved by hand. {standing(order)}")


def _outcome(order: Order, http_status: int, sentence: str) -> Outcome:
    name = order.command.command_id
    return Outcome(http_status=http_status, command_id=name, sentence=sentence, order=order, reason=order.tag)


def http_status_of(order: Order) -> int:
    """Return 200 taken, 202 unconfirmed, or the status of who said no; a repeat is answered as the order stands."""
    if order.state in _UNRESOLVED:
        return 202
    if order.status is not Status.FAILED:
        return 200
    kind = EXPLANATIONS[order.tag].kind if order.tag is not None else Kind.BROKER
    # A tag that came after the end, such as a lost reply to a cancel, makes no success of it.
    return HTTP_OF[Kind.BROKER if kind in {Kind.UNRESOLVED, Kind.INFO} else kind]


def standing(order: Order) -> str:
    """Say in one sentence how an order stands."""
    command = order.command
    cut = f" (cut from {command.quantity})" if order.quantity < command.quantity else ""
    what = f"{command.side} {order.quantity} {command.symbol}{cut}"
    why = _why(order)
    match order.state:
        case State.CREATED:
            return f"Registered: {what}; nothing has been sent yet."
        case State.SENDING:
            return f"Under way: {what} is being sent; the broker has not answered yet."
        case State.UNCONFIRMED:
            return f"Unconfirmed: {what}. {why}".strip()
        case State.WORKING | State.PARTIALLY_FILLED:
            at = f" at limit {price_text(order.limit_price)}" if order.limit_price is not None else ""
            if at and command.order_type is OrderType.MARKET:
                at += " (pays at most that)" if command.side is Side.BUY else " (takes at least that)"
            traded = f", {order.filled_quantity} traded so far" if order.filled_quantity else ""
            return f"Accepted: {what}{at} is with the broker as {order.broker_order_id}{traded}. {why}".strip()
        case State.FILLED:
            at = f" at {price_text(order.average_price)}" if order.average_price is not None else ""
            under = f", broker order {order.broker_order_id}" if order.broker_order_id else ""
            return f"Executed: {what}{at}{under}. {why}".strip()
        case State.CANCELED | State.REJECTED:
            return f"{order.state.capitalize()}: {what}, {order.filled_quantity} of it traded. {why}".strip()
        case State.BLOCKED | State.REFUSED | State.NOT_PLACED:
            word = {State.BLOCKED: "Blocked, never sent", State.REFUSED: refused_by(order.tag)}
            tag = f" ({order.tag})" if order.tag else ""
            return f"{word.get(order.state, 'Not placed')}{tag}: {what}. {why} {way_out_of(order)}".strip()


def _why(order: Order) -> str:
    """Tell the tag and the note; a note outlives the state it explained, so without its tag it is old news."""
    meaning = meaning_of(order)
    if order.state is State.BLOCKED:
        return as_sentence(order.note or meaning) if order.tag is not None else ""
    is_old = order.tag is None or order.tag is Reason.LATE_TRUTH or meaning != explain(order.tag)
    if is_old or order.note in {"", meaning}:
        return meaning
    return f"{meaning} Reason given: “{order.note}”."


def _differing(first: OrderCommand, now: OrderCommand) -> list[str]:
    given = now.as_given()
    return [name for name, value in first.as_given().items() if given[name] != value]
