"""Telling systemd how the desk is: ready, alive, stopping (sd_notify).

The protocol is one datagram to the socket that $NOTIFY_SOCKET names. It is written here because the packages for it are
unmaintained or need libsystemd. Without the variable nothing is sent.
"""

import os
import socket
from typing import Final

_MICROSECONDS: Final = 1_000_000


class Notifier:
    """Owns the way to the service manager. Nothing it does can fail the desk."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._said = ""

    @property
    def watchdog_s(self) -> float | None:
        """Return how often to say that the desk lives: half of what the manager allows; None when it does not watch."""
        text = os.environ.get("WATCHDOG_USEC", "")
        return int(text) / _MICROSECONDS / 2 if self._address and text.isdigit() and int(text) else None

    def ready(self) -> None:
        """Say that entries are taken."""
        self._send("READY=1")

    def alive(self) -> None:
        """Say that the desk answers."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that an orderly end has begun."""
        self._send("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Say in one line how the desk is, when that has changed. A broker's line break would begin another word."""
        if sentence != self._said:
            self._said = sentence
            self._send(f"STATUS={' '.join(sentence.split())}")

    def _send(self, message: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.sendto(message.encode(), address)
        except OSError:
            return  # the manager is gone or deaf; orders matter more
