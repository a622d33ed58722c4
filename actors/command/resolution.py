"""A person's word on an order whose fate the books do not tell. A part of CommandActor, in its thread."""

from collections.abc import Callable, Container

from actors.messages.changes import LookUpResolution, ResolutionLookedUp, ResolveOrder
from actors.messages.inboxes import RepoInbox
from actors.messages.orders import OrderAnswered, OrderDeclined
from actors.runtime.address import Address, post
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.resolution import resolved_by_hand
from domain.orders.validation import InvalidOrderError


class ManualResolution:
    """Owns the resolutions on their way; `record` writes an event of an order."""

    def __init__(self, repo: Address[RepoInbox], record: Callable[[str, OrderEvent], None]) -> None:
        self._repo = repo
        self._record = record
        self._requests: dict[str, ResolveOrder] = {}

    def take(self, request: ResolveOrder, on_the_way: Container[str]) -> None:
        """Begin. An order on its way resolves itself."""
        if request.command_id in on_the_way or request.command_id in self._requests:
            _answer(request, _no(request, "the order is on its way; its reply is awaited"))
            return
        self._requests[request.command_id] = request
        post(self._repo, LookUpResolution(request=request))

    def look_up(self, message: ResolutionLookedUp) -> None:
        """Record what the person says, where the order as it stands allows it."""
        request, order = message.request, message.order
        try:
            if order is None:
                raise InvalidOrderError(message.cause)  # noqa: TRY301  one way out for every no
            event = resolved_by_hand(order, request.resolution)
        except InvalidOrderError as error:
            del self._requests[request.command_id]
            _answer(request, _no(request, str(error)))
        else:
            self._record(request.command_id, event)

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


def _no(request: ResolveOrder, message: str) -> OrderDeclined:
    return OrderDeclined(command_id=request.command_id, reason=Reason.CANNOT_RESOLVE, message=message)


def _answer(request: ResolveOrder, answer: OrderAnswered | OrderDeclined) -> None:
    if request.reply_to is not None:
        post(request.reply_to, answer)
