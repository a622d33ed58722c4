"""The smallest strategy: buy once, wait, and get out. Copy it to begin your own."""

from decimal import Decimal

from actors.strategy import StrategyActor, StrategyPorts
from domain.broker.snapshots import Tick
from domain.orders.order import Order, OrderEvent
from domain.settings import StrategySettings


class OneShot(StrategyActor):
    """Buys `quantity` units at the first price, and exits after `hold_ticks` more of them."""

    def __init__(
        self,
        ports: StrategyPorts,
        settings: StrategySettings,
        *,
        exchange: str = "NSE",
        symbol: str = "RELIANCE-EQ",
        quantity: int = 1,
        hold_ticks: int = 5,
    ) -> None:
        super().__init__(ports, settings)
        self.exchange, self.symbol, self.quantity = exchange, symbol, quantity
        self.hold_ticks = hold_ticks
        self.entered_at: Decimal | None = None

    def on_start(self) -> None:
        """Ask for prices."""
        self.watch(self.exchange, self.symbol)

    def on_tick(self, tick: Tick) -> None:
        """Buy at the first price; count the ticks; get out."""
        if self.entered_at is None:
            self.entered_at = tick.last_price
            self.buy(self.exchange, self.symbol, self.quantity, comment="one shot")
        elif self.position(self.exchange, self.symbol):
            self.hold_ticks -= 1
            if self.hold_ticks == 0:
                self.exit(self.exchange, self.symbol)

    def on_order(self, order: Order, event: OrderEvent) -> None:
        """See the order move; a real strategy would decide something here."""
