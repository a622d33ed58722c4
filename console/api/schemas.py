"""Reading what a caller sent: JSON objects only, exact numbers, no doubt about what was meant."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Never

from fastapi import Depends, Request

from console.errors import ApiError
from domain.orders.command import OrderCommand
from domain.orders.types import Origin
from domain.orders.validation import InvalidOrderError
from domain.risk.checks import TradingState
from domain.texts import one_line

BODY_BYTES_MAX: Final = 64 * 1024


async def _body(request: Request) -> bytes:
    """Read the body, and no more of it than is allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, f"the body is above {BODY_BYTES_MAX} bytes; an order needs far less")
    return bytes(body)


Body = Annotated[bytes, Depends(_body)]
"""The bytes of a request, within bounds."""


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`, its decimals exact; raise `ApiError` with what is wrong."""
    try:
        given = json.loads(
            body, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_names
        )
    except ApiError:
        raise
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON ({str(error)[:120]}); send one JSON object") from None
    if not isinstance(given, dict):
        raise ApiError(422, 'the body must be one JSON object, such as {"command_id": "…", …}')
    return given


def _refuse_constant(word: str) -> Never:
    raise ApiError(422, f"{word} is not a number an order can have; leave the field out or give a finite number")


def _refuse_repeated_names(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) != len(pairs):
        raise ApiError(422, "a field is given twice in the body; nothing was done, as either could be meant")
    return given


def read_order(given: dict[str, Any], idempotency_key: str | None, client_id: str) -> OrderCommand:
    """Return the order that was asked for; raise `ApiError` where it can't be or its id is in doubt."""
    named = given.get("command_id")
    if named is not None and idempotency_key is not None and str(named).strip() != idempotency_key.strip():
        raise ApiError(422, "command_id and the Idempotency-Key header differ; give one of them, or the same in both")
    command_id = idempotency_key if named is None else named
    if command_id is None:
        raise ApiError(
            422, "give the order a command_id (or an Idempotency-Key header), so that a repeat never sends it twice"
        )
    if given.get("client_id") not in (None, client_id):
        raise ApiError(422, f"this desk trades for {client_id!r} only; leave client_id out", str(command_id))
    filled = {"origin": Origin.HUMAN, **given, "command_id": command_id, "client_id": client_id}
    try:
        return OrderCommand.parse(filled)
    except InvalidOrderError as error:
        raise ApiError(422, f"Invalid: {error}. Nothing was registered or sent.", str(command_id)) from None


def read_trading_state(given: dict[str, Any]) -> tuple[TradingState, str, bool]:
    """Return the state that trading shall turn to, why, and whether a broken loss limit is meant to be passed."""
    unknown = sorted(set(given) - {"state", "reason", "force"})
    if unknown:
        raise ApiError(422, f"unknown field {unknown[0]!r}; the fields are: state, because, force")
    word = str(given.get("state", "")).strip().upper().replace("-", "_")
    if word not in set(TradingState):
        raise ApiError(422, f"state must be one of {', '.join(TradingState)}")
    force = given.get("force", False)
    if force not in (True, False) and word == TradingState.ACTIVE:
        raise ApiError(422, "force must be true or false")
    return TradingState(word), reason_in(given), force is True


def flag_in(given: dict[str, Any], name: str) -> bool:
    """Take a word that is true or false out of what was given, false where it was left out."""
    flag = given.pop(name, False)
    if not isinstance(flag, bool):
        raise ApiError(422, f"{name} must be true or false")
    return flag


def reason_in(given: dict[str, Any]) -> str:
    """Return a person's reason as one short line, whatever it was: no reason stops a halt or a way out."""
    reason = given.get("reason")
    return "" if reason is None else one_line(reason)
