"""What callers were told of their orders, held against the broker's own ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Status
from domain.reconciliation.order_rows import remarks_tag_of
from tests.scenarios.paper import Paper


@dataclass
class Told:
    """What callers were told of an order, and what it is called at the broker."""

    command: OrderCommand
    answers: list[OrderAnswered | OrderDeclined] = field(default_factory=list)


def untruths(paper: Paper, told: Iterable[Told]) -> list[str]:
    """Return what a caller was told that the ledger says is not so."""
    ledger, found = paper.ledger(), []
    for one in told:
        placed = ledger.tagged(remarks_tag_of(one.command))
        if len(placed) > 1:
            found.append(f"{one.command.command_id} is at the broker {len(placed)} times")
        for answer in one.answers:
            if not isinstance(answer, OrderAnswered):
                continue
            order = answer.order
            is_alive = placed and (placed[0].filled or placed[0].status not in {"CANCELED", "REJECTED"})
            if is_alive and order.status is Status.FAILED:
                found.append(f"{one.command.command_id} was told {order.state}, and is {placed[0].status}")
            if not placed and order.broker_order_id:
                found.append(f"{one.command.command_id} was told to be at the broker, and is not")
            if order.filled_quantity > (placed[0].filled if placed else 0):
                found.append(f"{one.command.command_id} was told {order.filled_quantity} units")
    return found
