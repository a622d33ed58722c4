"""Baskets, over the API and from the command line: send one from a file, and list them."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from actors.messages.baskets import BasketAnswered
from console.api.openapi import BODY_REFUSALS, refuses, takes
from console.api.request_models import BasketBody
from console.api.request_reader import body_of
from console.views.response_types import BasketForm, BasketRunningAnswer, BasketsAnswer, OutcomeAnswer
from domain.baskets import Basket, BasketRecord, BasketState
from domain.read_models import BasketsNow
from domain.settings import Settings


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
        response_model=BasketForm,
        openapi_extra=takes(BasketBody),
        responses={
            **BODY_REFUSALS,
            **refuses(202, answer=BasketRunningAnswer),
            **refuses(409, answer=BasketForm | OutcomeAnswer),
        },
    )
    def submit(body: Annotated[BasketBody, Depends(body_of(BasketBody))]) -> JSONResponse:
        """Send `legs` in their order as `strategy`, and answer when the basket has ended.

        `pace` is SEQUENTIAL or TOGETHER, `on_failure` STOP or COMPENSATE. 200 all have filled, 202 not known yet,
        409 stopped or taken back. The same `basket_id` is never sent twice.
        """
        basket = body.basket(settings.client_id)
        answer = desk.submit_basket(basket, settings.api.answer_wait_s_max)
        if answer is None:
            message = f"Basket {basket.basket_id} is still on its way; `baskets` tells how it goes."
            running: BasketRunningAnswer = {"basket_id": basket.basket_id, "state": "RUNNING", "sentence": message}
            return JSONResponse(running, 202)
        form = basket_form(answer.record)
        return JSONResponse(form, 200 if answer.record.state is BasketState.DONE else 409)

    @guarded.get("/baskets", summary="The baskets, oldest first")
    def baskets() -> BasketsAnswer:
        """Return each basket: its legs, how it stands, and in words how it ended."""
        return {"baskets": [basket_form(one) for one in desk.baskets().baskets]}


def basket_form(record: BasketRecord) -> BasketForm:
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
