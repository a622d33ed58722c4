"""The day roll: what a past day left open and today's books do not show (docs/architecture.md, the day)."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from domain.books import Disagreement, Quarrel
from domain.evidence import TradeRow
from domain.lifecycle import Event, State
from domain.order import InstrumentKey, Order, OrderEvent, Product
from domain.reasons import Reason
from domain.reconcile import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the round shows: command ids in the order book, all trades, positions that do not add up or are moving."""

    day: str
    shown: AbstractSet[str]
    trades: tuple[TradeRow, ...]
    apart: AbstractSet[InstrumentKey | None]
    moving: AbstractSet[InstrumentKey]


def past_orders(orders: Iterable[Order], today: Today) -> tuple[list[Disagreement], list[Report]]:
    """Settle what a past day left open and today's book does not show.

    DAY orders end with their day. One that trades today lives on. Where positions do not add up, or where nothing
    could show what an UNCONFIRMED order did (delivery becomes a holding), a person has to settle it. What trades
    while the books are read may make up for what the order did, and proves nothing yet.
    """
    living = {trade.broker_order_id for trade in today.trades} | {trade.remarks for trade in today.trades} - {""}
    unsettled: list[Disagreement] = []
    reports: list[Report] = []
    for order in orders:
        name, key = order.command.command_id, order.command.key
        if order.is_over or name in today.shown or order.day >= today.day:
            continue
        if order.broker_order_id in living or order.remarks_tag in living:
            continue
        if key in today.moving:
            continue
        if key in today.apart or (order.state is State.UNCONFIRMED and key.product is Product.CNC):
            sentence = f"nobody knows what became of {name} of {order.day}; settle it by hand"
            unsettled.append(Disagreement(name=f"past:{name}", quarrel=Quarrel.PAST, sentence=sentence))
            continue
        inputs = {"order_of": order.day, "settled_on": today.day, "filled": str(order.filled_quantity)}
        reports.append(Report(name, OrderEvent(event=Event.CANCEL, tag=Reason.DAY_ENDED, inputs=inputs)))
    return unsettled, reports
