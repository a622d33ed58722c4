"""Reading what a caller sent: JSON objects only, exact numbers, no doubt about what was meant.

A body is a pydantic model of `bodies.py`. What the library says of a wrong one is said here in one sentence.
"""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Never, Self, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from console.errors import ApiError

BODY_BYTES_MAX: Final = 64 * 1024


class RequestBody(BaseModel):
    """What a request may say; a field that nobody knows is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    may_be_empty: ClassVar[bool] = False
    null_is_left_out: ClassVar[bool] = False
    undone: ClassVar[str] = "Nothing was changed"
    """What a refused body has done: said with every refusal."""
    part: ClassVar["type[RequestBody] | None"] = None
    """What a list in it holds, where it has one."""

    @model_validator(mode="before")
    @classmethod
    def _leave_out_nulls(cls, given: Any) -> Any:  # noqa: ANN401  whatever was sent
        if not cls.null_is_left_out or not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}

    @classmethod
    def read(cls, given: Mapping[str, Any], command_id: str | None = None) -> Self:
        """Return the body that was given; raise `ApiError` naming the first thing that is wrong."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ApiError(422, cls.refusal(_sentence(error, cls)), command_id) from None

    @classmethod
    def refusal(cls, message: object) -> str:
        """Say why it can't be meant, and that it did nothing."""
        return f"Invalid: {message}. {cls.undone}."


Model = TypeVar("Model", bound=RequestBody)


async def _raw(request: Request) -> bytes:
    """Read the body, and no more of it than is allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, f"the body is above {BODY_BYTES_MAX} bytes; an order needs far less")
    return bytes(body)


def body_of(model: type[Model]) -> Callable[..., Coroutine[Any, Any, Model]]:
    """Return the dependency that reads a request's body as this model."""

    async def read(request: Request, raw: Annotated[bytes, Depends(_raw)]) -> Model:
        given = {} if model.may_be_empty and not raw else read_object(raw)
        named = request.path_params.get("command_id", given.get("command_id", request.headers.get("idempotency-key")))
        return model.read(given, None if named is None else str(named))

    return read


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


_FIRST: Final = ("extra_forbidden", "value_error")
"""A misspelled field is named before what it leaves missing, and what was said wrong before what was not said."""


def _sentence(error: ValidationError, model: type[RequestBody]) -> str:
    def order(one: ErrorDetails) -> int:
        return _FIRST.index(one["type"]) if one["type"] in _FIRST else len(_FIRST) + (one["type"] == "missing")

    first = min(error.errors(include_url=False), key=order)
    name = str(first["loc"][-1]) if first["loc"] else "the body"
    match first["type"]:
        case "extra_forbidden":
            fields = _model_at(model, first["loc"]).model_fields
            return f"unknown field {name!r}; the fields are: {', '.join(sorted(fields))}"
        case "missing":
            return f"{name} is missing"
        case "value_error":
            return str(first["ctx"]["error"])
        case _:
            return f"{name}: {first['msg']}"


def _model_at(model: type[RequestBody], place: tuple[int | str, ...]) -> type[RequestBody]:
    """Return the model of the object at this place: the body's own, or that of a part such as a leg."""
    return model.part if len(place) > 1 and model.part is not None else model
