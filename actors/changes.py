"""Cancels and modifies on their way: the six steps of an order, for a change of it.

Theory of operation. A caller's `ChangeOrder` opens a `Wish`, which lives until the caller is answered:

1. The order and the change's id are looked up; an id that was seen before is answered by the order as it stands.
2. A modify is held against the instrument, against risk, and reserved by the guard. A cancel can only reduce: it skips
   this.
3. ASK_CHANGE is recorded with all terms, durable before the wire. A cancel and an exit's new price go on even when the
   database does not take it.
4. The broker is asked once.
5. The reply is recorded: taken, refused or lost. The caller is answered.

What the change did to the order is told by books and updates alone (`domain/reconcile.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from loguru import logger

from actors.address import Address, post
from actors.messages import (
    BrokerInbox,
    ChangeAnswered,
    ChangeAtBroker,
    ChangeBlocked,
    ChangeCleared,
    ChangeLookedUp,
    ChangeOrder,
    ChangeReserved,
    ChangeUnreadable,
    CheckChange,
    ExposureMoved,
    GuardInbox,
    LookUpChange,
    MarketInbox,
    OrderAnswered,
    OrderDeclined,
    OrderPriced,
    PriceOrder,
    RepoInbox,
    ReserveChange,
    RiskInbox,
)
from domain.change import Change, ChangeKind, ChangeStage
from domain.change_command import ChangeCommand, may_leave_unwritten
from domain.evidence import Accepted, Refused, Unknown
from domain.exit_terms import shape_of
from domain.instrument import Objection
from domain.lifecycle import Event, State
from domain.order import InvalidOrderError, Order, OrderCommand, OrderEvent, OrderType
from domain.reasons import Reason, explain
from domain.seams import Clock
from domain.terms import terms_of

Caller: TypeAlias = Address[OrderAnswered | OrderDeclined]
Record: TypeAlias = Callable[[str, OrderEvent], None]

_CHANGEABLE: Final = frozenset({State.WORKING, State.PARTLY_FILLED})
_QUESTION: Final = "change "
"""What names a change's question to MarketActor: no command id has a space."""


@dataclass(slots=True)
class Wish:
    """One change on its way, and what has come in for it. `callers` are all who asked with this id.

    `sent`: the broker has been asked. `overtaken`: a cancel of the same order was asked for meanwhile.
    """

    command: ChangeCommand
    callers: list[Caller] = field(default_factory=list)
    order: Order | None = None
    wanted: OrderCommand | None = None
    change: Change | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    sent: bool = False
    overtaken: bool = False


class Changes:
    """Owns the changes whose callers wait. Lives in CommandActor's thread; `record` writes an event of an order."""

    def __init__(
        self,
        *,
        repo: Address[RepoInbox],
        market: Address[MarketInbox],
        risk: Address[RiskInbox],
        guard: Address[GuardInbox],
        broker: Address[BrokerInbox],
        record: Record,
        clock: Clock,
    ) -> None:
        self._repo = repo
        self._market = market
        self._risk = risk
        self._guard = guard
        self._broker = broker
        self._record = record
        self._clock = clock
        self._wishes: dict[str, Wish] = {}
        self._unwritten: set[tuple[str, str]] = set()

    def names(self) -> tuple[str, ...]:
        """Return the ids of the changes on their way."""
        return tuple(self._wishes)

    def take(self, message: ChangeOrder) -> None:
        """Begin; who comes with the id of a change on its way hears its outcome."""
        name, order = message.command.change_id, message.command.command_id
        wish = self._wishes.get(name)
        if wish is not None and wish.command.command_id != order:
            if message.reply_to is not None:
                words = f"the change id {name} is on its way for another order; give this one an id of its own"
                declined = OrderDeclined(command_id=order, reason=Reason.CHANGE_IN_FLIGHT, words=words)
                post(message.reply_to, declined)
            return
        if wish is None:
            wish = self._wishes[name] = Wish(message.command)
            post(self._repo, LookUpChange(command=message.command))
        if message.reply_to is not None:
            wish.callers.append(message.reply_to)

    def look_up(self, message: ChangeLookedUp) -> None:
        """Step 1 is done: the order is known, or there is none."""
        wish = self._wishes[message.command.change_id]
        order = wish.order = message.order
        if order is None:
            self._decline(wish, Reason.UNKNOWN_ORDER, f"no order has the command id {message.command.command_id}")
            return
        if message.outcome is not None or _id_of(wish) in self._unwritten:
            self._answer(wish, order, repeated=True, outcome=message.outcome)
            return
        pending = order.change
        is_cancel = wish.command.kind is ChangeKind.CANCEL
        if order.state not in _CHANGEABLE or order.broker_order_id is None:
            self._decline(wish, Reason.NOT_CHANGEABLE, _not_changeable(order))
        elif self._is_asked(order, wish) or (pending is not None and not is_cancel):
            self._decline(wish, Reason.CHANGE_IN_FLIGHT, explain(Reason.CHANGE_IN_FLIGHT))
        elif is_cancel:
            self._ask(
                wish, Change(change_id=wish.command.change_id, kind=ChangeKind.CANCEL, asked_at=self._clock.now())
            )
        else:
            self._look_at_terms(wish, order)

    def _is_asked(self, order: Order, wish: Wish) -> bool:
        """Say whether this has to wait: for a cancel on the wire or on its way, and a modify for any change at all."""
        pending = order.change
        if pending is not None and pending.kind is wish.command.kind and pending.stage is ChangeStage.ASKED:
            return True
        others = (one for one in self._others(wish) if one.order is not None)
        waits_for = {ChangeKind.CANCEL, wish.command.kind}
        return any(one.command.kind in waits_for for one in others)

    def _others(self, wish: Wish) -> Iterator[Wish]:
        """Yield the other changes of the same order that are on their way."""
        same = (one for one in self._wishes.values() if one.command.command_id == wish.command.command_id)
        return (one for one in same if one is not wish)

    def follow(self, order: Order) -> None:
        """Let the changes of this order know how it stands now: what is told to the guard is never older."""
        for wish in self._wishes.values():
            if wish.order is not None and wish.command.command_id == order.command.command_id:
                wish.order = order

    def fail_to_look_up(self, message: ChangeUnreadable) -> None:
        """Decline: the database could not be read, and nothing is sent."""
        self._decline(self._wishes[message.change_id], Reason.DATABASE_UNAVAILABLE, message.cause)

    # Step 2, for a modify

    def _look_at_terms(self, wish: Wish, order: Order) -> None:
        try:
            wish.wanted = _as_modified(order, wish.command)
        except InvalidOrderError as error:
            self._decline(wish, Reason.NOT_CHANGEABLE, str(error))
            return
        key = order.command.key
        name = f"{_QUESTION}{wish.command.change_id}"
        question = PriceOrder(
            command_id=name,
            exchange=key.exchange,
            symbol=key.symbol,
            needs_price=False,
            exit=shape_of(wish.wanted),
        )
        post(self._market, question)

    def is_about_a_change(self, message: OrderPriced) -> bool:
        """Say whether MarketActor answers a question of a change."""
        return message.command_id.startswith(_QUESTION)

    def price(self, message: OrderPriced) -> None:
        """Check the new terms, now that the instrument is known, and ask risk."""
        wish = self._wishes[message.command_id.removeprefix(_QUESTION)]
        order, wanted = wish.order, wish.wanted
        assert order is not None
        assert wanted is not None
        terms = terms_of(wanted, message.instrument, message.last_price, message.reference)
        if isinstance(terms, Objection):
            self._decline(wish, terms.reason, terms.sentence)
            return
        wish.change = Change(
            change_id=wish.command.change_id,
            kind=ChangeKind.MODIFY,
            asked_at=self._clock.now(),
            quantity=wanted.quantity,
            limit_price=terms.limit_price,
            trigger_price=terms.trigger_price,
        )
        post(self._risk, CheckChange(change_id=wish.command.change_id, command=wanted, price=terms.limit_price))

    def clear(self, message: ChangeCleared) -> None:
        """Risk says yes: ask the guard."""
        wish = self._wishes[message.change_id]
        assert wish.order is not None
        assert wish.wanted is not None
        wish.inputs |= message.inputs
        post(
            self._guard,
            ReserveChange(change_id=message.change_id, order=wish.order, quantity=wish.wanted.quantity),
        )

    def reserve(self, message: ChangeReserved) -> None:
        """Record what the guard holds: an exit's growth is cut to what is left to reduce."""
        wish = self._wishes[message.change_id]
        assert wish.order is not None
        assert wish.change is not None
        wish.inputs |= message.inputs
        change = replace(wish.change, quantity=message.quantity)
        if _terms(change) == (wish.order.quantity, wish.order.limit_price, wish.order.wire_trigger_price):
            self._decline(wish, Reason.NOT_CHANGEABLE, "the order has these terms already; nothing was sent")
            return
        self._ask(wish, change)

    def block(self, message: ChangeBlocked) -> None:
        """Risk or guard says no."""
        self._decline(self._wishes[message.change_id], message.reason, explain(message.reason), message.inputs)

    # Steps 3 to 5

    def _ask(self, wish: Wish, change: Change) -> None:
        wish.change = change
        if wish.overtaken:
            self._decline(wish, Reason.CHANGE_IN_FLIGHT, "a cancel of the order has been asked for meanwhile")
            return
        if change.kind is ChangeKind.CANCEL:
            for other in self._others(wish):
                other.overtaken = True
        terms = {"quantity": change.quantity, "limit_price": change.limit_price, "trigger_price": change.trigger_price}
        inputs = {
            "change_id": change.change_id,
            "change": change.kind.value,
            **{name: str(value) for name, value in terms.items() if value is not None},
            "asked_by": wish.command.origin.value,
            "because": wish.command.because,
            **wish.inputs,
        }
        happened = OrderEvent(event=Event.ASK_CHANGE, change=change, inputs=inputs)
        self._record(wish.command.command_id, happened)

    def go_on(self, order: Order, happened: OrderEvent) -> None:
        """Send what was asked, or answer what came back, now that it is on disk."""
        if happened.event is Event.ASK_CHANGE and happened.change is not None:
            self._unwritten.discard((order.command.command_id, happened.change.change_id))
        wish = self._wish_of(happened)
        if wish is None or happened.change is None:
            return
        wish.order = order
        if happened.event is not Event.ASK_CHANGE:
            self._answer(wish, order)
        elif not wish.sent:
            self._send(wish, order, happened.change)

    def _send(self, wish: Wish, order: Order, change: Change) -> None:
        wish.sent = True
        post(self._broker, ChangeAtBroker(order=order, change=change))

    def go_on_unrecorded(self, happened: OrderEvent, cause: str) -> bool:
        """Go on without the database: a cancel and an exit's new price go out all the same, another modify does not.

        Return whether it has happened after all, and is to be written later.
        """
        wish = self._wish_of(happened)
        if happened.change is None or wish is None:
            return True
        assert wish.order is not None
        if happened.event is not Event.ASK_CHANGE:
            self._answer(wish, wish.order)
        elif may_leave_unwritten(wish.order, happened.change):
            self._unwritten.add(_id_of(wish))
            if not wish.sent:
                self._send(wish, wish.order, happened.change)
        else:
            self._decline(wish, Reason.DATABASE_UNAVAILABLE, cause)
            return False
        return True

    def stand_still(self, name: str, happened: OrderEvent, cause: str) -> None:
        """Decline: the order ended on the way. One that the broker has been asked for hears its reply."""
        if happened.event is Event.ASK_CHANGE and happened.change is not None:
            self._unwritten.discard((name, happened.change.change_id))
        wish = self._wish_of(happened)
        if wish is not None and not (wish.sent and happened.event is Event.ASK_CHANGE):
            self._decline(wish, Reason.NOT_CHANGEABLE, cause)

    def take_reply(self, message: ChangeAnswered) -> None:
        """Record what the broker answered."""
        change = message.change
        match message.reply:
            case Accepted():
                happened = OrderEvent(event=Event.TAKE_CHANGE, change=change)
            case Refused():
                happened = OrderEvent(
                    event=Event.REFUSE_CHANGE, tag=Reason.CHANGE_REFUSED, note=message.reply.words, change=change
                )
            case Unknown():
                happened = OrderEvent(
                    event=Event.LOSE_CHANGE, tag=Reason.CHANGE_REPLY_LOST, note=message.reply.cause, change=change
                )
            case _:
                assert_never(message.reply)
        inputs = {"change_id": change.change_id, "change": change.kind.value}
        self._record(message.command_id, replace(happened, inputs=inputs))

    def _wish_of(self, happened: OrderEvent) -> Wish | None:
        """Return the wish that an event is about. One that is being looked up is a repeat: the journal answers it."""
        wish = None if happened.change is None else self._wishes.get(happened.change.change_id)
        return wish if wish is not None and wish.order is not None else None

    def _answer(self, wish: Wish, order: Order, *, repeated: bool = False, outcome: Event | None = None) -> None:
        del self._wishes[wish.command.change_id]
        for caller in wish.callers:
            post(caller, OrderAnswered(order=order, repeated=repeated, outcome=outcome))

    def _decline(self, wish: Wish, reason: Reason, words: str, inputs: Mapping[str, str] | None = None) -> None:
        del self._wishes[wish.command.change_id]
        name = wish.command.command_id
        logger.warning(
            "change {} of {} declined: {} ({}) {}", wish.command.change_id, name, reason, words, inputs or ""
        )
        if wish.order is not None and wish.change is not None:
            # The guard may have reserved growth: what the order may trade is what it was.
            post(self._guard, ExposureMoved(order=wish.order))
        for caller in wish.callers:
            post(caller, OrderDeclined(command_id=name, reason=reason, words=words))


def _id_of(wish: Wish) -> tuple[str, str]:
    return wish.command.command_id, wish.command.change_id


def _terms(change: Change) -> tuple[object, ...]:
    return change.quantity, change.limit_price, change.trigger_price


def _as_modified(order: Order, wish: ChangeCommand) -> OrderCommand:
    """Return the order's command as it would be with the new terms; raise `InvalidOrderError` where it can't be."""
    command = order.command
    if wish.quantity is not None and wish.quantity <= order.filled_quantity:
        raise InvalidOrderError(
            f"quantity is the new total and must be above the {order.filled_quantity} that have traded; cancel instead"
        )
    given_price = wish.price
    kind = command.order_type
    if kind is OrderType.MARKET:
        # It is on the wire as the limit that protects it, and is changed as a limit.
        kind, price = OrderType.LIMIT, given_price or order.limit_price
    elif kind is OrderType.SL_M and given_price is not None:
        raise InvalidOrderError("an SL-M order takes no price; modify its trigger_price")
    else:
        price = given_price or (command.price and order.limit_price)
    trigger = wish.trigger_price or order.wire_trigger_price
    if wish.trigger_price is not None and command.trigger_price is None:
        raise InvalidOrderError(f"a {command.order_type} order has no trigger_price to modify")
    return replace(
        command,
        quantity=wish.quantity or order.quantity,
        order_type=kind,
        price=price,
        trigger_price=trigger if command.trigger_price is not None else None,
    )


def _not_changeable(order: Order) -> str:
    words = f"the order is {order.state}, and only what the broker is working on can be canceled or modified"
    return f"{words}; what it has filled is got out of by an EXIT" if order.filled_quantity else words
