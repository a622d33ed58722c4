"""What the desk has to know fails, and it must enter and get out all the same: the second half of `make faults`.

A cell is a source of knowledge (quotes, look-ups, money, prices, the database), what befalls it until it is mended, and
what the desk is asked meanwhile. Each cell has a paper broker and a desk of its own. An exit has to be flat at the
broker while the trouble lasts; an entry is sent once or not at all; and when the trouble is over, our books are the
broker's.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from actors.desk import Desk
from actors.errors import DeskStartError
from actors.messages.orders import OrderDeclined
from domain.orders.lifecycle import State
from tests.proofs.truth import Told, untruths
from tests.scenarios.paper import Paper, start_paper
from tests.scenarios.scene import NoFeed, Pushed, Scene, settings_for
from tests.scenarios.test_storage import read_only
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

WAY_OUT_S_MAX: Final = 5.0
"""So long an exit may take while the trouble lasts, on a machine of its own."""
PRICE_AGE_S: Final = 6.0
"""So old a price may be before a stop asks for another one: the shortest setting. A loss limit asks as late."""
STILL_READINGS: Final = 3
"""So many untrue prices have to be met before the position counts as held in spite of them."""
MESSAGE_CHARACTERS_MAX: Final = 300
SHARE: Final = {"tsym": "RELIANCE-EQ"}
SECONDS: Final = {"slow": 0.1, "slow_after": 0.1}

REPLIES: Final = (
    "refuse",
    "over_quota",
    "timeout_after",
    "reset_after",
    "empty_after",
    "html_502_after",
    "html_200_after",
    "truncated_after",
    "drip_after",
    "slow_after",
    "not_arrived",
    "reset_before",
    "html_502",
    "html_504",
    "slow",
    "session_expired",
)
PRICES: Final[dict[str, dict[str, str]]] = {
    "price_beyond": {"kind": "wrong_price", "price": "24631.20"},
    "price_zero": {"kind": "wrong_price", "price": "0.00"},
    "price_negative": {"kind": "wrong_price", "price": "-5.00"},
    "price_nan": {"kind": "wrong_price", "price": "NaN"},
    "price_missing": {"kind": "wrong_price", "price": ""},
    "price_of_another": {"kind": "wrong_price", "other": "NSE|26000"},
}
OTHER: Final[dict[str, dict[str, str]]] = {"other_instrument": {"kind": "wrong_instrument", "other": "NSE|1594"}}
UNTRUE: Final = PRICES | OTHER


class Source(StrEnum):
    """Where knowledge comes from; the value is the route of the fault."""

    QUOTES = "GetQuotes"
    SEARCH = "SearchScrip"
    INFO = "GetSecurityInfo"
    LIMITS = "Limits"
    PRICES = "PositionBook"
    TICKS = "tick"
    DATABASE = "database"


class Act(StrEnum):
    """What the desk is asked while the trouble lasts."""

    ENTRY = "entry"
    HAND_EXIT = "hand_exit"
    STOP = "stop"
    FLATTEN = "flatten"
    LOSS_LIMIT = "loss_limit"
    RESTART = "restart"


KINDS: Final[dict[Source, tuple[str, ...]]] = {
    Source.QUOTES: (*REPLIES, *UNTRUE),
    Source.SEARCH: (*REPLIES, *OTHER),
    Source.INFO: (*REPLIES, *OTHER),
    Source.LIMITS: REPLIES,
    Source.PRICES: tuple(PRICES),
    Source.TICKS: tuple(UNTRUE),
    Source.DATABASE: ("locked", "read_only"),
}


PRICED: Final = frozenset({Source.QUOTES, Source.PRICES, Source.TICKS})
"""Sources of prices: what is untrue in them moves nothing."""


@dataclass(frozen=True, slots=True)
class ReadingCell:
    """One source, what befalls it, and what the desk is asked meanwhile."""

    source: Source
    kind: str
    act: Act

    @property
    def name(self) -> str:
        return f"{self.source.name.lower()}-{self.kind}-{self.act.value}"


def all_reading_cells() -> Iterator[ReadingCell]:
    """Yield every cell."""
    for source, kinds in KINDS.items():
        for kind in kinds:
            for act in Act:
                yield ReadingCell(source, kind, act)


def judge_reading(cell: ReadingCell, folder: Path) -> str:
    """Run a cell; return "ok", or what is wrong."""
    try:
        with ExitStack() as stack:
            paper = start_paper(folder / "paper")
            stack.callback(paper.stop)
            paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
            made = Trial(cell, paper, folder)
            stack.callback(made.scene.close)
            return made.run()
    except AssertionError as error:
        return str(error).split("\n")[0][:MESSAGE_CHARACTERS_MAX]
    except Exception as error:  # noqa: BLE001  a cell that crashes has not ended well, and the others go on
        return f"{type(error).__name__}: {error}".split("\n")[0][:MESSAGE_CHARACTERS_MAX]


@dataclass
class Trial:
    """Owns one cell's desk, and what its callers were told."""

    cell: ReadingCell
    paper: Paper
    folder: Path
    scene: Scene = field(init=False)
    told: list[Told] = field(default_factory=list)
    fault: int = 0
    asked_s: float = 0.0
    """When the exit was asked for (monotonic seconds)."""

    def __post_init__(self) -> None:
        path = self.folder / "desk.db"
        sections: dict[str, Any] = {
            "exits": {"unfilled_s": 0.5, "cancel_again_s": 0.3, "retry_s": 0.1, "retry_s_max": 0.4, "flat_for_s": 0.3},
            "stops": {"look_s": 0.1, "price_age_s_max": PRICE_AGE_S},
            "broker": {"login_retry_s": 0.2, "login_retry_s_max": 0.4, "login_refusals_max": 100},
            "storage": {"busy_timeout_ms": 100},
        }
        if self.cell.act is Act.LOSS_LIMIT:
            sections["risk"] = {"daily_loss_max": 500, "look_s": 0.05, "resume_cooloff_s": 0}
        kind = Pushed if self.cell.source is Source.TICKS else Scene
        self.scene = kind(self.paper, path, settings_for(self.paper, path, **sections))

    def run(self) -> str:
        """Act under trouble, let it end, and judge."""
        if self.cell.act is Act.ENTRY:
            with self._trouble():
                self._submit("met", order_type="MARKET")
            self._enter_after()
        elif self.cell.act is Act.RESTART:
            self._restart()
        else:
            self._get_out()
        until(
            lambda: not self.scene.desk.exits().under_way, lambda: f"still under way: {self.scene.desk.exits()}", WAIT_S
        )
        self.scene.until_books_agree()
        return "; ".join(untruths(self.paper, self.told)) or "ok"

    # trouble

    def _trouble(self) -> AbstractContextManager[object]:
        if self.cell.source is not Source.DATABASE:
            return self._faulty()
        if self.cell.kind == "locked":
            return locked_by_another_process(self.scene.path)
        return read_only(self.scene) if self.scene._running else unwritable(self.scene.path)

    @contextmanager
    def _faulty(self) -> Iterator[None]:
        kind = self.cell.kind
        given: dict[str, Any] = {"kind": kind, "seconds": SECONDS.get(kind, 1.0)}
        if kind in UNTRUE:
            given = {**UNTRUE[kind], "match": SHARE}
        # A session that always expires is no trouble of this route: nothing could be asked at all.
        count = 2 if kind == "session_expired" else None
        self.fault = self.paper.fault(self.cell.source.value, count=count, **given)
        yield
        self.paper.clear_faults()

    # acts

    def _enter_after(self) -> None:
        """Who was not taken comes again; and another entry is filled as ever."""
        self.scene.until_ready()
        for one in self.told:
            one.answers.append(self.scene.answer(one.command))
        after = self._submit("after", order_type="MARKET", strategy=f"{self.scene.name}-after")
        self.scene.until_state(after.command, State.FILLED)

    def _get_out(self) -> None:
        terms = {"stop_loss": "1490", "target": "1560"} if self.cell.act is Act.STOP else {}
        self._hold(**terms)
        if terms:
            until(lambda: self.scene.desk.stops().armed, "the stop was not armed")
        with self._trouble():
            if self.cell.act in {Act.STOP, Act.LOSS_LIMIT} and self.cell.source in PRICED and self.cell.kind in UNTRUE:
                self._until_held_in_spite()
            self._ask_for_exit()
            self._until_flat()

    def _ask_for_exit(self) -> None:
        self.asked_s = time.monotonic()
        match self.cell.act:
            case Act.HAND_EXIT:
                command = self.scene.command("out", side="SELL", intent="EXIT", order_type="MARKET")
                self.told.append(Told(command, [self.scene.answer(command)]))
            case Act.STOP:
                self.paper.set_price("NSE", "RELIANCE-EQ", "1480.00")
            case Act.LOSS_LIMIT:
                self.paper.set_price("NSE", "RELIANCE-EQ", "1440.00")
            case _:
                self.scene.desk.flatten("told to")

    def _restart(self) -> None:
        """Start again in the midst of it, and get out; a desk that can't start says so, and starts when it can."""
        self._hold()
        self.scene.stop()
        with self._trouble():
            if self.cell.kind == "read_only":
                self._assert_no_start()
            else:
                self._start_at_once()
                self._ask_for_exit()
                self._until_flat()
                return
        self.scene.start()
        self._ask_for_exit()
        self._until_flat()

    def _start_at_once(self) -> None:
        """Start without waiting until entries are taken: a way out does not wait for that."""
        self.scene.desk = Desk(self.scene.settings, feed=NoFeed(), clock=self.scene.clock)
        self.scene.desk.start()
        self.scene._running = True

    def _assert_no_start(self) -> None:
        """A desk that could write nothing does not begin, and says so in one sentence that names the database."""
        try:
            self._start_at_once()
        except DeskStartError as error:
            message = str(error)
        else:
            self.scene.stop()
            raise AssertionError("the desk started, though it can write nothing")
        assert "the database" in message, f"the desk did not start, and says: {message}"
        assert "Error" not in message, f"the desk did not start, and says: {message}"

    def _hold(self, **terms: str) -> None:
        held = self._submit("held", **terms)
        self.scene.until_state(held.command, State.FILLED)

    def _submit(self, name: str, **terms: str) -> Told:
        told = Told(self.scene.command(name, **terms))
        self.told.append(told)
        told.answers.append(self.scene.answer(told.command))
        return told

    def _until_held_in_spite(self) -> None:
        """An untrue price alone gets nobody out."""
        if self.cell.source is not Source.QUOTES:
            # Quotes are asked for where nothing else tells the price.
            until(
                lambda: self.paper.fired(self.fault) >= STILL_READINGS or self._net() == 0, "no price was read", WAIT_S
            )
        quiet = self.paper.books_read + STILL_READINGS
        until(lambda: self.paper.books_read >= quiet, "the books were not read")
        under_way = self.scene.desk.exits().under_way
        assert self._net() == 10, "the position was sold for a price that nobody traded at"
        assert not under_way, "an exit is under way for a price that nobody traded at"

    def _until_flat(self) -> None:
        most_s = patient(WAY_OUT_S_MAX + (PRICE_AGE_S if self.cell.act in {Act.STOP, Act.LOSS_LIMIT} else 0))
        until(lambda: self._net() == 0, lambda: f"holds {self._net()} under {self.cell.kind}: {self._told()}", most_s)
        took_s = time.monotonic() - self.asked_s
        assert took_s <= most_s, f"to get out took {took_s:.1f} s, and may take {most_s:g} s"

    def _told(self) -> str:
        """Return what there is to read about an exit that does not happen."""
        found = []
        for one in (one.answers[-1] for one in self.told):
            if isinstance(one, OrderDeclined):
                found.append(f"declined {one.reason}")
            elif one.order.state in {State.BLOCKED, State.REFUSED}:
                found.append(f"{one.order.state} {one.order.tag}")
        orders = self.scene.desk.orders(1)
        if orders and orders[0].tag:
            found.append(f"the newest order is {orders[0].state} {orders[0].tag}")
        return ", ".join([*found, f"{sum(self.scene.desk.exits().under_way.values())} tries of the desk"])

    def _net(self) -> int:
        """Return what the account holds, by the broker's own ledger."""
        return sum(one.filled * (1 if one.side == "B" else -1) for one in self.paper.ledger().orders)


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    """Let another process hold the database's write lock."""
    message = (
        "import sqlite3, sys\n"
        "other = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)\n"
        "other.execute('BEGIN IMMEDIATE')\n"
        "print('locked', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", message, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        try:
            assert other.stdout.readline() == "locked\n"
            yield
        finally:
            other.stdin.close()
            other.wait(WAIT_S)


_WRITE_VERSION_AT: Final = 18
_NEWER_THAN_KNOWN: Final = 3


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Make a closed database one that SQLite opens for reading only, whoever asks: its write version is unknown."""
    before = path.read_bytes()
    with path.open("rb+") as file:
        file.seek(_WRITE_VERSION_AT)
        file.write(bytes([_NEWER_THAN_KNOWN]))
    yield
    with path.open("rb+") as file:
        file.seek(_WRITE_VERSION_AT)
        file.write(before[_WRITE_VERSION_AT : _WRITE_VERSION_AT + 1])
