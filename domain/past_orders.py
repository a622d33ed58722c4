"""The day roll: what a past day left open and today's books do not show (docs/architecture.md, the day)."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from domain.books import Disagreement, Patience, Quarrel
from domain.evidence import TradeRow
from domain.lifecycle import Event, State
from domain.order import InstrumentKey, Order, OrderEvent, Product
from domain.reasons import Reason
from domain.reconcile import Report
from domain.settings import WatcherSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the round shows: command ids in the order book, all trades, positions that do not add up or are moving."""

    day: str
    shown: AbstractSet[str]
    trades: tuple[TradeRow, ...]
    apart: AbstractSet[InstrumentKey | None]
    moving: AbstractSet[InstrumentKey]


class PastOrders:
    """Owns since when orders of past days seem to have ended: one round proves nothing, a book may be empty yet."""

    def __init__(self, watching: WatcherSettings) -> None:
        self._patience = Patience(watching.disagreements_seen_min, watching.disagreement_s_min)

    def settle(
        self, orders: Iterable[Order], today: Today, asked_at: datetime
    ) -> tuple[list[Disagreement], list[Report]]:
        """Return what a person has to settle, and what has ended with its day, as often and long as it takes."""
        unsettled, reports = past_orders(orders, today)
        ends = [Disagreement(name=one.command_id, quarrel=Quarrel.PAST, sentence="") for one in reports]
        lasting = {one.name for one in self._patience.lasting(ends, asked_at, lambda _: False)}
        return unsettled, [one for one in reports if one.command_id in lasting]


def past_orders(orders: Iterable[Order], today: Today) -> tuple[list[Disagreement], list[Report]]:
    """Say what became of what a past day left open and today's book does not show, by this round.

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
