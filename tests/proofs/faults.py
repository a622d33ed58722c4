"""`make faults`: every request of the desk, met by every fault the paper broker knows; the broker's ledger judges.

One desk on real parts takes cell after cell. A cell asks for trouble, acts, lets the trouble end, and must come out
with one broker order per command id, rows and fills equal to the ledger, callers told the truth, and nothing unsettled.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from loguru import logger

from actors.messages import OrderAnswered, OrderDeclined
from domain.books import Quarrel
from domain.change import ChangeKind
from domain.change_command import ChangeCommand
from domain.lifecycle import Status
from domain.order import Order, OrderCommand
from domain.reconcile import remarks_tag_of
from tests.scenarios.paper import Paper, start_paper
from tests.scenarios.scene import CLIENT, CROSSING, RESTING, Pushed, Scene, settings_for
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

REPLIES: Final = (
    "refuse",
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
FATES: Final = ("late_acceptance", "reject_later", "partial_fill", "no_fill")
"""What may befall an order besides."""
CHANGES: Final = ("late_acceptance", "change_later", "reject_change_later", "fill_wins", "partial_fill_first")
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
            return (*REPLIES, *READINGS, "ghost_row")
        case _:
            return REPLIES + READINGS


def _counts_of(action: Action, kind: str) -> tuple[int, ...]:
    if action in BOOKS:
        return (BOOKS_MET,)
    if action is Action.UPDATE:
        return (1, FRAMES_MET)
    # A login that is only slow succeeds, so that no second one meets the fault.
    succeeds = (action is Action.LOGIN and kind in {"slow", "slow_after"}) or kind == "late_login"
    return (1,) if succeeds else (1, 2)


@dataclass
class Told:
    """What callers were told of an order, and what it is called at the broker."""

    command: OrderCommand
    answers: list[OrderAnswered | OrderDeclined] = field(default_factory=list)


class Matrix:
    """Owns the paper broker and the desk that cells share; `make_scene` says whether that desk hears the feed."""

    def __init__(self, folder: Path, make_scene: type[Scene] = Scene) -> None:
        self.paper: Paper = start_paper(folder / "paper")
        self.paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
        path = folder / "desk.db"
        watching = {"poll_interval_s": 0.05, "blind_s_max": patient(0.25), "disagreement_s_min": 0.5}
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
                fault = self._fault(cell)
                self.paper.fault("PlaceOrder", "session_expired")
                told = [self._submit(cell, "met", CROSSING)]
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
        fault = self._fault(cell)
        self.paper.close_sockets()
        told = [self._submit(cell, "met", CROSSING)]
        until(lambda: self.paper.fired(fault) >= cell.count, f"the feed did not log in {cell.count} times")
        logins = cell.count if cell.kind == "late_login" else cell.count + 1
        until(lambda: self._asked("ws") >= before + logins, lambda: f"{self._asked('ws') - before} logins of the feed")
        self.scene.until_fed()
        return [*told, self._submit(cell, "after", CROSSING)]

    def _asked(self, route: str) -> int:
        return self.paper.ledger().requests.get(route, 0)

    def _read(self, cell: Cell) -> list[Told]:
        """Trade while a book can't be trusted; who was not taken comes again with the same command id."""
        fault = self._fault(cell)
        told = []
        for name in ("first", "second"):
            strategy = f"{cell.name}-{name}"
            command = self.scene.command(strategy, strategy=strategy)
            told.append(Told(command, [self.scene.answer(command)]))
        until(lambda: self.paper.fired(fault) >= cell.count, f"{cell.action} was not read {cell.count} times")
        self.paper.clear_faults()
        if cell.kind == "ghost_row":
            self._accept_loss()
        self.scene.until_ready()
        for one in told:
            one.answers.append(self.scene.answer(one.command))
        return told

    def _accept_loss(self) -> None:
        """Let a person say that a row which was there, and is no more, was never true."""

        def lost() -> list[str]:
            return [one.name for one in self.scene.desk.readiness().disagreements if one.quarrel is Quarrel.HIDDEN]

        until(lost, "nobody noticed that the ghost is gone")
        for name in lost():
            self.scene.desk.accept(name, "a ghost")

    def _fault(self, cell: Cell) -> int:
        return self.paper.fault(cell.action.value, cell.kind, count=cell.count, seconds=SECONDS.get(cell.kind, 1.0))

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
        most = 2 if cell.kind == "session_expired" else 1
        assert sent <= most, f"the change was sent {sent} times"
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
            if not order.is_over and (not placed or order.state is not placed[0].state):
                found.append(f"{order.command.command_id} is {order.state}, at the broker {placed or 'nowhere'}")
            if placed and (order.quantity, order.limit_price) != (placed[0].quantity, Decimal(placed[0].price)):
                found.append(f"{order.command.command_id} has other terms than {placed[0]}")
        return found

    def _untruths(self, told: list[Told]) -> list[str]:
        """Return what a caller was told that the ledger says is not so."""
        ledger, found = self.paper.ledger(), []
        for one in told:
            placed = ledger.tagged(remarks_tag_of(one.command))
            if len(placed) > 1:
                found.append(f"{one.command.command_id} is at the broker {len(placed)} times")
            for answer in one.answers:
                if not isinstance(answer, OrderAnswered):
                    continue
                order = answer.order
                is_alive = placed and (placed[0].filled or placed[0].status not in {"CANCELED", "REJECTED"})
                if is_alive and order.status is Status.FAILED:
                    found.append(f"{one.command.command_id} was told {order.state}, and is {placed[0].status}")
                if not placed and order.broker_order_id:
                    found.append(f"{one.command.command_id} was told to be at the broker, and is not")
                if order.filled_quantity > (placed[0].filled if placed else 0):
                    found.append(f"{one.command.command_id} was told {order.filled_quantity} units")
        return found

    def _order(self, told: Told) -> Order | None:
        timeline = self.scene.desk.timeline(told.command.command_id)
        return None if timeline is None else timeline.order


def show(results: dict[Cell, str]) -> str:
    """Return the table: a row for each kind, a column for each action."""
    kinds = list(dict.fromkeys(cell.kind for cell in results))
    actions = list(dict.fromkeys(cell.action for cell in results))
    lines = ["  ".join([f"{'':20}", *(f"{action.name.lower():>10}" for action in actions)])]
    for kind in kinds:
        cells = []
        for action in actions:
            ends = [result for cell, result in results.items() if (cell.action, cell.kind) == (action, kind)]
            good = sum(end == "ok" for end in ends)
            cells.append(f"{f'{good}/{len(ends)}' if ends else '-':>10}")
        lines.append("  ".join([f"{kind:20}", *cells]))
    return "\n".join(lines)


def main() -> int:
    """Run the matrix; return 1 when a cell does not end well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="cells whose name holds this")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    given = parser.parse_args()
    logger.remove()
    results: dict[Cell, str] = {}
    cells = [cell for cell in all_cells() if given.only in cell.name]
    with tempfile.TemporaryDirectory(prefix="desk-faults-") as folder:
        for make_scene, actions in ((Scene, frozenset(Action) - {*PUSHED}), (Pushed, {*PUSHED})):
            matrix = Matrix(Path(folder) / make_scene.__name__, make_scene)
            for cell in [one for one in cells if one.action in actions]:
                results[cell] = matrix.judge(cell)
                sys.stderr.write(f"{len(results):>4}/{len(cells)}  {cell.name:40} {results[cell]}\n")
            matrix.close()
    bad = {cell.name: result for cell, result in results.items() if result != "ok"}
    if given.json:
        sys.stdout.write(json.dumps({cell.name: result for cell, result in results.items()}) + "\n")
    else:
        sys.stdout.write(f"{show(results)}\n\n{len(results) - len(bad)} of {len(results)} cells ended well.\n")
        sys.stdout.writelines(f"  {name}: {result}\n" for name, result in bad.items())
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
