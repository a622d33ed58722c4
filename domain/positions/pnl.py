"""The day's profit and loss, in rupees, from fills and prices: by strategy and for the account.

Each position is a line with its average cost. What was carried into the day enters at the first price seen of it, so
that the day counts from its own beginning; the broker's figures, held beside ours, count from the previous close.

Assumption: a price that moves by a rupee moves a unit's worth by a rupee (price factor 1), as in shares, indices and
their derivatives. Where the factor differs (some contracts of MCX), the broker's figures tell the truth.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from domain.exits.flatten import PositionKey
from domain.orders.order import Order
from domain.orders.types import EXTERNAL, Exchange, InstrumentKey
from domain.positions.position_pnl import PositionPnl

Symbol: TypeAlias = tuple[Exchange, str]
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class PnlRow:
    """A position's figures for people; `open` and `last`, the last price, are None where no price is known."""

    position_key: PositionKey
    quantity: int
    average: Decimal
    realised: Decimal
    open: Decimal | None
    last: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Pnl:
    """A sum: realised, open, and which positions no price is known of."""

    realised: Decimal = ZERO
    open: Decimal = ZERO
    unpriced: tuple[PositionKey, ...] = ()

    @property
    def total(self) -> Decimal:
        """Return realised and open together."""
        return self.realised + self.open


@dataclass(slots=True)
class PnlBook:
    """Owns every position's line, what of each order has been counted, and the last prices."""

    day: str = ""
    """The day that is counted (YYYY-MM-DD); empty where no order is of an earlier one."""
    lines: dict[PositionKey, PositionPnl] = field(default_factory=dict)
    prices: dict[Symbol, Decimal] = field(default_factory=dict)
    first_prices: dict[Symbol, Decimal] = field(default_factory=dict)
    """At what price each symbol that was carried into the day began to count; kept over restarts of the day."""
    _counted: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    _carried: dict[PositionKey, int] = field(default_factory=dict)

    def carry(self, position_key: PositionKey, quantity: int) -> None:
        """Take a position over from earlier days; it counts from the first price seen of it.

        Less than nothing of delivery is no position: what was sold came out of the holdings.
        """
        if position_key.key.product.is_delivery and quantity < 0:
            return
        self._take_over(position_key, quantity)

    def _take_over(self, position_key: PositionKey, quantity: int) -> None:
        """Let signed units of earlier days enter at the day's first price, now or when it is seen."""
        self._carry_on(position_key, quantity)
        symbol = symbol_of(position_key.key)
        price = self.first_prices.get(symbol) or self.prices.get(symbol)
        if price is not None:
            self._enter(position_key, price)

    def _enter(self, position_key: PositionKey, price: Decimal) -> None:
        quantity = self._carried.pop(position_key, 0)
        if quantity:
            self.first_prices.setdefault(symbol_of(position_key.key), price)
            self.lines[position_key] = self.lines.get(position_key, PositionPnl()).traded(quantity, price)

    def count(self, order: Order) -> bool:
        """Count what an order has traded beyond what was counted; say whether there was any.

        What one of an earlier day traded was carried into the day, and counts from its first price like all that was;
        where its product is not carried it is over.
        """
        command = order.command
        filled, value = self._counted.get(command.command_id, (0, ZERO))
        average = order.average_price or order.limit_price or command.price
        if order.filled_quantity <= filled or average is None:
            return False
        all_told = average * order.filled_quantity
        quantity = order.filled_quantity - filled
        price = (all_told - value) / quantity
        self._counted[command.command_id] = (order.filled_quantity, all_told)
        position_key = PositionKey(command.strategy, command.key)
        is_past = order.day < self.day
        if is_past and command.product.ends_with_its_day:
            return False
        if not is_past:
            self._enter(position_key, price)
        line = self.lines.get(position_key, PositionPnl())
        units = quantity * command.side.sign
        if position_key.key.product.is_delivery:
            # What is sold beyond the line came out of the holdings, whose cost is not known here.
            units = max(units, -line.quantity - self._carried.get(position_key, 0))
        if is_past:
            self._take_over(position_key, units)
        else:
            self.lines[position_key] = line.traded(units, price)
        return True

    def shift(self, position_key: PositionKey, units: int, price: Decimal | None = None) -> None:
        """Count units of a strategy under EXTERNAL from now on: at their cost, so that neither gains, or at a price.

        What was carried and has no price yet has no cost either: it goes over as it is.
        """
        line, waits = self.lines.get(position_key, PositionPnl()), self._carried.get(position_key, 0)
        others = PositionKey(EXTERNAL, position_key.key)
        if position_key.key.product.is_delivery:
            units = max(0, min(units, line.quantity + waits))
        over = units if waits and not line.quantity else 0
        if waits * units > 0 and line.quantity:
            over = min(abs(waits), abs(units)) * (1 if waits > 0 else -1)
        if over:
            self._carry_on(position_key, -over)
            self._carry_on(others, over)
        at = line.average if price is None else price
        self.lines[position_key] = line.traded(over - units, at)
        self.lines[others] = self.lines.get(others, PositionPnl()).traded(units - over, at)

    def move(self, key: InstrumentKey, units: int) -> None:
        """Count units under EXTERNAL that stand against ours, at their cost or the last price: nobody gains by it."""
        position_key = PositionKey(EXTERNAL, key)
        line, price = self.lines.get(position_key, PositionPnl()), self.prices.get(symbol_of(key))
        if line.quantity * units < 0:
            self.lines[position_key] = line.traded(units, line.average)
        elif price is not None:
            self.lines[position_key] = line.traded(units, price)
        else:
            self._carry_on(position_key, units)

    def _carry_on(self, position_key: PositionKey, units: int) -> None:
        """Change what waits for its first price; what comes to nothing waits no more."""
        self.lines.setdefault(position_key, PositionPnl())
        left = self._carried.pop(position_key, 0) + units
        if left:
            self._carried[position_key] = left

    def see(self, symbol: Symbol, price: Decimal) -> None:
        """Keep the last price, at which what was carried begins to count."""
        self.prices[symbol] = price
        for position_key in [one for one in self._carried if symbol_of(one.key) == symbol]:
            self._enter(position_key, price)

    def begin_day(self, day: str) -> None:
        """Begin to count at zero: the day's products are gone, what is carried counts from the last price on."""
        self.day = day
        kept = {
            position_key: line
            for position_key, line in self.lines.items()
            if not position_key.key.product.ends_with_its_day
        }
        self.lines, self.first_prices = {}, {}
        for position_key, line in kept.items():
            quantity = line.quantity + self._carried.pop(position_key, 0)
            if quantity:
                self.carry(position_key, quantity)

    @property
    def held(self) -> tuple[PositionKey, ...]:
        """Return the positions that are not flat, delivery among them."""
        return tuple(
            position_key
            for position_key, line in self.lines.items()
            if line.quantity or self._carried.get(position_key)
        )

    def rows(self) -> tuple[PnlRow, ...]:
        """Return every position that traded or is held."""
        return tuple(self._row(position_key, line) for position_key, line in self.lines.items())

    def _row(self, position_key: PositionKey, line: PositionPnl) -> PnlRow:
        price = self.prices.get(symbol_of(position_key.key))
        gained = ZERO if not line.quantity else None if price is None else line.open_at(price)
        quantity = line.quantity + self._carried.get(position_key, 0)
        gained = None if position_key in self._carried else gained
        return PnlRow(position_key, quantity, line.average, line.realised, gained, price)

    def units(self) -> dict[InstrumentKey, int]:
        """Return the signed units of every position beside delivery, all strategies' and others' together."""
        units: defaultdict[InstrumentKey, int] = defaultdict(int)
        for row in self.rows():
            if not row.position_key.key.product.is_delivery:
                units[row.position_key.key] += row.quantity
        return dict(units)

    def total(self, strategy: str | None = None) -> Pnl:
        """Return the account's sum, or one strategy's; delivery, an investment, stands apart."""
        return total_of(self.rows(), strategy)


def total_of(rows: Iterable[PnlRow], strategy: str | None = None) -> Pnl:
    """Add figures up, the account's or one strategy's; delivery stands apart."""
    realised, gained, unpriced = ZERO, ZERO, []
    for row in rows:
        if row.position_key.key.product.is_delivery or strategy not in {None, row.position_key.strategy}:
            continue
        realised += row.realised
        if row.open is None:
            unpriced.append(row.position_key)
        else:
            gained += row.open
    return Pnl(realised, gained, tuple(unpriced))


def symbol_of(key: InstrumentKey) -> Symbol:
    """Return what has a price of its own: the product has none."""
    return (key.exchange, key.symbol)


def is_ours(position_key: PositionKey) -> bool:
    """Say whether one of our strategies holds it."""
    return position_key.strategy != EXTERNAL
