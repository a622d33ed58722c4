"""Stops of what is held, over the API: list, set, change, remove."""

from decimal import Decimal
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends

from actors.messages.stops import StopsAnswered
from console.api.openapi import BODY_REFUSALS, refuses, takes
from console.api.request_models import PositionBody, StopsBody
from console.api.request_reader import body_of
from console.errors import ApiError
from console.views.response_types import StopsAnswer, StopsForm, StopsSetAnswer
from console.views.serializers import stops_form, text
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.read_models import StopsNow

_MAY_REFUSE = {**BODY_REFUSALS, **refuses(409)}


class ProtectingDesk(Protocol):
    """What is asked of a desk here."""

    def stops(self) -> StopsNow:
        """Return the positions that are under stops."""

    def protect(self, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsAnswered | None:
        """Put a position under stops, or remove them."""


def add_stops(guarded: APIRouter, desk: ProtectingDesk) -> None:
    """Add the routes."""

    @guarded.get("/stops", summary="What is under stops")
    def stops() -> StopsAnswer:
        """Return each position that is under stops: the stop in force, the target, the trail, and the last price."""
        return {"stops": [_stops_form(*row) for row in desk.stops().armed]}

    @guarded.post("/stops", summary="Put a position under stops", openapi_extra=takes(StopsBody), responses=_MAY_REFUSE)
    def protect(body: Annotated[StopsBody, Depends(body_of(StopsBody))]) -> StopsSetAnswer:
        """Set a held position's `stop_loss`, `target` and trail, in place of those it has, and `reason`.

        The position is `strategy`, `exchange`, `symbol` and `product`. 409 says why not; then nothing has changed.
        """
        return _set(desk, body.position_key, body.terms, body.reason)

    @guarded.post(
        "/stops/remove",
        summary="Remove a position's stops",
        openapi_extra=takes(PositionBody),
        responses=_MAY_REFUSE,
    )
    def unprotect(body: Annotated[PositionBody, Depends(body_of(PositionBody))]) -> StopsSetAnswer:
        """Let the position stand without stops, and `reason`; nothing is sold."""
        return _set(desk, body.position_key, None, body.reason)


def _set(desk: ProtectingDesk, position_key: PositionKey, terms: StopTerms | None, reason: str) -> StopsSetAnswer:
    answer = desk.protect(position_key, terms, reason)
    if answer is None:
        raise ApiError(503, "the desk did not answer in time; `stops` tells what stands")
    if answer.refused:
        raise ApiError(409, f"Nothing was changed: {answer.refused}.")
    if answer.armed_stop is None:
        sentence = f"{position_key} is under no stops any more; what is held stays as it is."
        return {"sentence": sentence, "stops": None}
    beware = f" Beware: {answer.beware}." if answer.beware else ""
    return {
        "sentence": f"{position_key} is under stops: {answer.armed_stop}.{beware}",
        "stops": _stops_form(answer.armed_stop),
    }


def _stops_form(armed_stop: ArmedStop, last_price: Decimal | None = None, age_s: float | None = None) -> StopsForm:
    position_key = armed_stop.position_key
    return {
        "strategy": position_key.strategy,
        "exchange": position_key.key.exchange.value,
        "symbol": position_key.key.symbol,
        "product": position_key.key.product.value,
        "words": str(armed_stop),
        "stop": text(armed_stop.stop),
        **stops_form(armed_stop.terms),
        "entry_price": text(armed_stop.entry_price),
        "best_price": text(armed_stop.best_price),
        "last_price": text(last_price),
        "price_age_s": None if age_s is None else round(age_s, 1),
        "armed_at": armed_stop.armed_at.isoformat(),
    }
