"""What speaks against taking an order, before risk and guard are asked. A part of CommandActor, in its thread."""

from actors.command.entry_gate import EntryGate
from actors.command.records import Records
from actors.command.tag_search import TagSearch
from domain.blocker import Blocker, BlockerKind
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.market.instrument import Objection
from domain.orders.command import OrderCommand
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent
from domain.ports import Clock


class Admission:
    """Owns the symbols in which no entry is taken, and whether the desk is stopping; knows the hours."""

    def __init__(
        self,
        *,
        gate: EntryGate,
        records: Records,
        tag_search: TagSearch,
        calendar: Calendar | None,
        square_off: SquareOff,
        clock: Clock,
    ) -> None:
        self._gate = gate
        self._records = records
        self._tag_search = tag_search
        self._calendar = calendar
        self._square_off = square_off
        self._clock = clock
        self._suspended: dict[tuple[Exchange, str], str] = {}
        self.is_stopping = False

    def suspend(self, exchange: Exchange, symbol: str, reason: str) -> None:
        """Take no entries in this symbol, for this reason; an empty one takes them again."""
        self._suspended[exchange, symbol] = reason

    def refusal(self, command: OrderCommand) -> Reason | None:
        """Say why this order is not even registered; an exit is refused only at the end, or where it was sent."""
        if self.is_stopping:
            return Reason.DESK_STOPPING
        if self._tag_search.number_of(command) is not None:
            return Reason.ALREADY_AT_BROKER
        if command.intent is Intent.EXIT:
            return None
        if self._records.waiting:
            return Reason.DATABASE_UNAVAILABLE
        return self._gate.objection()

    def blockers(self) -> tuple[Blocker, ...]:
        """Return all that speaks against entries, but that the desk is stopping."""
        waiting = self._records.waiting
        unwritten = f"{waiting} events wait for the database"
        behind = (Blocker(BlockerKind.DATABASE_BEHIND, unwritten),) if waiting else ()
        return (*self._gate.blockers(), *behind)

    def objection(self, command: OrderCommand) -> Objection | None:
        """Say what blocks this order: closed hours, the square-off, adjusted prices. No exit is."""
        suspended = self._suspended.get((command.exchange, command.symbol))
        if suspended and command.intent is not Intent.EXIT:
            return Objection(Reason.SYMBOL_SUSPENDED, suspended)
        if command.amo or command.intent is Intent.EXIT:
            return None
        now = self._clock.now()
        closed = None if self._calendar is None else self._calendar.objection(command.exchange, now)
        if closed is not None:
            return Objection(Reason.MARKET_CLOSED, closed)
        due = self._square_off.due(command.strategy, command.key, now)
        return None if due is None else Objection(Reason.SQUARE_OFF_BEGAN, f"nothing new is taken: {due}")

    def day_of(self, command: OrderCommand) -> str:
        """Return the day of an after-market order, the next one that trades; any other's is that of its creation."""
        if not command.amo or self._calendar is None:
            return ""
        return self._calendar.session_day(command.exchange, self._clock.now(), amo=True).isoformat()
