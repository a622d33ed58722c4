"""A person's word on an order whose fate the books do not tell. A part of CommandActor, in its thread."""

from collections.abc import Callable, Container

from actors.address import Address, post
from actors.messages import (
    LookUpSettlement,
    OrderAnswered,
    OrderDeclined,
    RepoInbox,
    SettlementLookedUp,
    SettleOrder,
)
from domain.order import InvalidOrderError, Order, OrderEvent
from domain.reasons import Reason
from domain.settlement import settled_by_hand


class Settling:
    """Owns the settlements on their way; `record` writes an event of an order."""

    def __init__(self, repo: Address[RepoInbox], record: Callable[[str, OrderEvent], None]) -> None:
        self._repo = repo
        self._record = record
        self._wishes: dict[str, SettleOrder] = {}

    def take(self, wish: SettleOrder, on_the_way: Container[str]) -> None:
        """Begin. An order on its way settles itself."""
        if wish.command_id in on_the_way or wish.command_id in self._wishes:
            _answer(wish, _no(wish, "the order is on its way; its reply is awaited"))
            return
        self._wishes[wish.command_id] = wish
        post(self._repo, LookUpSettlement(wish=wish))

    def look_up(self, message: SettlementLookedUp) -> None:
        """Record what the person says, where the order as it stands allows it."""
        wish, order = message.wish, message.order
        try:
            if order is None:
                raise InvalidOrderError(message.cause)  # noqa: TRY301  one way out for every no
            happened = settled_by_hand(order, wish.settlement)
        except InvalidOrderError as error:
            del self._wishes[wish.command_id]
            _answer(wish, _no(wish, str(error)))
        else:
            self._record(wish.command_id, happened)

    def go_on(self, order: Order, happened: OrderEvent) -> None:
        """Answer, now that it is on disk."""
        name = order.command.command_id
        if happened.tag is Reason.SETTLED_BY_HAND and name in self._wishes:
            _answer(self._wishes.pop(name), OrderAnswered(order=order))

    def stand_still(self, name: str, happened: OrderEvent, cause: str) -> None:
        """Answer: the order has moved on the way, so that it can't be settled like that."""
        if happened.tag is Reason.SETTLED_BY_HAND and name in self._wishes:
            wish = self._wishes.pop(name)
            _answer(wish, _no(wish, cause))


def _no(wish: SettleOrder, words: str) -> OrderDeclined:
    return OrderDeclined(command_id=wish.command_id, reason=Reason.CANNOT_SETTLE, words=words)


def _answer(wish: SettleOrder, answer: OrderAnswered | OrderDeclined) -> None:
    if wish.reply_to is not None:
        post(wish.reply_to, answer)
