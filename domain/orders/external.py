"""Orders that this desk did not place: the phone's, the web's, the broker's own square-off.

They become EXTERNAL orders, because they change positions, margin and profit as ours do.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from domain.broker.snapshots import BrokerStatus, OrderRow, key_of
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import EXTERNAL, Intent, OrderType, Origin
from domain.ports import trading_day
from domain.reconciliation.order_rows import match_order_row

COMMAND_ID_PREFIX: Final = "ext-"

_ORDER_TYPES: Final = {
    "MKT": OrderType.MARKET,
    "LMT": OrderType.LIMIT,
    "SL-LMT": OrderType.SL,
    "SL-MKT": OrderType.SL_M,
}


def external_order(row: OrderRow, client_id: str, seen_at: datetime) -> Order | None:
    """Return the EXTERNAL order that `row` shows, as it stands; None where its exchange or product is unknown here."""
    key = key_of(row)
    if key is None:
        return None
    price = row.price or None
    command = OrderCommand(
        command_id=f"{COMMAND_ID_PREFIX}{row.broker_order_id}",
        client_id=client_id,
        strategy=EXTERNAL,
        intent=Intent.ADJUST,
        exchange=key.exchange,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        product=key.product,
        order_type=_ORDER_TYPES.get(row.price_type, OrderType.LIMIT),
        price=price,
        trigger_price=row.trigger_price,
        comment=f"placed by {row.source}" if row.source else "",
        origin=Origin.EXTERNAL,
        amo=row.amo,
        unchecked=True,
    )
    order = Order(
        command=command,
        remarks_tag="",
        quantity=row.quantity,
        created_at=seen_at,
        updated_at=seen_at,
        state=State.WORKING,
        broker_order_id=row.broker_order_id,
        limit_price=price,
        wire_trigger_price=row.trigger_price,
        note=row.remarks,
        day=trading_day(row.entered_at or seen_at),
    )
    if row.status is BrokerStatus.UNKNOWN:
        order = replace(order, tag=Reason.UNKNOWN_BROKER_STATUS)
    event = match_order_row(order, row, seen_at)
    return order if event is None else order.after(event, seen_at)
