"""What every benchmark stands on: the servers to measure against, a desk with its ceilings lifted, an order."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from actors.desk import Desk
from console.settings_file import load_settings
from domain.orders.command import OrderCommand
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from domain.settings import Settings

UNBOUNDED: Final = 1_000_000
WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server to measure against, and the credentials it wants."""

    name: str
    rest_url: str
    websocket_url: str
    user_id: str
    token: str
    admin_url: str = ""
    """The paper broker's admin interface, its token included."""


class NoFeed:
    """A feed that brings nothing: prices are not what is measured."""

    def start(self, session: object) -> None:
        """Do nothing."""

    def watch(self, instrument: object) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


@contextmanager
def null_server() -> Iterator[Server]:
    """Start the server that answers at once."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.null_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        url = f"http://127.0.0.1:{port}/NorenWClientTP/"
        yield Server("null", url, f"ws://127.0.0.1:{port}/", "NULL", "null")
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


@contextmanager
def paper_server(folder: Path) -> Iterator[Server]:
    """Start the paper broker with its rate ceiling lifted, durable as always."""
    message = [sys.executable, "-m", "broker.paper", "--port", "0", "--data-dir", str(folder / "paper")]
    process = subprocess.Popen([*message, "--orders-per-s-max", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        where = json.loads(process.stdout.readline())
        yield Server("paper", where["rest_url"], where["websocket_url"], "PAPER", "", where["admin_url"])
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(10)


def settings_for(server: Server, path: Path) -> Settings:
    """Return a desk's settings with every ceiling lifted that is not the desk's own speed."""
    return load_settings(
        None,
        mode="paper",
        client_id="BENCH",
        broker={
            "rest_url": server.rest_url,
            "websocket_url": server.websocket_url,
            "user_id": server.user_id,
            "password": "paper",
            "totp_secret": "JBSWY3DPEHPK3PXP",
            "vendor_code": "PAPER_U",
            "api_secret": "paper-secret",
            "orders_per_second_max": UNBOUNDED,
            "rate_wait_s_max": WAIT_S,
        },
        storage={"path": path},
        # The null server has no books: what it accepts is lost, and the desk must not stop for that.
        watcher={"books_unavailable_s_max": UNBOUNDED},
        proof={"window_s": UNBOUNDED},
        risk={"orders_per_day_max": UNBOUNDED, "order_notional_max": None},
    )


@contextmanager
def running_desk(server: Server, folder: Path) -> Iterator[Desk]:
    """Start a desk on a fresh database, ready to take orders."""
    desk = Desk(settings_for(server, folder / f"{server.name}.db"), feed=NoFeed())
    desk.start()
    try:
        ends_at = time.monotonic() + WAIT_S
        while desk.readiness().blockers:
            assert time.monotonic() < ends_at, desk.readiness().blockers
            desk.wait_for_failure(0.01)
        yield desk
    finally:
        desk.stop()


def order(number: int) -> OrderCommand:
    """Make one entry; each from a strategy of its own, so that the guard lets it pass."""
    return OrderCommand(
        command_id=f"bench-{number}",
        client_id="BENCH",
        strategy=f"bench-{number}",
        intent=Intent.ENTRY,
        exchange=Exchange.NSE,
        symbol="RELIANCE-EQ",
        side=Side.BUY,
        quantity=1,
        product=Product.MIS,
        order_type=OrderType.LIMIT,
        price=Decimal("1500.00"),
    )


def percentile(values: list[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
