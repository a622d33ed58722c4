"""A server on loopback that speaks Telegram's Bot API, as far as the desk uses it, and misbehaves on request."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from actors.runtime.clock import SystemClock
from notify.telegram import Telegram
from tests.timing import patient

TOKEN = "123:abc"
CHAT = "42"
HANGS_S = patient(30)


class BotApi:
    """Owns what was sent to the chat, what is said in it, and the troubles that come first."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.troubles: deque[str] = deque()
        self.hangs = threading.Event()
        self.let_go = threading.Event()
        self._updates: list[dict[str, Any]] = []
        self._said = threading.Condition()
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = api.answer(self.path, given)
                reply = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def say(self, text: str, chat: str = CHAT, user: str = CHAT, kind: str = "private", **more: Any) -> None:  # noqa: ANN401
        """Let a person say something in a chat; `more` are further fields of the message, such as an older date."""
        now = int(SystemClock().now().timestamp())
        message = {"chat": {"id": int(chat), "type": kind}, "from": {"id": int(user)}, "date": now, "text": text}
        with self._said:
            self._updates.append({"update_id": len(self._updates) + 1, "message": {**message, **more}})
            self._said.notify_all()

    @property
    def texts(self) -> list[str]:
        return [str(one["text"]) for one in self.sent]

    def answer(self, path: str, given: dict[str, Any]) -> tuple[int, Any]:
        """Return the status and the body of a reply."""
        if path.startswith(f"/bot{TOKEN}/getUpdates"):
            return 200, {"ok": True, "result": self._updates_from(given)}
        if not path.startswith(f"/bot{TOKEN}/sendMessage"):
            return 401, {"ok": False, "description": "Unauthorized"}
        if self.hangs.is_set():
            self.let_go.wait(HANGS_S)
        match self.troubles.popleft() if self.troubles else "":
            case "429":
                refusal = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 0.05}}
                return 429, refusal
            case "502":
                return 502, b"<html>bad gateway</html>"
            case _:
                pass
        self.sent.append(given)
        return 200, {"ok": True, "result": {"message_id": len(self.sent)}}

    def _updates_from(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        def new() -> list[dict[str, Any]]:
            return [one for one in self._updates if one["update_id"] >= given["offset"]]

        with self._said:
            if not new():
                self._said.wait(min(float(given["timeout"]), 0.5))
            return new()

    def stop(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()


def telegram(api: BotApi, token: str = TOKEN, timeout_s: float = 2.0) -> Telegram:
    """Return the chat as the desk has it."""
    return Telegram(token, CHAT, api.url, timeout_s)
