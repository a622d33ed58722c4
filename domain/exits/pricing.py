"""The terms an exit leaves with. Nothing here refuses one for want of knowledge, or for what the exchange demands.

What is missing or old is replaced by the best that is known; what does not fit is shaped: a price outside the day's
band is cut to its edge, one off the tick moves onto the grid without giving more away, and a quantity is cut to whole
lots below the freeze quantity. What was replaced and what was cut stands in the order's story.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import inf
from typing import Final

from domain.broker.reply_types import InstrumentReply
from domain.exits.flatten import FlattenRequest, SendExit
from domain.market.instrument import (
    Instrument,
    band_of,
    inside_band,
    limit_price_of,
    meets_the_edge,
    on_grid,
    protected_limit,
)
from domain.market.price import Reference
from domain.orders.command import OrderCommand
from domain.orders.types import Exchange, Intent, OrderType, Origin, Side
from domain.orders.validation import COMMENT_CHARACTERS_MAX

WIDER_BY: Final = Decimal("0.5")
"""By this share of the usual protection band a price may be worse than that of the order that did not fill."""
BAND_FACTOR_MAX: Final = Decimal(5)
AGE_STEPS: Final = ((5.0, 0), (15.0, 1), (60.0, 2), (300.0, 4), (inf, 8))
"""By so many steps of `WIDER_BY` the first price starts further out, when the last price known is up to so old (s)."""
OLD_PRICE_S: Final = 15.0
"""With an older price each order that does not fill doubles what the next may give away: nobody knows the market."""
OLD_PRICE_GIVE_MAX: Final = Decimal("0.5")
"""But never more than this share of the price."""
ASSUMED_TICK: Final = Decimal("0.05")
"""[assumption] A multiple of every usual tick but those of currencies and of some commodities."""
ASSUMED_TICKS: Final = {Exchange.MCX: Decimal(1), Exchange.CDS: Decimal("0.0025"), Exchange.BCD: Decimal("0.0025")}
_OPTION: Final = re.compile(r"\d(CE|PE)$|\d[CP]\d+(\.\d+)?$")
_DERIVATIVES: Final = frozenset({Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.BCD, Exchange.MCX, Exchange.NCX})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitShape:
    """What an exit wants, as far as the exchange's rules may cut it; `price` is None at the market's price.

    `unfilled` orders before it were in the market at their price and did not fill. `refused`: the one before it was
    refused or rejected, perhaps because the exchange's rules are others than we know.
    """

    side: Side
    quantity: int
    price: Decimal | None = None
    trigger: Decimal | None = None
    unfilled: int = 0
    refused: bool = False

    def is_cut_by(self, instrument: Instrument, reference: Reference | None) -> bool:
        """Say whether lot, freeze quantity or band would cut it, or may have: then they are to be read anew first."""
        if self.refused:
            return True
        most = instrument.order_quantity_max
        if self.quantity % instrument.lot or (most is not None and self.quantity > most):
            return True
        own = [price for price in (self.price, self.trigger) if price is not None]
        if own:
            return any(meets_the_edge(price, instrument) or price % instrument.tick for price in own)
        if reference is None:
            return False
        limit = exit_price(self.side, reference.price, instrument, self.unfilled + 1, reference.age_s)
        return meets_the_edge(limit, instrument)


def shape_of_step(step: SendExit, *, refused: bool) -> ExitShape:
    """Return what the next exit of a flatten task wants; `refused`: the one before it was."""
    return ExitShape(side=step.side, quantity=step.quantity, unfilled=step.unfilled, refused=refused)


def exit_command(
    request: FlattenRequest, step: SendExit, client_id: str, instrument: InstrumentReply, reference: Reference | None
) -> OrderCommand:
    """Return a flatten task's next exit, at the market's price where none is known to limit it by.

    Raise `InvalidOrderError` for a price or a tick that makes no sense.
    """
    price, position_key = None, request.position_key
    if isinstance(instrument, Instrument) and reference is not None:
        price = exit_price(step.side, reference.price, instrument, step.unfilled + 1, reference.age_s)
    return OrderCommand(
        command_id=step.command_id,
        client_id=client_id,
        strategy=position_key.strategy,
        intent=Intent.EXIT,
        exchange=position_key.key.exchange,
        symbol=position_key.key.symbol,
        side=step.side,
        quantity=step.quantity,
        product=position_key.key.product,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
        origin=Origin.HUMAN if request.origin is Origin.HUMAN else Origin.DESK,
        comment=request.reason[:COMMENT_CHARACTERS_MAX],
    )


def shape_of(command: OrderCommand) -> ExitShape | None:
    """Return what an exit wants; None for any other order."""
    if command.intent is not Intent.EXIT:
        return None
    return ExitShape(side=command.side, quantity=command.quantity, price=command.price, trigger=command.trigger_price)


def assumed_instrument(exchange: Exchange, symbol: str) -> Instrument:
    """Return what an instrument of this name most likely demands, where nobody could be asked: no band, no lot."""
    is_option = exchange in _DERIVATIVES and _OPTION.search(symbol) is not None
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token="",
        kind="OPT" if is_option else "",
        tick=ASSUMED_TICK if is_option else ASSUMED_TICKS.get(exchange, ASSUMED_TICK),
        lot=1,
        freeze_quantity=None,
        lower_circuit=None,
        upper_circuit=None,
    )


def exit_price(side: Side, last_price: Decimal, instrument: Instrument, number: int = 1, age_s: float = 0.0) -> Decimal:
    """Return the protected limit of an exit after `number` - 1 orders that were in the market and did not fill.

    `last_price` is so many seconds old: from an old one the first limit starts further out (`AGE_STEPS`), and each
    unfilled order doubles it. It always lies inside the day's band, as far as that is known.
    """
    steps = next(steps for age_s_max, steps in AGE_STEPS if age_s <= age_s_max)
    band = band_of(last_price, instrument)
    if age_s > OLD_PRICE_S:
        give = min(band * (1 + WIDER_BY * steps) * 2 ** min(number - 1, 16), OLD_PRICE_GIVE_MAX)
    else:
        give = band * min(1 + WIDER_BY * (number - 1 + steps), BAND_FACTOR_MAX)
    return protected_limit(side, last_price, instrument, give)


def exit_limit(command: OrderCommand, instrument: Instrument, reference: Reference | None) -> Decimal | None:
    """Return an exit's price for the wire; None where it has none of its own and no price at all is known."""
    if command.order_type is not OrderType.MARKET:
        asked = limit_price_of(command, instrument, None)
        assert asked is not None, "only a market order has no price of its own"
        return _shaped(asked, command.side, instrument)
    if reference is not None:
        return exit_price(command.side, reference.price, instrument, age_s=reference.age_s)
    edge = instrument.lower_circuit if command.side is Side.SELL else instrument.upper_circuit
    return None if edge is None else inside_band(edge, instrument)


def exit_trigger(command: OrderCommand, instrument: Instrument) -> Decimal | None:
    """Return an exit's trigger for the wire, shaped as its limit is, which stays at or beyond it; None: no stop."""
    return None if command.trigger_price is None else _shaped(command.trigger_price, command.side, instrument)


def _shaped(price: Decimal, side: Side, instrument: Instrument) -> Decimal:
    """Return the nearest price on the tick and inside the day's band that gives nothing more away."""
    rounding = ROUND_CEILING if side is Side.SELL else ROUND_FLOOR
    return inside_band(on_grid(price, instrument.tick, rounding), instrument)


def whole_lots(quantity: int, lot: int) -> int:
    """Return the part of `quantity` that is whole lots; all of it where it is less than one: the broker judges that."""
    return quantity // lot * lot or quantity
