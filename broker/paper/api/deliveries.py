"""How an answer reaches its caller, or does not: the faults that befall a request on its way in or out."""

import asyncio
import math
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from broker.paper.api.routes import expired
from broker.paper.api.wire import HTTP_OK, Reply, refusal
from broker.paper.control.faults import Fault
from broker.paper.engine.venue import Venue

_JSON: Final = "application/json"
_HTML: Final = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>502 Bad Gateway</body>\r\n</html>\r\n"
_HTTP_BAD_GATEWAY: Final = 502
_HTTP_GATEWAY_TIMEOUT: Final = 504
_LOOK_S: Final = 0.02
_DRIP_S: Final = 0.2
_HOLD_S_MAX: Final = 120.0

Process = Callable[[], Reply]


def response(reply: Reply) -> web.Response:
    """Return a reply as it is normally sent."""
    return web.Response(body=reply.body, status=reply.http_status, content_type=_JSON)


async def deliver(venue: Venue, request: web.BaseRequest, fault: Fault | None, process: Process) -> web.StreamResponse:
    """Process a request and answer it, as far as `fault` allows."""
    if fault is None:
        return response(process())
    if fault.kind in {
        "slow",
        "late_acceptance",
        "not_arrived",
        "reset_before",
        "html_502",
        "html_504",
        "refuse",
        "session_expired",
        "over_quota",
        "ip_refused",
    }:
        return await _before(venue, request, fault, process)
    return await _after(venue, request, fault, process())


async def _before(venue: Venue, request: web.BaseRequest, fault: Fault, process: Process) -> web.StreamResponse:
    """Let trouble come before the request is processed, if it ever is."""
    match fault.kind:
        case "slow":
            await fault.hold()
            return response(process())
        case "late_acceptance":
            venue.later(fault.seconds, process)
            return await _hold(request, _HOLD_S_MAX)
        case "not_arrived":
            return await _hold(request, fault.seconds)
        case "reset_before":
            return _reset(request)
        case "html_502":
            return web.Response(body=_HTML, status=_HTTP_BAD_GATEWAY, content_type="text/html")
        case "html_504":
            page = _HTML.replace(b"502 Bad Gateway", b"504 Gateway Time-out")
            return web.Response(body=page, status=_HTTP_GATEWAY_TIMEOUT, content_type="text/html")
        case "session_expired":
            if not fault.keep_tokens:
                venue.sessions.expire_all()
            return response(expired(venue, venue.moment()))
        case _:
            return response(refusal(venue.moment().at, fault.text, fault.http_status))


async def _after(venue: Venue, request: web.BaseRequest, fault: Fault, reply: Reply) -> web.StreamResponse:
    """Let trouble come after the request was processed."""
    match fault.kind:
        case "refuse_after":
            return response(refusal(venue.moment().at, fault.text, fault.http_status))
        case "timeout_after":
            return await _hold(request, fault.seconds)
        case "reset_after":
            return _reset(request)
        case "empty_after":
            return web.Response(body=b"", status=HTTP_OK, content_type=_JSON)
        case "html_502_after" | "html_200_after":
            status = HTTP_OK if fault.kind == "html_200_after" else _HTTP_BAD_GATEWAY
            return web.Response(body=_HTML, status=status, content_type="text/html")
        case "truncated_after":
            return response(Reply(reply.body[: len(reply.body) // 2], reply.http_status))
        case "drip_after":
            return await _drip(request, reply)
        case _:
            await fault.hold()
            return response(reply)


async def _hold(request: web.BaseRequest, seconds: float) -> web.Response:
    """Say nothing until the client goes away, and break the connection off when it stays too long."""
    for _ in range(math.ceil(seconds / _LOOK_S)):
        if request.transport is None:
            break
        await asyncio.sleep(_LOOK_S)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _reset(request: web.BaseRequest) -> web.Response:
    """End the connection by RST: a socket that lingers for no time throws away what it holds."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger(os.name))
        request.transport.abort()
    return web.Response()


def no_linger(system: str) -> bytes:
    """Return the socket option that says "linger for 0 s": two short numbers on Windows, two whole ones elsewhere."""
    return struct.pack("hh" if system == "nt" else "ii", 1, 0)


async def _drip(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    dripping = web.StreamResponse(status=reply.http_status)
    dripping.content_type = _JSON
    dripping.content_length = len(reply.body)
    # A client that loses patience and goes is what this fault is for.
    with suppress(ConnectionError):
        await dripping.prepare(request)
        for byte in reply.body:
            await dripping.write(bytes([byte]))
            await asyncio.sleep(_DRIP_S)
        await dripping.write_eof()
    return dripping
