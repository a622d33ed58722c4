"""Serving the API: the listening socket, the server's thread, the token's file, and where the desk can be found."""

import json
import os
import secrets
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from console.connections import Connection
from console.errors import PlainError
from domain.settings import ApiSettings

STOP_WAIT_S: Final = 5.0
API_FILE: Final = "api.json"


def api_url(host: str, port: int) -> str:
    """Return the API's address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def token_of(settings: ApiSettings) -> str:
    """Return the API's token: from the settings, or from its file, which is made at the first start (mode 0600)."""
    given = settings.token.get_secret_value()
    return given or kept_token(settings.token_path) or _new_token(settings.token_path)


def kept_token(path: Path) -> str:
    """Return the token in this file, or "" where there is none; refuse a file that others may read."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise PlainError(f"others may read the token in {path}; `chmod 600 {path}`, or delete it for a new one", 2)
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise PlainError(f"the token in {path} cannot be read: {error.strerror}", 2) from None


def _new_token(path: Path) -> str:
    token = secrets.token_urlsafe(32)
    write_private(path, token + "\n")
    return token


def write_private(path: Path, words: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(words)
    fresh.replace(path)


class ApiServer:
    """Owns the listening socket and the thread that answers on it."""

    def __init__(self, settings: ApiSettings, data_dir: Path) -> None:
        """Listen at once, so that a taken port is found before anything else starts."""
        self._file = data_dir / API_FILE
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        # With the protocol named, asyncio turns Nagle's algorithm off: it costs 40 ms a request on a kept connection.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((settings.host, settings.port))
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            where = api_url(settings.host, settings.port)
            sentence = f"{where} cannot be used ({error.strerror}): another desk may be running; or set api.port"
            raise PlainError(sentence) from None
        host, port = self._socket.getsockname()[:2]
        self.url = api_url(host, port)
        self._place = {"host": host, "port": port, "url": self.url, "pid": os.getpid()}
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, api: FastAPI, facts: Mapping[str, str]) -> None:
        """Answer requests from now on, and note where in `<data_dir>/api.json`."""
        config = uvicorn.Config(
            api,
            http=Connection,
            ws="none",
            log_config=None,
            log_level="error",  # a stranger's nonsense fills no log
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="api", daemon=True
        )
        self._thread.start()
        write_private(self._file, json.dumps({**self._place, **facts}) + "\n")

    def stop(self) -> None:
        """Answer no more."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(STOP_WAIT_S)
            self._file.unlink(missing_ok=True)
        self._socket.close()
