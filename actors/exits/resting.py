"""Re-prices market exits that did not fill, and tells of every market order that rests.

A part of ExitsActor, in its thread; `domain/exits/resting.py` decides. A new price leaves as a modify.
"""

from loguru import logger

from actors.exits.order_sender import OrderSender
from actors.messages.alerts import RaiseAlert
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.text.prices import resting_alert
from domain.exits.resting import RestingOrders, price_anew, shape_of_resting
from domain.market.calendar import Calendar
from domain.orders.change import ChangeKind
from domain.orders.order import Order
from domain.orders.validation import InvalidOrderError
from domain.ports import trading_day
from domain.settings import ExitSettings


class RestingMarketOrders:
    """Owns which market orders rest."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        asker: "Address[OrderPriced]",
        sender: OrderSender,
        settings: ExitSettings,
        calendar: Calendar | None,
    ) -> None:
        self._market = mail.market
        self._notifier = mail.notifier
        self._asker = asker
        self._sender = sender
        self._clock = runtime.clock
        self._calendar = calendar
        self._orders = RestingOrders(settings)

    def follow(self, order: Order) -> None:
        """Take over how a market order stands."""
        self._orders.follow(order, self._clock.monotonic())

    def look(self) -> None:
        """Ask for the price of what has rested long enough."""
        for one in self._orders.due(self._clock.monotonic(), self._is_open):
            if self._is_past(one.order):
                continue
            command = one.order.command
            question = PriceOrder(
                about=PriceQuestion.RESTING,
                command_id=command.command_id,
                exchange=command.exchange,
                symbol=command.symbol,
                needs_price=True,
                exit=shape_of_resting(one),
                reply_to=self._asker,
            )
            post(self._market, question)

    def _is_past(self, order: Order) -> bool:
        """Say whether its day is over: it is in no market then, whatever its row says, and takes no new price."""
        return order.day < trading_day(self._clock.now())

    def _is_open(self, order: Order) -> bool:
        if self._is_past(order):
            return False
        return self._calendar is None or self._calendar.is_open(order.command.exchange, self._clock.now())

    def price(self, message: OrderPriced) -> None:
        """Tell of the order, and move an exit to its next price."""
        one = self._orders.take(message.command_id)
        if one is None:
            return
        if one.to_tell is not None:
            post(self._notifier, RaiseAlert(alert=resting_alert(one.order, message.reference, one.to_tell)))
        price = price_anew(one, message.instrument, message.reference)
        if price is None:
            return
        reason, origin = "the market exit did not fill at its limit", one.order.command.origin
        try:
            self._sender.change(message.command_id, ChangeKind.MODIFY, reason, origin, price=price)
        except InvalidOrderError as error:
            logger.error("{} keeps its limit: {}", message.command_id, error)
