"""What the judge asks of the desk's own ways out: none sells what was entered anew.

One that closes an exit which traded after it was over closes no more than came late. And one whose position was flat,
and was entered again, is over.
"""

import re
from typing import TYPE_CHECKING, Final

from domain.orders.order import Order
from domain.orders.types import Origin

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


def check_entered_anew(judge: "Judge", order: Order) -> None:
    """Blame an exit of a way out whose position was begun anew by an entry that came after its first exit."""
    command = order.command
    task, _, number = command.command_id.rpartition("-")
    if command.origin is not Origin.DESK or not task or number == "1":
        return
    where = (command.strategy, command.exchange.value, command.symbol, command.product.value)
    entries = judge.read(
        "SELECT command_id FROM orders WHERE strategy = ? AND exchange = ? AND symbol = ? AND product = ?"
        " AND intent = 'ENTRY' AND filled_quantity > 0 AND id > (SELECT id FROM orders WHERE command_id = ?)",
        *where,
        f"{task}-1",
    )
    for (entry,) in entries:
        if entry not in judge.basket_legs:
            judge.blame("entered anew", f"{command.command_id} sells what {entry} has entered since {task}-1 left")


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
