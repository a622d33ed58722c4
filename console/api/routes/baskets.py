"""Baskets, over the API and from the command line: send one from a file, and list them."""

from typing import Any, Final, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from actors.messages.baskets import BasketAnswered, BasketsNow
from console.api.openapi import takes
from console.api.schemas import Body, read_object
from console.errors import ApiError
from console.views.form import Form
from domain.baskets import Basket, BasketRecord, BasketState, OnFailure, Pace
from domain.orders.command import OrderCommand
from domain.orders.parsing import parse_word
from domain.orders.types import Origin
from domain.orders.validation import InvalidOrderError
from domain.settings import Settings

_FIELDS: Final = frozenset(
    {"basket_id", "strategy", "legs", "pace", "on_failure", "hedge_first", "leg_wait_s", "reason"}
)


class BasketDesk(Protocol):
    """What is asked of a desk here."""

    def submit_basket(self, basket: Basket, wait_s: float) -> BasketAnswered | None:
        """Send orders that belong together."""

    def baskets(self) -> BasketsNow:
        """Return the baskets."""


def add_baskets(guarded: APIRouter, desk: BasketDesk, settings: Settings) -> None:
    """Add the routes."""

    @guarded.post(
        "/baskets",
        summary="Send orders that belong together",
        openapi_extra=takes(
            "basket_id", "legs", also=("strategy", "pace", "on_failure", "hedge_first", "leg_wait_s", "reason")
        ),
    )
    def submit(body: Body) -> JSONResponse:
        """Send `legs` in their order as `strategy`, and answer when the basket has ended.

        `pace` is SEQUENTIAL or TOGETHER, `on_failure` STOP or COMPENSATE. 200 all have filled, 202 not known yet,
        409 stopped or taken back. The same `basket_id` is never sent twice.
        """
        basket = read_basket(read_object(body), settings.client_id)
        answer = desk.submit_basket(basket, settings.api.answer_wait_s_max)
        if answer is None:
            message = f"Basket {basket.basket_id} is still on its way; `baskets` tells how it goes."
            return JSONResponse({"basket_id": basket.basket_id, "state": "RUNNING", "sentence": message}, 202)
        form = basket_form(answer.record)
        return JSONResponse(form, 200 if answer.record.state is BasketState.DONE else 409)

    @guarded.get("/baskets", summary="The baskets, oldest first")
    def baskets() -> Form:
        """Return each basket: its legs, how it stands, and in words how it ended."""
        return {"baskets": [basket_form(one) for one in desk.baskets().baskets]}


def read_basket(given: dict[str, Any], client_id: str) -> Basket:
    """Return the basket that was asked for; raise `ApiError` in one sentence."""
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise ApiError(422, f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(_FIELDS))}")
    basket_id, strategy = given.get("basket_id"), given.get("strategy", "manual")
    if not basket_id:
        raise ApiError(422, "give the basket a basket_id, so that a repeat never sends it twice")
    legs = given.get("legs")
    if not isinstance(legs, list) or not all(isinstance(leg, dict) for leg in legs):
        raise ApiError(422, "legs must be a list of orders")
    usual = {"client_id": client_id, "strategy": strategy, "intent": "ENTRY", "origin": Origin.HUMAN}
    try:
        return Basket(
            basket_id=str(basket_id),
            strategy=str(strategy),
            legs=tuple(
                OrderCommand.parse({**usual, "command_id": f"{basket_id}.{number}"[-64:], **leg})
                for number, leg in enumerate(legs, 1)
            ),
            pace=parse_word(Pace, "pace", given.get("pace", Pace.SEQUENTIAL)),
            on_failure=parse_word(OnFailure, "on_failure", given.get("on_failure", OnFailure.STOP)),
            hedge_first=given.get("hedge_first", True) is True,
            leg_wait_s=float(given.get("leg_wait_s", 30)),
            reason=str(given.get("reason", "")),
        )
    except (InvalidOrderError, TypeError, ValueError) as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was registered or sent.") from None


def basket_form(record: BasketRecord) -> Form:
    """Return a basket for people and programs."""
    basket = record.basket
    return {
        "basket_id": basket.basket_id,
        "strategy": basket.strategy,
        "legs": [f"{leg.side} {leg.quantity} {leg.symbol}" for leg in basket.legs],
        "command_ids": [leg.command_id for leg in basket.legs],
        "state": record.state.value,
        "asked_at": record.asked_at.isoformat(),
        "sentence": f"Basket {basket.basket_id}: {record.message or 'on its way'}.",
    }
