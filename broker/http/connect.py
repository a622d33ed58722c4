"""Connections that are opened within a bound, for the broker's HTTP and its WebSocket."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from domain.broker.addresses import AddressRules
from domain.ports import Clock

Socket: TypeAlias = socket.socket


class AddressRefusedError(OSError):
    """An address that the mode forbids; no connection to it was opened."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is connected to; `secure` says TLS."""

    host: str
    port: int
    secure: bool


def open_connection(
    endpoint: Endpoint, timeout_s: float, clock: Clock, tls: ssl.SSLContext | None, rules: AddressRules
) -> Socket:
    """Connect by name, TCP and TLS within `timeout_s` altogether; raise `OSError` or `ValueError` (a bad name).

    Straight to the address, through no proxy, and only to one that `rules` allow.
    """

    def secure(connection: Socket) -> Socket:
        return (tls or ssl.create_default_context()).wrap_socket(connection, server_hostname=endpoint.host)

    return _open(endpoint, timeout_s, clock, rules, secure if endpoint.secure else None)


def open_tcp(endpoint: Endpoint, timeout_s: float, clock: Clock, rules: AddressRules) -> Socket:
    """Connect as `open_connection` does, but leave TLS to the caller."""
    return _open(endpoint, timeout_s, clock, rules, None)


def _open(
    endpoint: Endpoint,
    timeout_s: float,
    clock: Clock,
    rules: AddressRules,
    secure: Callable[[Socket], Socket] | None,
) -> Socket:
    ends_at = clock.monotonic() + timeout_s
    addresses = _allowed(_addresses(endpoint, timeout_s), endpoint, rules)
    trouble: Exception = OSError("the name has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        left_s = ends_at - clock.monotonic()
        if left_s <= 0:
            break
        connection = socket.socket(family, kind, protocol)
        try:
            # An address that does not answer must leave time for the next one.
            connection.settimeout(left_s / (len(addresses) - position))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if secure is not None:
                connection.settimeout(max(ends_at - clock.monotonic(), 0.001))
                connection = secure(connection)
        except (OSError, ValueError) as error:
            connection.close()
            trouble = error
        else:
            return connection
    raise trouble


def is_quiet(connection: Socket) -> bool:
    """Ask without waiting: is an idle connection open, with nothing to read?

    The end of the stream and unasked bytes both mean that it must not be used again. Over TLS a read also takes in
    session tickets, which are no data.
    """
    try:
        connection.settimeout(0)
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False


def _allowed(addresses: list[tuple[Any, ...]], endpoint: Endpoint, rules: AddressRules) -> list[tuple[Any, ...]]:
    """Return the addresses that may be connected to; raise `AddressRefusedError` when none may."""
    objections = [rules.objection(str(address[4][0]), secure=endpoint.secure) for address in addresses]
    allowed = [address for address, objection in zip(addresses, objections, strict=True) if objection is None]
    if addresses and not allowed:
        raise AddressRefusedError(objections[0])
    return allowed


def _addresses(endpoint: Endpoint, timeout_s: float) -> list[tuple[Any, ...]]:
    """Resolve the name; the resolver knows no timeout, so it is waited for on a thread of its own."""
    if _is_literal(endpoint.host):
        return list(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
    found: list[tuple[Any, ...]] = []
    trouble: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            trouble.append(error)

    seeker = threading.Thread(target=look_up, name="broker-name-lookup", daemon=True)
    seeker.start()
    seeker.join(timeout_s)
    if trouble:
        raise trouble[0]
    if not found:
        raise TimeoutError("the name was not resolved in time")
    return found


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
