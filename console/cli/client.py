"""Asking the running desk, over its loopback API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from console import proof
from console.cli.settings import ClientSettings
from console.endpoint import API_FILE, api_url, kept_token
from console.errors import PlainError
from console.views.form import Form

CONNECT_WAIT_S: Final = 3.0
PROOF_WAIT_S: Final = 3.0
SPARE_WAIT_S: Final = 15.0
ORDERS_NAMED_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """What the desk answered: the HTTP status and the JSON."""

    http_status: int
    body: Form


class DeskClient:
    """Owns the address and the token of the running desk. Each question has a connection of its own."""

    def __init__(self, settings: ClientSettings) -> None:
        self._url = _url(settings)
        self._wait_s = settings.answer_wait_s_max + SPARE_WAIT_S
        self._token = settings.token or kept_token(settings.token_path)
        self._token_path = settings.token_path

    def submit(self, order: Mapping[str, Any]) -> Reply:
        """Send an order; whatever comes back is an answer to it."""
        return self._ask("POST", "/orders", order, lost=_lost(str(order["command_id"])))

    def post(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Ask for something; whatever comes back is an answer to it."""
        return self._ask("POST", path, body, lost="It may have been done; `why` and `status` tell.")

    def read(self, path: str, **query: Any) -> Form:  # noqa: ANN401  a query's values are texts and numbers
        """Read something; raise `PlainError` with the desk's own sentence when it says no."""
        return self._body(self._ask("GET", path, query=query))

    def turn(self, state: str, reason: str, *, force: bool = False) -> Form:
        """Turn trading."""
        return self._body(self._ask("POST", "/trading-state", {"state": state, "reason": reason, "force": force}))

    def find(self, reference: str) -> str:
        """Return the command id that `reference` means; raise `PlainError` when it means none, or several."""
        found = self.read("/orders", ref=reference, limit=ORDERS_NAMED_MAX)["orders"]
        ids = [one["command_id"] for one in found]
        if reference in ids or len(ids) == 1:
            return reference if reference in ids else str(ids[0])
        if not ids:
            raise PlainError(f"there is no order {reference!r}; `orders` lists the newest")
        named = ", ".join(ids[: ORDERS_NAMED_MAX - 1]) + (", …" if len(ids) == ORDERS_NAMED_MAX else "")
        raise PlainError(f"{reference!r} may mean several orders: {named}; give more of it")

    @staticmethod
    def _body(reply: Reply) -> Form:
        if reply.http_status >= HTTPStatus.BAD_REQUEST:
            raise PlainError(str(reply.body.get("sentence", f"the desk answered {reply.http_status}")))
        return reply.body

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        lost: str = "",
    ) -> Reply:
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body, default=str)
        connection = self._connected()
        try:
            self._prove(connection)
            connection.sock.settimeout(self._wait_s)
            connection.request(method, target, sent, headers)
            answer = connection.getresponse()
            return Reply(answer.status, dict(json.loads(answer.read())))
        except (ValueError, TypeError):
            raise PlainError(f"what answers at {self._url} is not a desk; see api.port") from None
        except (OSError, HTTPException):
            raise PlainError(f"the desk at {self._url} did not answer. {lost}".strip()) from None
        finally:
            connection.close()

    def _connected(self) -> HTTPConnection:
        """Return a connection to whoever listens; raise `PlainError` where nobody does, or there is no token."""
        where = urlsplit(self._url)
        connection = HTTPConnection(str(where.hostname), where.port, timeout=CONNECT_WAIT_S)
        try:
            connection.connect()
        except OSError:
            raise PlainError(f"no desk is running at {self._url}; start it with `run`") from None
        if not self._token:
            connection.close()
            sentence = f"the desk at {self._url} wants a token and {self._token_path} holds none; set DESK_API__TOKEN"
            raise PlainError(sentence)
        return connection

    def _prove(self, connection: HTTPConnection) -> None:
        """See that who listens knows the token, before it is given away; raise `PlainError` where it does not."""
        connection.sock.settimeout(PROOF_WAIT_S)
        number = proof.new_number()
        connection.request("GET", f"{proof.PATH}?{number}")
        try:
            given = json.loads(connection.getresponse().read())["proof"]
        except OSError:
            raise
        except (ValueError, TypeError, LookupError, HTTPException):
            given = None
        if not proof.is_proof(given, self._token.encode(), number, connection.host, connection.port):
            raise PlainError(
                f"what answers at {self._url} does not know this desk's token, so nothing was sent to it: another "
                "program may hold the port (set api.port), or the token is another desk's (DESK_API__TOKEN, "
                "api.token_path)"
            )
        # The token goes to whom the proof came from, and nowhere else.
        connection.auto_open = 0


def _lost(command_id: str) -> str:
    return f"The order may be registered: ask `why {command_id}`, or submit again with --command-id {command_id}."


def _url(settings: ClientSettings) -> str:
    """Return where the desk should be; a desk on a free port has left its address in api.json."""
    if settings.port:
        return api_url(settings.host, settings.port)
    file = settings.data_dir / API_FILE
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise PlainError(f"no desk is running from {settings.data_dir}; start it with `run`") from None
