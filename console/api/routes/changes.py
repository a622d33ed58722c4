"""A person's later words about an order, over the API: cancel, modify, resolve; accept what the books tell; log in."""

import secrets
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final, Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from actors.messages.books import AcceptanceUndone
from actors.messages.orders import OrderAnswered, OrderDeclined
from console.api.openapi import takes
from console.api.priority_lanes import PriorityLanes
from console.api.responses import Outcome, changed, not_changed_in_time, refused, resolved
from console.api.schemas import Body, read_object
from console.errors import ApiError
from console.views.form import Form
from domain.alerts.text.breaks import fix_of
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.resolution import Resolution
from domain.orders.types import Origin
from domain.orders.validation import InvalidOrderError
from domain.reconciliation.breaks import Break, BreakKind
from domain.settings import Settings
from domain.texts import one_line

_RESOLVE_FIELDS: Final = frozenset({"placed", "reason", "broker_order_id", "filled_quantity", "average_price"})


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
        "/orders/{command_id}/cancel", summary="Cancel an order", openapi_extra=takes(also=("change_id", "reason"))
    )
    async def cancel(command_id: str, body: Body) -> JSONResponse:
        """Answer when the broker has: 200 accepted, 202 unconfirmed, 409 not possible, 502 refused. It can still fill.

        The body has, if you like, `reason` and `change_id`: the same is never sent twice, and without one it is made.
        """
        given = {"change_id": secrets.token_hex(8), **(read_object(body) if body else {})}
        return await lanes.get_out(partial(_change, desk, settings, command_id, ChangeKind.CANCEL, given))

    @guarded.post(
        "/orders/{command_id}/modify",
        summary="Modify an order",
        openapi_extra=takes("change_id", also=("quantity", "price", "trigger_price", "reason")),
    )
    def modify(command_id: str, body: Body) -> JSONResponse:
        """As cancel; the body also has the new `quantity` (the total), `price` or `trigger_price`."""
        return _change(desk, settings, command_id, ChangeKind.MODIFY, read_object(body))

    @guarded.post(
        "/orders/{command_id}/resolve",
        summary="Say what became of an order",
        openapi_extra=takes("placed", "reason", also=("broker_order_id", "filled_quantity", "average_price")),
    )
    def resolve(command_id: str, body: Body) -> JSONResponse:
        """Resolve by hand what the books don't tell: `placed` true or false, `reason`, and what is known of it."""
        answer = desk.resolve(command_id, _resolution_in(read_object(body), command_id))
        if answer is None:
            raise ApiError(503, "the resolution could not be stored in time; ask for the order again", command_id)
        outcome = refused(answer) if isinstance(answer, OrderDeclined) else resolved(answer.order)
        return _reply(outcome)

    @guarded.post(
        "/breaks/accept",
        summary="Accept what the books tell differently",
        openapi_extra=takes("name", "reason", also=("undo",)),
    )
    def accept(body: Body) -> Form:
        """Accept by `name`, as /status lists it, and `reason`: units in it become EXTERNAL. `undo` takes that back."""
        return _accept(desk, read_object(body))

    @guarded.post("/session/login", summary="Log in again")
    def log_in() -> Form:
        """Try to open the broker's session again, also after refusals."""
        desk.log_in()
        return {"sentence": "The desk tries to log in now; `status` tells how it went."}


def _accept(desk: ChangingDesk, given: dict[str, Any]) -> Form:
    """Accept what the books tell differently, or take that back."""
    undo = given.get("undo", False)
    if undo not in (True, False):
        raise ApiError(422, "undo must be true or false")
    name, reason = text_in(given, "name"), text_in(given, "reason")
    if undo:
        return _undo(desk, name, reason)
    found = desk.accept(name, reason)
    if found is None:
        raise ApiError(404, f"the books do not differ about {name!r}; `status` lists the reconciliation breaks")
    if found.kind is BreakKind.PAST:
        raise ApiError(409, f"an order of a past day is not accepted but resolved: {fix_of(found)}")
    if not found.may_be_accepted:
        raise ApiError(409, f"nothing was accepted; {fix_of(found)}")
    return {"name": found.name, "sentence": f"Accepted: {found.sentence}. Our sums follow the broker's from here."}


def _undo(desk: ChangingDesk, name: str, reason: str) -> Form:
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


def _change(
    desk: ChangingDesk, settings: Settings, command_id: str, kind: ChangeKind, given: dict[str, Any]
) -> JSONResponse:
    filled = {"origin": Origin.HUMAN, **given, "command_id": command_id, "client_id": settings.client_id, "kind": kind}
    try:
        command = ChangeCommand.parse(filled)
    except InvalidOrderError as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was sent.", command_id) from None
    answer = desk.change(command, settings.api.answer_wait_s_max)
    if answer is None:
        return _reply(not_changed_in_time(command, settings.api.answer_wait_s_max))
    return _reply(refused(answer) if isinstance(answer, OrderDeclined) else changed(answer, command))


def _reply(outcome: Outcome) -> JSONResponse:
    return JSONResponse(outcome.body(), outcome.http_status)


def _resolution_in(given: dict[str, Any], command_id: str) -> Resolution:
    unknown = sorted(set(given) - _RESOLVE_FIELDS)
    if unknown:
        raise ApiError(422, f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(_RESOLVE_FIELDS))}")
    if not isinstance(given.get("placed"), bool):
        raise ApiError(422, "placed must be true (the broker has it) or false (it is not there)", command_id)
    filled, price, number = (given.get(name) for name in ("filled_quantity", "average_price", "broker_order_id"))
    if filled is not None and (type(filled) is not int or filled < 0):
        raise ApiError(422, "filled_quantity must be a whole number of units", command_id)
    return Resolution(
        placed=given["placed"],
        reason=text_in(given, "reason"),
        broker_order_id=None if number is None else str(number),
        filled_quantity=filled,
        average_price=None if price is None else _price(price, command_id),
    )


def _price(given: object, command_id: str) -> Decimal:
    try:
        price = Decimal(str(given))
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price <= 0:
        raise ApiError(422, "average_price must be a number of rupees above 0", command_id)
    return price


def text_in(given: dict[str, Any], name: str) -> str:
    """Return a line of text that has to be there."""
    value = given.get(name)
    line = one_line(value) if isinstance(value, str) else ""
    if not line:
        raise ApiError(422, f"{name} must be given, as a line of text")
    return line
