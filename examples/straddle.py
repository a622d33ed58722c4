"""A short straddle behind bought wings: four legs that belong together, each short leg under a stop of its own.

What it shows: a basket that buys the hedge first and is taken back when a leg fails; stops that the desk arms as each
leg fills; and a time square-off that needs no line of code here (`square_off` in the strategy's table).
"""

from decimal import ROUND_HALF_UP, Decimal

from actors.strategy import StrategyActor, StrategyPorts
from domain.baskets import BasketRecord, BasketState
from domain.broker.snapshots import Tick
from domain.settings import StrategySettings

PAISA = Decimal("0.01")


class Straddle(StrategyActor):
    """Sells `call` and `put` at the first prices of both, behind `call_hedge` and `put_hedge`; once a day.

    `quantity` is in units, a multiple of the lot. Each short leg is bought back when it is `stop_percent` dearer.
    """

    def __init__(
        self,
        ports: StrategyPorts,
        settings: StrategySettings,
        *,
        call: str,
        put: str,
        call_hedge: str,
        put_hedge: str,
        quantity: int,
        stop_percent: float = 25.0,
        exchange: str = "NFO",
    ) -> None:
        super().__init__(ports, settings)
        self.exchange, self.quantity = exchange, quantity
        self.short, self.hedges = (call, put), (call_hedge, put_hedge)
        self.stop_factor = 1 + Decimal(str(stop_percent)) / 100
        self.prices: dict[str, Decimal] = {}
        self.entered = False

    def on_start(self) -> None:
        """Ask for the prices of what is to be sold."""
        for symbol in self.short:
            self.watch(self.exchange, symbol)

    def on_tick(self, tick: Tick) -> None:
        """Enter once both prices are known."""
        self.prices[tick.symbol] = tick.last_price
        if not self.entered and all(symbol in self.prices for symbol in self.short):
            self.entered = True
            self.enter()

    def enter(self) -> None:
        """Send the four legs as one basket: the wings first, because without them the rest would be naked."""
        wings = [self.leg("BUY", self.exchange, symbol, self.quantity) for symbol in self.hedges]
        sold = [
            self.leg("SELL", self.exchange, symbol, self.quantity, stop_loss=self.stop_of(symbol))
            for symbol in self.short
        ]
        self.basket(*wings, *sold, reason="the day's straddle")

    def stop_of(self, symbol: str) -> Decimal:
        """Return the price at which a short leg is bought back."""
        return (self.prices[symbol] * self.stop_factor).quantize(PAISA, ROUND_HALF_UP)

    def on_basket(self, record: BasketRecord) -> None:
        """Try once more next time when nothing came of it."""
        if record.state is not BasketState.DONE:
            self.exit_all("the straddle is not whole")
