"""Which addresses the desk may trade at: paper on this machine only, live over TLS only.

The settings are checked when they are read, by what is written there; every connection is checked again where it is
opened, by the IP address that it would lead to. A name other than `localhost` is never taken for this machine, so no
trick with names or with unusual spellings of an IP address helps.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

_NAMES_AN_ADDRESS: Final = re.compile(r"(?<![a-z])ip(?![a-z])", re.IGNORECASE)
_LOOPBACK_4: Final = ipaddress.ip_network("127.0.0.0/8")
_LOOPBACK_6: Final = ipaddress.IPv6Address("::1")
_HERE: Final = "127.0.0.1, ::1 or localhost"
_SHOWN_CHARACTERS_MAX: Final = 80


class AddressFamily(StrEnum):
    """Which IP addresses are used towards the broker: the one that is registered there has a family."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRules:
    """Which addresses a connection to the broker may lead to."""

    loopback_only: bool = False
    """Set in paper mode: no other machine is ever connected to."""
    family: AddressFamily = AddressFamily.ANY

    def objection(self, ip: str, *, secure: bool) -> str | None:
        """Return why no connection to this IP address may be opened; None when it may."""
        if is_loopback_ip(ip):
            return None
        if self.loopback_only:
            return f"{ip} is not this machine, and paper trading never leaves it; nothing was sent"
        if not secure:
            return f"{ip} is not this machine, and nothing is sent to another one without TLS"
        return family_objection(ip, self.family)


TLS_OFF_LOOPBACK: Final = AddressRules()
"""The rules that hold in every mode."""


def family_objection(host: str, family: AddressFamily) -> str | None:
    """Return why this IP address is of the wrong family; None for a name, or where any will do."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return None
    if family in {AddressFamily.ANY, f"ipv{version}"}:
        return None
    return f"{host} is an IPv{version} address, and broker.address_family is {family.value}"


def is_loopback_ip(text: str) -> bool:
    """Say whether `text` is an IP address of this machine's loopback, in its usual spelling: 127.0.0.0/8 or ::1."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address in _LOOPBACK_4 if isinstance(address, ipaddress.IPv4Address) else address == _LOOPBACK_6


def is_loopback_host(host: str) -> bool:
    """Say whether a host as it was written means this machine. No name but `localhost` does."""
    return host.lower() == "localhost" or is_loopback_ip(host)


def address_objection(name: str, url: str, scheme: str, *, paper: bool) -> str | None:
    """Return why the setting `name` can't be traded at, in one sentence; None when it can.

    `scheme` is the plain one, `http` or `ws`; with an `s` it is over TLS. Whatever stands before an `@` is never
    repeated: it may be a password.
    """
    host = _host_of(url, scheme)
    if isinstance(host, Unusable):
        return f"{name} must be an address such as {scheme}s://host/path{host.but}"
    if is_loopback_host(host):
        return None
    shown = host[:_SHOWN_CHARACTERS_MAX]
    if paper:
        return (
            f'{name} leads to {shown!r}, but mode is "paper", which trades on this machine only ({_HERE}): '
            f'take {name} out, or write mode = "live" if real money is meant'
        )
    if urlsplit(url).scheme == scheme:
        return f"{name} is plain {scheme}:// to {shown!r}; secrets leave this machine over {scheme}s:// only"
    return None


def host_of(url: str) -> str:
    """Return the host of an address to which there is no objection."""
    return urlsplit(url).hostname or ""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A text that is no address; `but` is what to leave out or mend, where that can be said."""

    but: str = ""


_BAD_PORT: Final = Unusable(", with a port from 1 to 65535 where it has one")


def _host_of(url: str, scheme: str) -> str | Unusable:
    """Return whom an address leads to, as everybody who takes it apart will read it."""
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in " \\"):
        return Unusable(", without spaces, backslashes and special characters")
    try:
        parts = urlsplit(url)
        if parts.port == 0:
            return _BAD_PORT
    except ValueError:
        return _BAD_PORT
    if "@" in parts.netloc:
        return Unusable(", without a user or password in it")
    if parts.scheme not in {scheme, f"{scheme}s"} or not parts.hostname:
        return Unusable()
    return parts.hostname


def names_an_address(message: str) -> bool:
    """Say whether a refusal is about the IP address that was asked from: no order leaves until that is mended.

    Known so far are `ALGO_CHK: Invalid IP address` and `INVALID_IP`; others are assumed to name the IP as well.
    """
    return _NAMES_AN_ADDRESS.search(message) is not None
