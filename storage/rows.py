"""Orders as rows and back. Prices are Decimal inside and FLOAT in the table, as the guide's column says.

A price has at most four decimals and seven digits before them, so the double's shortest text gives it back exactly.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.ports import IST

CONSTANT_COLUMNS: Final = (
    "client_id",
    "command_id",
    "exchange",
    "symbol",
    "side",
    "order_type",
    "price",
    "created_at",
    "remarks_tag",
    "strategy",
    "intent",
    "origin",
    "product",
    "requested_quantity",
    "trigger_price",
    "stop_loss",
    "target",
    "trailing_type",
    "trailing_value",
    "trail_activation",
    "comment",
    "amo",
    "day",
)
CHANGING_COLUMNS: Final = (
    "status",
    "state",
    "tag",
    "note",
    "broker_order_id",
    "quantity",
    "limit_price",
    "filled_quantity",
    "average_price",
    "wire_trigger_price",
    "change",
    "updated_at",
)
COLUMNS: Final = CONSTANT_COLUMNS + CHANGING_COLUMNS


def to_text(moment: datetime) -> str:
    """Write a moment in the exchange's zone, so that text order is time order."""
    local = moment if moment.tzinfo is IST else moment.astimezone(IST)
    return local.isoformat(timespec="microseconds")


def to_moment(text: str) -> datetime:
    """Read a stored moment; a legacy row without a zone is taken to be in the exchange's."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=IST)


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def _price(stored: float | None) -> Decimal | None:
    return None if stored is None else Decimal(repr(float(stored)))


def constant_values(order: Order) -> tuple[Any, ...]:
    """Return the values of `CONSTANT_COLUMNS`."""
    command = order.command
    return (
        command.client_id,
        command.command_id,
        command.exchange.value,
        command.symbol,
        command.side.value,
        command.order_type.value,
        _float(command.price),
        to_text(order.created_at),
        order.remarks_tag,
        command.strategy,
        command.intent.value,
        command.origin.value,
        command.product.value,
        command.quantity,
        _float(command.trigger_price),
        _float(command.stop_loss),
        _float(command.target),
        command.trailing_type.value if command.trailing_type else None,
        _float(command.trailing_value),
        _float(command.trail_activation),
        command.comment,
        int(command.amo),
        order.day,
    )


def changing_values(order: Order) -> tuple[Any, ...]:
    """Return the values of `CHANGING_COLUMNS`."""
    return (
        order.status.value,
        order.state.value,
        order.tag.value if order.tag else None,
        order.note,
        order.broker_order_id,
        order.quantity,
        _float(order.limit_price),
        order.filled_quantity,
        _float(order.average_price),
        _float(order.wire_trigger_price),
        change_text(order.change) if order.change else None,
        to_text(order.updated_at),
    )


def to_order(row: tuple[Any, ...]) -> Order:
    """Make an order from the values of `COLUMNS`."""
    (
        client_id,
        command_id,
        exchange,
        symbol,
        side,
        order_type,
        price,
        created_at,
        remarks_tag,
        strategy,
        intent,
        origin,
        product,
        requested_quantity,
        trigger_price,
        stop_loss,
        target,
        trailing_type,
        trailing_value,
        trail_activation,
        comment,
        amo,
        day,
        _status,
        state,
        tag,
        note,
        broker_order_id,
        quantity,
        limit_price,
        filled_quantity,
        average_price,
        wire_trigger_price,
        change,
        updated_at,
    ) = row
    command = OrderCommand.stored(
        command_id,
        client_id,
        strategy,
        Intent(intent),
        Exchange(exchange),
        symbol,
        Side(side),
        requested_quantity,
        Product(product),
        OrderType(order_type),
        _price(price),
        _price(trigger_price),
        _price(stop_loss),
        _price(target),
        TrailingType(trailing_type) if trailing_type else None,
        _price(trailing_value),
        _price(trail_activation),
        comment,
        Origin(origin),
        bool(amo),
    )
    return Order(
        command=command,
        remarks_tag=remarks_tag,
        quantity=quantity,
        created_at=to_moment(created_at),
        updated_at=to_moment(updated_at),
        state=State(state),
        tag=Reason(tag) if tag else None,
        note=note,
        broker_order_id=broker_order_id,
        limit_price=_price(limit_price),
        filled_quantity=filled_quantity,
        average_price=_price(average_price),
        wire_trigger_price=_price(wire_trigger_price),
        change=to_change(change) if change else None,
        day=day or "",
    )


def change_text(change: Change) -> str:
    """Write an unsettled change as JSON, prices as text."""
    return json.dumps(
        {
            "change_id": change.change_id,
            "kind": change.kind.value,
            "asked_at": to_text(change.asked_at),
            "stage": change.stage.value,
            "quantity": change.quantity,
            "limit_price": None if change.limit_price is None else str(change.limit_price),
            "trigger_price": None if change.trigger_price is None else str(change.trigger_price),
        }
    )


def to_change(text: str) -> Change:
    """Read what `change_text` wrote."""
    given = json.loads(text)
    limit, trigger = given["limit_price"], given["trigger_price"]
    return Change(
        change_id=given["change_id"],
        kind=ChangeKind(given["kind"]),
        asked_at=to_moment(given["asked_at"]),
        stage=ChangeStage(given["stage"]),
        quantity=given["quantity"],
        limit_price=None if limit is None else Decimal(limit),
        trigger_price=None if trigger is None else Decimal(trigger),
    )
