"""How a person names an order: by the start of its id, or by the broker's number of it."""

from typing import Final

from domain.orders.order import Order

UNIQUE_CHARACTERS_MIN: Final = 16


def unique_part(command_id: str) -> str:
    """Return what tells the id from its neighbours: a strategy's ids all begin with its name."""
    tail = command_id.rpartition(".")[2]
    return tail if len(tail) >= UNIQUE_CHARACTERS_MIN else command_id


def is_named(order: Order, reference: str) -> bool:
    """Say whether `reference` may mean this order: the start of its id, or the broker's whole number of it."""
    command_id = order.command.command_id
    starts = command_id.startswith(reference) or unique_part(command_id).startswith(reference)
    return starts or order.broker_order_id == reference
