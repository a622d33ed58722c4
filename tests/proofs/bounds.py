"""`make bounds`: how long a way out takes at worst, on real processes with the settings that a desk has by default.

A case has a paper broker and a desk (`main.py run`) of its own. What the desk has to know fails, the broker hangs, or
another process holds the database; then somebody wants out. The broker's ledger tells when each order came in. A figure
is in seconds, and judged by its bound: on a machine that does nothing else.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import requests

from actors.market import EXIT_WAIT_S
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.reconciliation.order_rows import remarks_tag_of
from tests.proofs.readings import MESSAGE_CHARACTERS_MAX
from tests.scenarios.books import assert_journal_replays, rows_of
from tests.scenarios.paper import Ledger, Paper, Placed, start_paper
from tests.scenarios.process import Caller, DeskProcess, an_order
from tests.scenarios.test_lock import held
from tests.scenarios.waiting import until

FLAT_S: Final = 5.0
"""With quotes, look-ups and the feed failing, and the position book readable."""
RE_PRICED_S: Final = 3.0
"""With an old price only: flat, or at another price, at least so often."""
ALARM_S: Final = 15.0
"""Unfilled for so long is an alarm."""
ALARM_LATE_S: Final = 3.0
"""It is told with the next price at the latest."""
LEAVES_S: Final = 3.0
"""With the database locked."""
LOOK_UP_S: Final = 2.0
"""So long a look-up may take."""
BOOK_S: Final = 10.0
"""Connect and read timeout: so long a reading of a book, or an order, may take."""
LOOK_S: Final = 0.05
OLD_S: Final = 6.0
"""After so long what was known is no longer fresh."""
QUIET_S: Final = 3.0
"""So long nothing more may be sent once all is over."""

SHARE: Final = ("NSE", "RELIANCE-EQ")
UNITS: Final = 10
EDGE: Final = Decimal("1350.10")
"""The share's lower circuit is within two ticks of this, with a last close of 1500."""
LOOK_UPS: Final = ("GetQuotes", "SearchScrip", "GetSecurityInfo")

CONFIG: Final = """\
client_id = "PAPER"
mode = "paper"
data_dir = "{folder}"

[broker]
rest_url = "{rest_url}"
websocket_url = "{websocket_url}"

[api]
port = 0
"""
"""Everything else is as it is by default."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, in seconds, and the bound."""

    what: str
    seconds: float
    seconds_max: float

    @property
    def is_kept(self) -> bool:
        return self.seconds <= self.seconds_max


@dataclass(slots=True)
class Floor:
    """Owns one case's broker, the desk's runs, and when each sell order came in or changed its price."""

    folder: Path
    paper: Paper
    name: str
    runs: list[DeskProcess] = field(default_factory=list)
    caller: Caller = field(default_factory=Caller)
    moves: list[float] = field(default_factory=list)
    """Monotonic seconds at which a way out came in or was given another price."""
    _prices: dict[str, str] = field(default_factory=dict)
    _edge_at: float | None = None
    """When a way out came to the edge of the day's band: no worse price than that is left."""

    @property
    def config(self) -> Path:
        return self.folder / "desk" / "desk.toml"

    @property
    def database(self) -> Path:
        return self.config.parent / "desk.db"

    @property
    def url(self) -> str:
        url = self.runs[-1].url
        assert url is not None, "its API does not listen"
        return url

    def start(self, *, ready: bool = True) -> None:
        """Start the desk; wait until it takes orders, or until its API listens only."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        where = {name: self.paper.addresses[name] for name in ("rest_url", "websocket_url")}
        self.config.write_text(CONFIG.format(folder=self.config.parent, **where), encoding="utf-8")
        self.runs.append(DeskProcess(self.config, len(self.runs), cold=True))
        if ready:
            self.runs[-1].until_ready()
        until(lambda: self.runs[-1].url, "its API does not listen")

    def close(self) -> None:
        """Leave nothing running."""
        self.caller.close()
        for one in self.runs:
            one.close()

    # what is asked of the desk

    def hold(self, **terms: str) -> None:
        """Buy, and wait until it is known that it was bought."""
        self.caller.post(self.url, an_order("in", strategy="one", quantity=UNITS, **terms))
        until(lambda: rows_of(self.database)["in"]["state"] == State.FILLED, "nothing is held")
        if terms:
            until(lambda: self.caller.get(self.url, "/stops")["stops"], "no stop is armed")

    def exit_by_hand(self, command_id: str = "out") -> None:
        """Send a market exit."""
        self._tell("/orders", way_out(command_id))

    def flatten(self) -> None:
        """Make all flat."""
        self._tell("/flatten", {"reason": "told to"})

    def _tell(self, path: str, given: dict[str, Any]) -> None:
        """Ask as somebody who does not wait for the answer, and whose line may break."""

        def ask() -> None:
            caller = Caller()
            with suppress(requests.RequestException):
                caller.ask(url, path, given)
            caller.close()

        url = self.url
        threading.Thread(target=ask, daemon=True).start()

    # what befalls it

    def blind(self, kind: str = "over_quota", routes: Sequence[str] = LOOK_UPS, **given: Any) -> None:  # noqa: ANN401  any field of a fault
        """Let look-ups fail and the feed be down, until the faults are cleared."""
        for route in routes:
            self.paper.fault(route, kind, count=None, **given)
        self.paper.fault("ws", "refuse_login", count=None)
        self.paper.close_sockets()

    def price(self, price: str) -> None:
        """Put a price."""
        self.paper.set_price(*SHARE, price)

    def fill(self) -> None:
        """Let what rests of the ways out trade; one that is taken back meanwhile is followed by another."""
        for one in self._exits(self.paper.ledger().orders):
            if one.state in {State.WORKING, State.PARTIALLY_FILLED}:
                with suppress(AssertionError):
                    self.paper.fill(one.number, one.quantity - one.filled)

    # what the broker's ledger says

    def look(self) -> int:
        """Note what has come in or changed its price since the last look; return what is held."""
        ledger, now = self.paper.ledger(), time.monotonic()
        arrived = {tag: at for tag, at, _ in ledger.arrivals}
        for one in self._exits(ledger.orders):
            known = self._prices.get(one.number)
            if known is None:
                self.moves.append(arrived[one.remarks])
            elif known != one.price:
                self.moves.append(now)
            self._prices[one.number] = one.price
            if self._edge_at is None and Decimal(one.price) <= EDGE:
                self._edge_at = now
        return sum(one.filled * (1 if one.side == "B" else -1) for one in ledger.orders)

    def watch(self, seconds: float, ends: Callable[[], bool]) -> None:
        """Look again and again until it ends, so many seconds at most."""
        until_s = time.monotonic() + seconds
        while not ends() and time.monotonic() < until_s:
            _pause.wait(LOOK_S)

    def flat_at(self, within_s: float = 90.0) -> float:
        """Wait until nothing is held; return the monotonic second."""
        self.watch(within_s, lambda: self.look() == 0)
        at = time.monotonic()
        assert self.look() == 0, f"{self.look()} units are held after {within_s:g} s: {self.orders()}"
        return at

    def left_at(self, within_s: float = 60.0) -> float:
        """Wait until a way out has come in; return the monotonic second."""
        self.watch(within_s, lambda: self.look() != UNITS or bool(self.moves))
        assert self.moves, f"no exit left within {within_s:g} s: {self.runs[-1].said[-MESSAGE_CHARACTERS_MAX:]}"
        return self.moves[0]

    def at_one_price_s(self, ends_at: float) -> float:
        """Return the longest time between two moves, and until the end; at the edge of the band nothing can move."""
        return longest_s(self.moves, min(ends_at, self._edge_at or ends_at))

    def alarm_after_s(self) -> float:
        """Return how many seconds after the first exit an alarm about exits was raised."""
        _, _, first = next(one for one in self.paper.ledger().arrivals if one[0] in self._tags())
        alarms = [
            datetime.fromisoformat(one["raised_at"]).timestamp() - first
            for one in self.caller.get(self.url, "/alerts")["alerts"]
            if one["level"] == "CRITICAL" and one["topic"].startswith(("exit:", "order:", "resting:"))
        ]
        assert alarms, "no alarm was raised"
        return min(alarms)

    def judge_sent_once(self) -> None:
        """No tag may have come in twice, and no more be sold than was held."""
        wrong = wrongs_in(self.paper.ledger())
        assert not wrong, "; ".join(wrong)

    def orders(self) -> str:
        """Return the broker's orders, for people."""
        return ", ".join(f"{one.side}{one.quantity}@{one.price} {one.status}" for one in self.paper.ledger().orders)

    def _tags(self) -> set[str | None]:
        return {one.remarks for one in self._exits(self.paper.ledger().orders)}

    @staticmethod
    def _exits(orders: Sequence[Placed]) -> list[Placed]:
        return [one for one in orders if one.side == "S"]


def wrongs_in(ledger: Ledger) -> list[str]:
    """Return which orders came in more than once, and whether more was sold than was held."""
    twice = sorted({tag for tag, _, _ in ledger.arrivals if tag is not None and ledger.times_sent(tag) > 1})
    sold = sum(one.filled for one in ledger.orders if one.side == "S")
    found = [f"{tag} came in {ledger.times_sent(tag)} times" for tag in twice]
    return [*found, f"{sold} sold of {UNITS}"] if sold > UNITS else found


class Machine:
    """Measures, beside a case, how long this machine itself stood still: for a thread that sleeps, and for a sync."""

    def __init__(self, folder: Path) -> None:
        self.slept_over_s = self.synced_s = 0.0
        self._file = folder / "synced"
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._sleep, self._sync)]

    def __enter__(self) -> Self:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for one in self._threads:
            one.join()

    def _sleep(self) -> None:
        began_s = time.monotonic()
        while not self._ends.wait(LOOK_S):
            now_s = time.monotonic()
            self.slept_over_s, began_s = max(self.slept_over_s, now_s - began_s - LOOK_S), now_s

    def _sync(self) -> None:
        with self._file.open("wb") as file:
            while not self._ends.wait(LOOK_S * 2):
                began_s = time.monotonic()
                file.write(b".")
                file.flush()
                os.fsync(file.fileno())
                self.synced_s = max(self.synced_s, time.monotonic() - began_s)

    def __str__(self) -> str:
        return (
            f"the machine itself: a thread slept {self.slept_over_s:.2f} s too long, a sync took {self.synced_s:.2f} s"
        )


def longest_s(moves: Sequence[float], ends_at: float) -> float:
    """Return the longest time between two moves before the end, and between the last of them and the end."""
    at = [*sorted(one for one in moves if one < ends_at), ends_at]
    return max((after - before for before, after in pairwise(at)), default=0.0)


_pause: Final = threading.Event()
Case: TypeAlias = Callable[[Floor], list[Figure]]
Exit: TypeAlias = Callable[[Floor], None]


def way_out(command_id: str) -> dict[str, Any]:
    """Return a market exit of all that is held."""
    terms = {"intent": "EXIT", "side": "SELL", "quantity": UNITS, "order_type": "MARKET", "price": None}
    return an_order(command_id, **{"strategy": "one", **terms})


def tag_of(order: dict[str, Any]) -> str:
    """Return what an order is called at the broker."""
    return remarks_tag_of(OrderCommand.parse({**order, "client_id": "PAPER"}))


def _drop(floor: Floor) -> None:
    floor.price("1480.00")


EXITS: Final[dict[str, Exit]] = {"flatten": Floor.flatten, "hand exit": Floor.exit_by_hand, "stop": _drop}


HAND: Final = ("flatten", "hand exit")


def _hold(floor: Floor, act: str) -> None:
    """Hold, under a stop where that is to get out."""
    floor.start()
    if act == "stop":
        floor.hold(stop_loss="1490")
    else:
        floor.hold()


# a: quotes, look-ups and the feed fail; the position book is readable


def without_quotes(act: str) -> Case:
    """Return the case: the exit is asked for while the broker takes orders."""

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, act)
        floor.blind()
        # What was known grows old, so that the exit has the position book alone.
        floor.watch(OLD_S, lambda: False)
        asked_at = time.monotonic()
        EXITS[act](floor)
        flat_at = floor.flat_at()
        floor.judge_sent_once()
        return [Figure("flat after", flat_at - asked_at, FLAT_S)]

    return run


def orders_refused(kind: str, refused_s: float) -> Case:
    """Return the case: the broker refuses every order for a time, and then takes them again."""

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, "flatten")
        floor.blind()
        fault = floor.paper.fault("PlaceOrder", kind, count=None)
        floor.flatten()
        floor.watch(refused_s, lambda: False)
        floor.paper.end_fault(fault)
        taken_at = time.monotonic()
        flat_at = floor.flat_at()
        floor.judge_sent_once()
        return [Figure("flat after the broker takes orders again", flat_at - taken_at, FLAT_S)]

    return run


# b: an old price only


def old_price(act: str, *, fills: bool) -> Case:
    """Return the case: the position book fails too, and the market has moved far away, or takes the order unfilled."""

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, act)
        floor.blind()
        if act != "stop":
            floor.blind(routes=("PositionBook",))
            floor.watch(OLD_S, lambda: False)
        if fills:
            floor.price("1390.00")
        else:
            floor.paper.fault("PlaceOrder", "no_fill", count=None)
        asked_at = time.monotonic()
        EXITS[act](floor)
        left_at = floor.left_at()
        if act == "stop":
            floor.blind(routes=("PositionBook",))
        if fills:
            ends_at = floor.flat_at()
        else:
            floor.watch(25.0, lambda: floor.look() == 0)
            ends_at = time.monotonic()
        found = [Figure("the longest time at one price", floor.at_one_price_s(ends_at), RE_PRICED_S)]
        found.append(Figure("the first exit leaves after", left_at - asked_at, FLAT_S))
        if not fills:
            found.append(Figure("alarm after", floor.alarm_after_s(), ALARM_S + ALARM_LATE_S))
        floor.judge_sent_once()
        return found

    return run


# c: another process holds the database


def locked(act: str, *, kill_after_s: float | None = None, kill: bool = False) -> Case:
    """Return the case. `kill`: by SIGKILL, so long after the asking, None: as soon as the order is at the broker."""

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, act)
        found = []
        if kill:
            floor.paper.fault("PlaceOrder", "slow_after", seconds=0.5)
        with held(floor.database, "EXCLUSIVE"):
            asked_at = time.monotonic()
            EXITS[act](floor)
            if not kill or kill_after_s is None:
                found.append(Figure("leaves after", floor.left_at() - asked_at, LEAVES_S))
            else:
                floor.watch(kill_after_s, lambda: False)
            if kill:
                floor.runs[-1].kill()
                floor.start(ready=False)
                if act != "stop" and floor.look() == UNITS:
                    EXITS[act](floor)
                again_at = time.monotonic()
                left_at = floor.left_at()
                if not found:
                    found.append(Figure("leaves after the new start", max(0.0, left_at - again_at), LEAVES_S))
            floor.flat_at()
        floor.flat_at()
        if kill:
            floor.runs[-1].until_ready()
        if act == "hand exit":
            floor.exit_by_hand()
        floor.watch(QUIET_S, lambda: False)
        until(lambda: not floor.caller.get(floor.url, "/exits")["exits"], "an exit is still under way")
        floor.judge_sent_once()
        assert floor.look() == 0, f"{floor.look()} units are held: {floor.orders()}"
        return found

    return run


def locked_unfilled(act: str) -> Case:
    """Return the case: the database is locked, and no order fills."""

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, act)
        floor.paper.fault("PlaceOrder", "no_fill", count=None)
        with held(floor.database, "EXCLUSIVE"):
            asked_at = time.monotonic()
            EXITS[act](floor)
            left_at = floor.left_at()
            floor.watch(12.0, lambda: floor.look() == 0)
            longest = floor.at_one_price_s(time.monotonic())
        floor.paper.clear_faults()
        floor.fill()
        floor.flat_at()
        until(lambda: not floor.caller.get(floor.url, "/exits")["exits"], "an exit is still under way")
        if act == "hand exit":
            until(lambda: rows_of(floor.database).get("out", {}).get("state") == State.FILLED, "it was not written")
        assert floor.runs[-1].terminate() == 0
        assert_journal_replays(floor.database)
        floor.judge_sent_once()
        return [
            Figure("leaves after", left_at - asked_at, LEAVES_S),
            Figure("the longest time at one price", longest, RE_PRICED_S),
        ]

    return run


# d: the broker hangs


def hanging(act: str, *, positions: str = "", restart: bool = False) -> Case:
    """Return the case: look-ups get no answer before the desk gives up, nor does what `positions` names; nothing fills.

    `positions` says how the position book fails, if it does. `restart`: the desk knows no instrument.
    """
    request_s = BOOK_S if positions == "slow" else LOOK_UP_S

    def run(floor: Floor) -> list[Figure]:
        _hold(floor, act)
        floor.blind("slow", seconds=60)
        if positions:
            floor.blind(positions, ("PositionBook",), seconds=60)
        if restart:
            floor.runs[-1].kill()
            floor.start(ready=not positions)
        if act != "stop":
            floor.watch(OLD_S, lambda: False)
        floor.paper.fault("PlaceOrder", "no_fill", count=None)
        asked_at = time.monotonic()
        EXITS[act](floor)
        left_at = floor.left_at()
        # By a fresh price the limit ends at five usual bands from it, after nine tries: no worse one is left then.
        floor.watch(40.0 if positions else 12.0, lambda: floor.look() == 0)
        longest = floor.at_one_price_s(time.monotonic())
        floor.judge_sent_once()
        return [
            Figure(
                "the first exit leaves after", left_at - asked_at, FLAT_S if act == "stop" else EXIT_WAIT_S + request_s
            ),
            # Taking the order back and sending the next one may each stand behind a request.
            Figure("the longest time at one price", longest, RE_PRICED_S + 2 * request_s),
        ]

    return run


CASES: Final[dict[str, Case]] = {
    **{f"no quotes, no look-ups, no feed: {act}": without_quotes(act) for act in EXITS},
    "orders refused for 30 s: flatten": orders_refused("refuse", 30.0),
    "orders over quota for 30 s: flatten": orders_refused("over_quota", 30.0),
    **{f"old price, market far away: {act}": old_price(act, fills=True) for act in HAND},
    **{f"old price, nothing fills: {act}": old_price(act, fills=False) for act in EXITS},
    **{f"database locked: {act}": locked(act) for act in EXITS},
    **{f"database locked, killed at once: {act}": locked(act, kill=True, kill_after_s=0.0) for act in EXITS},
    **{f"database locked, killed 0.1 s later: {act}": locked(act, kill=True, kill_after_s=0.1) for act in EXITS},
    **{f"database locked, killed as it arrives: {act}": locked(act, kill=True) for act in EXITS},
    **{f"database locked, nothing fills: {act}": locked_unfilled(act) for act in EXITS},
    **{f"quotes and look-ups hang: {act}": hanging(act) for act in EXITS},
    **{f"quotes and look-ups hang, old price: {act}": hanging(act, positions="over_quota") for act in HAND},
    **{f"quotes and look-ups hang, restarted: {act}": hanging(act, restart=True) for act in HAND},
    **{f"quotes, look-ups and positions hang: {act}": hanging(act, positions="slow") for act in HAND},
}


@contextmanager
def floor_in(folder: Path, name: str) -> Iterator[Floor]:
    """Open a broker whose price stands, and a place for a desk."""
    with ExitStack() as stack:
        paper = start_paper(folder / "paper")
        stack.callback(paper.stop)
        paper.set_price(*SHARE, "1500.00")
        floor = Floor(folder, paper, name)
        stack.callback(floor.close)
        yield floor


def measure(name: str, folder: Path) -> list[Figure] | str:
    """Run a case; return its figures, or what went wrong."""
    try:
        with floor_in(folder, name) as floor:
            return CASES[name](floor)
    except AssertionError as error:
        return str(error).split("\n")[0][:MESSAGE_CHARACTERS_MAX]
    except Exception as error:  # noqa: BLE001  a case that crashes has not ended well, and the others go on
        return f"{type(error).__name__}: {error}".split("\n")[0][:MESSAGE_CHARACTERS_MAX]


def main() -> int:
    """Run the cases one after the other; return 1 where one is too late or goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    given = parser.parse_args()
    is_bad = False
    for name in (one for one in CASES if given.only in one):
        with tempfile.TemporaryDirectory(prefix="bounds-") as folder, Machine(Path(folder)) as machine:
            found = measure(name, Path(folder))
        load = os.getloadavg()[0]
        if isinstance(found, str):
            is_bad = True
            sys.stdout.write(f"{name:55} WRONG: {found} (load {load:.1f})\n")
        else:
            is_bad = is_bad or not all(one.is_kept for one in found)
            told = "; ".join(
                f"{one.what} {one.seconds:.2f} s of {one.seconds_max:g} s{'' if one.is_kept else ' TOO LATE'}"
                for one in found
            )
            sys.stdout.write(f"{name:55} {told} (load {load:.1f})\n")
        if isinstance(found, str) or not all(one.is_kept for one in found):
            sys.stdout.write(f"{'':55} {machine}\n")
        sys.stdout.flush()
    return 1 if is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
