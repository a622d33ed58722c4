"""Getting out, over the API: make positions flat, and say how far that is."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends

from console.api.openapi import BODY_REFUSALS, takes
from console.api.priority_lanes import PriorityLanes
from console.api.request_models import FlattenBody
from console.api.request_reader import body_of
from console.views.desk_response_types import ExitsAnswer, FlattenAnswer
from console.views.serializers import exits_form, stays_form
from domain.exits.flatten import PositionKey
from domain.read_models import ExitsNow


class ExitingDesk(Protocol):
    """What is asked of a desk here."""

    def flatten(self, reason: str, strategy: str | None = None) -> tuple[PositionKey, ...]:
        """See positions through to flat."""

    def see_to_flat(self, position_keys: Sequence[PositionKey], reason: str) -> None:
        """See these positions through to flat."""

    def is_stored(self) -> bool:
        """Say whether a restart would know of it."""

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""


def add_exits(guarded: APIRouter, desk: ExitingDesk, lanes: PriorityLanes) -> None:
    """Add the routes."""

    @guarded.post(
        "/flatten",
        summary="Make every position flat, or one strategy's",
        openapi_extra=takes(FlattenBody),
        responses=BODY_REFUSALS,
    )
    async def flatten(body: Annotated[FlattenBody, Depends(body_of(FlattenBody))]) -> FlattenAnswer:
        """Stop entries (unless `strategy` names one), take back what is working, and exit until nothing is held.

        `reason` is kept with it. The answer says what is on its way, and with `stored` whether a restart would know
        of it; GET /exits says what still is.
        """
        return await lanes.get_out(partial(_make_flat, desk, body.reason or "no reason given", body.strategy))

    @guarded.get("/exits", summary="What is on its way to flat")
    def exits() -> ExitsAnswer:
        """Return each position that is being made flat, and how often an exit was sent for it.

        `stays` are those that are held though their way out has ended: an odd lot, or shares the broker doesn't have.
        """
        now = desk.exits()
        return {"exits": exits_form(now), "stays": stays_form(now)}


def _make_flat(desk: ExitingDesk, reason: str, strategy: str | None) -> FlattenAnswer:
    position_keys = desk.flatten(reason, strategy)
    stored = desk.is_stored()
    sentence = _flatten_sentence(position_keys, strategy, stored=stored)
    return {"positions": [str(one) for one in position_keys], "stored": stored, "sentence": sentence}


def _flatten_sentence(position_keys: tuple[PositionKey, ...], strategy: str | None, *, stored: bool) -> str:
    whose = "of any strategy" if strategy is None else f"of {strategy}"
    if not position_keys:
        return f"Nothing is held or working {whose}."
    message = f"On the way to flat: {', '.join(map(str, position_keys))}. `status` and GET /exits tell how far."
    if stored:
        return message
    return f"{message} The database does not take it yet: a restart before it does would not know of it."
