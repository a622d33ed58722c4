"""Stops of what is held, over the API: list, set, change, remove."""

from decimal import Decimal
from typing import Any, Final, Protocol

from fastapi import APIRouter

from actors.messages.stops import StopsAnswered, StopsNow
from console.api.openapi import POSITION, STOPS, takes
from console.api.routes.changes import text_in
from console.api.schemas import Body, read_object
from console.errors import ApiError
from console.views.form import Form
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.parsing import parse_word, parsers
from domain.orders.stop_terms import InvalidStopsError, StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product, TrailingType
from domain.orders.validation import InvalidOrderError, check_price

LEVELS: Final = ("stop_loss", "target", "trailing_value", "trail_activation")
_SCOPE: Final = ("strategy", "exchange", "symbol", "product")
_FIELDS: Final = frozenset({*_SCOPE, *LEVELS, "trailing_type", "reason"})


class ProtectingDesk(Protocol):
    """What is asked of a desk here."""

    def stops(self) -> StopsNow:
        """Return the positions that are under stops."""

    def protect(self, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsAnswered | None:
        """Put a position under stops, or remove them."""


def add_stops(guarded: APIRouter, desk: ProtectingDesk) -> None:
    """Add the routes."""

    @guarded.get("/stops", summary="What is under stops")
    def stops() -> Form:
        """Return each position that is under stops: the stop in force, the target, the trail, and the last price."""
        return {"stops": [_stops_form(*row) for row in desk.stops().armed]}

    @guarded.post("/stops", summary="Put a position under stops", openapi_extra=takes(*POSITION, "reason", also=STOPS))
    def protect(body: Body) -> Form:
        """Set a held position's `stop_loss`, `target` and trail, in place of those it has, and `reason`.

        The position is `strategy`, `exchange`, `symbol` and `product`. 409 says why not; then nothing has changed.
        """
        given = read_object(body)
        position_key = scope_in(given)
        return _set(desk, position_key, read_terms(given), text_in(given, "reason"))

    @guarded.post("/stops/remove", summary="Remove a position's stops", openapi_extra=takes(*POSITION, "reason"))
    def unprotect(body: Body) -> Form:
        """Let the position stand without stops, and `reason`; nothing is sold."""
        given = read_object(body)
        return _set(desk, scope_in(given), None, text_in(given, "reason"))


def _set(desk: ProtectingDesk, position_key: PositionKey, terms: StopTerms | None, reason: str) -> Form:
    answer = desk.protect(position_key, terms, reason)
    if answer is None:
        raise ApiError(503, "the desk did not answer in time; `stops` tells what stands")
    if answer.refused:
        raise ApiError(409, f"Nothing was changed: {answer.refused}.")
    if answer.armed_stop is None:
        return {"sentence": f"{position_key} is under no stops any more; what is held stays as it is."}
    beware = f" Beware: {answer.beware}." if answer.beware else ""
    return {
        "sentence": f"{position_key} is under stops: {answer.armed_stop}.{beware}",
        "stops": _stops_form(answer.armed_stop),
    }


def scope_in(given: dict[str, Any]) -> PositionKey:
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
    return PositionKey(strategy, InstrumentKey(exchange, symbol, product))


def read_terms(given: dict[str, Any]) -> StopTerms:
    """Return the stops that were asked for; raise `ApiError` in one sentence."""
    try:
        kind = given.get("trailing_type")
        levels: dict[str, Any] = {name: _level(name, given[name]) for name in LEVELS if given.get(name) is not None}
        return StopTerms(
            trailing_type=None if kind is None else parse_word(TrailingType, "trailing_type", kind), **levels
        )
    except (InvalidOrderError, InvalidStopsError) as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was changed.") from None


def _level(name: str, value: object) -> Decimal:
    level: Decimal = parsers[name](name, value)
    check_price(name, level)
    return level


def _stops_form(armed_stop: ArmedStop, last_price: Decimal | None = None, age_s: float | None = None) -> Form:
    position_key, terms = armed_stop.position_key, armed_stop.terms
    return {
        "strategy": position_key.strategy,
        "exchange": position_key.key.exchange.value,
        "symbol": position_key.key.symbol,
        "product": position_key.key.product.value,
        "words": str(armed_stop),
        "stop": _text(armed_stop.stop),
        "stop_loss": _text(terms.stop_loss),
        "target": _text(terms.target),
        "trailing_type": terms.trailing_type,
        "trailing_value": _text(terms.trailing_value),
        "trail_activation": _text(terms.trail_activation),
        "entry_price": _text(armed_stop.entry_price),
        "best_price": _text(armed_stop.best_price),
        "last_price": _text(last_price),
        "price_age_s": None if age_s is None else round(age_s, 1),
        "armed_at": armed_stop.armed_at.isoformat(),
    }


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
