"""A person's corrections of our own books, over the API and from the command line: reconcile, and write off."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends

from console.api.openapi import BODY_REFUSALS, refuses, takes
from console.api.request_models import WriteOffBody
from console.api.request_reader import body_of
from console.errors import ApiError
from console.views.desk_response_types import DifferencesAnswer
from console.views.response_types import SentenceAnswer
from domain.exits.flatten import PositionKey
from domain.reconciliation.write_off import Difference


class CorrectingDesk(Protocol):
    """What is asked of a desk here."""

    def write_off(self, position_key: PositionKey, reason: str, *, force: bool = False) -> str:
        """Take a strategy's position out of our books."""

    def reconcile(self) -> tuple[Difference, ...] | str:
        """Hold our sums against the broker's."""


def add_corrections(guarded: APIRouter, desk: CorrectingDesk) -> None:
    """Add the routes."""

    @guarded.post("/reconcile", summary="Hold our sums against the broker's positions")
    def reconcile() -> DifferencesAnswer:
        """Read the broker's positions now and return each difference; nothing is changed by it."""
        found = desk.reconcile()
        if isinstance(found, str):
            raise ApiError(503, f"The broker's positions can't be read: {found}. That does not mean flat.")
        message = "; ".join(map(str, found))
        sentence = f"Our fills and the broker differ: {message}." if found else "Our fills and the broker agree."
        return {"differences": [str(one) for one in found], "sentence": sentence}

    @guarded.post(
        "/positions/write-off",
        summary="Take a strategy's position out of our books",
        openapi_extra=takes(WriteOffBody),
        responses={**BODY_REFUSALS, **refuses(409)},
    )
    def write_off(body: Annotated[WriteOffBody, Depends(body_of(WriteOffBody))]) -> SentenceAnswer:
        """Write off `strategy`, `exchange`, `symbol`, `product`, with a `reason`; its units count as EXTERNAL then.

        409 while the broker shows units of it, unless `force` is true, and while orders of it may still trade.
        """
        position_key = body.position_key
        refused = desk.write_off(position_key, body.reason, force=body.force)
        if refused:
            raise ApiError(409, f"Nothing was written off: {refused}.")
        return {"sentence": f"{position_key} is written off: our books hold nothing of it any more. Nothing was sent."}
