"""What the risk engine and the exchange say of an order after the front accepted it (docs/protocol.md, rejreason).

The margin, circuit, freeze, holdings and square-off texts are published ones. Assumption: the texts on lot and tick
follow their pattern; no capture shows them.
"""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Final, Literal

from broker.paper.clock import CLOSES, is_open
from broker.paper.engine.margin import margin_refusal
from broker.paper.engine.market import Quote
from broker.paper.engine.orders import MARKET_TYPES, STOP_TYPES, Ticket
from broker.paper.engine.positions import DELIVERY, Positions
from broker.paper.settings import PaperSettings

SQUARE_OFF: Final = time(15, 20)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A no that arrives after the Ok: from the risk engine, or from the exchange."""

    text: str
    by: Literal["RED", ""]


def check(
    ticket: Ticket, quote: Quote, positions: Positions, settings: PaperSettings, now: datetime, waiting: int = 0
) -> Rejection | None:
    """Return why the order is rejected after it was accepted, or None. `waiting`: shares that other sales wait for."""
    text = (
        _limits(ticket, settings)
        or _square_off(ticket, settings, now)
        or _delivery(ticket, positions, settings, waiting)
        or margin_refusal(ticket, positions, settings)
    )
    if text:
        return Rejection(text, "RED")
    if settings.exchange_hours and not is_open(now):
        return Rejection("16278 The markets have not been opened for trading", "")
    if ticket.trigger is not None and not _trigger_fits(ticket, ticket.trigger, quote.last):
        return Rejection("16052 function not available", "")
    return None


def rupees(amount: Decimal) -> str:
    """Return an amount with thousands separated, as the risk engine prints circuit limits."""
    return f"{amount:,.2f}"


def _limits(ticket: Ticket, settings: PaperSettings) -> str | None:
    scrip = ticket.instrument
    tail = f"{scrip.exchange}.{scrip.symbol} for C-{settings.user_id} [DEFAULT]"
    if ticket.quantity % scrip.lot:
        return f"RED:RULE:{{Check lot size}}Current:{ticket.quantity} LotSize:{scrip.lot}:{tail}"
    # Assumption: the freeze quantity itself is refused too, as the published values end in 1.
    if ticket.quantity >= scrip.freeze_quantity:
        return (
            f"RED:Freeze qty Set:{scrip.freeze_quantity} Current:{ticket.quantity} for C-{settings.user_id} [DEFAULT]"
        )
    prices = [] if ticket.price_type in MARKET_TYPES else [ticket.price]
    if ticket.trigger is not None:
        prices.append(ticket.trigger)
    for price in prices:
        if price % scrip.tick:
            return f"RED:RULE:{{Check tick size}}Current:INR {rupees(price)} TickSize:INR {scrip.tick}:{tail}"
        if not scrip.lower_circuit <= price <= scrip.upper_circuit:
            return (
                "RED:RULE:{Check circuit limit including square off order}"
                f"Current:INR {rupees(price)} LowerCircuit:INR {rupees(scrip.lower_circuit)} "
                f"UpperCircuit:INR {rupees(scrip.upper_circuit)}:{tail}"
            )
    return None


def _square_off(ticket: Ticket, settings: PaperSettings, now: datetime) -> str | None:
    if settings.exchange_hours and ticket.product == "I" and SQUARE_OFF <= now.time() < CLOSES:
        return "RED:'MIS' Orders are disallowed after system square off"
    return None


def _delivery(ticket: Ticket, positions: Positions, settings: PaperSettings, waiting: int) -> str | None:
    """Refuse to sell more shares than lie in the demat account or were bought for it today."""
    if settings.short_delivery or ticket.product != DELIVERY or ticket.side == "B":
        return None
    held = positions.held.get(ticket.instrument.key)
    eligible = (held.net if held else 0) + positions.net(ticket.instrument, DELIVERY) - waiting
    if ticket.quantity <= eligible:
        return None
    message = f"Eligible Sell:{eligible}" if eligible > 0 else "No Holdings uploaded"
    return f"RED:RULE:{{Check Holdings Including BTST}}{message} for C-{settings.user_id} [DEFAULT]"


def _trigger_fits(ticket: Ticket, trigger: Decimal, last: Decimal) -> bool:
    """Assumption (an exchange rule): a buy stop needs price >= trigger > last, a sell stop the mirror of it."""
    assert ticket.price_type in STOP_TYPES
    limit = trigger if ticket.price_type in MARKET_TYPES else ticket.price
    return limit >= trigger > last if ticket.side == "B" else limit <= trigger < last
