"""Getting out, over the API: make positions flat, and say how far that is."""

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from fastapi import APIRouter

from actors.messages import ExitsNow
from console.bodies import Body, read_object, reason_in
from console.changing import text_in
from console.described import takes
from console.form import Form
from console.forms import exits_form, stays_form
from console.lanes import Lanes
from domain.exits import Scope


class ExitingDesk(Protocol):
    """What is asked of a desk here."""

    def flatten(self, because: str, strategy: str | None = None) -> tuple[Scope, ...]:
        """See positions through to flat."""

    def see_to_flat(self, scopes: Sequence[Scope], because: str) -> None:
        """See these positions through to flat."""

    def is_stored(self) -> bool:
        """Say whether a restart would know of it."""

    def exits(self) -> ExitsNow:
        """Return the positions on their way to flat."""


def add_exits(guarded: APIRouter, desk: ExitingDesk, lanes: Lanes) -> None:
    """Add the routes."""

    @guarded.post(
        "/flatten",
        summary="Make every position flat, or one strategy's",
        openapi_extra=takes(also=("because", "strategy")),
    )
    async def flatten(body: Body) -> Form:
        """Stop entries (unless `strategy` names one), take back what is working, and exit until nothing is held.

        `because` is kept with it. The answer says what is on its way, and with `stored` whether a restart would know
        of it; GET /exits says what still is.
        """
        given = read_object(body) if body else {}
        strategy = text_in(given, "strategy") if "strategy" in given else None
        because = reason_in(given) or "no reason given"
        return await lanes.get_out(partial(_make_flat, desk, because, strategy))

    @guarded.get("/exits", summary="What is on its way to flat")
    def exits() -> Form:
        """Return each position that is being made flat, and how often an exit was sent for it.

        `stays` are those that are held though their way out has ended: an odd lot, or shares the broker doesn't have.
        """
        now = desk.exits()
        return {"exits": exits_form(now), "stays": stays_form(now)}


def _make_flat(desk: ExitingDesk, because: str, strategy: str | None) -> Form:
    scopes = desk.flatten(because, strategy)
    stored = desk.is_stored()
    sentence = _flatten_sentence(scopes, strategy, stored=stored)
    return {"positions": [str(one) for one in scopes], "stored": stored, "sentence": sentence}


def _flatten_sentence(scopes: tuple[Scope, ...], strategy: str | None, *, stored: bool) -> str:
    whose = "of any strategy" if strategy is None else f"of {strategy}"
    if not scopes:
        return f"Nothing is held or working {whose}."
    words = f"On the way to flat: {', '.join(map(str, scopes))}. `status` and GET /exits tell how far."
    if stored:
        return words
    return f"{words} The database does not take it yet: a restart before it does would not know of it."
