"""What speaks against taking entries: no session, books that were not seen, books that differ.

A part of CommandActor, in its thread. Exits never ask here: they get out.
"""

from collections.abc import Callable

from actors.messages.books import BooksReconciled, BooksUnavailable, BooksWitnessed
from actors.messages.broker import SessionChanged
from domain.alerts.alert import Alert
from domain.alerts.text.breaks import books_away_alert, books_back_alert, fix_of
from domain.alerts.text.broker import books_available_alert, books_unavailable_alert, break_alert, break_over_alert
from domain.blocker import Blocker, BlockerKind
from domain.broker.book_outages import Sighting
from domain.broker.session import SessionState
from domain.orders.reasons import Reason
from domain.ports import Clock
from domain.reconciliation.breaks import Break


class EntryGate:
    """Owns how well the desk sees the broker. A blocker is None where all is well."""

    def __init__(
        self,
        books_unavailable_s_max: float,
        silence_s_max: float,
        clock: Clock,
        tell: Callable[[Alert], None],
        book_away_s_max: float = 600.0,
    ) -> None:
        self._tell = tell
        self._are_books_stale = False
        self._away = Sighting()
        self._book_away_s_max = book_away_s_max
        self._books_unavailable_s_max = books_unavailable_s_max
        self._silence_s_max = silence_s_max
        self._clock = clock
        self._sees_from = clock.now()
        self._seen_s = clock.monotonic()
        no_session = Blocker(BlockerKind.NO_SESSION, "no session has been opened at the broker yet")
        self._session: Blocker | None = no_session
        self._unseen: Blocker | None = Blocker.of(BlockerKind.STARTUP_RECONCILIATION)
        self._apart: tuple[Break, ...] = ()
        self._vanished: dict[str, Break] = {}

    @property
    def breaks(self) -> tuple[Break, ...]:
        """Return what the books tell differently, and the positions that are gone."""
        return (*self._apart, *self._vanished.values())

    def take_session(self, message: SessionChanged) -> bool:
        """Take over how the session stands; say whether it is new, so that the books have to be compared in it."""
        if message.state is not SessionState.LOGGED_IN:
            self._session = Blocker.of(BlockerKind.NO_SESSION, message.message)
            return False
        if self._session is None:
            return False
        self._session, self._sees_from = None, self._clock.now()
        self._unseen = self._unseen or Blocker.of(BlockerKind.LOGIN_RECONCILIATION)
        return True

    def lose(self, message: str) -> None:
        """Count as blind at once, after a broker that could not be reached, and until the next whole book."""
        self._unseen = Blocker.of(BlockerKind.BROKER_UNREACHABLE, message)

    def compare(self, message: BooksReconciled) -> None:
        """See again, by a whole book that was asked for in this session, and not too long ago."""
        age_s = (self._clock.now() - message.asked_at).total_seconds()
        if message.whole and message.asked_at >= self._sees_from and age_s <= self._silence_s_max:
            self._unseen, self._seen_s = None, self._clock.monotonic() - age_s
            if self._are_books_stale:
                self._are_books_stale = False
                self._tell(books_available_alert())

    def books_unavailable(self, message: BooksUnavailable) -> None:
        """Count as blind only after the bound: one lost book says nothing."""
        if message.unavailable_s >= self._books_unavailable_s_max:
            text = f"the broker's order book has been unreadable for {message.unavailable_s:.0f} s: {message.cause}"
            self._close_gate(Blocker(BlockerKind.BOOKS_UNAVAILABLE, text), message.cause)

    def _mind_silence(self) -> None:
        """Count as blind also when nobody tells: a watcher that hangs says nothing of books that are not read."""
        silent_s = self._clock.monotonic() - self._seen_s
        if self._unseen is None and silent_s > self._silence_s_max:
            message = f"no order book has been compared with ours for {silent_s:.0f} s"
            self._close_gate(Blocker(BlockerKind.BOOKS_SILENT, message), message)

    def _close_gate(self, blocker: Blocker, cause: str) -> None:
        self._unseen = blocker
        if not self._are_books_stale:
            self._are_books_stale = True
            self._tell(books_unavailable_alert(cause))

    def witness(self, message: BooksWitnessed) -> None:
        """Tell of books that are away for too long: once, again when an order comes to wait for them, and their end."""
        before, seen = self._away, message.sighting
        if seen.needs_alert(before):
            self._away = seen
            self._tell(books_away_alert(seen, self._book_away_s_max))
        elif before.is_over_by(seen):
            self._away = Sighting()
            self._tell(books_back_alert())

    def disagree(self, found: tuple[Break, ...]) -> None:
        """Alarm about what is new, and say what has ended."""
        known = {one.name for one in self._apart}
        for one in found:
            if one.name not in known:
                stops = one.kind.stops_entries
                self._tell(break_alert(one.name, one.sentence, stops_entries=stops, do=fix_of(one)))
        for name in sorted(known - {one.name for one in found}):
            self._tell(break_over_alert(name))
        self._apart = found

    def resolve(self, name: str) -> None:
        """Forget a break that is resolved."""
        self._apart = tuple(one for one in self._apart if one.name != name)

    def take_up(self, vanished: tuple[Break, ...]) -> None:
        """Take up the positions that were gone in an earlier run; their alarms are open."""
        self._vanished = {one.name: one for one in vanished}

    def vanish(self, one: Break) -> None:
        """Stop entries: a position of ours is gone, and waits for a person."""
        self._vanished[one.name] = one

    def resolve_vanished(self, name: str) -> None:
        """Let entries go on: what was gone is back, or a person has decided."""
        if self._vanished.pop(name, None) is not None:
            self._tell(break_over_alert(name))

    def find(self, name: str) -> Break | None:
        """Return the break of this name."""
        return next((one for one in self.breaks if one.name == name), None)

    def objection(self) -> Reason | None:
        """Return why no entry may be taken."""
        self._mind_silence()
        if self._session is not None or self._unseen is not None:
            return Reason.DESK_NOT_READY
        if any(one.kind.stops_entries for one in self.breaks):
            return Reason.RECONCILIATION_BREAK
        return None

    def blockers(self) -> tuple[Blocker, ...]:
        """Return all that speaks against entries."""
        self._mind_silence()
        stopping = (one for one in self.breaks if one.kind.stops_entries)
        apart = (Blocker.of(BlockerKind.RECONCILIATION_BREAK, one.sentence) for one in stopping)
        return (*(one for one in (self._session, self._unseen) if one is not None), *apart)
