"""What positions and orders need of the account's money: two models, and neither is the exchange's own.

The plain one looks at each position alone. The hedged one is a simple picture of SPAN: a short option needs a rate of
its strike, and less where as many units of the same right of the same underlying are held long; selling that hedge
while the short stands needs the difference. Assumption: working orders hold no margin in either.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from broker.paper.engine.orders import Ticket
from broker.paper.engine.positions import Position, Positions
from broker.paper.settings import PaperSettings

_FUTURE_RATE: Final = Decimal("0.12")
_INTRADAY_RATE: Final = Decimal("0.20")
_NAKED_RATE: Final = Decimal("0.12")
_HEDGED_RATE: Final = Decimal("0.03")


def margin_used(positions: Iterable[Position], settings: PaperSettings) -> Decimal:
    """Return the margin that open positions hold."""
    held = [one for one in positions if one.net]
    if not settings.hedged_margin:
        return sum((_alone(one) for one in held), Decimal(0))
    options = [one for one in held if one.instrument.strike is not None]
    others = sum((_alone(one) for one in held if one.instrument.strike is None), Decimal(0))
    premiums = sum((one.net * one.net_average for one in options if one.net > 0), Decimal(0))
    return others + premiums + _shorts(options)


def margin_refusal(ticket: Ticket, positions: Positions, settings: PaperSettings) -> str | None:
    """Return the risk engine's words where an order needs more than there is; one that needs none is never refused."""
    before = margin_used(positions.all(), settings)
    if settings.hedged_margin:
        needed = margin_used(_after(ticket, positions), settings) - before
    else:
        needed = _addition(ticket, positions)
    available = settings.cash - before
    if needed <= 0 or needed <= available:
        return None
    return (
        f"RED:Margin Shortfall:INR {needed - available:.2f} Available:INR {available:.2f} "
        f"for C-{settings.user_id} [DEFAULT]"
    )


def _addition(ticket: Ticket, positions: Positions) -> Decimal:
    """Return what the part that does not only close needs by itself."""
    sign = 1 if ticket.side == "B" else -1
    net = positions.net(ticket.instrument, ticket.product)
    adding = ticket.quantity if net * sign >= 0 else max(0, ticket.quantity - abs(net))
    return _margin_of(ticket.instrument.kind, ticket.product, sign * adding, ticket.price or ticket.instrument.close)


def _after(ticket: Ticket, positions: Positions) -> list[Position]:
    """Return the positions as they are when all of an order has traded at its price."""
    found = {(one.instrument.key, one.product): replace(one) for one in positions.all()}
    key = (ticket.instrument.key, ticket.product)
    meant = found.setdefault(key, Position(ticket.instrument, ticket.product))
    meant.take(ticket.side, ticket.quantity, ticket.price or ticket.instrument.close)
    return list(found.values())


def _shorts(options: Iterable[Position]) -> Decimal:
    """Return what short options need, the long ones of the same underlying and right beside them."""
    short: defaultdict[tuple[str, str | None], int] = defaultdict(int)
    long: defaultdict[tuple[str, str | None], int] = defaultdict(int)
    strikes: dict[tuple[str, str | None], Decimal] = {}
    for one in options:
        right = (one.instrument.underlying, one.instrument.option)
        if one.net > 0:
            long[right] += one.net
        elif one.instrument.strike is not None:
            short[right] -= one.net
            strikes[right] = max(one.instrument.strike, strikes.get(right, Decimal(0)))
    needed = Decimal(0)
    for right, units in short.items():
        hedged = min(units, long[right])
        needed += strikes[right] * ((units - hedged) * _NAKED_RATE + hedged * _HEDGED_RATE)
    return needed


def _alone(position: Position) -> Decimal:
    return _margin_of(position.instrument.kind, position.product, position.net, position.net_average)


def _margin_of(kind: str, product: str, net: int, price: Decimal) -> Decimal:
    value = abs(net) * price
    if kind == "EQ":
        return value * _INTRADAY_RATE if product == "I" else value
    if kind == "OPTIDX" and net >= 0:
        return value
    return value * _FUTURE_RATE
