"""A stop order of the broker behind a stop of ours: where it belongs, and whether it can still be moved there."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final

from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.instrument import Instrument, on_grid
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Intent, OrderType, Origin, Side
from domain.orders.validation import PRICE_MAX, QUANTITY_MAX

PREFIX: Final = "net-"


def is_broker_stop(command_id: str) -> bool:
    """Say whether this order is a stop at the broker."""
    return command_id.startswith(PREFIX)


def broker_stops_in(exposure: Exposure) -> list[OpenOrder]:
    """Return the stops at the broker that may still trade in a position."""
    return [one for one in exposure.open if is_broker_stop(one.command_id)]


def stands_in_the_way(command_id: str, exposure: Exposure) -> bool:
    """Say whether a stop at the broker may be why an exit was refused or cut; a net's own is no such exit."""
    return not is_broker_stop(command_id) and bool(broker_stops_in(exposure))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a net belongs: its trigger (rupees), and the units it is to catch."""

    trigger: Decimal
    quantity: int


class Moved(StrEnum):
    """What has become of a net's last change."""

    OPEN = "OPEN"
    """On its way, or done."""
    UNSEEN = "UNSEEN"
    """The books never showed it: it may be asked for again."""
    REFUSED = "REFUSED"
    """The broker or the exchange said no, such as for too many modifications: the net is to be laid anew."""


def belongs(armed_stop: ArmedStop | None, exposure: Exposure) -> bool:
    """Say whether a net belongs behind this position; where to is known with its instrument only."""
    if armed_stop is None or armed_stop.stop is None:
        return False
    if not 0 < armed_stop.stop <= PRICE_MAX:
        return False  # never reached: a trail that is wider than the price
    return exposure.held * (1 if armed_stop.is_long else -1) > 0


def wanted_behind(armed_stop: ArmedStop | None, exposure: Exposure, instrument: Instrument | None) -> Wanted | None:
    """Return where a position's net belongs: on the tick that is reached first; None where none does, or not yet."""
    if armed_stop is None or armed_stop.stop is None or instrument is None or not belongs(armed_stop, exposure):
        return None
    earlier = ROUND_CEILING if armed_stop.is_long else ROUND_FLOOR
    trigger = max(on_grid(armed_stop.stop, instrument.tick, earlier), instrument.tick)
    return Wanted(trigger, min(abs(exposure.held), QUANTITY_MAX))


def surplus_in(stop_orders: Sequence[OpenOrder], *, belongs: bool) -> Sequence[OpenOrder]:
    """Return the nets that are too many: one stays where one belongs."""
    return stop_orders[1:] if belongs else stop_orders


def broker_stop_command(
    position_key: PositionKey, held: int, wanted: Wanted, command_id: str, client_id: str
) -> OrderCommand:
    """Return the order that lays a net behind `held` signed units."""
    return OrderCommand(
        command_id=command_id,
        client_id=client_id,
        strategy=position_key.strategy,
        intent=Intent.EXIT,
        exchange=position_key.key.exchange,
        symbol=position_key.key.symbol,
        side=Side.SELL if held > 0 else Side.BUY,
        quantity=wanted.quantity,
        product=position_key.key.product,
        order_type=OrderType.SL_M,
        trigger_price=wanted.trigger,
        origin=Origin.DESK,
        comment="stop at the broker",
    )


_NO: Final = frozenset({Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED})


def moved(order: Order, wanted: Wanted | None) -> Moved:
    """Say what has become of the change that was to bring a working net to where it is `wanted`."""
    if order.is_terminal or order.change is not None or wanted is None:
        return Moved.OPEN
    if (order.wire_trigger_price, order.open_quantity) == (wanted.trigger, wanted.quantity):
        return Moved.OPEN
    if order.tag in _NO:
        return Moved.REFUSED
    return Moved.UNSEEN if order.tag is Reason.CHANGE_NOT_SEEN else Moved.OPEN
