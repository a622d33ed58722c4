"""Who hears that an order has moved, and what else strategies are told. A part of CommandActor, in its thread."""

from collections.abc import Callable
from typing import TypeAlias, assert_never

from loguru import logger

from actors.messages.baskets import FollowOrders, LegMoved
from actors.messages.books import ChangedOrders, PositionWrittenOff
from actors.messages.desk import JoinStrategy
from actors.messages.exits import MarketOrderMoved, SaleRefused
from actors.messages.guard import ExposureMoved
from actors.messages.market import TradePriceSeen
from actors.messages.orders import OrderDeclined, OrderUpdated
from actors.messages.persistence import Record
from actors.messages.risk import FillCounted, OrderOver, TradingStateChanged
from actors.messages.stops import EntryMoved
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes
from domain.alerts.alert import Alert
from domain.alerts.text.orders import order_alert
from domain.market.price import PriceSource, SeenPrice
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.orders.text import outcome_line
from domain.orders.types import OrderType
from domain.positions.delivery import is_refused_for_shares

Told: TypeAlias = OrderUpdated | OrderDeclined | TradingStateChanged | PositionWrittenOff
Heard: TypeAlias = JoinStrategy | FollowOrders | TradingStateChanged | PositionWrittenOff


class Followers:
    """Owns the addresses of strategies and of those who follow single orders, and what the watcher has yet to hear."""

    def __init__(self, mail: Mailboxes, tell: Callable[[Alert], None]) -> None:
        self._guard = mail.guard
        self._risk = mail.risk
        self._exits = mail.exits
        self._market = mail.market
        self._watcher = mail.watcher
        self._repo = mail.repo
        self._tell = tell
        self._strategies: dict[str, Address[Told]] = {}
        self._followers: dict[str, Address[LegMoved]] = {}
        self._moved: dict[str, Order] = {}
        self._fills_grew = False

    def receive(self, message: Heard) -> None:
        """Take up who follows, or pass on what concerns strategies."""
        match message:
            case JoinStrategy():
                self._strategies[message.strategy] = message.address
            case FollowOrders():
                self._followers.update(dict.fromkeys(message.command_ids, message.follower))
            case TradingStateChanged():
                for address in self._strategies.values():
                    post(address, message)
            case PositionWrittenOff():
                self._tell_of_write_off(message)
            case _:
                assert_never(message)

    def spread(self, order: Order, event: OrderEvent, *, late: bool) -> None:
        """Tell everybody to whom it means something that the order has moved: people first, then the guard."""
        alert = order_alert(order, event, late=late)
        if alert is not None:
            self._tell(alert)
        if told := outcome_line(order, event.kind):
            logger.info("{}", told)
        if event.kind is Event.NOTED and event.note is not None:
            logger.error("{}: {} ({})", order.command.command_id, order.tag, order.note)
        cut = event.kind is Event.SENT and order.quantity < order.command.quantity
        if cut or event.kind not in {Event.SENT, Event.ACCEPTED}:
            post(self._guard, ExposureMoved(order=order))
        self._moved[order.command.command_id] = order
        self._fills_grew = self._fills_grew or bool(event.filled_quantity)
        if event.filled_quantity:
            post(self._risk, FillCounted(order=order))
            self._tell_price(order)
        if order.is_terminal:
            post(self._risk, OrderOver(command=order.command))
        if event.filled_quantity and order.command.carries_stops:
            post(self._exits, EntryMoved(order=order))
        if order.command.order_type is OrderType.MARKET and event.kind is not Event.SENT:
            post(self._exits, MarketOrderMoved(order=order))
        if is_refused_for_shares(order):
            post(self._exits, SaleRefused(order=order))
        follower = self._followers.get(order.command.command_id)
        if follower is not None:
            post(follower, LegMoved(order=order))
            if order.is_terminal:
                del self._followers[order.command.command_id]
        self.tell_strategy(order.command.strategy, OrderUpdated(order=order, event=event))

    def _tell_price(self, order: Order) -> None:
        """Let the market know at what price the account has traded: something to fall back on."""
        if order.average_price is not None:
            key = order.command.key
            price = SeenPrice(price=order.average_price, source=PriceSource.TRADE, seen_at=order.updated_at)
            post(self._market, TradePriceSeen(exchange=key.exchange, symbol=key.symbol, price=price))

    def catch_up(self, order: Order) -> None:
        """Tell the guard and the watcher again of an order that was told ahead of its row."""
        post(self._guard, ExposureMoved(order=order))
        self._moved[order.command.command_id] = order

    def take_external(self, order: Order, *, known: bool) -> None:
        """Let the watcher know an order of others; guard and risk too, where it was not known before."""
        self._moved[order.command.command_id] = order
        if not known:
            logger.warning(
                "{} was placed elsewhere: {} {}", order.command.command_id, order.state, order.command.symbol
            )
            post(self._guard, ExposureMoved(order=order))
            post(self._risk, FillCounted(order=order))

    def tell_watcher(self, ahead: tuple[Order, ...]) -> None:
        """Tell the watcher what has moved since it last asked; one that was started anew has read the rows alone."""
        moved = {**{one.command.command_id: one for one in ahead}, **self._moved}
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
