"""Fields as callers spell them, read into ours; spellings of the exchange and of brokers are known."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.orders.change import ChangeKind
from domain.orders.types import Exchange, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.orders.validation import COMMENT_CHARACTERS_MAX, InvalidOrderError
from domain.texts import one_line

NUMBER_DIGITS_MAX: Final = 20

SPELLINGS: Final[Mapping[str, str]] = {
    "B": "BUY",
    "S": "SELL",
    "MKT": "MARKET",
    "LMT": "LIMIT",
    "SL-LMT": "SL",
    "SL-MKT": "SL-M",
    "SLM": "SL-M",
    "C": "CNC",
    "M": "NRML",
    "I": "MIS",
}
"""The usual other spellings, accepted at the edges only."""

_Word = TypeVar("_Word", bound=StrEnum)


def parse_word(kind: type[_Word], name: str, value: object) -> _Word:
    """Return the member that `value` spells; raise `InvalidOrderError` naming the choices."""
    text = str(value).strip().upper()
    text = SPELLINGS.get(text, text)
    try:
        return kind(text)
    except ValueError:
        choices = ", ".join(member.value for member in kind)
        raise InvalidOrderError(f"{name} must be one of {choices}, not {value!r}") from None


def _word(kind: type[StrEnum]) -> Any:  # noqa: ANN401  the parsers of a table share no narrower type
    return lambda name, value: parse_word(kind, name, value)


def _text(_name: str, value: object) -> str:
    return str(value).strip()


def _flag(name: str, value: object) -> bool:
    message = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    known = message.get(str(value).strip().lower())
    if known is None:
        raise InvalidOrderError(f"{name} must be true or false, not {value!r}")
    return known


def _whole(name: str, value: object) -> int:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    # An exponent alone could spell a number that fills the memory: bounded before it becomes an int.
    endless = not number.is_finite() or number.adjusted() > NUMBER_DIGITS_MAX
    if isinstance(value, bool) or endless or number != number.to_integral_value():
        raise InvalidOrderError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def _decimal(name: str, value: object) -> Decimal:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        hint = "; write it without commas" if "," in str(value) else ""
        raise InvalidOrderError(f"{name} must be a number, not {value!r}{hint}") from None


parsers: Final[Mapping[str, Any]] = {
    "command_id": _text,
    "client_id": _text,
    "strategy": _text,
    "intent": _word(Intent),
    "exchange": _word(Exchange),
    "symbol": lambda name, value: _text(name, value).upper(),
    "side": _word(Side),
    "quantity": _whole,
    "product": _word(Product),
    "order_type": _word(OrderType),
    "price": _decimal,
    "trigger_price": _decimal,
    "stop_loss": _decimal,
    "target": _decimal,
    "trailing_type": _word(TrailingType),
    "trailing_value": _decimal,
    "trail_activation": _decimal,
    "comment": lambda _name, value: one_line(value, COMMENT_CHARACTERS_MAX),
    "origin": _word(Origin),
    "amo": _flag,
    "change_id": _text,
    "kind": _word(ChangeKind),
    "reason": lambda _name, value: one_line(value, COMMENT_CHARACTERS_MAX),
}
"""How each field of a command is read from loose spellings."""
