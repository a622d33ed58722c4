"""What the judge asks where an exit traded after it was over: no more is closed again than came late."""

import re
from typing import TYPE_CHECKING, Final

from domain.orders.order import Order

if TYPE_CHECKING:
    from tests.simulation.judge import Judge

FINAL: Final = frozenset({"BLOCKED", "FILLED", "CANCELED", "REFUSED", "REJECTED", "NOT_PLACED"})
_LATE: Final = re.compile(r"exit (\S+) traded after it was over")


def check_closing(judge: "Judge", order: Order) -> None:
    """Blame an exit that closes more than the order that it names has traded late: the rest was entered anew."""
    named = _LATE.search(order.command.comment)
    if named is None:
        return
    late = _late_quantity(judge, named[1])
    if order.quantity > late:
        closes = f"{order.command.command_id} closes {order.quantity} {order.command.symbol}"
        judge.blame("exits bounded", f"{closes} because {late} of {named[1]} came late")


def _late_quantity(judge: "Judge", command_id: str) -> int:
    """Return the units that our journal tells of an order beyond an end of it."""
    moves = judge.read(
        "SELECT state_before, json_extract(changes, '$.filled_quantity') FROM order_events"
        " WHERE command_id = ? ORDER BY id",
        command_id,
    )
    known = late = 0
    for before, filled in moves:
        if filled is None:
            continue
        if before in FINAL:
            late += filled - known
        known = filled
    return late
