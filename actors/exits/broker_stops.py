"""The stop order at the broker behind each stop of ours, for the time in which no desk runs.

A part of ExitsActor, in its thread. A net is an SL-M exit, so that guard, journal and watcher know it like any order;
its command id says that it is one. It is laid behind what is held, follows the stop and the quantity, and is taken back
when there is nothing to catch. A flatten task takes it back like every working order before it sends its exits; the
guard never lets both sell the same units.
"""

from collections.abc import Collection, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Final

from actors.messages.baskets import FollowOrders
from actors.messages.changes import ChangeOrder
from actors.messages.orders import OrderAnswered, OrderDeclined, SubmitOrder
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.exits.broker_stop import Moved, Wanted, moved
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument, on_grid
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.followers import Follower
from domain.orders.order import Order
from domain.orders.types import Exchange, Intent, OrderType, Origin, Side
from domain.orders.validation import PRICE_MAX, QUANTITY_MAX
from domain.settings import StopSettings

PREFIX: Final = "net-"
CHANGE_AGAIN_S: Final = 2.0
_DOUBLINGS_MAX: Final = 6
"""Each net laid for the same position comes twice as late as the one before: the broker may have none of it."""


def is_broker_stop(command_id: str) -> bool:
    """Say whether this order is a stop at the broker."""
    return command_id.startswith(PREFIX)


class BrokerStops:
    """Owns what each net was last asked to be, and when the next try may be."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        caller: "Address[OrderAnswered | OrderDeclined]",
        client_id: str,
        settings: StopSettings,
        calendar: Calendar | None,
    ) -> None:
        self._command = mail.command
        self._caller = caller
        self._client_id = client_id
        self._settings = settings
        self._calendar = calendar
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._asked: dict[str, Wanted] = {}
        self._not_before: dict[str, float] = {}
        self._laid: dict[PositionKey, int] = {}
        self._laying: dict[str, PositionKey] = {}
        self._followed: set[str] = set()
        self._refused: dict[str, int] = {}
        """Nets that can't be moved any more, and how often each has been asked back."""
        self._begun = False

    def begin(self) -> None:
        """Begin to look: the stops of earlier runs are known now, so that a net without one is one too many."""
        self._begun = True

    def look(
        self,
        armed: Mapping[PositionKey, ArmedStop],
        exposures: Mapping[PositionKey, Exposure],
        instruments: Mapping[tuple[Exchange, str], Instrument],
        under_way: Collection[PositionKey],
        unopened: Collection[PositionKey] = (),
    ) -> None:
        """Lay, move or take back each position's net; leave those alone whose exits are under way.

        None is laid behind a carried stop before its share's first price of the day: that may be an adjusted one.
        One whose change was refused is taken back, and laid anew once it is gone.
        """
        if not self._begun:
            return
        self._laid = {position_key: n for position_key, n in self._laid.items() if position_key in exposures}
        for position_key, exposure in exposures.items():
            broker_stops = [one for one in exposure.open if is_broker_stop(one.command_id)]
            if position_key in under_way or not (broker_stops or self._settings.at_broker):
                continue
            wanted = self._wanted(
                armed.get(position_key), exposure, instruments.get((position_key.key.exchange, position_key.key.symbol))
            )
            for surplus in broker_stops[1:] if self._belongs(armed.get(position_key), exposure) else broker_stops:
                self._change(surplus, ChangeKind.CANCEL)
            if wanted is not None and broker_stops:
                self._move(position_key, broker_stops[0], wanted)
            elif wanted is not None and position_key not in self._laying.values() and position_key not in unopened:
                self._lay(position_key, exposure, wanted)

    def _belongs(self, armed_stop: ArmedStop | None, exposure: Exposure) -> bool:
        """Say whether a net belongs behind this position; where to is known with its instrument only."""
        if not self._settings.at_broker or armed_stop is None or armed_stop.stop is None:
            return False
        if not 0 < armed_stop.stop <= PRICE_MAX:
            return False  # never reached: a trail that is wider than the price
        return exposure.held * (1 if armed_stop.is_long else -1) > 0

    def _wanted(self, armed_stop: ArmedStop | None, exposure: Exposure, instrument: Instrument | None) -> Wanted | None:
        if armed_stop is None or armed_stop.stop is None or instrument is None:
            return None
        if not self._belongs(armed_stop, exposure):
            return None
        earlier = ROUND_CEILING if armed_stop.is_long else ROUND_FLOOR
        trigger = max(on_grid(armed_stop.stop, instrument.tick, earlier), instrument.tick)
        return Wanted(trigger, min(abs(exposure.held), QUANTITY_MAX))

    def _lay(self, position_key: PositionKey, exposure: Exposure, wanted: Wanted) -> None:
        is_open = self._calendar is None or self._calendar.is_open(position_key.key.exchange, self._clock.now())
        laid = self._laid.get(position_key, 0)
        if not is_open or not self._may(str(position_key), self._settings.at_broker_change_s * 2**laid):
            return
        self._laid[position_key] = min(laid + 1, _DOUBLINGS_MAX)
        name = f"{PREFIX}{self._ids.new()[:16]}"
        self._asked[name], self._laying[name] = wanted, position_key
        command = OrderCommand(
            command_id=name,
            client_id=self._client_id,
            strategy=position_key.strategy,
            intent=Intent.EXIT,
            exchange=position_key.key.exchange,
            symbol=position_key.key.symbol,
            side=Side.SELL if exposure.held > 0 else Side.BUY,
            quantity=wanted.quantity,
            product=position_key.key.product,
            order_type=OrderType.SL_M,
            trigger_price=wanted.trigger,
            origin=Origin.DESK,
            comment="stop at the broker",
        )
        post(self._command, SubmitOrder(command=command, reply_to=self._caller, from_position_only=True, is_new=True))

    def answered(self, command_id: str) -> None:
        """Hear that laying a net is over, however it ended: the guard tells whether it works."""
        self._laying.pop(command_id, None)

    def declined(self, command_id: str) -> None:
        """Hear that a net was not laid, or not changed: it is asked for again at its pace."""
        self.answered(command_id)
        self._asked.pop(command_id, None)

    def follow(self, order: Order) -> None:
        """Hear what has become of a net: one that the broker does not move is to be laid anew."""
        name = order.command.command_id
        if name not in self._followed:
            return
        fate = moved(order, self._asked.get(name))
        if fate is Moved.REFUSED:
            self._refused.setdefault(name, 0)
        elif fate is Moved.UNSEEN:
            self._asked.pop(name, None)
        if order.is_terminal:
            self._followed.discard(name)
            self._asked.pop(name, None)
            self._refused.pop(name, None)

    def _move(self, position_key: PositionKey, stop_order: OpenOrder, wanted: Wanted) -> None:
        """Let the net follow. Less to catch is told at once: more than is held could turn the position round."""
        tries = self._refused.get(stop_order.command_id)
        if tries is not None:
            if self._change(stop_order, ChangeKind.CANCEL, again_s=CHANGE_AGAIN_S * 2**tries):
                self._refused[stop_order.command_id] = min(tries + 1, _DOUBLINGS_MAX)
            return
        if stop_order.open_quantity > wanted.quantity or (
            self._asked.get(stop_order.command_id) != wanted
            and self._may(str(position_key), self._settings.at_broker_change_s)
        ):
            self._change(stop_order, ChangeKind.MODIFY, wanted)

    def _change(
        self, stop_order: OpenOrder, kind: ChangeKind, wanted: Wanted | None = None, again_s: float = CHANGE_AGAIN_S
    ) -> bool:
        """Ask for it, and not again before an answer can have come; say whether it was asked for now."""
        if not self._may(f"{stop_order.command_id} {kind}", again_s):
            return False
        if wanted is not None:
            self._asked[stop_order.command_id] = wanted
        change = ChangeCommand(
            change_id=self._ids.new()[:32],
            client_id=self._client_id,
            command_id=stop_order.command_id,
            kind=kind,
            quantity=None if wanted is None else wanted.quantity,
            trigger_price=None if wanted is None else wanted.trigger,
            reason="the stop at the broker follows" if wanted else "nothing is left for the stop at the broker",
            origin=Origin.DESK,
        )
        self._followed.add(stop_order.command_id)
        post(self._command, FollowOrders(command_ids=(stop_order.command_id,), follower=Follower.EXITS))
        post(self._command, ChangeOrder(command=change, reply_to=self._caller))
        return True

    def _may(self, what: str, pause_s: float) -> bool:
        """Say whether the pause since it was last asked for is over, and begin the next one."""
        now = self._clock.monotonic()
        if now < self._not_before.get(what, now):
            return False
        self._not_before[what] = now + pause_s
        return True
