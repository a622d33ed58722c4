"""The writes that wait for their group, in the order in which they have to reach the database."""

from collections.abc import Iterable

from actors.messages.persistence import Record, RecordEvent, RecordExternalOrder
from actors.repo.writes import Write, can_wait, is_urgent, lingers, order_in
from domain.risk.checks import TradingDecision


class WriteQueue:
    """Owns what was gathered, what lingers, what a lock holds back, and what the database has refused."""

    def __init__(self) -> None:
        self._gathered: list[Write] = []
        self._lingering: list[Write] = []
        self._held: list[Write] = []
        self._refused: list[Write] = []
        self._decision: Record | None = None
        """Only the last decision about trading counts: one that could not be written must not come after it."""
        self._told: list[Write] = []
        self.gathered = 0
        """So many writes that somebody waits for came since the last group."""

    @property
    def unwritten(self) -> tuple[Write, ...]:
        """Return what was decided and the database has not taken."""
        return (*self._refused, *([] if self._decision is None else [self._decision]))

    @property
    def lingering(self) -> int:
        """Return how many writes linger."""
        return len(self._lingering)

    def add(self, message: Write) -> None:
        """Take a write for its group."""
        if lingers(message):
            self._lingering.append(message)
            return
        self.gathered += 1
        if isinstance(message, Record) and isinstance(message.item, TradingDecision):
            self._decision = message
        else:
            self._gathered.append(message)

    def take(self, *, lingered: bool) -> list[Write]:
        """Return the next group; what lingers goes along once it has, or when the group is about its order."""
        group: list[Write] = [] if self._decision is None else [self._decision]
        # What failed before goes first: it must not come after what has followed it.
        group += [*self._refused, *self._held, *self._gathered]
        self._decision, self._refused, self._held, self._gathered, self.gathered = None, [], [], [], 0
        if self._lingering and (lingered or not set(map(order_in, self._lingering)).isdisjoint(map(order_in, group))):
            group, self._lingering = [*self._lingering, *group], []
        return group

    def hold_back(self, batch: Iterable[Write]) -> tuple[list[Write], list[Write]]:
        """Keep what can wait for a lock a little longer; return that, and what is to be answered now.

        What was told of an order before something urgent goes with it, so that they stay in order. Nor does any event
        wait that came before an order of others: whether that closed a position of ours depends on what we held then.
        """
        batch = list(batch)
        urgent = {order_in(one) for one in batch if is_urgent(one)} - {None}
        others = max((place for place, one in enumerate(batch) if isinstance(one, RecordExternalOrder)), default=-1)
        urgent |= {order_in(one) for one in batch[: others + 1] if isinstance(one, RecordEvent)}
        self._held = [one for one in batch if can_wait(one) and order_in(one) not in urgent]
        return self._held, without(batch, self._held)

    def try_again(self, message: Write) -> None:
        """Keep a write that the database refused and nobody leads, for the next group."""
        if isinstance(message, Record) and isinstance(message.item, TradingDecision):
            self._decision = message
        else:
            self._refused.append(message)

    def was_told(self, message: Write) -> bool:
        """Say whether it was told before that this write was refused."""
        return any(one is message for one in self._told)

    def end_group(self) -> None:
        """Remember what has been told as refused: what is tried with every group is told aloud once."""
        self._told = list(self.unwritten)


def without(batch: Iterable[Write], others: Iterable[Write]) -> list[Write]:
    """Return the writes that are none of the others."""
    names = {id(one) for one in others}
    return [one for one in batch if id(one) not in names]
