"""The connections of the HTTP API, bounded: whoever has no token holds none for long, and none against who has one.

A request has to be whole some seconds after its first byte, and a new connection has to bring one. Where there are too
many, the oldest that waits for nothing of the desk makes room, those of strangers first.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from console.api.auth import OPEN, TRUSTED

REQUEST_S: Final = 5.0
CONNECTIONS_MAX: Final = 256


class Connection(HttpToolsProtocol):
    """One connection, with the moment by which its request has to be whole."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401  what uvicorn gives
        super().__init__(*given, **named)
        self.born = self.loop.time()
        self.is_trusted = False
        """Whether a request with the token has come by here."""
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; make room where there is none."""
        super().connection_made(transport)
        self._await_a_request()
        if len(self.connections) > CONNECTIONS_MAX:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what comes: from its first byte on a request has so long to be whole."""
        if self._deadline is None and self.is_idle:
            self._await_a_request()
        super().data_received(data)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._stop_waiting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note who it was."""
        self.is_trusted = self.is_trusted or bool(self.scope.get(TRUSTED))
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is being answered here, or only what anybody may ask."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.scope["path"] in OPEN

    def _await_a_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_S, self.drop)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _make_room(self) -> None:
        # Those that were dropped in this turn of the loop are still listed: in a burst all would drop the same one.
        living = [one for one in self.connections if isinstance(one, Connection) and not one.transport.is_closing()]
        if len(living) <= CONNECTIONS_MAX:
            return
        others = [one for one in living if one is not self and one.is_idle]
        min(others, key=lambda one: (one.is_trusted, one.born), default=self).drop()

    def drop(self) -> None:
        """End it, whatever is on its way."""
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.abort()
