"""The WebSocket side: logins, heartbeats, ticks and order updates (docs/protocol.md, WebSocket)."""

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from broker.paper.api import scrips
from broker.paper.control.wrong_data import wrong_tick
from broker.paper.engine.orders import Change
from broker.paper.engine.venue import Venue

_log: Final = logging.getLogger(__name__)

_WAITING_MAX: Final = 20_000
_EVICTED: Final = 1000

Frame = dict[str, str]


@dataclass(eq=False, slots=True)
class Line:
    """Owns one connection: who it is, what it wants to hear, and what waits to be sent."""

    socket: web.WebSocketResponse
    waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_WAITING_MAX))
    token: str | None = None
    wants_orders: bool = False
    is_mute: bool = False
    ticks: dict[tuple[str, str], Frame] = field(default_factory=dict)
    """What was last sent, by subscription: ("tf" or "df", "NSE|2885")."""

    def say(self, frame: Frame) -> None:
        """Queue a frame; a client that does not read is cut off."""
        if self.is_mute:
            return
        try:
            self.waiting.put_nowait(json.dumps(frame, separators=(",", ":")))
        except asyncio.QueueFull:
            _log.warning("a WebSocket client does not read; its connection is dropped")
            transport = self.socket.get_extra_info("transport")
            if transport is not None:
                transport.abort()

    async def write(self) -> None:
        """Send what waits, for as long as the connection lives."""
        with suppress(ConnectionError):
            while True:
                await self.socket.send_str(await self.waiting.get())


class Sockets:
    """Owns the open connections."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._lines: set[Line] = set()
        self._held_back: list[Frame] = []
        self._closing: set[asyncio.Task[bool]] = set()

    async def serve(self, request: web.BaseRequest) -> web.WebSocketResponse:
        """Talk to one client until either side ends it. PING is answered by PONG underneath."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        line = Line(socket)
        self._lines.add(line)
        writer = asyncio.create_task(line.write())
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._hear(line, message.data)
        finally:
            self._lines.discard(line)
            writer.cancel()
        return socket

    def publish(self, changes: list[Change]) -> None:
        """Push an `om` frame for each change; faults on the route `om` drop, double, delay or reorder frames."""
        if not self._lines:
            return
        for change in changes:
            frame = self._venue.speller.frame(change.order, change.event)
            fault = self._venue.faults.meet("om").frame
            match fault.kind if fault else "":
                case "drop":
                    continue
                case "duplicate":
                    self._push(frame)
                    self._push(frame)
                case "reorder":
                    self._held_back.append(frame)
                    continue
                case "delay":
                    assert fault is not None
                    self._venue.later(fault.seconds, partial(self._push, frame))
                case _:
                    self._push(frame)
            held, self._held_back = self._held_back, []
            for late in held:
                self._push(late)

    def tick(self) -> None:
        """Push what changed to those who subscribed."""
        now = self._venue.moment()
        for line in self._lines:
            if not line.ticks or not self._venue.sessions.is_valid(line.token, now):
                continue
            for (kind, key), before in line.ticks.items():
                whole = self._whole(kind, key)
                untrue = wrong_tick(self._venue, whole, now)
                changed = scrips.delta(kind, before, untrue or whole)
                if untrue:
                    # It comes again for as long as the fault lasts, and the truth after it.
                    whole = untrue
                    changed = (changed or {"t": kind, "e": whole["e"], "tk": whole["tk"]}) | scrips.told_price(whole)
                if changed:
                    line.ticks[kind, key] = whole
                    line.say(changed)

    async def close(self, code: int = WSCloseCode.GOING_AWAY) -> None:
        """Close every connection."""
        await asyncio.gather(*(line.socket.close(code=code) for line in list(self._lines)), return_exceptions=True)

    def evict(self) -> None:
        """Close the connections whose session has ended."""
        now = self._venue.moment()
        for line in self._lines:
            if line.token is not None and not self._venue.sessions.is_valid(line.token, now):
                self._end(line)

    def _end(self, line: Line) -> None:
        """Close one connection as the broker does when another took its place."""
        line.token = None
        closing = asyncio.create_task(line.socket.close(code=_EVICTED))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _push(self, frame: Frame) -> None:
        now = self._venue.moment()
        for line in self._lines:
            if line.wants_orders and self._venue.sessions.is_valid(line.token, now):
                line.say(frame)

    def _hear(self, line: Line, text: str) -> None:
        try:
            frame: Any = json.loads(text)
        except ValueError:
            return
        if not isinstance(frame, dict):
            return
        kind = frame.get("t")
        if kind in {"c", "a"}:
            self._log_in(line, frame, kind)
            return
        # A line whose token is not, or no longer, valid stays open and mute.
        if not self._venue.sessions.is_valid(line.token, self._venue.moment()):
            return
        match kind:
            case "h":
                self._venue.requests["h"] += 1
                line.say({"t": "hk"})
            case "o" | "uo":
                line.wants_orders = kind == "o"
                line.say({"t": f"{kind}k"})
            case "t" | "d":
                self._subscribe(line, f"{kind}f", str(frame.get("k", "")))
            case "u" | "ud":
                for key in str(frame.get("k", "")).split("#"):
                    line.ticks.pop(("tf" if kind == "u" else "df", key), None)
                line.say({"t": f"{kind}k", "k": str(frame.get("k", ""))})
            case _:
                pass

    def _subscribe(self, line: Line, kind: str, keys: str) -> None:
        """Answer one whole frame per scrip that is known; what is not known is passed over."""
        for key in keys.split("#"):
            if self._venue.on_the_wire(key, self._venue.moment()):
                whole = self._whole(kind, key)
                whole = line.ticks[kind, key] = wrong_tick(self._venue, whole, self._venue.moment()) or whole
                line.say(whole)

    def _log_in(self, line: Line, frame: dict[str, Any], kind: str) -> None:
        venue = self._venue
        token = frame.get("susertoken" if kind == "c" else "accesstoken")
        uid = frame.get("uid")
        known = isinstance(token, str) and venue.sessions.is_valid(token, venue.moment())
        venue.requests["ws"] += 1
        fault = venue.faults.meet("ws").greeting
        trouble = fault.kind if fault else ""
        if not known or uid != venue.settings.user_id or trouble == "refuse_login":
            line.token = None
            line.say({"t": f"{kind}k", "s": "NOT_OK", "uid": str(uid)})
            return
        if venue.settings.one_socket_per_token:
            for other in self._lines:
                if other is not line and other.token == token:
                    self._end(other)
        line.token = token
        line.wants_orders = venue.settings.order_updates_unasked
        welcome = {"t": f"{kind}k", "s": "OK", "uid": str(uid)}
        if fault is not None and trouble == "late_login":
            venue.later(fault.seconds, partial(line.say, welcome))
            return
        line.say(welcome)
        if trouble == "close":
            self._end(line)
        line.is_mute = trouble == "mute"

    def _whole(self, kind: str, key: str) -> Frame:
        scrip = self._venue.catalogue.by_key(key)
        assert scrip is not None
        write = scrips.touchline if kind == "tf" else scrips.depth
        return write(scrip, self._venue.market.quote(scrip), self._venue.moment().at)
