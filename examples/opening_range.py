"""Opening-range breakout: watch the first prices, then trade the way the price leaves their range.

For `range_s` seconds the highest and lowest price are noted. The first price above the range is bought, the first
below it is sold short. The position is given up after `hold_s` seconds, or when the price falls back through the
middle of the range; after that the strategy waits for the next range. It is an example of the desk's use, not advice.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from actors.messages.orders import OrderDeclined
from actors.strategy import StrategyActor, StrategyPorts
from domain.broker.snapshots import Tick
from domain.orders.order import Order, OrderEvent
from domain.orders.types import Intent, Side
from domain.settings import StrategySettings


@dataclass(frozen=True, slots=True)
class Range:
    """The prices seen since `since`."""

    since: datetime
    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        """Return the price halfway between the ends."""
        return (self.low + self.high) / 2

    def widened(self, price: Decimal) -> "Range":
        """Return the range with one more price in it."""
        return replace(self, low=min(self.low, price), high=max(self.high, price))


class OpeningRange(StrategyActor):
    """Trades the breakout of one symbol, one position at a time."""

    def __init__(
        self,
        ports: StrategyPorts,
        settings: StrategySettings,
        *,
        exchange: str = "NSE",
        symbol: str = "RELIANCE-EQ",
        quantity: int = 1,
        range_s: float = 5.0,
        hold_s: float = 8.0,
    ) -> None:
        super().__init__(ports, settings)
        self.exchange, self.symbol, self.quantity = exchange, symbol, quantity
        self.range_s, self.hold_s = timedelta(seconds=range_s), timedelta(seconds=hold_s)
        self.range: Range | None = None
        self.entry: Side | None = None
        self.entered_at: datetime | None = None
        self.leaving = False

    def on_start(self) -> None:
        """Ask for prices."""
        self.watch(self.exchange, self.symbol)

    def on_tick(self, tick: Tick) -> None:
        """Build the range, then wait for the price to leave it, then for the time to give up the position."""
        if self.range is None:
            self.range = Range(tick.seen_at, tick.last_price, tick.last_price)
        elif self.entry is not None:
            self._leave_in_time(tick, self.range)
        elif tick.seen_at - self.range.since < self.range_s:
            self.range = self.range.widened(tick.last_price)
        elif tick.last_price > self.range.high:
            self._enter(Side.BUY)
        elif tick.last_price < self.range.low:
            self._enter(Side.SELL)

    def on_order(self, order: Order, event: OrderEvent) -> None:
        """Note when the position was taken; begin anew when it is gone, or when the entry came to nothing."""
        del event
        held = self.position(self.exchange, self.symbol)
        if order.command.intent is Intent.ENTRY:
            if held and self.entered_at is None:
                self.entered_at = order.updated_at
            elif order.is_terminal and not held:
                self._begin_anew()
        elif order.is_terminal:
            self.leaving = False
            if not held:
                self._begin_anew()

    def on_declined(self, declined: OrderDeclined) -> None:
        """Try again with the next price."""
        del declined
        if self.entered_at is None:
            self._begin_anew()
        self.leaving = False

    def _enter(self, side: Side) -> None:
        trade = self.buy if side is Side.BUY else self.sell
        if trade(self.exchange, self.symbol, self.quantity, comment="opening range breakout") is not None:
            self.entry = side

    def _leave_in_time(self, tick: Tick, seen: Range) -> None:
        if self.entered_at is None or self.leaving or self.entry is None:
            return
        fell_back = (tick.last_price - seen.middle) * self.entry.sign < 0
        if fell_back or tick.seen_at - self.entered_at > self.hold_s:
            self.leaving = self.exit(self.exchange, self.symbol, comment="give up the position") is not None

    def _begin_anew(self) -> None:
        self.range, self.entry, self.entered_at, self.leaving = None, None, None, False
