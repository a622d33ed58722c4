"""Which of our orders may still trade: what is being entered, and what could trade with an order of ours."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.exits.flatten import PositionKey
from domain.orders.command import OrderCommand
from domain.orders.types import Exchange, Intent, Side


@dataclass(slots=True)
class OpenOrders:
    """Owns the entries under way by their position, and the ids of all orders by symbol and side."""

    _entering: dict[str, PositionKey] = field(default_factory=dict)
    _sides: dict[tuple[Exchange, str, Side], dict[str, None]] = field(default_factory=dict)

    def add(self, command: OrderCommand) -> None:
        """Count an order that was let pass."""
        self._sides.setdefault((command.exchange, command.symbol, command.side), {})[command.command_id] = None
        if command.intent is not Intent.EXIT:
            self._entering[command.command_id] = PositionKey(command.strategy, command.key)

    def remove(self, command: OrderCommand) -> None:
        """Forget an order that can't trade any more."""
        self._entering.pop(command.command_id, None)
        there = (command.exchange, command.symbol, command.side)
        names = self._sides.get(there, {})
        names.pop(command.command_id, None)
        if not names:
            self._sides.pop(there, None)

    def positions_beside(self, command: OrderCommand, held: Iterable[PositionKey]) -> int:
        """Count the positions that are held or being entered, that of this order apart."""
        return len(({*held} | {*self._entering.values()}) - {PositionKey(command.strategy, command.key)})

    def could_meet(self, command: OrderCommand) -> str | None:
        """Return the oldest of our own orders that this one could trade with."""
        return next(iter(self._sides.get((command.exchange, command.symbol, command.side.opposite), ())), None)
