"""The broker's own figure of the day, in rupees, without what stands on a price that nobody could have traded at.

Such a row is valued at our own last price. Where there is none, what it has realised counts alone: a loss that nobody
knows is blindness, which is told, and not a figure.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final

from domain.broker.snapshots import PRODUCT_LETTERS, PositionRow, key_of
from domain.positions.pnl import ZERO, Symbol, symbol_of

_DELIVERY: Final = frozenset(letter for product, letter in PRODUCT_LETTERS.items() if product.is_delivery)


def figure_of(rows: Iterable[PositionRow], doubted: AbstractSet[Symbol], prices: Mapping[Symbol, Decimal]) -> Decimal:
    """Return the sum of the rows, delivery apart, those of `doubted` symbols at our last price of them."""
    counted = (row for row in rows if row.product not in _DELIVERY)
    return sum((row.realised + _open_in(row, doubted, prices) for row in counted), ZERO)


def _open_in(row: PositionRow, doubted: AbstractSet[Symbol], prices: Mapping[Symbol, Decimal]) -> Decimal:
    key = key_of(row) if doubted else None
    if key is None or symbol_of(key) not in doubted:
        return row.unrealised
    price = prices.get(symbol_of(key))
    return ZERO if price is None else (price - row.net_average_price) * row.net_quantity
