"""Baskets: leads orders that belong together, each through the six steps like any other (`domain/baskets.py`).

The guard reserves all legs at once, so that no leg is refused because of another. What was never sent is given back.
An earlier run's basket is never gone on with: what is in flight is waited for, then it ends by its own rule.
"""

from collections.abc import Mapping
from typing import Final, assert_never

from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import BasketAnswered, FindBaskets, FollowOrders, PositionLeaving, SubmitBasket
from actors.messages.changes import ChangeOrder
from actors.messages.desk import SnapshotLoaded
from actors.messages.exits import Flatten
from actors.messages.guard import BasketReserved, ReleaseReservation, ReserveBasket
from actors.messages.inboxes import BasketsInbox
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from actors.messages.persistence import Record
from actors.messages.timer import TimerFired
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.text.baskets import ended_alert
from domain.baskets import (
    BasketRecord,
    BasketState,
    CancelLegs,
    Finish,
    Progress,
    SendLegs,
    WaitOn,
    resumed,
)
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.exits.flatten_sequence import beside_ways_out
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.followers import Follower
from domain.orders.order import Order
from domain.orders.reasons import explain
from domain.orders.types import Origin
from domain.read_models import BasketsNow
from domain.snapshot import DeskSnapshot

LOOK_S: Final = 0.5
KEPT_MAX: Final = 1_000
"""So many ended baskets are remembered for a repeat of their id; the database keeps all."""


class BasketsActor(SharedThreadActor):
    """Owns the baskets under way, and how the last ones ended."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        client_id: str,
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._guard = mail.guard
        self._exits = mail.exits
        self._repo = mail.repo
        self._notifier = mail.notifier
        self._client_id = client_id
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._timer = runtime.timer
        self._records: dict[str, BasketRecord] = {}
        self._running: dict[str, Progress] = {}
        self._basket_of: dict[str, str] = {}
        self._callers: dict[str, Address[BasketAnswered]] = {}
        self._leaving: dict[PositionKey, str] = {}
        """What is being made flat, and why."""
        self._looking = False

    def on_receive(self, message: BasketsInbox | OrderAnswered | OrderDeclined) -> BasketsNow | None:
        """Begin, hear of a leg, and take the next step."""
        match message:
            case SubmitBasket():
                self._take(message)
            case BasketReserved():
                self._begin(message)
            case OrderAnswered():
                self._hear(message.order)
            case OrderChanged():
                self._hear(message.order)
            case OrderDeclined():
                self._hear_declined(message)
            case PositionLeaving():
                self._heed(message)
            case TimerFired():
                self._looking = False
                for name in list(self._running):
                    self._go_on(name)
                self._look_later()
            case SnapshotLoaded():
                self._resume(message.snapshot)
            case FindBaskets():
                return BasketsNow(baskets=tuple(self._records.values()))
            case _:
                assert_never(message)
        return None

    def _take(self, message: SubmitBasket) -> None:
        """Take a basket once; a repeat of its id hears how the first one ended, or will.

        Beside what is being made flat none begins: its hedge would leave with that.
        """
        name = message.basket.basket_id
        known = self._records.get(name)
        if known is not None and name not in self._running:
            _answer(message.reply_to, known)
            return
        if message.reply_to is not None:
            self._callers[name] = message.reply_to
        if known is None:
            self._keep(
                BasketRecord(basket=message.basket, state=BasketState.RUNNING, message="", asked_at=self._clock.now())
            )
            self._running[name] = progress = Progress(message.basket)
            beside = beside_ways_out(message.basket, self._leaving)
            if beside:
                self._end(progress, Finish(BasketState.STOPPED, beside, (), ()))
                return
            self._basket_of.update({leg.command_id: name for leg in message.basket.legs})
            post(self._guard, ReserveBasket(basket_id=name, legs=message.basket.legs, reply_to=self.actor_ref))

    def _begin(self, message: BasketReserved) -> None:
        progress = self._running.get(message.basket_id)
        if progress is None:  # stopped meanwhile, and given back
            return
        if message.refused is not None:
            self._end(progress, Finish(BasketState.STOPPED, explain(message.refused).rstrip("."), (), ()))
            return
        names = tuple(leg.command_id for leg in progress.basket.legs)
        post(self._command, FollowOrders(command_ids=names, follower=Follower.BASKETS))
        self._go_on(message.basket_id)
        self._look_later()

    def _hear(self, order: Order) -> None:
        name = self._basket_of.get(order.command.command_id)
        if name in self._running:
            self._running[name].hear(order)
            self._go_on(name)

    def _hear_declined(self, message: OrderDeclined) -> None:
        name = self._basket_of.get(message.command_id)
        if name in self._running:
            self._running[name].declined[message.command_id] = message.message
            self._go_on(name)

    def _heed(self, message: PositionLeaving) -> None:
        """Begin no basket beside what is being made flat, and stop those of its strategy."""
        if not message.reason:
            self._leaving.pop(message.position_key, None)
            return
        self._leaving[message.position_key] = message.reason
        for name, progress in list(self._running.items()):
            if progress.basket.strategy == message.position_key.strategy and not progress.stopped:
                progress.stopped = message.reason
                self._go_on(name)

    def _go_on(self, name: str) -> None:
        """Take steps until there is nothing to do but to wait."""
        progress = self._running[name]
        while True:
            step = progress.next_step(self._clock.monotonic())
            match step:
                case SendLegs():
                    for leg in step.legs:
                        post(self._command, SubmitOrder(command=leg, reply_to=self.actor_ref))
                case CancelLegs():
                    for command_id in step.command_ids:
                        self._cancel_orders(progress, command_id)
                case Finish():
                    self._end(progress, step)
                    return
                case WaitOn():
                    return
                case _:
                    assert_never(step)

    def _cancel_orders(self, progress: Progress, command_id: str) -> None:
        cancel = ChangeCommand(
            change_id=self._ids.new()[:32],
            client_id=self._client_id,
            command_id=command_id,
            kind=ChangeKind.CANCEL,
            reason=f"basket {progress.basket.basket_id}"[:200],
            origin=Origin.DESK,
        )
        post(self._command, ChangeOrder(command=cancel))

    def _end(self, progress: Progress, finish: Finish) -> None:
        """Give back what was never sent, make flat what is not to stay, and tell how it ended."""
        basket = progress.basket
        for leg in finish.unsent:
            post(self._guard, ReleaseReservation(command=leg))
        if finish.state is BasketState.COMPENSATED:
            post(self._exits, Flatten(requests=tuple(self._request(leg, finish.message) for leg in finish.filled)))
        asked_at = self._records[basket.basket_id].asked_at
        record = BasketRecord(basket=basket, state=finish.state, message=finish.message, asked_at=asked_at)
        self._keep(record)
        del self._running[basket.basket_id]
        for leg in basket.legs:
            self._basket_of.pop(leg.command_id, None)
        post(self._notifier, RaiseAlert(alert=ended_alert(basket, finish)))
        _answer(self._callers.pop(basket.basket_id, None), record)

    def _request(self, leg: OrderCommand, reason: str) -> FlattenRequest:
        return FlattenRequest(
            request_id=self._ids.new(),
            position_key=PositionKey(leg.strategy, leg.key),
            reason=f"the basket failed: {reason}"[:200],
            origin=Origin.DESK,
            asked_at=self._clock.now(),
        )

    def _keep(self, record: BasketRecord) -> None:
        self._records[record.basket.basket_id] = record
        post(self._repo, Record(item=record))
        for name in list(self._records)[: max(0, len(self._records) - KEPT_MAX)]:
            if name not in self._running:
                del self._records[name]

    def _resume(self, snapshot: DeskSnapshot) -> None:
        orders: Mapping[str, Order] = {order.command.command_id: order for order in snapshot.orders}
        for record in snapshot.baskets:
            name = record.basket.basket_id
            self._records[name] = record
            if record.state is not BasketState.RUNNING:
                continue
            self._running[name] = resumed(record, orders, self._clock.monotonic())
            names = tuple(leg.command_id for leg in record.basket.legs)
            self._basket_of.update(dict.fromkeys(names, name))
            post(self._command, FollowOrders(command_ids=names, follower=Follower.BASKETS))
            self._go_on(name)
        self._look_later()

    def _look_later(self) -> None:
        if self._running and not self._looking:
            self._looking = True
            self._timer.tell_after(LOOK_S, self.actor_ref, TimerFired())


def _answer(caller: Address[BasketAnswered] | None, record: BasketRecord) -> None:
    if caller is not None:
        post(caller, BasketAnswered(record=record))
