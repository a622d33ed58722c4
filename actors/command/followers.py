"""Who hears that an order has moved, and what else strategies are told. A part of CommandActor, in its thread."""

from collections.abc import Callable
from typing import TypeAlias, assert_never

from loguru import logger

from actors.messages.baskets import FollowOrders
from actors.messages.books import ChangedOrders, PositionWrittenOff
from actors.messages.desk import JoinStrategy
from actors.messages.orders import OrderChanged, OrderDeclined
from actors.messages.persistence import Record
from actors.messages.risk import TradingStateChanged
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes
from domain.alerts.alert import Alert
from domain.alerts.text.orders import order_alert
from domain.orders.followers import Follower, followers_of
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.text import outcome_line

Told: TypeAlias = OrderChanged | OrderDeclined | TradingStateChanged | PositionWrittenOff
Heard: TypeAlias = JoinStrategy | FollowOrders | TradingStateChanged | PositionWrittenOff


class Followers:
    """Owns the addresses of strategies and of those who follow single orders, and what the watcher has yet to hear."""

    def __init__(self, mail: Mailboxes, tell: Callable[[Alert], None]) -> None:
        self._guard = mail.guard
        self._risk = mail.risk
        self._watcher = mail.watcher
        self._repo = mail.repo
        self._tell = tell
        # In the order in which they are told: the guard before whoever may send another order.
        self._mailboxes: dict[Follower, Address[OrderChanged]] = {
            Follower.GUARD: mail.guard,
            Follower.RISK: mail.risk,
            Follower.MARKET: mail.market,
            Follower.EXITS: mail.exits,
            Follower.BASKETS: mail.baskets,
        }
        self._strategies: dict[str, Address[Told]] = {}
        self._asked: dict[str, set[Follower]] = {}
        self._moved: dict[str, Order] = {}
        self._fills_grew = False

    def receive(self, message: Heard) -> None:
        """Take up who follows, or pass on what concerns strategies."""
        match message:
            case JoinStrategy():
                self._strategies[message.strategy] = message.address
            case FollowOrders():
                for name in message.command_ids:
                    self._asked.setdefault(name, set()).add(message.follower)
            case TradingStateChanged():
                for address in self._strategies.values():
                    post(address, message)
            case PositionWrittenOff():
                self._tell_of_write_off(message)
            case _:
                assert_never(message)

    def spread(self, order: Order, event: OrderEvent, *, late: bool, late_quantity: int = 0) -> None:
        """Tell everybody to whom it means something that the order has moved: people first, then the guard."""
        alert = order_alert(order, event, late=late)
        if alert is not None:
            self._tell(alert)
        if outcome := outcome_line(order, event.kind):
            logger.info("{}", outcome)
        if event.kind is Event.NOTED and event.note is not None:
            logger.error("{}: {} ({})", order.command.command_id, order.tag, order.note)
        name, changed = order.command.command_id, OrderChanged(order=order, event=event, late_quantity=late_quantity)
        self._moved[name] = order
        self._fills_grew = self._fills_grew or bool(event.filled_quantity)
        told = {*followers_of(order, event, late_quantity), *self._asked.get(name, ())}
        for follower, mailbox in self._mailboxes.items():
            if follower in told:
                post(mailbox, changed)
        self.tell_strategy(order.command.strategy, changed)
        if order.is_terminal:
            self._asked.pop(name, None)

    def catch_up(self, order: Order) -> None:
        """Tell the guard and the watcher again of an order that was told ahead of its row."""
        post(self._guard, OrderChanged(order=order))
        self._moved[order.command.command_id] = order

    def take_external(self, order: Order, *, known: bool) -> None:
        """Let the watcher know an order of others; guard and risk too, where it was not known before."""
        self._moved[order.command.command_id] = order
        if not known:
            logger.warning(
                "{} was placed elsewhere: {} {}", order.command.command_id, order.state, order.command.symbol
            )
            post(self._guard, OrderChanged(order=order))
            post(self._risk, OrderChanged(order=order))

    def tell_watcher(self, ahead: tuple[Order, ...]) -> None:
        """Tell the watcher what has moved since it last asked; one that was started anew has read the rows alone.

        `ahead` are orders that stand further than their rows, as they stand.
        """
        moved = {**self._moved, **{one.command.command_id: one for one in ahead}}
        post(self._watcher, ChangedOrders(orders=tuple(moved.values()), fills_grew=self._fills_grew))
        self._moved, self._fills_grew = {}, False

    def tell_strategy(self, name: str, message: Told) -> None:
        """Tell a strategy something, where there is one of this name."""
        address = self._strategies.get(name)
        if address is not None:
            post(address, message)

    def _tell_of_write_off(self, message: PositionWrittenOff) -> None:
        """Tell everybody who counts a strategy's units that they are written off, and why."""
        one = message.write_off
        logger.warning("{}: {:+d} units were written off by hand: {}", one.position_key, one.units, one.reason)
        post(self._repo, Record(item=one))
        post(self._risk, message)
        self.tell_strategy(one.position_key.strategy, message)
