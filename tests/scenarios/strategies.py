"""Strategies that have lost their mind, or change it."""

import threading
from typing import Final

from actors.strategy import StrategyActor, StrategyPorts
from domain.broker.snapshots import Tick
from domain.orders.order import Order, OrderEvent
from domain.settings import StrategySettings

let_go: Final = threading.Event()
"""Ends what would go on for ever: it runs in the tests' own process."""


class Troubled(StrategyActor):
    """Goes wrong in one of its hooks, every time. Buys one unit at its first price."""

    def __init__(self, ports: StrategyPorts, settings: StrategySettings, *, hook: str, how: str) -> None:
        super().__init__(ports, settings)
        self._hook, self._how = hook, how
        self._bought = False

    def on_start(self) -> None:
        self.watch("NSE", "RELIANCE-EQ")
        self._go_wrong_in("on_start")

    def on_tick(self, tick: Tick) -> None:
        if not self._bought:
            self._bought = True
            self.buy("NSE", tick.symbol, 1)
        self._go_wrong_in("on_tick")

    def on_order(self, order: Order, event: OrderEvent) -> None:
        del order, event
        self._go_wrong_in("on_order")

    def _go_wrong_in(self, hook: str) -> None:
        if hook != self._hook:
            return
        match self._how:
            case "waits":
                let_go.wait()
            case "computes":
                while not let_go.is_set():
                    pass
            case "raises":
                raise RuntimeError("out of its mind")
            case "floods":
                for _ in range(50):
                    self.buy("NSE", "RELIANCE-EQ", 1)
            case _:
                raise AssertionError(self._how)


class Fickle(StrategyActor):
    """Buys, and wants out in the same breath."""

    def on_start(self) -> None:
        self.buy("NSE", "RELIANCE-EQ", 10)
        self.exit_all("changed its mind")
