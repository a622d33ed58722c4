"""The stop order at the broker behind each stop of ours, for the time in which no desk runs.

A part of ExitsActor, in its thread; `domain/exits/broker_stop.py` decides where one belongs. A net is an SL-M exit, so
that guard, journal and watcher know it like any order; its command id says that it is one. It is laid behind what is
held, follows the stop and the quantity, and is taken back when there is nothing to catch. A flatten task takes it back
like every working order before it sends its exits; the guard never lets both sell the same units.
"""

from collections.abc import Collection, Mapping
from typing import Final

from actors.exits.order_sender import OrderSender
from actors.messages.baskets import FollowOrders
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.backoff import Backoff
from domain.exits.broker_stop import (
    PREFIX,
    Moved,
    Wanted,
    belongs,
    broker_stop_command,
    broker_stops_in,
    moved,
    surplus_in,
    wanted_behind,
)
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.change import ChangeKind
from domain.orders.followers import Follower
from domain.orders.order import Order
from domain.orders.types import Exchange
from domain.positions.pnl import symbol_of
from domain.settings import StopSettings

CHANGE_AGAIN_S: Final = 2.0
_LATER_MAX: Final = 64
"""Each net laid for the same position comes twice as late as the one before: the broker may have none of it."""


def _pause_s(first_s: float, tries: int) -> float:
    return Backoff(first_s, first_s * _LATER_MAX).pause_s(tries)


class BrokerStops:
    """Owns what each net was last asked to be, and when the next try may be."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        sender: OrderSender,
        settings: StopSettings,
        calendar: Calendar | None,
    ) -> None:
        self._command = mail.command
        self._sender = sender
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
        left_alone: Collection[PositionKey],
        unopened: Collection[PositionKey] = (),
    ) -> None:
        """Lay, move or take back each position's net; leave those alone whose exits, or whose net, are on their way.

        None is laid behind a carried stop before its share's first price of the day: that may be an adjusted one.
        One whose change was refused is taken back, and laid anew once it is gone.
        """
        if not self._begun:
            return
        self._laid = {position_key: n for position_key, n in self._laid.items() if position_key in exposures}
        for position_key, exposure in exposures.items():
            stop_orders = broker_stops_in(exposure)
            if not (stop_orders or self._settings.at_broker) or position_key in left_alone:
                continue
            stop = armed.get(position_key)
            is_wanted = self._settings.at_broker and belongs(stop, exposure)
            for surplus in surplus_in(stop_orders, belongs=is_wanted):
                self._change(surplus, ChangeKind.CANCEL)
            wanted = wanted_behind(stop, exposure, instruments.get(symbol_of(position_key.key)))
            if wanted is None or not is_wanted:
                continue
            if stop_orders:
                self._move(position_key, stop_orders[0], wanted)
            elif position_key not in self._laying.values() and position_key not in unopened:
                self._lay(position_key, exposure, wanted)

    def _lay(self, position_key: PositionKey, exposure: Exposure, wanted: Wanted) -> None:
        is_open = self._calendar is None or self._calendar.is_open(position_key.key.exchange, self._clock.now())
        laid = self._laid.get(position_key, 0)
        if not is_open or not self._may(str(position_key), _pause_s(self._settings.at_broker_change_s, laid)):
            return
        self._laid[position_key] = laid + 1
        name = f"{PREFIX}{self._ids.new()[:16]}"
        self._asked[name], self._laying[name] = wanted, position_key
        self._sender.submit(broker_stop_command(position_key, exposure.held, wanted, name, self._sender.client_id))

    def answered(self, command_id: str) -> PositionKey | None:
        """Hear that laying a net is over, however it ended; return its position: the guard tells whether it works."""
        return self._laying.pop(command_id, None)

    def declined(self, command_id: str) -> PositionKey | None:
        """Hear that a net was not laid, or not changed: it is asked for again at its pace."""
        self._asked.pop(command_id, None)
        return self.answered(command_id)

    def follow(self, order: Order) -> None:
        """Hear what has become of a stop_order: one that the broker does not move is to be laid anew."""
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
            if self._change(stop_order, ChangeKind.CANCEL, again_s=_pause_s(CHANGE_AGAIN_S, tries)):
                self._refused[stop_order.command_id] = tries + 1
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
        name = stop_order.command_id
        if not self._may(f"{name} {kind}", again_s):
            return False
        if wanted is not None:
            self._asked[name] = wanted
        self._followed.add(name)
        post(self._command, FollowOrders(command_ids=(name,), follower=Follower.EXITS))
        self._sender.change(
            name,
            kind,
            "the stop at the broker follows" if wanted else "nothing is left for the stop at the broker",
            quantity=None if wanted is None else wanted.quantity,
            trigger_price=None if wanted is None else wanted.trigger,
            is_answered=True,
        )
        return True

    def _may(self, what: str, pause_s: float) -> bool:
        """Say whether the pause since it was last asked for is over, and begin the next one."""
        now = self._clock.monotonic()
        if now < self._not_before.get(what, now):
            return False
        self._not_before[what] = now + pause_s
        return True
