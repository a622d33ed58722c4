"""Orders as rows and back. Prices are Decimal inside and FLOAT in the table, as the guide's column says.

A price has at most four decimals and seven digits before them, so the double's shortest text gives it back exactly.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
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
        *_stop_values(command.stops),
        command.comment,
        int(command.amo),
        order.day,
    )


def _stop_values(stops: StopTerms | None) -> tuple[Any, ...]:
    if stops is None:
        return (None, None, None, None, None)
    kind = stops.trailing_type
    levels = (_float(stops.stop_loss), _float(stops.target))
    return (*levels, kind.value if kind else None, _float(stops.trailing_value), _float(stops.trail_activation))


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
    one = dict(zip(COLUMNS, row, strict=True))
    change, tag = one["change"], one["tag"]
    return Order(
        command=_command_of(one),
        remarks_tag=one["remarks_tag"],
        quantity=one["quantity"],
        created_at=to_moment(one["created_at"]),
        updated_at=to_moment(one["updated_at"]),
        state=State(one["state"]),
        tag=Reason(tag) if tag else None,
        note=one["note"],
        broker_order_id=one["broker_order_id"],
        limit_price=_price(one["limit_price"]),
        filled_quantity=one["filled_quantity"],
        average_price=_price(one["average_price"]),
        wire_trigger_price=_price(one["wire_trigger_price"]),
        change=to_change(change) if change else None,
        day=one["day"] or "",
    )


def _command_of(one: Mapping[str, Any]) -> OrderCommand:
    """Make the command of a row, unchecked: it was valid when made, or is a legacy row kept as it was."""
    return OrderCommand(
        command_id=one["command_id"],
        client_id=one["client_id"],
        strategy=one["strategy"],
        intent=Intent(one["intent"]),
        exchange=Exchange(one["exchange"]),
        symbol=one["symbol"],
        side=Side(one["side"]),
        quantity=one["requested_quantity"],
        product=Product(one["product"]),
        order_type=OrderType(one["order_type"]),
        price=_price(one["price"]),
        trigger_price=_price(one["trigger_price"]),
        stops=_stops_of(one),
        comment=one["comment"],
        origin=Origin(one["origin"]),
        amo=bool(one["amo"]),
        unchecked=True,
    )


def _stops_of(one: Mapping[str, Any]) -> StopTerms | None:
    kind = one["trailing_type"]
    if one["stop_loss"] is None and one["target"] is None and kind is None:
        return None
    return StopTerms(
        stop_loss=_price(one["stop_loss"]),
        target=_price(one["target"]),
        trailing_type=TrailingType(kind) if kind else None,
        trailing_value=_price(one["trailing_value"]),
        trail_activation=_price(one["trail_activation"]),
        unchecked=True,
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
