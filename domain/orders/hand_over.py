"""What an earlier run handed to the wire: the proof that an order stored as SENDING never left.

Step 3 stores SENDING while the order may still wait for its turn at the broker. Just before the request is made, its
tag is noted. A note may be lost with the machine, never with the process: only the notes of the very run that stored
the order, on a machine that has not been started anew since, prove that one without a note was not sent.
"""

from dataclasses import dataclass
from typing import Final

from domain.orders.lifecycle import State
from domain.orders.order import Order

RUN: Final = "run"
"""The name, among a SEND's inputs, of the run that stored it."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The tags that one run handed to the wire, all of them."""

    run: str
    tags: frozenset[str]


def never_left(order: Order, stored_by: str | None, handed: HandedOver | None) -> bool:
    """Say whether it is proved that no request for this order was made."""
    if handed is None or order.state is not State.SENDING or not order.remarks_tag:
        return False
    return stored_by == handed.run and order.remarks_tag not in handed.tags
