"""What a tick of the feed costs: from a loopback server through to the callback, beside the bare library.

`python -m benchmarks.feed` is the server: it sends ticks that were encoded beforehand, so that the client's side is
what is measured.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from decimal import Decimal
from statistics import median
from typing import Any, Final

from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from actors.runtime.clock import SystemClock
from benchmarks.ground import WAIT_S
from broker.feed.reconnecting_feed import Feed
from broker.noren.row_parsers import Session
from domain.broker.snapshots import Tick
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from domain.settings import BrokerSettings

TICKS: Final = 10_000
_SESSION: Final = Session("BENCH", "BENCH", "bench", "quickauth")
_SHARE: Final = Instrument(
    exchange=Exchange.NSE,
    symbol="RELIANCE-EQ",
    token="2885",
    kind="EQ",
    tick=Decimal("0.05"),
    lot=1,
    freeze_quantity=None,
    lower_circuit=None,
    upper_circuit=None,
)
_FIELDS: Final = {
    "t": "tf",
    "e": "NSE",
    "tk": "2885",
    "pc": "0.42",
    "v": "8123441",
    "ft": "1764149283",
    "ap": "2849.11",
}


def measure_feed(rounds: int) -> dict[str, Any]:
    """Take `rounds` times 10,000 ticks by the feed and by the bare library, in turns."""
    with ExitStack() as stack:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.feed"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        stack.callback(process.wait, 10)
        stack.callback(process.stdout.close)
        stack.callback(process.stdin.close)
        url = f"ws://127.0.0.1:{int(process.stdout.readline())}/"
        ways: dict[str, Callable[[str], tuple[float, float]]] = {"feed": _by_feed, "bare": _by_library}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(way(url))
    return {name: _figures(one) for name, one in taken.items()}


def show_feed(results: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\nfeed: {TICKS:,} ticks      ticks/s    CPU ms per 10,000")
    for name, figures in results.items():
        print(f"  {name:20}{figures['ticks_per_s']:>10,.0f}{figures['cpu_ms_per_10000']:>21.0f}")


def _figures(taken: list[tuple[float, float]]) -> dict[str, float]:
    took_s, cpu_s = (median(column) for column in zip(*taken, strict=True))
    return {"ticks_per_s": TICKS / took_s, "cpu_ms_per_10000": cpu_s * 1_000 * 10_000 / TICKS}


def _by_feed(url: str) -> tuple[float, float]:
    """Return the seconds from the first tick to the last, and the seconds of CPU between them."""
    heard: list[Tick] = []
    marks: list[tuple[float, float]] = []
    all_heard = threading.Event()

    def hear(tick: Tick) -> None:
        heard.append(tick)
        if len(heard) in {1, TICKS}:
            marks.append((time.perf_counter(), time.process_time()))
            if len(heard) == TICKS:
                all_heard.set()

    feed = Feed(BrokerSettings(websocket_url=url), SystemClock(), hear, lambda _up, _message: None)
    feed.watch(_SHARE)
    feed.start(_SESSION)
    assert all_heard.wait(WAIT_S), "the ticks did not come"
    feed.stop()
    return _between(marks)


def _by_library(url: str) -> tuple[float, float]:
    """Take the same ticks with the library alone and parse their JSON."""
    marks = []
    with connect(url, proxy=None, compression=None, ping_interval=None, close_timeout=0.1) as web:
        web.send('{"t":"c"}')
        web.send('{"t":"t"}')
        web.recv()
        for number in range(TICKS):
            json.loads(web.recv(decode=False))
            if number in {0, TICKS - 1}:
                marks.append((time.perf_counter(), time.process_time()))
    return _between(marks)


def _between(marks: list[tuple[float, float]]) -> tuple[float, float]:
    (began, cpu_began), (ended, cpu_ended) = marks
    return ended - began, cpu_ended - cpu_began


def _serve_ticks() -> None:
    """Listen on a free loopback port, print it, and answer each subscription with ticks until standard input ends."""
    prices = (f"{2800 + number % 100}.{number % 20 * 5:02}" for number in range(TICKS))
    texts = (json.dumps({**_FIELDS, "lp": price}).encode() for price in prices)
    ticks = b"".join(Frame(Opcode.TEXT, text).serialize(mask=False) for text in texts)

    def welcome(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            for text in connection:
                kind = json.loads(text)["t"]
                if kind == "c":
                    connection.send('{"t":"ck","s":"OK","uid":"BENCH"}')
                elif kind == "t":
                    connection.socket.sendall(ticks)

    server = serve(welcome, "127.0.0.1", 0, ping_interval=None)
    print(server.socket.getsockname()[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    _serve_ticks()
