"""Opening a session in either dialect (docs/protocol.md, session), without trying what was refused once."""

import hashlib
from typing import Final

from broker.noren.client import Client
from broker.noren.reply_rules import Answer, NoAnswer, is_about_one_time_code, is_judgement, login_is_final
from broker.noren.row_fields import UnreadableRowError, text_in
from broker.noren.row_parsers import Session
from broker.noren.totp import code_at
from domain.broker.reply_types import LoginFailed
from domain.ports import Clock
from domain.settings import BrokerSettings

_NO_TOKEN: Final = "broker.access_token is not set: log in by browser and set today's token"  # noqa: S105  no secret


class Login:
    """Owns the credentials on their way out, and the one-time code that was refused last."""

    def __init__(self, settings: BrokerSettings, clock: Clock, client: Client) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._code_refused = ""

    def open(self) -> Session | LoginFailed:
        """Open a session, or take over the one whose access token we were given."""
        self._client.transport.begin()
        opened = self._take_token() if self._settings.dialect == "oauth" else self._quick_auth()
        if isinstance(opened, Session):
            self._client.needs_login = False
        return opened

    def _quick_auth(self) -> Session | LoginFailed:
        given, client = self._settings, self._client
        password, api_secret = given.password.get_secret_value(), given.api_secret.get_secret_value()
        totp_secret = given.totp_secret.get_secret_value()
        try:
            code = code_at(totp_secret, self._clock.now()) if totp_secret else ""
        except ValueError as error:
            return LoginFailed(f"broker.totp_secret makes no code ({error}); nothing was sent", final=True)
        if code and code == self._code_refused:
            # Repeating a refused code is no new try, and wrong tries lock accounts.
            return LoginFailed("the broker refused this one-time code; waiting for the next one", final=False)
        app_key = hashlib.sha256(f"{given.user_id}|{api_secret}".encode()).hexdigest()
        hashed = hashlib.sha256(password.encode()).hexdigest()
        client.transport.hide(password, hashed, totp_secret, api_secret, app_key)
        answer = client.call(client.api.login, given.user_id, password, code, given.vendor_code, api_secret, given.imei)
        if isinstance(answer, Answer) and answer.is_ok:
            return self._session_in(answer)
        refused = self._refused(answer)
        if isinstance(answer, Answer) and is_about_one_time_code(answer.refusal or ""):
            self._code_refused = code
        return refused

    def _session_in(self, answer: Answer) -> Session | LoginFailed:
        assert isinstance(answer.body, dict)
        try:
            token = text_in(answer.body, "susertoken")
        except UnreadableRowError:
            return LoginFailed("the broker said Ok but gave no session token", final=False)
        user_id = self._settings.user_id
        self._client.transport.hide(token)
        # The login itself would set the same; this also holds where the library stumbled over another field.
        self._client.api.set_session(user_id, "", token)
        return Session(user_id, str(answer.body.get("actid") or user_id), token, "quickauth")

    def _take_token(self) -> Session | LoginFailed:
        client, user_id = self._client, self._settings.user_id
        token = self._settings.access_token.get_secret_value()
        if not token:
            return LoginFailed(_NO_TOKEN, final=True)
        client.transport.hide(token)
        client.transport.bearer = token
        client.api.set_session(user_id, "", token)
        answer = client.call(client.api.get_limits)
        if isinstance(answer, Answer) and answer.is_ok:
            assert isinstance(answer.body, dict)
            return Session(user_id, str(answer.body.get("actid") or user_id), token, "oauth")
        if isinstance(answer, Answer) and answer.says_session_expired:
            message = "the access token has expired; log in by browser and set a new one"
            return LoginFailed(message, final=True, answered=True)
        return self._refused(answer)

    def _refused(self, answer: Answer | NoAnswer) -> LoginFailed:
        if isinstance(answer, NoAnswer):
            return LoginFailed(answer.cause, final=False)
        message = answer.refusal
        if message is None:
            return LoginFailed(f"HTTP {answer.http_status}: neither Ok nor a refusal", final=False)
        kept = self._client.transport.clean(message)
        return LoginFailed(kept, final=login_is_final(message), answered=is_judgement(answer))
