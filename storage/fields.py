"""How the domain's values stand in a column: moments in the exchange's zone, amounts as the text that was given."""

from datetime import datetime
from decimal import Decimal

import peewee

from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from storage.rows import to_moment, to_text


class MomentField(peewee.DateTimeField):
    """A moment, as a text whose order is that of time."""

    def db_value(self, value: datetime | None) -> str | None:
        """Write the moment."""
        return None if value is None else to_text(value)

    def python_value(self, value: str | None) -> datetime | None:
        """Read the moment."""
        return None if value is None else to_moment(value)


class AmountField(peewee.TextField):
    """A price or an amount of rupees, digit by digit as it was given."""

    def db_value(self, value: Decimal | None) -> str | None:
        """Write the amount."""
        return None if value is None else str(value)

    def python_value(self, value: str | None) -> Decimal | None:
        """Read the amount."""
        return None if value is None else Decimal(value)


def columns_of(key: InstrumentKey) -> dict[str, str]:
    """Return the columns that name what is held."""
    return {"exchange": key.exchange.value, "symbol": key.symbol, "product": key.product.value}


def position_columns_of(position_key: PositionKey) -> dict[str, str]:
    """Return the columns that name a strategy's position."""
    return {"strategy": position_key.strategy} | columns_of(position_key.key)


def key_of(exchange: str, symbol: str, product: str) -> InstrumentKey:
    """Read what is held."""
    return InstrumentKey(Exchange(exchange), symbol, Product(product))


def position_key_of(strategy: str, exchange: str, symbol: str, product: str) -> PositionKey:
    """Read a strategy's position."""
    return PositionKey(strategy, key_of(exchange, symbol, product))
