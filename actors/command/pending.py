"""The orders whose callers wait for the outcome of steps 1 to 5, and those that wait for their turn to begin."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

from actors.messages.market import OrderPriced
from actors.messages.orders import OrderAnswered, OrderDeclined, SubmitOrder
from actors.runtime.address import Address, post
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, IllegalTransitionError
from domain.orders.order import Order, OrderEvent
from domain.orders.pricing import OrderPricing
from domain.orders.reasons import Reason
from domain.orders.types import Intent

Caller: TypeAlias = Address[OrderAnswered | OrderDeclined]

ON_THE_WAY_MAX: Final = 24
"""So many orders are between their coming and step 4 at once; the others wait, so that the first reach the broker
while the last are still coming, and an exit stands behind none of them. Fewer make more commits, more keep the broker
waiting for the first (`make bench`, BrokerActor idle)."""


@dataclass(slots=True)
class PendingOrder:
    """One order on its way, and what has come in for it. `repeats` are callers who came with the same id."""

    command: OrderCommand
    caller: Caller | None
    declined: Reason | None
    repeats: list[Caller] = field(default_factory=list)
    order: Order | None = None
    priced: OrderPriced | None = None
    pricing: OrderPricing | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    from_position_only: bool = False
    is_new: bool = False
    registration: Mapping[str, str] = field(default_factory=dict)
    """How it was registered, where not in the database."""

    def sending(
        self,
        pricing: OrderPricing,
        quantity: int,
        *,
        note: str | None,
        reserved: Mapping[str, str],
        said: Mapping[str, str],
    ) -> OrderEvent:
        """Return the event of step 3: the final terms, and everything that they were decided from."""
        return OrderEvent(
            kind=Event.SENT,
            tag=Reason.EXIT_CLAMPED if quantity < self.command.quantity else None,
            note=note,
            quantity=quantity,
            limit_price=pricing.limit_price,
            trigger_price=pricing.trigger_price,
            inputs={
                **self.registration,
                **self.inputs,
                **reserved,
                "last_price": str(pricing.last_price),
                **pricing.story,
                **said,
            },
        )

    def answer(self, answer: OrderAnswered | OrderDeclined) -> None:
        """Tell everyone who waits; those who came with a known id hear that it was known."""
        if self.caller is not None:
            post(self.caller, answer)
        for caller in self.repeats:
            post(caller, replace(answer, repeated=True) if isinstance(answer, OrderAnswered) else answer)

    def answer_after(self, event: OrderEvent, at: datetime, *, repeated: bool = False) -> None:
        """Tell everyone how the order stands after `event`; where a book has told more already, as that told it."""
        assert self.order is not None, "who has no order hears of none"
        try:
            order = self.order.after(event, at)
        except IllegalTransitionError:
            order = self.order
        self.answer(OrderAnswered(order=order, repeated=repeated))


class PendingOrders:
    """Owns the leads by command id, and the orders that have not begun."""

    def __init__(self) -> None:
        self._pending: dict[str, PendingOrder] = {}
        self._waiting: deque[SubmitOrder] = deque()
        self._on_the_way: set[str] = set()

    def __len__(self) -> int:
        return len(self._pending) + len(self._waiting)

    def names(self) -> tuple[str, ...]:
        """Return the command ids of all orders whose callers wait."""
        return (*self._pending, *(message.command.command_id for message in self._waiting))

    def may_begin(self, message: SubmitOrder) -> bool:
        """Say whether the order begins at once; one that may not is kept, and `free` will bring it."""
        if message.command.intent is Intent.EXIT or len(self._on_the_way) < ON_THE_WAY_MAX:
            return True
        self._waiting.append(message)
        return False

    def open(self, message: SubmitOrder, declined: Reason | None) -> bool:
        """Begin an order; return False for one that is on its way already, whose caller will hear its outcome."""
        name = message.command.command_id
        known = self._pending.get(name)
        if known is None:
            only = message.from_position_only
            self._pending[name] = PendingOrder(
                message.command, message.reply_to, declined, from_position_only=only, is_new=message.is_new
            )
            self._on_the_way.add(name)
        elif message.reply_to is not None:
            known.repeats.append(message.reply_to)
        return known is None

    def find(self, name: str) -> PendingOrder | None:
        """Return the lead, or None when nobody waits for this order any more."""
        return self._pending.get(name)

    def end(self, name: str) -> PendingOrder:
        """Close and return the lead."""
        return self._pending.pop(name)

    def free(self, name: str) -> Iterator[SubmitOrder]:
        """Give up the order's place, past step 3 or over; bring the waiting orders that may begin now."""
        self._on_the_way.discard(name)
        while self._waiting and len(self._on_the_way) < ON_THE_WAY_MAX:
            yield self._waiting.popleft()
