"""The terms an order leaves with: its wire price, checked against what the exchange demands (before step 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import assert_never

from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.exits.pricing import assumed_instrument, exit_limit, exit_trigger, whole_lots
from domain.market.instrument import Instrument, Objection, limit_price_of, objection_to
from domain.market.price import Reference
from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Intent


@dataclass(frozen=True, slots=True)
class OrderPricing:
    """Prices for the wire (rupees), and the most units one order may have (None: no bound is known).

    `lot` is what an exit's quantity is cut to multiples of; `story` says what was assumed, old or cut.
    """

    limit_price: Decimal
    quantity_max: int | None
    last_price: Decimal | None
    trigger_price: Decimal | None = None
    lot: int = 1
    story: Mapping[str, str] = field(default_factory=dict)

    def sendable(self, quantity: int) -> int:
        """Return how much of `quantity` one order may carry: under the freeze quantity, in whole lots."""
        limit = quantity if self.quantity_max is None else min(quantity, self.quantity_max)
        return whole_lots(limit, self.lot)

    def odd(self, quantity: int) -> int:
        """Return how many units of `quantity` make no whole lot."""
        return quantity % self.lot


def pricing_of(
    command: OrderCommand,
    reply: InstrumentReply,
    last_price: Decimal | None,
    reference: Reference | None = None,
) -> OrderPricing | Objection:
    """Return the order's terms, or the sentence that says why there are none.

    `last_price` is a fresh one; `reference` is the best known for an exit, however old: exits get out.
    """
    if command.intent is Intent.EXIT:
        return _exit_pricing(command, reply, reference)
    match reply:
        case Instrument():
            objection = objection_to(command, reply)
            if objection is not None:
                return objection
            price = limit_price_of(command, reply, last_price)
            if price is None:
                sentence = f"no last price of {command.symbol} is known; send a LIMIT order, or try again"
                return Objection(Reason.PRICE_UNAVAILABLE, sentence)
            return OrderPricing(price, reply.order_quantity_max, last_price, command.trigger_price)
        case UnknownInstrument():
            meant = f"; did you mean {' or '.join(reply.similar)}?" if reply.similar else ""
            sentence = f"the broker knows no {command.symbol} on {command.exchange}{meant}"
            return Objection(Reason.UNKNOWN_INSTRUMENT, sentence)
        case Unavailable():
            return Objection(Reason.INSTRUMENT_UNAVAILABLE, f"{command.symbol} could not be looked up: {reply.cause}")


def _exit_pricing(
    command: OrderCommand, reply: InstrumentReply, reference: Reference | None
) -> OrderPricing | Objection:
    """Shape an exit by what is known. Only one without any price at all, its own or the market's, has no terms."""
    story = {} if reference is None else {"reference": str(reference)}
    match reply:
        case Instrument():
            instrument = reply
        case UnknownInstrument():
            instrument = assumed_instrument(command.exchange, command.symbol)
            story["assumed"] = "tick and lot: the broker knows no such symbol"
        case Unavailable():
            instrument = assumed_instrument(command.exchange, command.symbol)
            story["assumed"] = f"tick and lot: the symbol could not be looked up ({reply.cause})"
        case _:
            assert_never(reply)
    price = exit_limit(command, instrument, reference)
    if price is None:
        sentence = f"no price of {command.symbol} was ever seen; send the exit as a LIMIT order"
        return Objection(Reason.PRICE_UNAVAILABLE, sentence)
    if command.price is not None and price != command.price:
        story["price_asked"] = str(command.price)
    trigger = exit_trigger(command, instrument)
    if trigger != command.trigger_price:
        story["trigger_price_asked"] = str(command.trigger_price)
    last = None if reference is None else reference.price
    return OrderPricing(price, instrument.order_quantity_max, last, trigger, instrument.lot, story)
