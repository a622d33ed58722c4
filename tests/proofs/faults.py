"""`make faults`: every request of the desk, met by every fault the paper broker knows; the broker's ledger judges.

One desk on real parts takes cell after cell. A cell asks for trouble, acts, lets the trouble end, and must come out
with one broker order per command id, rows and fills equal to the ledger, callers told the truth, and nothing unsettled.
The other half (readings.py) fails what the desk has to know, each cell with a desk and a broker of its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeAlias

from loguru import logger

from actors.messages.orders import OrderDeclined
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order
from domain.reconciliation.breaks import BreakKind
from domain.reconciliation.order_rows import remarks_tag_of
from tests.proofs.readings import ReadingCell, all_reading_cells, judge_reading
from tests.proofs.truth import Told, untruths
from tests.scenarios.paper import Paper, start_paper
from tests.scenarios.scene import CLIENT, CROSSING, RESTING, Pushed, Scene, settings_for
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

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
"""What may befall any request and its reply."""
FATES: Final = (
    "late_acceptance",
    "reject_later",
    "partial_fill",
    "no_fill",
    "ip_refused",
    "margin_refused",
    "product_refused",
)
"""What may befall an order besides."""
CHANGES: Final = (
    "late_acceptance",
    "change_later",
    "reject_change_later",
    "fill_wins",
    "partial_fill_first",
    "ip_refused",
)
"""What may befall a modify or a cancel besides."""
READINGS: Final = ("stale_book", "shrunk_book", "empty_book", "late_book")
"""What a book may be besides."""
FRAMES: Final = ("drop", "duplicate", "reorder", "delay")
"""What may befall a pushed update."""
GREETINGS: Final = ("refuse_login", "late_login", "mute", "close")
"""What may befall the feed as it logs in."""
SECONDS: Final = {
    "slow": 0.1,
    "slow_after": 0.1,
    "late_acceptance": 0.25,
    "reject_later": 0.15,
    "change_later": 0.25,
    "reject_change_later": 0.15,
    "late_book": 0.3,
    "delay": 0.2,
    "late_login": 0.2,
}
FRAMES_MET: Final = 4
"""So many updates meet their fault: an order's whole life."""
FEED_SILENCE_S: Final = 1.0
BOOKS_MET: Final = 6
"""So many readings of a book meet its fault: longer than the desk may be blind."""
ROWS_MISSED: Final = 30
"""So many readings at least miss an order: longer than the desk waits before it believes that there is none."""


class Action(StrEnum):
    """What the desk does when the fault comes; the value is the request that meets it."""

    PLACE = "PlaceOrder"
    MODIFY = "ModifyOrder"
    CANCEL = "CancelOrder"
    ORDER_BOOK = "OrderBook"
    TRADE_BOOK = "TradeBook"
    POSITIONS = "PositionBook"
    LOGIN = "QuickAuth"
    UPDATE = "om"
    FEED = "ws"


BOOKS: Final = (Action.ORDER_BOOK, Action.TRADE_BOOK, Action.POSITIONS)
PUSHED: Final = (Action.UPDATE, Action.FEED)
"""These need a desk that hears the feed; the others one that has nothing but replies and books."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One action under one fault that befalls `count` requests."""

    action: Action
    kind: str
    count: int

    @property
    def name(self) -> str:
        return f"{self.action.name.lower()}-{self.kind}-{self.count}"


def all_cells() -> Iterator[Cell]:
    """Yield every cell: each fault once, and where a second one could undo what the first taught, twice."""
    for action in Action:
        for kind in _kinds_of(action):
            for count in _counts_of(action, kind):
                yield Cell(action, kind, count)


def _kinds_of(action: Action) -> tuple[str, ...]:
    match action:
        case Action.UPDATE:
            return FRAMES
        case Action.FEED:
            return GREETINGS
        case Action.PLACE:
            return REPLIES + FATES
        case Action.MODIFY | Action.CANCEL:
            return REPLIES + CHANGES
        case Action.LOGIN:
            return REPLIES
        case Action.ORDER_BOOK:
            return (*REPLIES, *READINGS, "ghost_row", "missing_rows")
        case Action.TRADE_BOOK:
            return (*REPLIES, *READINGS, "missing_rows")
        case _:
            return REPLIES + READINGS


def _counts_of(action: Action, kind: str) -> tuple[int, ...]:
    if action in BOOKS:
        return (ROWS_MISSED if kind == "missing_rows" else BOOKS_MET,)
    if action is Action.UPDATE:
        return (1, FRAMES_MET)
    # A login that is only slow succeeds, so that no second one meets the fault.
    succeeds = (action is Action.LOGIN and kind in {"slow", "slow_after"}) or kind == "late_login"
    return (1,) if succeeds else (1, 2)


class Matrix:
    """Owns the paper broker and the desk that cells share; `make_scene` says whether that desk hears the feed."""

    def __init__(self, folder: Path, make_scene: type[Scene] = Scene) -> None:
        self.paper: Paper = start_paper(folder / "paper")
        self.paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
        path = folder / "desk.db"
        watching = {"poll_interval_s": 0.05, "books_unavailable_s_max": patient(0.25), "break_s_min": 0.5}
        broker = {
            "read_timeout_s": patient(0.1),
            "login_retry_s": 0.2,
            "login_retry_s_max": 0.4,
            "login_refusals_max": 100,
            "feed_silence_s_max": FEED_SILENCE_S,
            "feed_retry_s_max": FEED_SILENCE_S,
        }
        self.scene = make_scene(self.paper, path, settings_for(self.paper, path, watcher=watching, broker=broker))

    def close(self) -> None:
        """End both; the journal must replay to the table."""
        self.scene.close()
        self.paper.stop()

    def judge(self, cell: Cell) -> str:
        """Run a cell; return "ok", or what is wrong."""
        try:
            told = self._act(cell)
            self.paper.clear_faults()
            self.scene.until_ready()
            until(lambda: not self._unsettled(told), lambda: "; ".join(self._unsettled(told)), WAIT_S)
            self.scene.until_books_agree()
        except AssertionError as error:
            return str(error).split("\n")[0]
        except Exception as error:  # noqa: BLE001  one cell that can't be judged takes no other with it
            return f"it was not judged: {type(error).__name__} in {where_raised(error)}: {error}"
        finally:
            self.paper.clear_faults()
        return "; ".join(self._untruths(told)) or "ok"

    # acting

    def _act(self, cell: Cell) -> list[Told]:
        match cell.action:
            case Action.PLACE:
                return [self._submit(cell, "met", CROSSING, self._fault), self._submit(cell, "rests", RESTING)]
            case Action.MODIFY:
                return [self._change(cell, ChangeKind.MODIFY)]
            case Action.CANCEL:
                return [self._change(cell, ChangeKind.CANCEL)]
            case Action.ORDER_BOOK | Action.TRADE_BOOK | Action.POSITIONS:
                return self._read(cell)
            case Action.LOGIN:
                told, fault = self._meet(cell, lambda: self.paper.fault("PlaceOrder", "session_expired"))
                until(lambda: self.paper.fired(fault) >= cell.count, f"nobody logged in {cell.count} times")
                self.paper.clear_faults()
                self.scene.until_ready()
                return [*told, self._submit(cell, "after", CROSSING)]
            case Action.UPDATE:
                return [self._submit(cell, "met", CROSSING, self._fault), self._submit(cell, "after", RESTING)]
            case Action.FEED:
                return self._dial(cell)

    def _dial(self, cell: Cell) -> list[Told]:
        """Lose the feed, let it meet the fault as it comes back, and trade meanwhile."""
        assert isinstance(self.scene, Pushed)
        before, hearts = self._asked("ws"), self._asked("h")
        # Only who has been answered knows what silence is.
        until(lambda: self._asked("h") > hearts, "the feed sends no heartbeats")
        told, fault = self._meet(cell, self.paper.close_sockets)
        until(lambda: self.paper.fired(fault) >= cell.count, f"the feed did not log in {cell.count} times")
        logins = cell.count if cell.kind == "late_login" else cell.count + 1
        until(lambda: self._asked("ws") >= before + logins, lambda: f"{self._asked('ws') - before} logins of the feed")
        self.scene.until_fed()
        return [*told, self._submit(cell, "after", CROSSING)]

    def _meet(self, cell: Cell, begin: Callable[[], object]) -> tuple[list[Told], int]:
        """Post the fault, begin the trouble, and send an order; return what was told, and the fault's number.

        An order that is not taken takes the trouble back (`_submit`): then all of it comes once more.
        """
        told, fault = [], 0
        for name in ("met", "again"):
            fault = self._fault(cell)
            begin()
            told.append(self._submit(cell, name, CROSSING))
            if not isinstance(told[-1].answers[0], OrderDeclined):
                break
        return told, fault

    def _asked(self, route: str) -> int:
        return self.paper.ledger().requests.get(route, 0)

    def _read(self, cell: Cell) -> list[Told]:
        """Trade while a book can't be trusted; who was not taken comes again with the same command id."""
        names = [f"{cell.name}-{name}" for name in ("first", "second")]
        commands = [self.scene.command(name, strategy=name) for name in names]
        if cell.kind == "missing_rows":
            # The order whose reply was lost is the one that its book does not have.
            fault = self._fault(cell, match={"remarks": remarks_tag_of(commands[0])}, count=None)
            self.paper.fault("PlaceOrder", "timeout_after", seconds=1.0)
        else:
            fault = self._fault(cell)
        told = [Told(command, [self.scene.answer(command)]) for command in commands]
        until(lambda: self.paper.fired(fault) >= cell.count, f"{cell.action} was not read {cell.count} times")
        if cell.kind == "missing_rows":
            self._find_by_the_other_book(commands[0])
        self.paper.clear_faults()
        if cell.kind == "ghost_row":
            self._accept_loss()
        self.scene.until_ready()
        for one in told:
            one.answers.append(self.scene.answer(one.command))
        return told

    def _find_by_the_other_book(self, command: OrderCommand) -> None:
        """One book never shows the order: the other one finds it, and nobody takes it for absent meanwhile."""
        self.scene.until_state(command, State.FILLED)
        events = self.scene.events(command)
        assert Event.PROVED_ABSENT not in events, f"{command.command_id} was taken for absent: {events}"

    def _accept_loss(self) -> None:
        """Let a person say that a row which was there, and is no more, was never true."""

        def lost() -> list[str]:
            return [one.name for one in self.scene.desk.readiness().breaks if one.kind is BreakKind.HIDDEN]

        until(lost, "nobody noticed that the ghost is gone")
        for name in lost():
            self.scene.desk.accept(name, "a ghost")

    def _fault(self, cell: Cell, **given: Any) -> int:  # noqa: ANN401  any field of a fault
        given = {"count": cell.count, "seconds": SECONDS.get(cell.kind, 1.0), **given}
        return self.paper.fault(cell.action.value, cell.kind, **given)

    def _submit(self, cell: Cell, name: str, price: str, before: Callable[[Cell], object] | None = None) -> Told:
        strategy = f"{cell.name}-{name}"
        command = self.scene.command(f"{cell.name}-{name}", strategy=strategy, price=price)
        if before is not None:
            before(cell)
        told = Told(command, [self.scene.answer(command)])
        declined = isinstance(told.answers[0], OrderDeclined)
        if declined:
            # Not taken means that the same command id may come again: it does, and nothing else was promised.
            self.paper.clear_faults()
            self.scene.until_ready()
        told.answers.append(self.scene.answer(command))
        return told

    def _change(self, cell: Cell, kind: ChangeKind) -> Told:
        told = self._submit(cell, "rests", RESTING)
        name = told.command.command_id
        before = self.paper.ledger().requests.get(cell.action.value, 0)
        self._fault(cell)
        terms: dict[str, Any] = {"price": Decimal("1451.00"), "quantity": 12} if kind is ChangeKind.MODIFY else {}
        change = ChangeCommand(change_id=f"x-{name}", client_id=CLIENT, command_id=name, kind=kind, **terms)
        for _ in range(2):
            # The second is the impatient caller's: the same change id.
            answer = self.scene.desk.change(change, WAIT_S)
            assert answer is not None, "the change was not answered"
            told.answers.append(answer)
        sent = self.paper.ledger().requests[cell.action.value] - before
        limit = 2 if cell.kind == "session_expired" else 1
        assert sent <= limit, f"the change was sent {sent} times"
        return told

    # judging

    def _unsettled(self, told: list[Told]) -> list[str]:
        found = []
        for one in told:
            order, placed = self._order(one), self.paper.ledger().tagged(remarks_tag_of(one.command))
            if order is None:
                continue
            if order.change is not None:
                found.append(f"{order.command.command_id} has an open {order.change.kind}")
            if not order.is_terminal and (not placed or order.state is not placed[0].state):
                found.append(f"{order.command.command_id} is {order.state}, at the broker {placed or 'nowhere'}")
            if placed and (order.quantity, order.limit_price) != (placed[0].quantity, Decimal(placed[0].price)):
                found.append(f"{order.command.command_id} has other terms than {placed[0]}")
        return found

    def _untruths(self, told: list[Told]) -> list[str]:
        return untruths(self.paper, told)

    def _order(self, told: Told) -> Order | None:
        timeline = self.scene.desk.timeline(told.command.command_id)
        return None if timeline is None else timeline.order


def where_raised(error: BaseException) -> str:
    """Return the file and line of an error."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


AnyCell: TypeAlias = Cell | ReadingCell
Table: TypeAlias = dict[tuple[str, str], list[str]]
"""Ends of cells by row and column."""


def every_cell() -> list[AnyCell]:
    """Return the cells of both halves."""
    return [*all_cells(), *all_reading_cells()]


def show(results: dict[AnyCell, str]) -> str:
    """Return the tables: a row for each kind, a column for each action, and each source of knowledge and act."""
    acting: Table = {(one.kind, one.action.name.lower()): [] for one in results if isinstance(one, Cell)}
    reading: Table = {(one.kind, one.source.name.lower()): [] for one in results if isinstance(one, ReadingCell)}
    acts: Table = {(one.act.value, one.source.name.lower()): [] for one in results if isinstance(one, ReadingCell)}
    for cell, result in results.items():
        if isinstance(cell, Cell):
            acting[cell.kind, cell.action.name.lower()].append(result)
        else:
            reading[cell.kind, cell.source.name.lower()].append(result)
            acts[cell.act.value, cell.source.name.lower()].append(result)
    return "\n\n".join(_table(one) for one in (acting, reading, acts) if one)


def _table(results: Table) -> str:
    rows, columns = (list(dict.fromkeys(one[place] for one in results)) for place in (0, 1))
    lines = ["  ".join([f"{'':20}", *(f"{name:>10}" for name in columns)])]
    for row in rows:
        counts = []
        for column in columns:
            ends = results.get((row, column), [])
            count = f"{ends.count('ok')}/{len(ends)}" if ends else "-"
            counts.append(f"{count:>10}")
        lines.append("  ".join([f"{row:20}", *counts]))
    return "\n".join(lines)


def run(cells: Sequence[AnyCell], tell: Callable[[AnyCell, str], None]) -> None:
    """Judge cell after cell in this process."""
    with tempfile.TemporaryDirectory(prefix="desk-faults-") as name:
        folder = Path(name)
        for make_scene, actions in ((Scene, frozenset(Action) - {*PUSHED}), (Pushed, frozenset(PUSHED))):
            chosen = [one for one in cells if isinstance(one, Cell) and one.action in actions]
            if not chosen:
                continue
            matrix = Matrix(folder / make_scene.__name__, make_scene)
            for cell in chosen:
                tell(cell, matrix.judge(cell))
            matrix.close()
        for number, one in enumerate(cells):
            if isinstance(one, ReadingCell):
                tell(one, judge_reading(one, folder / str(number)))


def run_apart(only: str, jobs: int, tell: Callable[[AnyCell, str], None]) -> None:
    """Judge the cells in several processes, each with its share of them."""
    named = {one.name: one for one in every_cell() if only in one.name}
    lock = threading.Lock()

    def hear(share: int) -> None:
        command = [sys.executable, "-m", "tests.proofs.faults", "--only", only, "--share", f"{share}/{jobs}"]
        left = list(named.values())[share::jobs]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as worker,
        ):
            assert worker.stdout is not None
            for line in worker.stdout:
                name, _, result = line.rstrip("\n").partition("\t")
                left.remove(named[name])
                with lock:
                    tell(named[name], result)
            code = worker.wait()
            errors.seek(0)
            last = errors.read().strip().rpartition("\n")[2]
        with lock:
            for cell in left:
                tell(cell, f"it was not judged: its process ended with {code} ({last})")

    hearing = [threading.Thread(target=hear, args=(share,)) for share in range(jobs)]
    for one in hearing:
        one.start()
    for one in hearing:
        one.join()


def _tell_parent(cell: AnyCell, result: str) -> None:
    sys.stdout.write(f"{cell.name}\t{result}\n")
    sys.stdout.flush()


def main() -> int:
    """Run the matrix; return 1 when a cell does not end well, or has no end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cells whose name holds this")
    # Cells wait more than they work. Six acts take turns in the list: five jobs share the slow ones fairly.
    parser.add_argument("--jobs", type=int, default=5, help="so many processes side by side (default %(default)s)")
    parser.add_argument("--share", default="", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    given = parser.parse_args()
    logger.remove()
    cells = [cell for cell in every_cell() if given.only in cell.name]
    if given.share:
        share, of = (int(one) for one in given.share.split("/"))
        run(cells[share::of], _tell_parent)
        return 0
    results: dict[AnyCell, str] = {}

    def tell(cell: AnyCell, result: str) -> None:
        results[cell] = result
        sys.stderr.write(f"{len(results):>4}/{len(cells)}  {cell.name:40} {result}\n")

    if given.jobs > 1:
        run_apart(given.only, given.jobs, tell)
    else:
        run(cells, tell)
    for cell in cells:
        results.setdefault(cell, "it was not judged")
    bad = {cell.name: result for cell, result in results.items() if result != "ok"}
    if given.json:
        sys.stdout.write(json.dumps({cell.name: result for cell, result in results.items()}) + "\n")
    else:
        sys.stdout.write(f"{show(results)}\n\n{len(results) - len(bad)} of {len(results)} cells ended well.\n")
        sys.stdout.writelines(f"  {name}: {result}\n" for name, result in bad.items())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
