"""The day's profit and loss, in rupees, from fills and prices: by strategy and for the account.

Each position is one line with its average cost: what closes it realises the difference, what is left is valued at the
last price. What was carried into the day enters at the first price seen of it, so that the day counts from the day's
own beginning; the broker's figures, which are held beside ours, count from the previous close.

Assumption: a price that moves by a rupee moves a unit's worth by a rupee (price factor 1), as in shares, indices and
their derivatives. Where the factor differs (some contracts of MCX), the broker's figures tell the truth.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, TypeAlias

from domain.exits import Scope
from domain.order import EXTERNAL, Exchange, InstrumentKey, Order

Symbol: TypeAlias = tuple[Exchange, str]
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One position: signed units, their average cost, and what has been realised today."""

    quantity: int = 0
    average: Decimal = ZERO
    realised: Decimal = ZERO

    def traded(self, quantity: int, price: Decimal) -> "Line":
        """Return the line after signed units traded at a price."""
        after = self.quantity + quantity
        if self.quantity * quantity >= 0:
            cost = self.average * abs(self.quantity) + price * abs(quantity)
            return replace(self, quantity=after, average=cost / abs(after) if after else ZERO)
        closed = min(abs(quantity), abs(self.quantity))
        way = 1 if self.quantity > 0 else -1
        realised = self.realised + (price - self.average) * closed * way
        turned = after * self.quantity < 0
        return Line(after, price if turned else self.average if after else ZERO, realised)

    def open_at(self, price: Decimal) -> Decimal:
        """Return what the units held have gained at this price."""
        return (price - self.average) * self.quantity


@dataclass(frozen=True, slots=True)
class PnlRow:
    """A position's figures for people; `open` and `last`, the last price, are None where no price is known."""

    scope: Scope
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
    unpriced: tuple[Scope, ...] = ()

    @property
    def total(self) -> Decimal:
        """Return realised and open together."""
        return self.realised + self.open


@dataclass(slots=True)
class PnlBook:
    """Owns every position's line, what of each order has been counted, and the last prices."""

    lines: dict[Scope, Line] = field(default_factory=dict)
    prices: dict[Symbol, Decimal] = field(default_factory=dict)
    first_prices: dict[Symbol, Decimal] = field(default_factory=dict)
    """At what price each symbol that was carried into the day began to count; kept over restarts of the day."""
    _counted: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    _carried: dict[Scope, int] = field(default_factory=dict)

    def carry(self, scope: Scope, quantity: int) -> None:
        """Take a position over from earlier days; it counts from the first price seen of it.

        Less than nothing of delivery is no position: what was sold came out of the holdings.
        """
        if scope.key.product.is_delivery and quantity < 0:
            return
        self._carried[scope] = self._carried.get(scope, 0) + quantity
        self.lines.setdefault(scope, Line())
        symbol = symbol_of(scope.key)
        price = self.first_prices.get(symbol) or self.prices.get(symbol)
        if price is not None:
            self._enter(scope, price)

    def _enter(self, scope: Scope, price: Decimal) -> None:
        quantity = self._carried.pop(scope, 0)
        if quantity:
            self.first_prices.setdefault(symbol_of(scope.key), price)
            self.lines[scope] = self.lines.get(scope, Line()).traded(quantity, price)

    def count(self, order: Order) -> bool:
        """Count what an order has traded beyond what was counted; say whether there was any."""
        command = order.command
        filled, value = self._counted.get(command.command_id, (0, ZERO))
        average = order.average_price or order.limit_price or command.price
        if order.filled_quantity <= filled or average is None:
            return False
        all_told = average * order.filled_quantity
        quantity = order.filled_quantity - filled
        price = (all_told - value) / quantity
        self._counted[command.command_id] = (order.filled_quantity, all_told)
        scope = Scope(command.strategy, command.key)
        self._enter(scope, price)
        line = self.lines.get(scope, Line())
        units = quantity * command.side.sign
        if scope.key.product.is_delivery:
            # What is sold beyond the line came out of the holdings, whose cost is not known here.
            units = max(units, -line.quantity)
        self.lines[scope] = line.traded(units, price)
        return True

    def shift(self, scope: Scope, units: int, price: Decimal | None = None) -> None:
        """Count units of a strategy under EXTERNAL from now on: at their cost, so that neither gains, or at a price.

        What was carried and has no price yet has no cost either: it goes over as it is.
        """
        line, waits = self.lines.get(scope, Line()), self._carried.get(scope, 0)
        others = Scope(EXTERNAL, scope.key)
        if scope.key.product.is_delivery:
            units = max(0, min(units, line.quantity + waits))
        over = units if waits and not line.quantity else 0
        if waits * units > 0 and line.quantity:
            over = min(abs(waits), abs(units)) * (1 if waits > 0 else -1)
        if over:
            self._carry_on(scope, -over)
            self._carry_on(others, over)
        at = line.average if price is None else price
        self.lines[scope] = line.traded(over - units, at)
        self.lines[others] = self.lines.get(others, Line()).traded(units - over, at)

    def move(self, key: InstrumentKey, units: int) -> None:
        """Count units under EXTERNAL that stand against ours, at their cost or the last price: nobody gains by it."""
        scope = Scope(EXTERNAL, key)
        line, price = self.lines.get(scope, Line()), self.prices.get(symbol_of(key))
        if line.quantity * units < 0:
            self.lines[scope] = line.traded(units, line.average)
        elif price is not None:
            self.lines[scope] = line.traded(units, price)
        else:
            self._carry_on(scope, units)

    def _carry_on(self, scope: Scope, units: int) -> None:
        """Change what waits for its first price; what comes to nothing waits no more."""
        self.lines.setdefault(scope, Line())
        left = self._carried.pop(scope, 0) + units
        if left:
            self._carried[scope] = left

    def see(self, symbol: Symbol, price: Decimal) -> None:
        """Keep the last price, at which what was carried begins to count."""
        self.prices[symbol] = price
        for scope in [one for one in self._carried if symbol_of(one.key) == symbol]:
            self._enter(scope, price)

    def begin_day(self) -> None:
        """Begin to count at zero: the day's products are gone, what is carried counts from the last price on."""
        kept = {scope: line for scope, line in self.lines.items() if not scope.key.product.ends_with_its_day}
        self.lines, self._counted, self.first_prices = {}, {}, {}
        for scope, line in kept.items():
            quantity = line.quantity + self._carried.pop(scope, 0)
            if quantity:
                self.carry(scope, quantity)

    @property
    def held(self) -> tuple[Scope, ...]:
        """Return the positions that are not flat, delivery among them."""
        return tuple(scope for scope, line in self.lines.items() if line.quantity or self._carried.get(scope))

    def rows(self) -> tuple[PnlRow, ...]:
        """Return every position that traded or is held."""
        return tuple(self._row(scope, line) for scope, line in self.lines.items())

    def _row(self, scope: Scope, line: Line) -> PnlRow:
        price = self.prices.get(symbol_of(scope.key))
        gained = ZERO if not line.quantity else None if price is None else line.open_at(price)
        quantity = line.quantity + self._carried.get(scope, 0)
        gained = None if scope in self._carried else gained
        return PnlRow(scope, quantity, line.average, line.realised, gained, price)

    def total(self, strategy: str | None = None) -> Pnl:
        """Return the account's sum, or one strategy's; delivery, an investment, stands apart."""
        rows = [row for row in self.rows() if not row.scope.key.product.is_delivery]
        return summed(row for row in rows if strategy in {None, row.scope.strategy})


def summed(rows: Iterable[PnlRow]) -> Pnl:
    """Add figures up."""
    realised, gained, unpriced = ZERO, ZERO, []
    for row in rows:
        realised += row.realised
        if row.open is None:
            unpriced.append(row.scope)
        else:
            gained += row.open
    return Pnl(realised, gained, tuple(unpriced))


def symbol_of(key: InstrumentKey) -> Symbol:
    """Return what has a price of its own: the product has none."""
    return (key.exchange, key.symbol)


def is_ours(scope: Scope) -> bool:
    """Say whether one of our strategies holds it."""
    return scope.strategy != EXTERNAL
