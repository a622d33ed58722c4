"""Serving the API: the listening socket, the server's thread, and the note of where it is found."""

import json
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from console.api.connections import Connection
from console.endpoint import API_FILE, api_url, write_private
from console.errors import PlainError
from domain.settings import ApiSettings

STOP_WAIT_S: Final = 5.0


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
