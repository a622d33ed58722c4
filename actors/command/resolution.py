"""A person's word on an order whose fate the books do not tell. A part of CommandActor, in its thread."""

from typing import assert_never

from actors.command.pending import PendingOrders
from actors.command.records import Records
from actors.messages.changes import ResolveOrder
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.messages.persistence import LookUp, LookUpOrder, OrderLookedUp
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.resolution import resolved_by_hand
from domain.orders.validation import InvalidOrderError


class ManualResolution:
    """Owns the resolutions on their way."""

    def __init__(self, mail: Mailboxes, records: Records, pending: PendingOrders) -> None:
        self._repo = mail.repo
        self._records = records
        self._pending = pending
        self._requests: dict[str, ResolveOrder] = {}

    def receive(self, message: ResolveOrder | OrderLookedUp) -> None:
        """Take a person's word one step further."""
        match message:
            case ResolveOrder():
                self._take(message)
            case OrderLookedUp():
                self._look_up(message)
            case _:
                assert_never(message)

    def _take(self, request: ResolveOrder) -> None:
        """Begin. An order on its way resolves itself."""
        if request.command_id in self._pending.names() or request.command_id in self._requests:
            _answer(request, _no(request, "the order is on its way; its reply is awaited"))
            return
        self._requests[request.command_id] = request
        post(self._repo, LookUpOrder(command_id=request.command_id, about=LookUp.RESOLUTION))

    def _look_up(self, message: OrderLookedUp) -> None:
        """Record what the person says, where the order as it stands allows it."""
        request, order = self._requests[message.command_id], message.order
        try:
            if order is None:
                raise InvalidOrderError(message.cause or "no such order")  # noqa: TRY301  one way out for every no
            event = resolved_by_hand(order, request.resolution)
        except InvalidOrderError as error:
            del self._requests[request.command_id]
            _answer(request, _no(request, str(error)))
        else:
            self._records.record(request.command_id, event)

    def go_on(self, order: Order, event: OrderEvent) -> None:
        """Answer, now that it is on disk."""
        name = order.command.command_id
        if event.tag is Reason.RESOLVED_BY_HAND and name in self._requests:
            _answer(self._requests.pop(name), OrderAnswered(order=order))

    def stand_still(self, name: str, event: OrderEvent, cause: str) -> None:
        """Answer: the order has moved on the way, so that it can't be resolved like that."""
        if event.tag is Reason.RESOLVED_BY_HAND and name in self._requests:
            request = self._requests.pop(name)
            _answer(request, _no(request, cause))

    def may_go_on_unwritten(self, event: OrderEvent, cause: str) -> bool:
        """Say yes: what a person says counts at once, and is answered when it is written."""
        del event, cause
        return True


def _no(request: ResolveOrder, message: str) -> OrderDeclined:
    return OrderDeclined(command_id=request.command_id, reason=Reason.CANNOT_RESOLVE, message=message)


def _answer(request: ResolveOrder, answer: OrderAnswered | OrderDeclined) -> None:
    if request.reply_to is not None:
        post(request.reply_to, answer)
