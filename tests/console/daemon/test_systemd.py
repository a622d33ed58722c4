"""What systemd hears, through a real datagram socket."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.daemon.systemd import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="systemd speaks over UNIX sockets")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager that listens."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        path = str(Path(folder) / "notify")
        heard.bind(path)
        heard.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield heard


def test_the_manager_hears_what_the_desk_is(manager: socket.socket) -> None:
    notifier = Notifier()

    notifier.ready()
    notifier.status("takes orders")
    notifier.status("takes orders")
    notifier.alive()
    notifier.stopping()

    heard = [manager.recv(200).decode() for _ in range(4)]
    assert heard == ["READY=1", "STATUS=takes orders", "WATCHDOG=1", "STOPPING=1"]


def test_an_abstract_socket_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        name = f"desk-test-{id(heard)}"
        heard.bind(f"\0{name}")
        heard.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")

        Notifier().ready()

        assert heard.recv(200) == b"READY=1"


@pytest.mark.parametrize(("given", "expected"), [("30000000", 15.0), ("", None), ("0", None), ("soon", None)])
def test_the_watchdog_is_fed_at_half_of_its_patience(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, given: str, expected: float | None
) -> None:
    del manager
    monkeypatch.setenv("WATCHDOG_USEC", given)

    assert Notifier().watchdog_s == expected


def test_without_a_manager_or_with_a_deaf_one_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().ready()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    Notifier().ready()

    assert Notifier().watchdog_s is None
