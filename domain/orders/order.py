"""An order and its life: what is stored, what moves it, and its journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import TERMINAL, Event, State, Status, advance, is_late_truth, status_of
from domain.orders.reasons import Reason
from domain.ports import trading_day

_ANSWERED_BY_A_BOOK: Final = frozenset({Reason.UNKNOWN_BROKER_STATUS, Reason.LEGACY_ORDER})
"""Tags that wait for a book to show the order in words that we know."""

_OF_A_CHANGE: Final = frozenset(
    {Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED, Reason.CHANGE_REPLY_LOST, Reason.CHANGE_NOT_SEEN}
)
"""Tags that speak of one change: old news once another is asked for, or new terms are seen."""

_ENDS_OF_A_CHANGE: Final = frozenset(
    {Event.CHANGE_ACCEPTED, Event.CHANGE_REPLY_LOST, Event.CHANGE_REFUSED, Event.CHANGE_REJECTED, Event.CHANGE_LAPSED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """Something that happened to an order, with the facts it brought.

    A fact that is None says nothing. `filled_quantity` and `average_price` are cumulative for the order. `change` is
    the change that the event is about. `inputs` are what a decision was made from, for the journal.
    """

    kind: Event
    tag: Reason | None = None
    note: str | None = None
    broker_order_id: str | None = None
    quantity: int | None = None
    limit_price: Decimal | None = None
    filled_quantity: int | None = None
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    change: Change | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command and what has become of it: the row of the orders table.

    `quantity` is what is sent (an exit may be clamped below `command.quantity`); `limit_price` and
    `wire_trigger_price` are the terms on the wire as they stand now; `remarks_tag` is what finds the order again in the
    broker's books. `note` keeps the broker's words. `change` is a cancel or modify that is not resolved yet. `day` is
    the exchange's day (YYYY-MM-DD) that the order is for: an after-market order's comes after that of its creation.
    """

    command: OrderCommand
    remarks_tag: str
    quantity: int
    created_at: datetime
    updated_at: datetime
    state: State = State.CREATED
    tag: Reason | None = None
    note: str = ""
    broker_order_id: str | None = None
    limit_price: Decimal | None = None
    filled_quantity: int = 0
    average_price: Decimal | None = None
    wire_trigger_price: Decimal | None = None
    change: Change | None = None
    day: str = ""

    def __post_init__(self) -> None:
        """Let the day be that of the creation, where none is given."""
        if not self.day:
            object.__setattr__(self, "day", trading_day(self.created_at))

    @property
    def status(self) -> Status:
        """Return the contract's word for this order."""
        return status_of(self.state, self.filled_quantity)

    @property
    def is_terminal(self) -> bool:
        """Say whether no ordinary event can move this order any more."""
        return self.state in TERMINAL

    @property
    def open_quantity(self) -> int:
        """Return the units that may still trade, those of a modify that is not resolved included."""
        asked = self.change.quantity if self.change is not None else None
        return 0 if self.is_terminal else max(0, max(self.quantity, asked or 0) - self.filled_quantity)

    def is_late(self, event: OrderEvent) -> bool:
        """Say whether `event` contradicts an end that was recorded: another state, or more that has traded."""
        more = self.is_terminal and (event.filled_quantity or 0) > self.filled_quantity
        return more or is_late_truth(self.state, event.kind)

    def late_quantity(self, event: OrderEvent) -> int:
        """Return the units that `event` brings to an order that was over, as far as anybody knew."""
        return max(0, (event.filled_quantity or 0) - self.filled_quantity) if self.is_late(event) else 0

    def after(self, event: OrderEvent, at: datetime) -> "Order":
        """Return the order as `event` leaves it; raise `IllegalTransitionError` and change nothing.

        Filled quantities are cumulative and never go down; a late truth is tagged as one.
        """
        late = self.is_late(event)
        state = advance(self.state, event.kind)
        filled = max(self.filled_quantity, event.filled_quantity or 0)
        average = self.average_price
        if event.average_price is not None and (event.filled_quantity or 0) >= self.filled_quantity:
            average = event.average_price
        # Spelled out: on the order path `replace` costs as much as the rest of this (`make bench`, the flood).
        after = Order(
            command=self.command,
            remarks_tag=self.remarks_tag,
            quantity=event.quantity or self.quantity,
            created_at=self.created_at,
            updated_at=at,
            state=state,
            tag=Reason.LATE_TRUTH if late else self._next_tag(event, state),
            note=self.note if event.note is None or self._is_afterword(event) else event.note,
            broker_order_id=event.broker_order_id or self.broker_order_id,
            limit_price=self.limit_price if event.limit_price is None else event.limit_price,
            filled_quantity=filled,
            average_price=average,
            wire_trigger_price=event.trigger_price or self.wire_trigger_price,
            change=self.change,
            day=self.day,
        )
        change = _change_after(after, event)
        return after if change is after.change else replace(after, change=change)

    def _next_tag(self, event: OrderEvent, state: State) -> Reason | None:
        if event.tag is Reason.BROKER_CANCELED and self.change is not None and self.change.kind is ChangeKind.CANCEL:
            # A book may have been compared with what was known before the cancel was asked for.
            return Reason.CANCELED_AS_ASKED
        return self.tag if self._is_afterword(event) else event.tag or self._kept_tag(state, event.kind)

    def _is_afterword(self, event: OrderEvent) -> bool:
        """Say whether it is no news of an order that is over: its tag and note go on saying why it ended.

        A change that comes to nothing is none, and neither is a step 3 that was written late.
        """
        return self.is_terminal and (event.tag is Reason.STEP_3_UNRECORDED or event.kind in _ENDS_OF_A_CHANGE)

    def _kept_tag(self, state: State, event: Event) -> Reason | None:
        """Keep a tag as long as the state it explains, or what it asks is open; a late truth stays marked for good."""
        if self.tag is Reason.LATE_TRUTH:
            return self.tag
        answered = self.tag in _ANSWERED_BY_A_BOOK and event in {Event.WORKING, Event.PARTIALLY_FILLED}
        answered = answered or (self.tag in _OF_A_CHANGE and event in {Event.CHANGE_REQUESTED, Event.REPLACED})
        return self.tag if state is self.state and not answered else None


def new_order(command: OrderCommand, remarks_tag: str, at: datetime, day: str = "") -> Order:
    """Return an order as it is registered: CREATED, for `day` or that of `at`."""
    return Order(
        command=command,
        remarks_tag=remarks_tag,
        quantity=command.quantity,
        created_at=at,
        updated_at=at,
        wire_trigger_price=command.trigger_price,
        day=day,
    )


def _change_after(order: Order, event: OrderEvent) -> Change | None:
    """Return what is left of the order's change; `order` already has the terms that `event` brought."""
    change, about = order.change, event.change
    if event.kind is Event.CHANGE_REQUESTED:
        grown = None if change is None else change.quantity
        overtakes = about is not None and about.kind is ChangeKind.CANCEL and grown is not None
        return replace(about, quantity=grown) if about is not None and overtakes else about
    if change is None or order.is_terminal:
        return None
    if about is not None and about.change_id != change.change_id:
        return change
    match event.kind:
        case Event.CHANGE_ACCEPTED:
            return replace(change, stage=ChangeStage.ACCEPTED)
        case Event.CHANGE_REPLY_LOST:
            return replace(change, stage=ChangeStage.REPLY_LOST)
        case Event.CHANGE_REFUSED | Event.CHANGE_REJECTED | Event.CHANGE_LAPSED:
            return None
        case _:
            terms = (order.quantity, order.limit_price, order.wire_trigger_price)
            return None if terms == (change.quantity, change.limit_price, change.trigger_price) else change


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of an order's journal: what moved it, all that it changed, and what a decision was made from."""

    command_id: str
    at: datetime
    event: str
    state_before: str | None
    state_after: str
    tag: str | None
    note: str
    changes: Mapping[str, object]
    inputs: Mapping[str, str]
