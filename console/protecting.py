"""Stops of what is held, over the API: list, set, change, remove."""

from decimal import Decimal
from typing import Any, Final, Protocol

from fastapi import APIRouter

from actors.messages import StopsAnswered, StopsNow
from console.bodies import Body, read_object
from console.changing import text_in
from console.described import POSITION, STOPS, takes
from console.errors import ApiError
from console.form import Form
from domain.exits import Scope
from domain.order import (
    Exchange,
    InstrumentKey,
    InvalidOrderError,
    Product,
    TrailingType,
    check_price,
    parse_word,
    parsers,
)
from domain.stops import InvalidStopsError, Protection, StopTerms

LEVELS: Final = ("stop_loss", "target", "trailing_value", "trail_when")
_SCOPE: Final = ("strategy", "exchange", "symbol", "product")
_FIELDS: Final = frozenset({*_SCOPE, *LEVELS, "trailing_type", "because"})


class ProtectingDesk(Protocol):
    """What is asked of a desk here."""

    def stops(self) -> StopsNow:
        """Return the positions that are under stops."""

    def protect(self, scope: Scope, terms: StopTerms | None, because: str) -> StopsAnswered | None:
        """Put a position under stops, or remove them."""


def add_stops(guarded: APIRouter, desk: ProtectingDesk) -> None:
    """Add the routes."""

    @guarded.get("/stops", summary="What is under stops")
    def stops() -> Form:
        """Return each position that is under stops: the stop in force, the target, the trail, and the last price."""
        return {"stops": [_stops_form(*row) for row in desk.stops().armed]}

    @guarded.post("/stops", summary="Put a position under stops", openapi_extra=takes(*POSITION, "because", also=STOPS))
    def protect(body: Body) -> Form:
        """Set a held position's `stop_loss`, `target` and trail, in place of those it has, and `because`.

        The position is `strategy`, `exchange`, `symbol` and `product`. 409 says why not; then nothing has changed.
        """
        given = read_object(body)
        scope = scope_in(given)
        return _set(desk, scope, read_terms(given), text_in(given, "because"))

    @guarded.post("/stops/remove", summary="Remove a position's stops", openapi_extra=takes(*POSITION, "because"))
    def unprotect(body: Body) -> Form:
        """Let the position stand without stops, and `because`; nothing is sold."""
        given = read_object(body)
        return _set(desk, scope_in(given), None, text_in(given, "because"))


def _set(desk: ProtectingDesk, scope: Scope, terms: StopTerms | None, because: str) -> Form:
    answer = desk.protect(scope, terms, because)
    if answer is None:
        raise ApiError(503, "the desk did not answer in time; `stops` tells what stands")
    if answer.refused:
        raise ApiError(409, f"Nothing was changed: {answer.refused}.")
    if answer.protection is None:
        return {"sentence": f"{scope} is under no stops any more; what is held stays as it is."}
    beware = f" Beware: {answer.beware}." if answer.beware else ""
    return {
        "sentence": f"{scope} is under stops: {answer.protection}.{beware}",
        "stops": _stops_form(answer.protection),
    }


def scope_in(given: dict[str, Any]) -> Scope:
    """Return the position that is meant; raise `ApiError` naming what is missing or misspelled."""
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise ApiError(422, f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(_FIELDS))}")
    strategy, symbol = text_in(given, "strategy"), text_in(given, "symbol").upper()
    try:
        exchange = parse_word(Exchange, "exchange", given.get("exchange", "NSE"))
        product = parse_word(Product, "product", given.get("product", "MIS"))
    except InvalidOrderError as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was changed.") from None
    return Scope(strategy, InstrumentKey(exchange, symbol, product))


def read_terms(given: dict[str, Any]) -> StopTerms:
    """Return the stops that were asked for; raise `ApiError` in one sentence."""
    try:
        kind = given.get("trailing_type")
        return StopTerms(
            trailing_type=None if kind is None else parse_word(TrailingType, "trailing_type", kind),
            **{name: _level(name, given[name]) for name in LEVELS if given.get(name) is not None},
        )
    except (InvalidOrderError, InvalidStopsError) as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was changed.") from None


def _level(name: str, value: object) -> Decimal:
    level: Decimal = parsers[name](name, value)
    check_price(name, level)
    return level


def _stops_form(protection: Protection, last_price: Decimal | None = None, age_s: float | None = None) -> Form:
    scope, terms = protection.scope, protection.terms
    return {
        "strategy": scope.strategy,
        "exchange": scope.key.exchange.value,
        "symbol": scope.key.symbol,
        "product": scope.key.product.value,
        "words": str(protection),
        "stop": _text(protection.stop),
        "stop_loss": _text(terms.stop_loss),
        "target": _text(terms.target),
        "trailing_type": terms.trailing_type,
        "trailing_value": _text(terms.trailing_value),
        "trail_when": _text(terms.trail_when),
        "anchor": _text(protection.anchor),
        "peak": _text(protection.peak),
        "last_price": _text(last_price),
        "price_age_s": None if age_s is None else round(age_s, 1),
        "armed_at": protection.armed_at.isoformat(),
    }


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
