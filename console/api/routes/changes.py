"""A person's later words about an order, over the API: cancel, modify, resolve; accept what the books tell; log in."""

import secrets
from functools import partial
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from actors.messages.books import AcceptanceUndone
from actors.messages.orders import OrderAnswered, OrderDeclined
from console.api.openapi import BODY_REFUSALS, refuses, takes
from console.api.priority_lanes import PriorityLanes
from console.api.request_models import AcceptBody, CancelBody, ModifyBody, ResolveBody
from console.api.request_reader import body_of
from console.api.responses import Outcome, changed, not_changed_in_time, refused, resolved
from console.errors import ApiError
from console.views.response_types import AcceptedAnswer, OutcomeAnswer, SentenceAnswer
from domain.alerts.text.breaks import fix_of
from domain.orders.change_command import ChangeCommand
from domain.orders.resolution import Resolution
from domain.reconciliation.breaks import Break, BreakKind
from domain.settings import Settings

_OUTCOMES = {**BODY_REFUSALS, **refuses(202, 404, 409, 502)}


class ChangingDesk(Protocol):
    """What is asked of a desk here."""

    def change(self, command: ChangeCommand, wait_s: float) -> OrderAnswered | OrderDeclined | None:
        """Cancel or modify an order and wait for the broker's answer."""

    def resolve(self, command_id: str, resolution: Resolution) -> OrderAnswered | OrderDeclined | None:
        """Let a person say what became of an order."""

    def accept(self, name: str, reason: str) -> Break | None:
        """Accept what the books differ about."""

    def undo_acceptance(self, name: str, reason: str) -> AcceptanceUndone | None:
        """Take back what a person has accepted."""

    def log_in(self) -> None:
        """Try to open the broker's session again."""


def add_changes(guarded: APIRouter, desk: ChangingDesk, settings: Settings, lanes: PriorityLanes) -> None:
    """Add the routes."""

    @guarded.post(
        "/orders/{command_id}/cancel",
        summary="Cancel an order",
        response_model=OutcomeAnswer,
        openapi_extra=takes(CancelBody),
        responses=_OUTCOMES,
    )
    async def cancel(command_id: str, body: Annotated[CancelBody, Depends(body_of(CancelBody))]) -> JSONResponse:
        """Answer when the broker has: 200 accepted, 202 unconfirmed, 409 not possible, 502 refused. It can still fill.

        The body has, if you like, `reason` and `change_id`: the same is never sent twice, and without one it is made.
        """
        return await lanes.get_out(partial(_change, desk, settings, command_id, body))

    @guarded.post(
        "/orders/{command_id}/modify",
        summary="Modify an order",
        response_model=OutcomeAnswer,
        openapi_extra=takes(ModifyBody),
        responses=_OUTCOMES,
    )
    def modify(command_id: str, body: Annotated[ModifyBody, Depends(body_of(ModifyBody))]) -> JSONResponse:
        """As cancel; the body also has the new `quantity` (the total), `price` or `trigger_price`."""
        return _change(desk, settings, command_id, body)

    @guarded.post(
        "/orders/{command_id}/resolve",
        summary="Say what became of an order",
        response_model=OutcomeAnswer,
        openapi_extra=takes(ResolveBody),
        responses=_OUTCOMES,
    )
    def resolve(command_id: str, body: Annotated[ResolveBody, Depends(body_of(ResolveBody))]) -> JSONResponse:
        """Resolve by hand what the books don't tell: `placed` true or false, `reason`, and what is known of it."""
        answer = desk.resolve(command_id, body.resolution())
        if answer is None:
            raise ApiError(503, "the resolution could not be stored in time; ask for the order again", command_id)
        outcome = refused(answer) if isinstance(answer, OrderDeclined) else resolved(answer.order)
        return _reply(outcome)

    _add_words_on_the_account(guarded, desk)


def _add_words_on_the_account(guarded: APIRouter, desk: ChangingDesk) -> None:
    @guarded.post(
        "/breaks/accept",
        summary="Accept what the books tell differently",
        openapi_extra=takes(AcceptBody),
        responses={**BODY_REFUSALS, **refuses(404, 409)},
    )
    def accept(body: Annotated[AcceptBody, Depends(body_of(AcceptBody))]) -> AcceptedAnswer:
        """Accept by `name`, as /status lists it, and `reason`: units in it become EXTERNAL. `undo` takes that back."""
        return _undo(desk, body.name, body.reason) if body.undo else _accept(desk, body.name, body.reason)

    @guarded.post("/session/login", summary="Log in again")
    def log_in() -> SentenceAnswer:
        """Try to open the broker's session again, also after refusals."""
        desk.log_in()
        return {"sentence": "The desk logs in where no session is open; `status` tells how it went."}


def _accept(desk: ChangingDesk, name: str, reason: str) -> AcceptedAnswer:
    """Accept what the books tell differently."""
    found = desk.accept(name, reason)
    if found is None:
        raise ApiError(404, f"the books do not differ about {name!r}; `status` lists the reconciliation breaks")
    if found.kind is BreakKind.PAST:
        raise ApiError(409, f"an order of a past day is not accepted but resolved: {fix_of(found)}")
    if not found.may_be_accepted:
        raise ApiError(409, f"nothing was accepted; {fix_of(found)}")
    return {"name": found.name, "sentence": f"Accepted: {found.sentence}. Our sums follow the broker's from here."}


def _undo(desk: ChangingDesk, name: str, reason: str) -> AcceptedAnswer:
    """Take back what was accepted under this name."""
    answer = desk.undo_acceptance(name, reason)
    if answer is None or answer.cause:
        cause = "it could not be stored in time" if answer is None else answer.cause
        raise ApiError(503, f"nothing is known to be taken back: {cause}; ask `status`, then try again")
    undone = answer.undone
    if undone is None:
        raise ApiError(404, f"nothing that counts today was accepted of {name!r}")
    units = f" {-undone.difference:+d} units of it count no more." if undone.difference else ""
    sentence = f"Taken back: {name}.{units} If the books still differ, `status` names it again and entries stop."
    return {"name": name, "sentence": sentence}


def _change(desk: ChangingDesk, settings: Settings, command_id: str, body: CancelBody) -> JSONResponse:
    command = body.command(command_id, settings.client_id, spare_id=secrets.token_hex(8))
    answer = desk.change(command, settings.api.answer_wait_s_max)
    if answer is None:
        return _reply(not_changed_in_time(command, settings.api.answer_wait_s_max))
    return _reply(refused(answer) if isinstance(answer, OrderDeclined) else changed(answer, command))


def _reply(outcome: Outcome) -> JSONResponse:
    return JSONResponse(outcome.body(), outcome.http_status)
