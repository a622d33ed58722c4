"""The day roll: what a past day left open and today's books do not show (docs/architecture.md, the day)."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from domain.broker.snapshots import TradeRow
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey
from domain.reconciliation.breaks import CARRIED_PRODUCTS, Break, BreakKind, PersistenceFilter
from domain.reconciliation.order_rows import Report
from domain.settings import WatcherSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the round shows: command ids in the order book, all trades, and positions.

    These are `apart` from our sums by so many signed units, are `moving`, or have a row with units (`held`).
    """

    day: str
    shown: AbstractSet[str]
    trades: tuple[TradeRow, ...]
    apart: Mapping[InstrumentKey, int]
    moving: AbstractSet[InstrumentKey]
    held: AbstractSet[InstrumentKey | None] = frozenset()


class PastOrders:
    """Owns since when orders of past days seem to have ended, where one round does not prove it.

    A position book may be empty yet in the morning. A carried row whose units add up is there: it proves at once what
    is held, so that no exit waits for an order that could have closed it.
    """

    def __init__(self, watching: WatcherSettings) -> None:
        self._filter = PersistenceFilter(watching.breaks_seen_min, watching.break_s_min)

    def resolve(self, orders: Iterable[Order], today: Today, asked_at: datetime) -> tuple[list[Break], list[Report]]:
        """Return what a person has to resolve, and what has ended with its day, as often and long as it takes."""
        keys = {one.command.command_id: one.command.key for one in orders}
        unresolved, reports = past_orders(orders, today)
        ends = [Break(name=one.command_id, kind=BreakKind.PAST, sentence="") for one in reports]
        seen = self._filter.lasting(ends, asked_at, lambda name: keys.get(name) in today.moving)
        lasting = {one.name for one in seen}
        proved = {key for key in today.held if key is not None and key.product in CARRIED_PRODUCTS}
        return unresolved, [one for one in reports if one.command_id in lasting or keys[one.command_id] in proved]


def past_orders(orders: Iterable[Order], today: Today) -> tuple[list[Break], list[Report]]:
    """Say what became of what a past day left open and today's book does not show, by this round.

    DAY orders end with their day. One that trades today lives on. Where positions do not add up, or where nothing
    could show what an UNCONFIRMED order did (delivery becomes a holding), a person has to resolve it. What trades
    while the books are read may make up for what the order did, and proves nothing yet.

    Only a carried position tells what an order traded unseen: intraday was squared off, delivery is a holding. Nor does
    it tell where another order that the day left open, on the other side, may have traded as much: a position book of
    the next day has the net quantity of both alone, and trade book and realised profit begin anew. Such an end is
    DAY_ENDED_UNKNOWN. The account holds the same either way.
    """
    living = {trade.broker_order_id for trade in today.trades} | {trade.remarks for trade in today.trades} - {""}
    past = [one for one in orders if one.day < today.day]
    left = [one for one in past if not one.is_terminal]
    unseen = (one for one in past if not one.is_terminal or one.tag is Reason.DAY_ENDED_UNKNOWN)
    sides = {(one.command.key, one.command.side) for one in unseen}
    unresolved: list[Break] = []
    reports: list[Report] = []
    for order in left:
        name, key = order.command.command_id, order.command.key
        if name in today.shown or order.broker_order_id in living or order.remarks_tag in living:
            continue
        if key in today.moving:
            continue
        if key in today.apart or (order.state is State.UNCONFIRMED and key.product.is_delivery):
            sentence = f"nobody knows what became of {name} of {order.day}; resolve it by hand"
            # Of what is not carried the account's difference is of today, and says nothing of yesterday.
            told = key if key in today.apart and key.product in CARRIED_PRODUCTS else None
            difference = today.apart[key] if told is not None else 0
            unresolved.append(
                Break(name=f"past:{name}", kind=BreakKind.PAST, sentence=sentence, key=told, difference=difference)
            )
            continue
        is_told = key.product in CARRIED_PRODUCTS and (key, order.command.side.opposite) not in sides
        tag = Reason.DAY_ENDED if is_told else Reason.DAY_ENDED_UNKNOWN
        inputs = {"order_of": order.day, "resolved_on": today.day, "filled": str(order.filled_quantity)}
        reports.append(Report(name, OrderEvent(kind=Event.CANCELED, tag=tag, inputs=inputs)))
    return unresolved, reports
