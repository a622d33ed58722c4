"""The paper broker as a process: one loopback port for REST, WebSocket and admin.

Broker routes are told apart by the last part of the path alone, so that any folder before it and doubled slashes are
fine (docs/protocol.md, base URLs).
"""

import asyncio
import json
import logging
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Final

from aiohttp import web
from filelock import FileLock, Timeout

from broker.paper.api.deliveries import deliver
from broker.paper.api.routes import answer, count_arrival
from broker.paper.api.sockets import Sockets
from broker.paper.clock import Clock
from broker.paper.control.admin import Admin
from broker.paper.engine.venue import Venue
from broker.paper.settings import PaperSettings, SettingsError

_log: Final = logging.getLogger(__name__)

_SHUTDOWN_S: Final = 0.3
_KEEP_ALIVE_S: Final = 75.0


class Front:
    """Owns the way from a connection to the room that answers it."""

    def __init__(self, venue: Venue, sockets: Sockets) -> None:
        self._venue = venue
        self._sockets = sockets
        self._admin = Admin(venue, sockets)
        self.key = secrets.token_urlsafe(24)
        """Stands in the tester's address: who was not told it can ask for no trouble."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, or talk over one WebSocket."""
        parts = [part for part in request.path.split("/") if part]
        last = parts[-1] if parts else ""
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._sockets.serve(request)
        raw = (await request.read()).decode("utf-8", "replace")
        if "admin" in parts:
            if not secrets.compare_digest("/".join(parts[:-1]).encode(), f"admin/{self.key}".encode()):
                return web.json_response(
                    {"error": "the tester's address has a key, told at the start."}, status=HTTPStatus.FORBIDDEN
                )
            return await self._admin.answer(request.method, last, raw)
        venue = self._venue
        fields = count_arrival(venue, last, raw, venue.moment())
        met = venue.faults.meet(last, fields.values)
        authorization = request.headers.get("Authorization", "")
        return await deliver(venue, request, met.delivery, lambda: answer(venue, last, raw, authorization, met))


def serve(settings: PaperSettings) -> None:
    """Run until SIGTERM or SIGINT. When it listens, one JSON line on stdout says where."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if settings.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if settings.new_password:
        settings = replace(settings, password=secrets.token_urlsafe(24))
    with alone_with(settings.data_dir):
        asyncio.run(_serve(settings))


@contextmanager
def alone_with(data_dir: Path) -> Iterator[None]:
    """Hold the ledgers for this process alone; raise `SettingsError` where another paper broker has them."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(data_dir / "ledger.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SettingsError(
            f"Another paper broker keeps its books in {data_dir}; end it, or name another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()


async def _serve(settings: PaperSettings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    # Not `loop.add_signal_handler`: the loops of Windows have none.
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: loop.call_soon_threadsafe(stop.set))
    venue = Venue(settings, Clock(settings.clock_offset_s), loop.call_later)
    sockets = Sockets(venue)
    venue.publish, venue.evict = sockets.publish, sockets.evict
    front = Front(venue, sockets)
    server = web.Server(front.handle, access_log=None, keepalive_timeout=_KEEP_ALIVE_S)
    runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    _say_where(settings, runner.addresses[0][1], front.key)
    moving = asyncio.create_task(_move(venue, sockets))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({moving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if moving.done():
            # The market never ends by itself: whatever stopped it is raised here, and the process fails.
            moving.result()
    finally:
        moving.cancel()
        stopping.cancel()
        await sockets.close()
        await runner.cleanup()
        venue.close()


async def _move(venue: Venue, sockets: Sockets) -> None:
    """Move the market for as long as the server lives."""
    period_s = venue.settings.market_period_s / venue.settings.speed
    while True:
        await asyncio.sleep(period_s)
        venue.step()
        sockets.tick()


def _say_where(settings: PaperSettings, port: int, key: str) -> None:
    host = settings.host
    where: dict[str, str | int] = {
        "rest_url": f"http://{host}:{port}/NorenWClientTP/",
        "websocket_url": f"ws://{host}:{port}/NorenWSTP/",
        "admin_url": f"http://{host}:{port}/admin/{key}",
        "pid": os.getpid(),
        **({"password": settings.password} if settings.new_password else {}),
    }
    sys.stdout.write(json.dumps(where) + "\n")
    sys.stdout.flush()
