"""What the risk engine and the exchange say of an order after the front accepted it (docs/protocol.md, rejreason).

The margin, circuit, freeze and square-off texts are published ones. Assumption: the texts on lot and tick follow
their pattern; no capture shows them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Final, Literal

from broker.paper.clock import CLOSES, is_open
from broker.paper.market import Quote
from broker.paper.orders import MARKET_TYPES, STOP_TYPES, Ticket
from broker.paper.positions import Position, Positions
from broker.paper.settings import PaperSettings

SQUARE_OFF: Final = time(15, 20)
_FUTURE_RATE: Final = Decimal("0.12")
_INTRADAY_RATE: Final = Decimal("0.20")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A no that arrives after the Ok: from the risk engine, or from the exchange."""

    text: str
    by: Literal["RED", ""]


def check(
    ticket: Ticket, quote: Quote, positions: Positions, settings: PaperSettings, now: datetime
) -> Rejection | None:
    """Return why the order is rejected after it was accepted, or None."""
    text = _limits(ticket, settings) or _square_off(ticket, settings, now) or _margin(ticket, positions, settings)
    if text:
        return Rejection(text, "RED")
    if settings.exchange_hours and not is_open(now):
        return Rejection("16278 The markets have not been opened for trading", "")
    if ticket.trigger is not None and not _trigger_fits(ticket, ticket.trigger, quote.last):
        return Rejection("16052 function not available", "")
    return None


def margin_used(positions: Iterable[Position]) -> Decimal:
    """Return the margin that open positions hold. Assumption: working orders hold none."""
    return sum(
        (_margin_of(one.instrument.kind, one.product, one.net, one.net_average) for one in positions), Decimal(0)
    )


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


def _margin(ticket: Ticket, positions: Positions, settings: PaperSettings) -> str | None:
    sign = 1 if ticket.side == "B" else -1
    net = positions.net(ticket.instrument, ticket.product)
    # What only closes needs no margin.
    adding = ticket.quantity if net * sign >= 0 else max(0, ticket.quantity - abs(net))
    price = ticket.price or ticket.instrument.close
    needed = _margin_of(ticket.instrument.kind, ticket.product, sign * adding, price)
    available = settings.cash - margin_used(positions.all())
    if needed <= available:
        return None
    return (
        f"RED:Margin Shortfall:INR {needed - available:.2f} Available:INR {available:.2f} "
        f"for C-{settings.user_id} [DEFAULT]"
    )


def _margin_of(kind: str, product: str, net: int, price: Decimal) -> Decimal:
    value = abs(net) * price
    if kind == "EQ":
        return value * _INTRADAY_RATE if product == "I" else value
    if kind == "OPTIDX" and net >= 0:
        return value
    return value * _FUTURE_RATE


def _trigger_fits(ticket: Ticket, trigger: Decimal, last: Decimal) -> bool:
    """Assumption (an exchange rule): a buy stop needs price >= trigger > last, a sell stop the mirror of it."""
    assert ticket.price_type in STOP_TYPES
    limit = trigger if ticket.price_type in MARKET_TYPES else ticket.price
    return limit >= trigger > last if ticket.side == "B" else limit <= trigger < last
