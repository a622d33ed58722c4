"""Positions on their way to flat."""

from dataclasses import dataclass

from actors.messages.query import Query
from domain.exits.flatten import FlattenRequest, PositionKey
from domain.orders.command import OrderCommand
from domain.orders.types import Product
from domain.read_models import ExitsNow


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(Query[ExitsNow]):
    """See these positions through to flat. One that is on its way already is not begun again."""

    requests: tuple[FlattenRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlattenAll:
    """See every position through to flat, or those of one strategy.

    `products` leaves the others' positions as they are; only what may still be bought of them is taken back.
    """

    reason: str
    strategy: str | None = None
    products: frozenset[Product] | None = None

    def is_about(self, position_key: PositionKey) -> bool:
        """Say whether the position's strategy is meant."""
        return self.strategy in {None, position_key.strategy}

    def leaves(self, position_key: PositionKey) -> bool:
        """Say whether the position stays as it is."""
        return self.products is not None and position_key.key.product not in self.products


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExits(Query[ExitsNow]):
    """Which positions are on their way to flat?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitCut:
    """An exit was refused or cut because orders that close the position are working already."""

    command: OrderCommand
