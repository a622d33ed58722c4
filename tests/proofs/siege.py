"""`make siege`: what strangers at the door cost the desk, on real processes with the settings that it has by default.

A stranger without the token holds 64 connections with half a request, asks on 64 others without reading an answer, and
500 times a second beside that. In turns with and without him, halts and exits are timed in the same run. Then come 64
clients who know the token, ask for every order at once and read no answer: that is work which the desk was asked for,
so it may cost more, and no exit may stand behind it. At last the feed is cut, and the log, the descriptors and the feed
are looked at. A figure is a ratio, or in milliseconds for a machine that does nothing else.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from tests.proofs.bounds import Floor
from tests.scenarios.paper import start_paper
from tests.scenarios.process import TOKEN, an_order
from tests.scenarios.waiting import until

HALF_OPEN: Final = 64
HANGING: Final = 64
ASKED_A_SECOND: Final = 500
HALT_MS_MAX: Final = 100.0
EXIT_TIMES_MAX: Final = 2.0
LISTED_EXIT_TIMES_MAX: Final = 4.0
DESCRIPTORS_MAX: Final = 512
ROUNDS: Final = 4
EXITS: Final = 50
HALTS: Final = 15
HELD: Final = 1_000


@dataclass(slots=True)
class Times:
    """Milliseconds of halts and of exits."""

    halts: list[float]
    exits: list[float]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} p50 {statistics.median(ms):.1f} ms, p99 {at(ms, 0.99):.1f} ms, worst {max(ms):.1f} ms"
            for name, ms in (("halt", self.halts), ("exit", self.exits))
        )


def at(times: Sequence[float], share: float) -> float:
    """Return the time that so large a share stays within."""
    return sorted(times)[min(len(times) - 1, round(share * (len(times) - 1)))]


async def _hold_half_a_request(host: str, port: int) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /status HTTP/1.1\r\nHost: 127")
            await reader.read()
            writer.close()
        await asyncio.sleep(0.01)


async def _read_no_answer(host: str, port: int, token: str) -> None:
    ask = f"GET /orders?limit=10000 HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port, limit=1)
            writer.write(ask)
            await asyncio.sleep(30)
            writer.close()


async def _ask(host: str, port: int, every_s: float) -> None:
    paths = (b"/status", b"/health", b"/orders", b"/nowhere")
    ends_at = time.monotonic()
    for number in range(1_000_000_000):
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET " + paths[number % 4] + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            await reader.read()
            writer.close()
        ends_at += every_s
        await asyncio.sleep(max(0.0, ends_at - time.monotonic()))


def besiege(host: str, port: int, stop: Event, token: str) -> None:
    """Do all of it until told to stop; in a process of its own. Whoever reads no answer asks with this token."""

    async def all_of_it() -> None:
        crowd: list[Any] = [_hold_half_a_request(host, port) for _ in range(HALF_OPEN)]
        crowd += [_read_no_answer(host, port, token) for _ in range(HANGING)]
        askers = 20
        crowd += [_ask(host, port, askers / ASKED_A_SECOND) for _ in range(askers)]
        tasks = [asyncio.create_task(one) for one in crowd]
        await asyncio.to_thread(stop.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_it())


@contextmanager
def siege(url: str, asks_as: str = "a stranger") -> Iterator[None]:
    """Let it last as long as the block."""
    host, port = url.removeprefix("http://").rsplit(":", 1)
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=besiege, args=(host, int(port), stop, asks_as), daemon=True)
    process.start()
    time.sleep(2.0)
    try:
        yield
    finally:
        stop.set()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()


class Desk:
    """Owns a desk that holds shares, and what is timed of it."""

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._sent = 0

    def hold(self) -> None:
        """Buy enough for every exit, and leave some hundred orders behind."""
        self.floor.caller.post(self.floor.url, an_order("in", strategy="one", quantity=HELD))
        until(lambda: self.held() == HELD, lambda: f"{self.held()} are held")
        for number in range(200):
            self.floor.caller.post(self.floor.url, an_order(f"rests-{number}", price="1450.00"))

    def held(self) -> int:
        """Return what the strategy holds."""
        rows = self.floor.caller.get(self.floor.url, "/positions")["strategies"]
        return next((int(row["quantity"]) for row in rows if row["strategy"] == "one"), 0)

    def time(self, times: Times, exits: int, halts: int) -> None:
        """Send exits of one share, and halts with their end, one after the other."""
        for _ in range(exits):
            self._sent += 1
            way_out = {"strategy": "one", "intent": "EXIT", "side": "SELL", "order_type": "MARKET", "price": None}
            order = an_order(f"out-{self._sent}", **way_out)
            began = time.monotonic()
            answer = self.floor.caller.post(self.floor.url, order)
            times.exits.append((time.monotonic() - began) * 1e3)
            assert answer.status_code == 200, answer.text
            # Below the ten orders a second that the regulator allows: an exit that waits its turn is not slow.
            time.sleep(0.12)
        for _ in range(halts):
            for state in ("HALTED", "ACTIVE"):
                began = time.monotonic()
                answer = self.floor.caller.ask(self.floor.url, "/trading-state", {"state": state, "reason": "siege"})
                if state == "HALTED":
                    times.halts.append((time.monotonic() - began) * 1e3)
                assert answer.json()["state"] == state, answer.text

    @property
    def descriptors(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.floor.runs[-1].process.pid}/fd").iterdir())


def run(floor: Floor, rounds: int, exits: int, halts: int) -> list[str]:
    """Time it in turns; return what is not as it has to be."""
    desk = Desk(floor)
    desk.hold()
    alone, besieged, listed = (Times([], []) for _ in range(3))
    limit = desk.descriptors
    wrong: list[str] = []
    for number in range(rounds):
        desk.time(alone, exits, halts)
        with siege(floor.url):
            desk.time(besieged, exits, halts)
            limit = max(limit, desk.descriptors)
        with siege(floor.url, TOKEN):
            desk.time(listed, exits, halts)
            limit = max(limit, desk.descriptors)
            if number == rounds - 1:
                wrong += _look_around(floor)
        _say(f"round {number + 1} of {rounds}: {desk.descriptors} descriptors")
    _say(f"alone: {alone}")
    for name, times, times_max in (
        ("strangers", besieged, EXIT_TIMES_MAX),
        ("and long lists", listed, LISTED_EXIT_TIMES_MAX),
    ):
        ratio = at(times.exits, 0.99) / at(alone.exits, 0.99)
        _say(f"{name}: {times}; an exit's p99 {ratio:.2f} times its time alone (at most {times_max:g})")
        if at(times.halts, 0.99) > HALT_MS_MAX:
            wrong.append(f"{name}: a halt took {at(times.halts, 0.99):.0f} ms")
        if ratio > times_max:
            wrong.append(f"{name}: an exit's p99 grew {ratio:.2f} times")
    _say(f"at most {limit} descriptors")
    if limit > DESCRIPTORS_MAX:
        wrong.append(f"{limit} descriptors were open")
    return wrong


def _look_around(floor: Floor) -> list[str]:
    """Cut the feed, and see that it and the log go on."""
    log = floor.config.parent / "desk.log"
    before = log.stat().st_size
    floor.paper.close_sockets()
    until(lambda: floor.caller.get(floor.url, "/status")["broker"]["feed"] != "logged in", "the feed was not cut", 5)
    until(
        lambda: floor.caller.get(floor.url, "/status")["broker"]["feed"] == "logged in", "the feed does not come back"
    )
    return [] if log.stat().st_size > before else ["the log does not go on"]


def _say(message: str) -> None:
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the siege; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paper = start_paper(folder / "paper")
        floor = Floor(folder, paper, "siege")
        try:
            floor.start()
            wrong = run(floor, rounds, EXITS, HALTS)
        finally:
            floor.close()
            paper.stop()
    _say(json.dumps({"wrong": wrong}) if wrong else "Nobody at the door cost the desk more than that.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
