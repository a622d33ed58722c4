"""The door of the HTTP API: who may ask, judged before anything is read or any thread is taken.

A request passes with the desk's token. Without it only `/health`, the description of the API
and the proof that this is the desk (`console/proof.py`) are shown. The Host
header has to name this machine's loopback, so that no name that somebody else owns leads a browser here.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from console import proof

PositionKey = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[PositionKey, Receive, Send], Awaitable[None]]

OPEN: Final = frozenset({"/health", "/docs", "/openapi.json", proof.PATH})
TRUSTED: Final = "desk.trusted"
"""Says in a request's scope whether it came with the token."""
HOSTS: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})
"""As a browser or a tunnel on this machine writes them, with any port."""
_NOTHING_GIVEN: Final = "no token was given; send the header Authorization: Bearer TOKEN (see api.token_path)"
_NOT_OURS: Final = "the token is not this desk's; its own stands in api.token_path, or in DESK_API__TOKEN"
_STRANGE_HOST: Final = "the Host header must name this machine, such as 127.0.0.1; nothing was done"


class Door:
    """Owns the token: an ASGI application around another, which lets pass who knows it."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, position_key: PositionKey, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if position_key["type"] != "http":
            return
        objection = self._objection(position_key["path"], dict(position_key["headers"]))
        if objection is not None:
            status, sentence = objection
            refused = {"sentence": sentence, "command_id": None, "order": None, "repeated": False, "reason": None}
            await _answer(send, status, refused)
        elif position_key["path"] == proof.PATH:
            host, port = position_key["server"]
            number = position_key["query_string"].decode("latin-1")[: proof.NUMBER_CHARACTERS]
            await _answer(send, 200, {"proof": proof.proof_of(self._token, number, host, port)})
        else:
            position_key[TRUSTED] = position_key["path"] not in OPEN
            await self._app(position_key, receive, send)

    def _objection(self, path: str, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        host = headers.get(b"host", b"").decode("latin-1")
        if _name_in(host) not in HOSTS:
            return 421, _STRANGE_HOST
        if path in OPEN:
            return None
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() != b"bearer":
            return 401, _NOTHING_GIVEN
        return None if hmac.compare_digest(token.strip(), self._token) else (401, _NOT_OURS)


def _name_in(host: str) -> str:
    """Return a Host header's name, without its port."""
    name, colon, port = host.rpartition(":")
    return name.lower() if colon and port.isdigit() else host.lower()


async def _answer(send: Send, status: int, message: dict[str, Any]) -> None:
    body = json.dumps(message)
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # Of whoever is refused nothing of a body that may still come is read.
        *([(b"connection", b"close")] if status >= HTTPStatus.BAD_REQUEST else []),
        *([(b"www-authenticate", b"Bearer")] if status == HTTPStatus.UNAUTHORIZED else []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body.encode()})
