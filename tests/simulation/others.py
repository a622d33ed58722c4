"""What others traded, in the exchange's order: what is left of ours when all got out, and no exit sells it twice.

A trade from the phone closes what the phone holds, then what strategies hold, and what is left opens a position of the
phone's (docs/architecture.md, EXTERNAL). Who traded first decides, so the judge counts trade by trade, as the desk has
to. It asks nothing of an instrument where nobody could have known: an exit that was registered before the desk had
recorded the phone's trade, an entry that traded in between, or trades of the phone on both sides at once.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from domain.orders.command import OrderCommand
from domain.orders.types import EXTERNAL, Intent, Side
from tests.simulation.exchange import CARRIED, Key, Ledger, Placed
from tests.simulation.scheduler import Scheduler

DELIVERY: Final = "C"


@dataclass(slots=True)
class Shared:
    """Who holds what of an instrument; `closed` are the signed units that others traded against ours."""

    ours: dict[str, int] = field(default_factory=dict)
    theirs: int = 0
    closed: int = 0

    def ours_on(self, sign: int) -> int:
        """Return the units that strategies hold on one side, whoever has closed them."""
        return sum(max(0, units * sign) for units in self.ours.values())

    def left_on(self, sign: int) -> int:
        """Return the units of ours on one side that nobody has closed."""
        return max(0, self.ours_on(sign) - max(0, -self.closed * sign))

    @property
    def left(self) -> int:
        """Return the signed units of ours that the account still has."""
        return sum(self.ours.values()) + self.closed

    def trade(self, units: int) -> None:
        """Share out a trade of others."""
        sign = 1 if units > 0 else -1
        undone = min(abs(units), max(0, -self.closed * sign))
        their_own = min(abs(units) - undone, max(0, -self.theirs * sign))
        of_ours = min(abs(units) - undone - their_own, self.left_on(-sign))
        self.closed += sign * (undone + of_ours)
        self.theirs += sign * (abs(units) - undone - of_ours)


@dataclass(slots=True)
class Seen:
    """A trade of others, and when the desk had recorded it."""

    order: Placed
    filled: int
    recorded_s: float | None = None


@dataclass(slots=True)
class Others:
    """Owns what each instrument's holders have, and the trades of others."""

    scheduler: Scheduler
    ledger: Ledger
    read: Callable[..., list[Any]]
    blame: Callable[[str, str], None]
    shared: dict[Key, Shared] = field(default_factory=dict)
    traded: dict[Key, list[Seen]] = field(default_factory=dict)
    unknown: set[Key] = field(default_factory=set)
    """The instruments of which nobody can tell any more."""
    registered_s: dict[str, float] = field(default_factory=dict)
    """When a row of each order of ours was committed, by its tag."""

    def begin_day(self) -> None:
        """Forget what is over; of what others hold from an earlier day nobody knows whom it closed."""
        self.unknown.update(key for key in self.traded if key[2] in CARRIED)
        self.shared = {key: one for key, one in self.shared.items() if key[2] in CARRIED}
        self.traded.clear()

    def see_trade(self, order: Placed) -> None:
        """Count a trade of others; of two on different sides that nobody had seen yet nobody knows the first."""
        before = self.traded.setdefault(order.key, [])
        if any(seen.recorded_s is None and seen.order.side is not order.side for seen in before):
            self.unknown.add(order.key)
        self._shared(order.key).trade(order.fills[-1].quantity * order.side.sign)
        before.append(Seen(order, order.filled))

    def see_fill(self, order: Placed, command: OrderCommand) -> None:
        """Count a trade of ours; one that could not know of theirs makes the instrument unknown."""
        key, units, shared = order.key, order.fills[-1].quantity, self._shared(order.key)
        if self._is_blind(order, command):
            self.unknown.add(key)
        left = shared.left_on(-order.side.sign)
        shared.ours[command.strategy] = shared.ours.get(command.strategy, 0) + units * order.side.sign
        if command.intent is Intent.EXIT and self.judges(key) and units > left:
            message = f"{command.command_id} gets {units} out of {key[1]} {key[2]}, of which others have left {left}"
            self.blame("exits bounded", message)

    def _shared(self, key: Key) -> Shared:
        return self.shared.setdefault(key, Shared())

    def _is_blind(self, order: Placed, command: OrderCommand) -> bool:
        """Say whether an exit was registered, or an entry traded, before a trade of others was recorded."""
        begun_s = self.registered_s.get(order.tag) if command.intent is Intent.EXIT else self.scheduler.clock.seconds
        recorded = [seen.recorded_s for seen in self.traded.get(order.key, ())]
        return any(begun_s is None or at_s is None or begun_s <= at_s for at_s in recorded)

    def see_row(self, tag: str) -> None:
        """An order of ours has a row."""
        self.registered_s.setdefault(tag, self.scheduler.clock.seconds)

    def see_commit(self) -> None:
        """Note which trades of others the desk has recorded by now."""
        waiting = [seen for all_seen in self.traded.values() for seen in all_seen if seen.recorded_s is None]
        if waiting:
            rows = dict(self.read("SELECT broker_order_id, filled_quantity FROM orders WHERE strategy = ?", EXTERNAL))
            for seen in waiting:
                if rows.get(seen.order.number, 0) >= seen.filled:
                    seen.recorded_s = self.scheduler.clock.seconds
                    self._look_for_unseen(seen.order)

    def _look_for_unseen(self, theirs: Placed) -> None:
        """Know of no exit's place beside a trade of others where the desk has heard of that, and not of the exit."""
        recorded = dict(self.read("SELECT remarks_tag, filled_quantity FROM orders WHERE filled_quantity > 0"))
        for order in self.ledger.today:
            is_beside = order.tag and order.key == theirs.key and order.side is theirs.side
            if is_beside and order.filled > recorded.get(order.tag, 0):
                self.unknown.add(theirs.key)

    def judges(self, key: Key) -> bool:
        """Say whether others have traded in an instrument, and everyone could know who was first."""
        return bool(self.traded.get(key)) and key not in self.unknown and key[2] != DELIVERY

    def check_flat(self, forgotten: AbstractSet[Key]) -> None:
        """All were told to get out: nothing is left of ours that the broker would let go, and nothing is sold twice.

        What a person has accepted or written off stands elsewhere in the desk's books, and is asked for no more.
        """
        decided = {
            place[:2]
            for table in ("position_write_offs", "external_moves")
            for place in self.read(f"SELECT DISTINCT exchange, symbol FROM {table}")  # noqa: S608  the desk's own tables
        }
        for key, shared in sorted(self.shared.items()):
            units = shared.left
            if (
                not units
                or not self.judges(key)
                or key in forgotten
                or key[:2] in decided
                or self.ledger.is_gone(key[:2])
            ):
                continue
            side, now_s = (Side.SELL if units > 0 else Side.BUY), self.scheduler.clock.seconds
            if not self.ledger.back_office.objection(key, side, abs(units), now_s):
                self.blame("flat", f"all were told to get out, and {units:+d} of {key[1]} {key[2]} of ours are left")
