"""What single fields of orders and changes may say."""

import re
from decimal import Decimal
from typing import Final

QUANTITY_MAX: Final = 10_000_000

PRICE_MAX: Final = Decimal(10_000_000)

PRICE_PLACES_MAX: Final = 4

COMMENT_CHARACTERS_MAX: Final = 200

COMMAND_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

NAME_PATTERN: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")

_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9 _.-]{0,39}")


class InvalidOrderError(ValueError):
    """An order that cannot be: says in one sentence what is wrong. Nothing was registered or sent."""


def check_text(name: str, value: object, pattern: re.Pattern[str], rule: str) -> None:
    """Refuse a text that the pattern does not match whole; `rule` says in words what it must be."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidOrderError(f"{name} must be {rule}, not {value!r}")


def check_id(name: str, value: object) -> None:
    """Refuse what can't name a command or a change."""
    check_text(name, value, COMMAND_ID_PATTERN, "1 to 64 of A-Z a-z 0-9 _ . : -")


def check_comment(name: str, value: str) -> None:
    """Refuse what is not one short line."""
    if len(value) > COMMENT_CHARACTERS_MAX or not value.isprintable():
        raise InvalidOrderError(f"{name} must be one line of at most {COMMENT_CHARACTERS_MAX} characters")


def check_quantity(value: object) -> None:
    """Refuse what is not a whole number of units in 1..`QUANTITY_MAX`."""
    if type(value) is not int or not 0 < value <= QUANTITY_MAX:
        raise InvalidOrderError(f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not {value!r}")


def check_symbol(symbol: object) -> None:
    """Refuse what is no trading symbol of an exchange."""
    if isinstance(symbol, str) and "&" in symbol:
        raise InvalidOrderError(
            f"symbol {symbol!r} contains '&', which cuts the broker's requests short; it cannot be traded here"
        )
    check_text("symbol", symbol, _SYMBOL, "the exchange's trading symbol in capitals, such as RELIANCE-EQ")


def check_price(name: str, value: object) -> None:
    """Refuse what is neither None nor rupees above 0 with at most `PRICE_PLACES_MAX` decimals."""
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 < value <= PRICE_MAX:
        raise InvalidOrderError(f"{name} must be a number above 0 and at most {PRICE_MAX}, not {value}")
    # Compared, not normalised: arithmetic keeps 28 digits, and would round the surplus away before it is seen.
    if value != round(value, PRICE_PLACES_MAX):
        raise InvalidOrderError(f"{name} must have at most {PRICE_PLACES_MAX} decimals, not {value}")
