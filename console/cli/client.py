"""Asking the running desk, over its loopback API."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from console import proof
from console.endpoint import API_FILE, api_url, kept_token
from console.errors import PlainError
from console.views.form import Form
from domain.settings import Settings

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
    """Owns the address and the token of the running desk."""

    def __init__(self, settings: Settings) -> None:
        self._url = _url(settings)
        self._wait_s = settings.api.answer_wait_s_max + SPARE_WAIT_S
        self._token = settings.api.token.get_secret_value() or kept_token(settings.api.token_path)
        self._token_path = settings.api.token_path

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
        if reply.http_status >= requests.codes.bad_request:
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
        with requests.Session() as session:
            session.trust_env = False  # No proxy and no .netrc may come between us and our own desk.
            if not self._token:
                raise PlainError(self._nobody() if not self._answers(session) else self._tokenless())
            try:
                self._prove(session)
                answer = session.request(
                    method,
                    self._url + path,
                    json=body,
                    params=query,
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=(CONNECT_WAIT_S, self._wait_s),
                )
                return Reply(answer.status_code, answer.json())
            except requests.exceptions.JSONDecodeError:
                raise PlainError(f"what answers at {self._url} is not a desk; see api.port") from None
            except requests.RequestException as error:
                if _was_refused(error):
                    raise PlainError(self._nobody()) from None
                raise PlainError(f"the desk at {self._url} did not answer. {lost}".strip()) from None

    def _prove(self, session: requests.Session) -> None:
        """See that who listens knows the token, before it is given away; raise `PlainError` where it does not."""
        number, where = proof.new_number(), urlsplit(self._url)
        try:
            told = session.get(f"{self._url}{proof.PATH}?{number}", timeout=PROOF_WAIT_S, allow_redirects=False)
            given = told.json().get("proof")
        except (ValueError, AttributeError):
            given = None
        token = self._token.encode()
        if not proof.is_proof(given, token, number, str(where.hostname), int(where.port or 0)):
            raise PlainError(self._unproved())

    def _unproved(self) -> str:
        return (
            f"what answers at {self._url} does not know this desk's token, so nothing was sent to it: another program "
            "may hold the port (set api.port), or the token is another desk's (DESK_API__TOKEN, api.token_path)"
        )

    def _answers(self, session: requests.Session) -> bool:
        try:
            session.get(f"{self._url}/health", timeout=CONNECT_WAIT_S)
        except requests.ReadTimeout:
            return True
        except requests.RequestException:
            return False
        return True

    def _nobody(self) -> str:
        return f"no desk is running at {self._url}; start it with `run`"

    def _tokenless(self) -> str:
        return f"the desk at {self._url} wants a token and {self._token_path} holds none; set DESK_API__TOKEN"


def _was_refused(error: requests.RequestException) -> bool:
    """Say whether nothing listened, so that nothing was asked."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return type(cause).__name__ == "NewConnectionError" or isinstance(error, requests.ConnectTimeout)


def _lost(command_id: str) -> str:
    return f"The order may be registered: ask `why {command_id}`, or submit again with --command-id {command_id}."


def _url(settings: Settings) -> str:
    """Return where the desk should be; a desk on a free port has left its address in api.json."""
    if settings.api.port:
        return api_url(settings.api.host, settings.api.port)
    file = settings.data_dir / API_FILE
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise PlainError(f"no desk is running from {settings.data_dir}; start it with `run`") from None
