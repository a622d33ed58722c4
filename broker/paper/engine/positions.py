"""What the account holds: carried over from earlier days, and traded today (docs/protocol.md, PositionBook).

Assumption: overnight NRML stays a position, carried at its average price; delivery (CNC) leaves the book for the
holdings; nothing of MIS is left, as the broker squares it off.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias

from broker.paper.engine.instruments import Instrument
from broker.paper.engine.orders import Fill, Terms, Ticket

Heir: TypeAlias = Callable[[Instrument], tuple[Instrument, Decimal]]
"""Says what an instrument has become over night, and how many units one has become."""
DELIVERY: Final = "C"
INTRADAY: Final = "I"
OVERNIGHT: Final = "M"


@dataclass(slots=True)
class Position:
    """One instrument and product: what was carried into the day, signed, and the day's trades."""

    instrument: Instrument
    product: str
    carried: int = 0
    carried_price: Decimal = Decimal(0)
    buy_quantity: int = 0
    sell_quantity: int = 0
    buy_amount: Decimal = Decimal(0)
    sell_amount: Decimal = Decimal(0)

    @property
    def net(self) -> int:
        """Return the signed quantity held."""
        return self.carried + self.buy_quantity - self.sell_quantity

    @property
    def carried_buy(self) -> int:
        """Return the quantity carried long."""
        return max(0, self.carried)

    @property
    def carried_sell(self) -> int:
        """Return the quantity carried short."""
        return max(0, -self.carried)

    @property
    def total_buy_amount(self) -> Decimal:
        """Return what was paid, the carried part at the price it was carried at."""
        return self.buy_amount + self.carried_buy * self.carried_price

    @property
    def total_sell_amount(self) -> Decimal:
        """Return what was received, the carried part at the price it was carried at."""
        return self.sell_amount + self.carried_sell * self.carried_price

    @property
    def day_buy_average(self) -> Decimal:
        """Return the average price of what was bought today, zero without a buy."""
        return _average(self.buy_amount, self.buy_quantity)

    @property
    def day_sell_average(self) -> Decimal:
        """Return the average price of what was sold today, zero without a sell."""
        return _average(self.sell_amount, self.sell_quantity)

    @property
    def buy_average(self) -> Decimal:
        """Return the average buying price with the carried part, zero without a buy."""
        return _average(self.total_buy_amount, self.buy_quantity + self.carried_buy)

    @property
    def sell_average(self) -> Decimal:
        """Return the average selling price with the carried part, zero without a sell."""
        return _average(self.total_sell_amount, self.sell_quantity + self.carried_sell)

    @property
    def net_average(self) -> Decimal:
        """Return the average of the open side, zero when flat."""
        if self.net == 0:
            return Decimal(0)
        return self.buy_average if self.net > 0 else self.sell_average

    @property
    def realised(self) -> Decimal:
        """Return the profit of what was both bought and sold."""
        closed = min(self.buy_quantity + self.carried_buy, self.sell_quantity + self.carried_sell)
        return closed * (self.sell_average - self.buy_average)

    def unrealised(self, last: Decimal) -> Decimal:
        """Return net quantity times the distance of `last` from the net average (docs/protocol.md, urmtom)."""
        return self.net * (last - self.net_average)

    def take(self, side: str, quantity: int, price: Decimal) -> None:
        """Book one trade; a negative quantity takes one back."""
        if side == "B":
            self.buy_quantity += quantity
            self.buy_amount += quantity * price
        else:
            self.sell_quantity += quantity
            self.sell_amount += quantity * price


class Positions:
    """Owns one position per exchange, token and product, and the shares that were delivered.

    Flat positions stay for the day.
    """

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Position] = {}
        self.held: dict[str, Position] = {}
        """Delivered shares by instrument, each as a carried position."""

    def all(self) -> list[Position]:
        """Return the day's positions, flat ones included."""
        return list(self._by_key.values())

    def with_working(self, working: Iterable[tuple[Instrument, str]]) -> list[Position]:
        """Return the day's positions, and empty ones where only orders wait: the book shows those too."""
        shown = {(instrument.key, product): Position(instrument, product) for instrument, product in working}
        return list((shown | self._by_key).values())

    def net(self, instrument: Instrument, product: str) -> int:
        """Return the signed quantity held."""
        position = self._by_key.get((instrument.key, product))
        return position.net if position else 0

    def take_fill(self, terms: Terms, fill: Fill) -> None:
        """Book one trade."""
        self._of(terms.instrument, terms.product).take(terms.side, fill.quantity, fill.price)

    def convert(self, instrument: Instrument, product: str, to: str, quantity: int) -> None:
        """Move `quantity` (signed as the position) of the day's trades from one product to another."""
        side, units = ("B", quantity) if quantity > 0 else ("S", -quantity)
        before = self._of(instrument, product)
        price = before.day_buy_average if quantity > 0 else before.day_sell_average
        before.take(side, -units, price)
        self._of(instrument, to).take(side, units, price)

    def carry(self, instrument: Instrument, product: str, quantity: int, price: Decimal) -> None:
        """Take a position over from the day before; delivery is a holding from then on."""
        if product == DELIVERY:
            self.held[instrument.key] = Position(instrument, product, quantity, price)
        else:
            self._by_key[instrument.key, product] = Position(instrument, product, quantity, price)

    def overnight(self) -> list[Position]:
        """Return what a new day begins with: open NRML, and holdings with what was delivered today."""
        kept = [one for one in self._by_key.values() if one.product == OVERNIGHT and one.net]
        delivered = dict(self.held)
        for one in self._by_key.values():
            if one.product == DELIVERY and one.net:
                before = self.held.get(one.instrument.key)
                whole = Position(one.instrument, DELIVERY, before.net, before.net_average) if before else one
                if before:
                    whole.take("B", one.buy_quantity, one.day_buy_average)
                    whole.take("S", one.sell_quantity, one.day_sell_average)
                delivered[one.instrument.key] = whole
        return kept + [one for one in delivered.values() if one.net > 0]

    def _of(self, instrument: Instrument, product: str) -> Position:
        return self._by_key.setdefault((instrument.key, product), Position(instrument, product))


def carried_into(day: date, overnight: Iterable[Position], heir: Heir) -> list[Position]:
    """Return what positions are on `day`: under another name or in other units by then, or expired and gone."""
    found = []
    for one in overnight:
        instrument, ratio = heir(one.instrument)
        if instrument.lives_on(day):
            found.append(Position(instrument, one.product, int(one.net * ratio), one.net_average / ratio))
    return found


def closing_ticket(position: Position, source: str) -> Ticket:
    """Return the order that makes a position flat, at the worst price of the day."""
    scrip, is_long = position.instrument, position.net > 0
    return Ticket(
        instrument=scrip,
        side="S" if is_long else "B",
        product=position.product,
        price_type="LMT",
        price=scrip.lower_circuit if is_long else scrip.upper_circuit,
        trigger=None,
        quantity=abs(position.net),
        disclosed=0,
        retention="DAY",
        remarks=None,
        source=source,
    )


def _average(amount: Decimal, quantity: int) -> Decimal:
    return amount / quantity if quantity else Decimal(0)
