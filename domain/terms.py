"""The terms an order leaves with: its wire price, checked against what the exchange demands (before step 2)."""

from dataclasses import dataclass
from decimal import Decimal

from domain.evidence import InstrumentReply, Unavailable, UnknownInstrument
from domain.instrument import Instrument, Objection, limit_price_of, objection_to
from domain.order import Intent, OrderCommand
from domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Terms:
    """A price for the wire (rupees), and the most units one order may have (None: no bound is known)."""

    limit_price: Decimal
    quantity_max: int | None
    last_price: Decimal | None

    def sendable(self, quantity: int) -> int:
        """Return how much of `quantity` one order may carry: under the freeze quantity, in whole lots."""
        return quantity if self.quantity_max is None else min(quantity, self.quantity_max)


def terms_of(command: OrderCommand, reply: InstrumentReply, last_price: Decimal | None) -> Terms | Objection:
    """Return the order's terms, or the sentence that says why there are none.

    An EXIT that names its price goes on even when the instrument could not be looked up: exits get out.
    """
    match reply:
        case Instrument():
            objection = objection_to(command, reply)
            if objection is not None:
                return objection
            price = limit_price_of(command, reply, last_price)
            if price is None:
                sentence = f"no last price of {command.symbol} is known; send a LIMIT order, or try again"
                return Objection(Reason.PRICE_UNAVAILABLE, sentence)
            return Terms(price, reply.order_quantity_max, last_price)
        case UnknownInstrument():
            sentence = f"the broker knows no {command.symbol} on {command.exchange}"
            return Objection(Reason.UNKNOWN_INSTRUMENT, sentence)
        case Unavailable():
            if command.intent is Intent.EXIT and command.price is not None:
                return Terms(command.price, None, None)
            return Objection(Reason.INSTRUMENT_UNAVAILABLE, f"{command.symbol} could not be looked up: {reply.cause}")
