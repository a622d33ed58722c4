"""A person's corrections of our own books, over the API and from the command line: reconcile, and clear."""

from typing import Protocol

from fastapi import APIRouter

from console.bodies import Body, flag_in, read_object
from console.changing import text_in
from console.described import POSITION, takes
from console.errors import ApiError
from console.form import Form
from console.protecting import scope_in
from domain.clearing import Difference
from domain.exits import Scope


class CorrectingDesk(Protocol):
    """What is asked of a desk here."""

    def clear(self, scope: Scope, because: str, *, i_know: bool = False) -> str:
        """Take a strategy's position out of our books."""

    def reconcile(self) -> tuple[Difference, ...] | str:
        """Hold our sums against the broker's."""


def add_corrections(guarded: APIRouter, desk: CorrectingDesk) -> None:
    """Add the routes."""

    @guarded.post("/reconcile", summary="Hold our sums against the broker's positions")
    def reconcile() -> Form:
        """Read the broker's positions now and return each difference; nothing is changed by it."""
        found = desk.reconcile()
        if isinstance(found, str):
            raise ApiError(503, f"The broker's positions can't be read: {found}. That does not mean flat.")
        words = "; ".join(map(str, found))
        sentence = f"Our fills and the broker differ: {words}." if found else "Our fills and the broker agree."
        return {"differences": [str(one) for one in found], "sentence": sentence}

    @guarded.post(
        "/positions/clear",
        summary="Take a strategy's position out of our books",
        openapi_extra=takes(*POSITION, "because", also=("i_know",)),
    )
    def clear(body: Body) -> Form:
        """Clear `strategy`, `exchange`, `symbol`, `product`, and `because`; its units count as EXTERNAL from then on.

        409 while the broker shows units of it, unless `i_know` is true, and while orders of it may still trade.
        """
        given = read_object(body)
        i_know = flag_in(given, "i_know")
        scope, because = scope_in(given), text_in(given, "because")
        refused = desk.clear(scope, because, i_know=i_know)
        if refused:
            raise ApiError(409, f"Nothing was cleared: {refused}.")
        return {"sentence": f"{scope} is cleared: our books hold nothing of it any more. Nothing was sent."}
