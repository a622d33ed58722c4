"""Every way out with everything missing: for each subset of what the desk leans on, does the exit leave?

A position is held and its desk has died. A new one starts while a subset of `SOURCES` is missing from its first second
on, and somebody wants out: by `flatten`, a stop, an exit by hand or the day's loss limit. The cell ends well when the
exit comes to the exchange and is not rejected there, or one of the three reasons against an exit is told.

A stop and a loss limit need a price to be reached. Where the subset leaves any that the new desk could see, the price
is through the stop, or the loss beyond the limit, when it starts; where it leaves none, the desk that died had seen it,
and died before its exit left.
"""

import copy
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from loguru import logger

from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.broker.snapshots import BrokerStatus
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, Intent, OrderType, Origin, Product, Side
from domain.reconciliation.order_rows import remarks_tag_of
from tests.simulation.contracts import FUTURE
from tests.simulation.crowd import CLIENT, Manners
from tests.simulation.disk import on_disk
from tests.simulation.exchange import Habits, Key
from tests.simulation.judge import Caller
from tests.simulation.scheduler import Crash, staged
from tests.simulation.story import Story
from tests.simulation.world import MONDAY, World, a_folder

SOURCES: Final = (
    "tick",
    "quote",
    "position row",
    "band",
    "tick and lot",
    "instrument",
    "order book",
    "trade book",
    "database",
    "calendar",
    "quota",
)
MEANING: Final = {
    "tick": "the feed is up and silent",
    "quote": "GetQuotes fails",
    "position row": "the position book can't be read",
    "band": "the look-up tells no price band",
    "tick and lot": "the look-up tells neither tick nor lot, so it can't be read",
    "instrument": "the look-up fails",
    "order book": "the order book can't be read",
    "trade book": "the trade book can't be read",
    "database": "another process holds the database's lock from the desk's start on",
    "calendar": "the calendar says that today is a holiday",
    "quota": "the broker refuses every read for its quota of calls",
}
WAYS: Final = ("flatten", "stop", "hand exit", "loss limit")
COUNT: Final = len(WAYS) << len(SOURCES)
REASONS: Final = frozenset({Reason.NOTHING_TO_EXIT, Reason.TRADING_HALTED})
"""The reasons that may be told instead, an unreadable order apart: these orders can be read."""
WITHIN_S: Final = 20.0
"""So long a cell waits for the exit; a stop or a loss is seen 5 s late where the feed is silent."""
FLAT_S: Final = 3.0
"""So long it waits then for flat: an exit that is priced from an old price may rest, and be re-priced."""
START_S: Final = 1.0
HELD: Final = 10
STRATEGY: Final = "s0"
KEY: Final[Key] = (*FUTURE, "M")
LOSS_MAX: Final = "50"
BEYOND: Final = Decimal(90)
"""The price that is through the stop at 95, and loses twice what may be lost."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One subset and one way out."""

    way: str
    missing: tuple[str, ...]

    @property
    def sees_price(self) -> bool:
        """Say whether a desk that starts now can see any price of what is held."""
        gone = {*self.missing}
        if "quota" in gone:
            # Without a look-up the feed has no token to subscribe to.
            return False
        looked_up = not gone & {"instrument", "tick and lot"}
        quoted = looked_up and self.way == "stop" and "quote" not in gone
        return "position row" not in gone or quoted or (looked_up and "tick" not in gone)


@dataclass(slots=True)
class Ended:
    """How a cell ended: the seconds until the exit came to the exchange, and until the position was flat."""

    cell: Cell
    left_s: float | None = None
    flat_s: float | None = None
    told: str = ""
    violation: str = ""

    @property
    def is_well(self) -> bool:
        """Say whether the exit has left, or was told one of the reasons that may stand against it."""
        return not self.violation and (self.left_s is not None or self.told in REASONS)


@dataclass(frozen=True, slots=True)
class Base:
    """A desk that has died while it held a position: its files, and the exchange as it was."""

    files: Mapping[str, bytes]
    state: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    names: int = 0
    commands: dict[str, OrderCommand] = field(default_factory=dict)


def cells() -> Iterator[Cell]:
    """Yield all cells: each subset in each way."""
    for subset in range(1 << len(SOURCES)):
        missing = tuple(name for bit, name in enumerate(SOURCES) if subset >> bit & 1)
        for way in WAYS:
            yield Cell(way, missing)


def sample() -> tuple[Cell, ...]:
    """Return the cells of the ordinary tests: nothing, each alone, all but each, everything; each way of each."""
    every = set(SOURCES)
    subsets = [set[str](), every, *({one} for one in SOURCES), *(every - {one} for one in SOURCES)]
    chosen = [tuple(name for name in SOURCES if name in subset) for subset in subsets]
    return tuple(Cell(way, missing) for missing in chosen for way in WAYS)


# the desk that dies


def _story(cell: Cell) -> Story:
    settings: dict[str, Any] = {"storage": {"busy_timeout_ms": 300}}
    if cell.way == "loss limit":
        settings["risk"] = {"daily_loss_max": LOSS_MAX}
    if "calendar" in cell.missing:
        settings["calendar"] = {"enforced": True, "extra_holidays": [MONDAY.date()]}
    return Story(
        seed=1,
        name="cell",
        habits=Habits(walk_ticks=0, fill_share=1.0, partial_share=0.0, fill_s_max=0.05, tells_profit=True),
        manners=Manners(strategies=1, deeds_per_s=0.001),
        settings=settings,
    )


@lru_cache(maxsize=8)
def base_of(way: str, *, reached: bool) -> Base:
    """Return what a desk leaves that held a position; `reached`: it had just seen that it is time to get out."""
    with a_folder() as place:
        world = World(_story(Cell(way, ())), place)
        with staged(world.scheduler), on_disk(world.disk):
            _hold(world, way)
            if reached:
                _reach(world, way)
            world.judge.close()
            files = {one.name: one.read_bytes() for one in world.disk.path.parent.iterdir() if one.is_file()}
            world.disk.let_go()
            world.scheduler.forget_process()
    return Base(files, _state_of(world), world.clock.seconds, world.names._given, dict(world.judge.commands))


def _hold(world: World, way: str) -> None:
    world.ledger.begin_day(MONDAY.date().isoformat())
    world._walk()
    assert world._start()
    world.scheduler.run_until(START_S)
    entry = OrderCommand(
        command_id="entry",
        client_id=CLIENT,
        strategy=STRATEGY,
        intent=Intent.ENTRY,
        exchange=Exchange(FUTURE[0]),
        symbol=FUTURE[1],
        side=Side.BUY,
        quantity=HELD,
        product=Product.NRML,
        order_type=OrderType.LIMIT,
        price=Decimal(101),
        stops=StopTerms(stop_loss=Decimal(95)) if way == "stop" else None,
    )
    _send(world, entry)
    assert world.scheduler.wait_for(lambda: world.ledger.net.get(KEY) == HELD, 5.0)
    filled = "SELECT filled_quantity FROM orders WHERE command_id = 'entry'"
    assert world.scheduler.wait_for(lambda: world.judge.read(filled) == [(HELD,)], 5.0)
    world.scheduler.run_until(world.clock.seconds + START_S)


def _reach(world: World, way: str) -> None:
    """Write down what a desk writes that has seen the price, and has died before its exit was registered."""
    world.judge.close()
    beside = sqlite3.connect(world.disk.path, isolation_level=None)
    at = beside.execute("SELECT updated_at FROM orders").fetchone()[0]
    request = (
        CLIENT,
        "reached",
        at,
        STRATEGY,
        FUTURE[0],
        FUTURE[1],
        Product.NRML.value,
        f"the {way}",
        Origin.DESK.value,
    )
    beside.execute(
        "INSERT INTO flatten_requests"
        " (client_id, request_id, asked_at, strategy, exchange, symbol, product, reason, origin)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        request,
    )
    beside.execute("UPDATE armed_stops SET ended = 'stop 95 reached at 90'")
    beside.close()


def _let_fall(world: World) -> None:
    world.ledger.prices[FUTURE] = BEYOND


def _send(world: World, command: OrderCommand) -> Caller:
    assert world.desk is not None
    world.judge.commands[remarks_tag_of(command)] = command
    caller = Caller(command.command_id, world.judge.life, about="the order", judge=world.judge)
    world.desk.send(command, caller)
    return caller


_KEPT: Final = ("orders", "today", "by_tag", "net", "carried", "spent", "prices", "day", "trades")


def _state_of(world: World) -> dict[str, Any]:
    return copy.deepcopy({name: getattr(world.ledger, name) for name in _KEPT})


# the desk that starts


def run(cell: Cell) -> Ended:
    """Start a desk while this is missing, let somebody want out, and see what comes of it."""
    logger.disable("")
    reached = cell.way in {"stop", "loss limit"} and not cell.sees_price
    base = base_of(cell.way, reached=reached)
    try:
        with a_folder() as folder:
            world = World(_story(cell), folder)
            _take_up(world, base)
            with staged(world.scheduler), on_disk(world.disk):
                return _Run(world, cell).go()
    finally:
        logger.enable("")


def _take_up(world: World, base: Base) -> None:
    for name, content in base.files.items():
        if not name.endswith("-shm"):
            (world.disk.path.parent / name).write_bytes(content)
    for name, value in copy.deepcopy(base.state).items():
        setattr(world.ledger, name, value)
    world.clock.seconds = base.seconds
    world.names._given = base.names
    world.judge.commands.update(base.commands)
    world.judge.book_seen_s = base.seconds
    # What was lost was lost before the desk that runs here: nobody can hold that against it.
    world.judge.rules.losses.loss_max = None


class _Run:
    """Owns one cell while it runs."""

    def __init__(self, world: World, cell: Cell) -> None:
        self._world = world
        self._cell = cell
        self._asked_s = world.clock.seconds
        self.ended = Ended(cell)

    def go(self) -> Ended:
        world, ended = self._world, self.ended
        if self._cell.way in {"stop", "loss limit"}:
            _let_fall(world)
        world._walk()
        world.gateway.missing = frozenset(self._cell.missing)
        try:
            self._ask()
            world.scheduler.wait_for(self._is_over, WITHIN_S)
        except Crash:
            pass
        finally:
            world.judge.close()
            world.disk.let_go()
            world.scheduler.forget_process()
        violations = world.judge.violations
        ended.violation = f"{violations[0].invariant}: {violations[0].message}" if violations else ""
        return ended

    def _ask(self) -> None:
        """Start, lock the file where it shall be, and ask for what the cell is about."""
        world = self._world
        if not world._start():
            return
        if "database" in self._cell.missing:
            world.disk.locked_until_s = world.clock.seconds + WITHIN_S * 2
        if self._cell.way in {"stop", "loss limit"}:
            return
        world.scheduler.run_until(world.clock.seconds + START_S)
        self._asked_s = world.clock.seconds
        assert world.desk is not None
        if self._cell.way == "flatten":
            world.desk.flatten("a person")
        else:
            _send(world, _exit_by_hand()).on_answer = self._hear

    def _hear(self, answer: Any) -> None:  # noqa: ANN401  an answer
        if isinstance(answer, OrderDeclined):
            self.ended.told = answer.reason.value
        elif isinstance(answer, OrderAnswered) and answer.order.state is State.BLOCKED:
            self.ended.told = str(answer.order.tag)

    def _is_over(self) -> bool:
        ended, ledger, now_s = self.ended, self._world.ledger, self._world.clock.seconds - self._asked_s
        exits = [one for one in ledger.today if one.side is Side.SELL and one.status is not BrokerStatus.REJECTED]
        if exits:
            ended.left_s = exits[0].accepted_s - self._asked_s
        if not ledger.net[KEY]:
            ended.flat_s = now_s
        waited = ended.left_s is not None and now_s - ended.left_s > FLAT_S
        return bool(ended.flat_s is not None or ended.told or waited)


def _exit_by_hand() -> OrderCommand:
    return OrderCommand(
        command_id="out",
        client_id=CLIENT,
        strategy=STRATEGY,
        intent=Intent.EXIT,
        exchange=Exchange(FUTURE[0]),
        symbol=FUTURE[1],
        side=Side.SELL,
        quantity=HELD,
        product=Product.NRML,
        order_type=OrderType.MARKET,
        origin=Origin.HUMAN,
    )
