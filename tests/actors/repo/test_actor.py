import os
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from actors.messages.changes import ChangeLookedUp, ChangeUnreadable, LookUpChange
from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalOrderRecorded,
    FindOrders,
    FindTimeline,
    FindUnwritten,
    ForgetRegistration,
    LoadSnapshot,
    LookUpOrder,
    OrderNotFound,
    OrderRegistered,
    OrderRepeated,
    Record,
    RecordEvent,
    RecordExternalOrder,
    RecordFills,
    RegisterOrder,
    RegistrationFailed,
    RegistrationUnwritten,
)
from actors.repo.actor import RepoActor
from actors.repo.queries import ORDERS_A_TURN_MAX
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.types import Intent, Side
from domain.risk.checks import TradingDecision, TradingState
from domain.settings import StorageSettings
from storage.database import StorageError, UnreadableError
from storage.exit_journal import ExitJournalFile
from tests.actors.rooms import own_mailbox, resolve
from tests.fakes import FakeClock, ManualTimer, Probe, command, mailboxes, modify, runtime, trade_of
from tests.fakes import order as an_order

SEND = OrderEvent(kind=Event.SENT)
ACCEPT = OrderEvent(kind=Event.ACCEPTED, broker_order_id="B1")


class RepoRoom:
    """A RepoActor on a real file, without a thread; `drain` lets it read its mailbox to the end."""

    def __init__(self, path: Path, **settings: Any) -> None:  # noqa: ANN401  any setting of the storage
        self.path = path
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.supervisor, self.command = Probe(), Probe()
        self.actor = RepoActor(
            mail=mailboxes(supervisor=self.supervisor, command=self.command),
            runtime=runtime(self.clock, timer=self.timer),
            settings=StorageSettings(path=path, **({"busy_timeout_ms": 20} | settings)),
            client_id="FA1",
        )
        self.own = own_mailbox(self.actor)
        self.actor.on_start()
        self.statements: list[Any] = []
        if self.actor._trouble is None:
            self.actor._database.connection().set_trace_callback(self.statements.append)

    def tell(self, *messages: Any) -> None:  # noqa: ANN401  any message of the inbox
        """Put the messages into the mailbox, all before the first is read."""
        for message in messages:
            self.own.tell(message)

    def drain(self) -> None:
        resolve(self.actor, self.own)

    def give(self, *messages: Any) -> list[Any]:  # noqa: ANN401  any message of the inbox
        """Tell, drain, let every timer come due, and return the letters."""
        self.tell(*messages)
        self.drain()
        self.clock.advance(0.1)
        self.timer.fire_due()
        self.drain()
        taken: list[Any] = self.command.take()
        return taken

    def live(self, *messages: Any) -> list[Any]:  # noqa: ANN401  any message of the inbox
        """Give the messages one after the other, each written before the next."""
        return [letter for message in messages for letter in self.give(message)]

    @property
    def commits(self) -> int:
        return sum(str(one).strip().upper().startswith("COMMIT") for one in self.statements)

    @property
    def begins(self) -> int:
        return sum(str(one).strip().upper().startswith("BEGIN") for one in self.statements)

    def register(self, asked: OrderCommand | None = None) -> RegisterOrder:
        asked = asked or command()
        return RegisterOrder(command=asked, remarks_tag=f"sd{asked.command_id}")

    def event(self, event: OrderEvent, command_id: str = "c1") -> RecordEvent:
        return RecordEvent(command_id=command_id, event=event, at=self.clock.now())


@pytest.fixture
def room(tmp_path: Path) -> Iterator[RepoRoom]:
    made = RepoRoom(tmp_path / "desk.db")
    yield made
    made.actor.on_stop()


@pytest.fixture
def lock(room: RepoRoom) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the room's file."""
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield holder
    holder.close()


def test_an_order_is_registered(room: RepoRoom) -> None:
    (letter,) = room.give(room.register())

    assert isinstance(letter, OrderRegistered)
    assert (letter.order.state, letter.order.remarks_tag) == (State.CREATED, "sdc1")


def test_a_known_command_id_is_answered_with_its_order(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND))

    (letter,) = room.give(room.register(command(symbol="INFY-EQ")))

    assert isinstance(letter, OrderRepeated)
    assert (letter.order.state, letter.order.command.symbol) == (State.SENDING, "RELIANCE-EQ")


def test_the_same_command_id_twice_in_one_group_is_stored_once(room: RepoRoom) -> None:
    letters = room.give(room.register(), room.register(command(symbol="INFY-EQ")))

    assert [type(one) for one in letters].count(OrderRegistered) == 1
    assert len(room.actor.on_receive(FindOrders(limit=9))) == 1
    assert len(room.actor.on_receive(FindTimeline(command_id="c1")).lines) == 1


def test_a_look_up_stores_nothing(room: RepoRoom) -> None:
    before = room.give(LookUpOrder(command_id="c1"))
    room.give(room.register())
    after = room.give(LookUpOrder(command_id="c1"))

    assert before == [OrderNotFound(command_id="c1")]
    assert isinstance(after[0], OrderRepeated)


def test_many_messages_are_one_transaction(room: RepoRoom) -> None:
    names = [f"c{number}" for number in range(20)]
    room.give(*(room.register(command(command_id=name)) for name in names))
    room.statements.clear()

    letters = room.give(
        *(room.event(SEND, name) for name in names),
        *(room.register(command(command_id=f"n{number}")) for number in range(10)),
    )

    assert (room.begins, room.commits) == (1, 1)
    assert [type(one) for one in letters] == [EventRecorded] * 20 + [OrderRegistered] * 10


def test_nobody_hears_anything_before_the_commit(room: RepoRoom) -> None:
    # The statements and the letters in one list, in the order in which they happened.
    room.command.messages = room.statements

    room.tell(room.register(), room.register(command(command_id="c2")))
    room.drain()

    kinds = [type(one).__name__ for one in room.statements if not isinstance(one, str) or one.startswith("COMMIT")]
    assert kinds == ["str", "OrderRegistered", "OrderRegistered"]


def test_what_is_answered_is_on_disk(room: RepoRoom) -> None:
    room.give(room.register())
    reader = sqlite3.connect(room.path)

    found = reader.execute("SELECT command_id, state FROM orders").fetchall()
    reader.close()

    assert found == [("c1", "CREATED")]


def test_an_illegal_event_fails_only_itself(room: RepoRoom) -> None:
    room.give(room.register(), room.register(command(command_id="c2")))

    first, second, third = room.give(
        room.event(SEND), room.event(OrderEvent(kind=Event.PROVED_ABSENT)), room.event(SEND, "c2")
    )

    assert isinstance(first, EventRecorded)
    assert isinstance(second, EventIllegal)
    assert isinstance(third, EventRecorded)


def test_an_event_of_an_unknown_order_fails_only_itself(room: RepoRoom) -> None:
    room.give(room.register())

    letters = room.give(room.event(SEND, "nobody"), room.event(SEND))

    assert [type(one) for one in letters] == [EventIllegal, EventRecorded]


def test_a_message_the_database_chokes_on_fails_only_itself(room: RepoRoom) -> None:
    # A text with half a surrogate pair cannot be stored by SQLite's driver.
    room.give(*(room.register(command(command_id=name)) for name in ("c1", "c2", "c3")))
    poison = OrderEvent(kind=Event.SENT, note="\ud83d")

    letters = room.give(room.event(SEND), room.event(poison, "c2"), room.event(SEND, "c3"))

    assert [type(one) for one in letters] == [EventRecorded, EventUnrecorded, EventRecorded]
    assert room.supervisor.messages == []


def test_an_order_that_someone_else_moved_fails_only_itself(room: RepoRoom) -> None:
    room.give(room.register(), room.register(command(command_id="c2")))
    other = sqlite3.connect(room.path)
    other.execute("UPDATE orders SET state = 'BLOCKED' WHERE command_id = 'c1'")
    other.commit()
    other.close()

    letters = room.give(room.event(SEND), room.event(SEND, "c2"))

    assert [type(one) for one in letters] == [EventIllegal, EventRecorded]


def test_a_late_truth_is_told_as_one(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND), room.event(OrderEvent(kind=Event.REFUSED)))

    (letter,) = room.give(room.event(OrderEvent(kind=Event.WORKING)))

    assert isinstance(letter, EventRecorded)
    assert letter.late


def test_a_locked_database_fails_every_write_and_keeps_the_actor(room: RepoRoom, lock: sqlite3.Connection) -> None:
    # D2.
    letters = room.give(room.register(), LookUpOrder(command_id="c2"), room.event(SEND, "c3"))
    lock.execute("ROLLBACK")
    (after,) = room.give(room.register())

    assert {type(one) for one in letters} == {RegistrationFailed, EventUnrecorded}
    assert len(letters) == 3
    assert isinstance(after, OrderRegistered)


def test_a_locked_database_is_waited_for_once_a_group_and_then_asked_without_waiting(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    del lock

    room.give(*(room.register(command(command_id=f"c{number}")) for number in range(20)))

    assert room.begins == 2
    waits = [one for one in room.statements if "busy_timeout" in one]
    assert waits == ["PRAGMA busy_timeout = 0"]


def test_fills_and_trading_states_that_were_not_taken_are_written_later(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    room.give(
        RecordFills(fills=(trade_of_registered(),)),
        Record(item=TradingDecision(state=TradingState.HALTED, reason="a loss")),
    )
    lock.execute("ROLLBACK")
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))

    room.clock.advance(5)
    room.timer.fire_due()
    room.give()

    snapshot = room.actor.on_receive(LoadSnapshot())
    reader = sqlite3.connect(room.path)
    fills = reader.execute("SELECT fill_id FROM fills").fetchall()
    reader.close()
    assert (snapshot.trading_state, snapshot.reason) == (TradingState.HALTED, "a loss")
    assert fills == [("1",)]


@pytest.mark.usefixtures("lock")
def test_what_is_tried_again_and_again_is_logged_aloud_once(room: RepoRoom) -> None:
    # A disk that is full must not be filled by telling so.
    said: list[str] = []
    sink = logger.add(lambda line: said.append(line.record["message"]), level="ERROR")
    halt = Record(item=TradingDecision(state=TradingState.HALTED, reason="a loss"))

    room.give(RecordFills(fills=(trade_of_registered(),)), halt)
    for _ in range(5):
        room.give(LookUpOrder(command_id="c1"))
    logger.remove(sink)

    assert sorted(line.split(" (")[0] for line in said) == sorted(
        ["not written: RecordFills", "not written: TradingDecision", *["not written: LookUpOrder"] * 5]
    )


def test_a_fill_that_comes_before_its_orders_number_is_kept_with_it(room: RepoRoom) -> None:
    # The database refused the ACCEPT, and takes it only after the fill.
    room.live(room.register(), room.event(SEND))
    room.give(RecordFills(fills=(trade_of_registered(),)))
    room.live(room.event(ACCEPT))

    room.clock.advance(5)
    room.timer.fire_due()
    room.give()

    reader = sqlite3.connect(room.path)
    fills = reader.execute("SELECT fill_id FROM fills").fetchall()
    reader.close()
    assert fills == [("1",)]


def test_what_was_decided_is_unwritten_until_the_database_takes_it(room: RepoRoom, lock: sqlite3.Connection) -> None:
    room.actor.on_receive(Record(item=TradingDecision(state=TradingState.HALTED, reason="a person")))
    refused = room.actor.on_receive(FindUnwritten())
    lock.execute("ROLLBACK")

    taken = room.actor.on_receive(FindUnwritten())

    assert (refused, taken) == (1, 0)


def trade_of_registered() -> Any:  # noqa: ANN401  a trade row
    from tests.fakes import order  # noqa: PLC0415  the builder's name is a fixture's elsewhere

    return trade_of(order(broker_order_id="B1"))


def test_an_older_trading_state_never_overwrites_a_newer_one(room: RepoRoom, lock: sqlite3.Connection) -> None:
    # ACTIVE could not be written; HALTED could; the second try of ACTIVE comes after it.
    room.give(Record(item=TradingDecision(state=TradingState.ACTIVE, reason="resumed")))
    lock.execute("ROLLBACK")
    room.give(Record(item=TradingDecision(state=TradingState.HALTED, reason="halted")))

    room.clock.advance(5)
    room.timer.fire_due()
    room.give()

    assert room.actor.on_receive(LoadSnapshot()).trading_state is TradingState.HALTED


def test_a_reply_that_nobody_waits_for_lingers_to_gather_more(tmp_path: Path) -> None:
    room = RepoRoom(tmp_path / "desk.db", commit_linger_ms=5)
    room.live(room.register(), room.register(command(command_id="c2")), room.event(SEND), room.event(SEND, "c2"))
    room.statements.clear()

    room.tell(room.event(ACCEPT))
    room.drain()
    lingering = room.commits
    room.tell(room.event(ACCEPT, "c2"))
    room.drain()
    room.clock.advance(0.005)
    room.timer.fire_due()
    room.drain()

    assert lingering == 0
    assert room.commits == 1
    assert len(room.command.of(EventRecorded)) == 2
    room.actor.on_stop()


def test_an_event_that_somebody_waits_for_does_not_wait_for_the_lingering(room: RepoRoom) -> None:
    room.live(room.register(), room.register(command(command_id="c2")), room.event(SEND))
    room.statements.clear()

    room.tell(room.event(ACCEPT), room.event(SEND, "c2"))
    room.drain()

    assert room.commits == 1
    (recorded,) = room.command.of(EventRecorded)
    assert recorded.order.command.command_id == "c2"


def test_an_event_takes_along_what_lingers_of_the_same_order(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND))
    room.statements.clear()

    room.tell(room.event(ACCEPT), room.event(OrderEvent(kind=Event.FILLED, filled_quantity=1)))
    room.drain()

    assert room.commits == 1
    assert [one.event.kind for one in room.command.of(EventRecorded)] == [Event.ACCEPTED, Event.FILLED]


def test_a_query_sees_what_was_told_before_it(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND))

    room.actor.on_receive(room.event(ACCEPT))
    (found,) = room.actor.on_receive(FindOrders(limit=9))

    assert found.state is State.WORKING


def test_a_long_list_takes_a_turn_for_a_few_orders_each(room: RepoRoom) -> None:
    names = [f"c{number}" for number in range(ORDERS_A_TURN_MAX + 3)]
    room.give(*(room.register(command(command_id=name, strategy=name)) for name in names))

    first = room.actor.on_receive(FindOrders(limit=10_000))
    rest = room.actor.on_receive(FindOrders(limit=10_000, before=first[-1].command.command_id))

    assert len(first) == ORDERS_A_TURN_MAX, "an exit waits for no more in the thread that decides"
    assert [one.command.command_id for one in (*first, *rest)] == names[::-1]


def test_a_stop_writes_what_still_waits(tmp_path: Path) -> None:
    room = RepoRoom(tmp_path / "desk.db")
    room.live(room.register(), room.event(SEND))
    room.actor.on_receive(room.event(ACCEPT))

    room.actor.on_stop()

    reader = sqlite3.connect(room.path)
    found = reader.execute("SELECT state, broker_order_id FROM orders").fetchall()
    reader.close()
    assert found == [("WORKING", "B1")]


def test_a_database_that_cannot_be_opened_is_told_to_who_asks(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    path.write_bytes(b"no database " * 1_000)
    room = RepoRoom(path)

    with pytest.raises(StorageError, match="cannot be used"):
        room.actor.on_receive(LoadSnapshot())
    room.actor.on_stop()


def test_what_comes_after_a_database_that_cannot_be_opened_ends_nobody(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    path.write_bytes(b"no database " * 1_000)
    room = RepoRoom(path)

    letters = room.give(
        Record(item=TradingDecision(state=TradingState.EXITS_ONLY, reason="stopping")),
        room.register(),
        room.event(SEND),
    )

    assert not letters
    for question in (FindUnwritten(), FindOrders(limit=1), FindTimeline(command_id="c1"), LoadSnapshot()):
        with pytest.raises(StorageError, match="cannot be used"):
            room.actor.on_receive(question)
    room.actor.on_stop()


def test_a_database_beside_an_unreadable_exit_journal_is_closed_again(tmp_path: Path) -> None:
    ExitJournalFile(tmp_path / "desk.db").path.mkdir()
    room = RepoRoom(tmp_path / "desk.db")

    with pytest.raises(StorageError):
        room.actor.on_receive(LoadSnapshot())

    assert room.actor._database.is_closed()
    room.actor.on_stop()


def test_what_is_recalled_is_what_the_desk_starts_from(room: RepoRoom) -> None:
    room.live(
        room.register(), room.event(SEND), Record(item=TradingDecision(state=TradingState.EXITS_ONLY, reason="loss"))
    )

    snapshot = room.actor.on_receive(LoadSnapshot())

    assert [one.state for one in snapshot.orders] == [State.SENDING]
    assert (snapshot.orders_today, snapshot.trading_state, snapshot.reason) == (1, TradingState.EXITS_ONLY, "loss")


def test_a_timeline_of_nothing_is_nothing(room: RepoRoom) -> None:
    assert room.actor.on_receive(FindTimeline(command_id="nobody")) is None


def test_a_registration_alone_waits_for_no_disk_and_what_lets_an_order_leave_does(room: RepoRoom) -> None:
    room.tell(room.register())
    room.drain()
    registered = list(room.statements)
    room.statements.clear()
    room.tell(room.event(SEND))
    room.drain()

    assert "PRAGMA synchronous = NORMAL" in registered
    assert registered.index("PRAGMA synchronous = NORMAL") < registered.index("BEGIN IMMEDIATE")
    assert registered[-1] == "PRAGMA synchronous = FULL"
    assert not any("synchronous" in statement for statement in room.statements)
    assert room.commits == 1


@pytest.mark.parametrize("other", [OrderEvent(kind=Event.BLOCKED), SEND])
def test_a_registration_beside_an_event_that_is_told_is_synced_with_it(room: RepoRoom, other: OrderEvent) -> None:
    room.live(room.register())
    room.statements.clear()

    room.tell(room.register(command(command_id="c2")), room.event(other))
    room.drain()

    assert room.commits == 1
    assert not any("synchronous" in statement for statement in room.statements)


def test_a_send_that_cannot_be_written_puts_its_registration_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The order goes on all the same, so its tag must be found even after a power cut.
    room = RepoRoom(tmp_path / "desk.db", busy_timeout_ms=10)
    room.live(room.register())
    synced: list[int] = []
    monkeypatch.setattr("storage.database.os.fsync", lambda number: synced.append(os.fstat(number).st_ino))
    other = sqlite3.connect(tmp_path / "desk.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    (letter,) = room.give(room.event(SEND))
    other.execute("ROLLBACK")
    other.close()

    assert isinstance(letter, EventUnrecorded)
    assert synced == [(tmp_path / "desk.db-wal").stat().st_ino]
    room.actor.on_stop()


# Exits while another process has locked the file.


def an_exit(command_id: str = "x1") -> OrderCommand:
    return command(command_id=command_id, intent=Intent.EXIT, side=Side.SELL)


def until_the_lock_is_gone(room: RepoRoom, lock: sqlite3.Connection) -> list[Any]:
    lock.execute("ROLLBACK")
    room.clock.advance(5)
    room.timer.fire_due()
    return room.give()


@pytest.mark.usefixtures("lock")
def test_an_exit_is_registered_in_the_exit_journal_and_a_repeat_of_it_is_one(room: RepoRoom) -> None:
    first = room.give(room.register(an_exit()))
    second = room.give(room.register(an_exit()))

    assert isinstance(first[0], OrderRegistered)
    assert "locked" in first[0].unwritten
    assert b'"command_id":"x1"' in room.path.with_name("desk.db-exits.jsonl").read_bytes()
    assert second == [OrderRepeated(order=first[0].order)]


def test_an_exit_that_the_database_knows_is_a_repeat_also_while_it_is_locked(room: RepoRoom) -> None:
    room.live(room.register(an_exit()), room.event(SEND, "x1"))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    (letter,) = room.give(room.register(an_exit()))
    holder.close()

    assert isinstance(letter, OrderRepeated)
    assert letter.order.state is State.SENDING


def test_an_exit_waits_for_no_lock_and_an_entry_for_a_while(tmp_path: Path) -> None:
    room = RepoRoom(tmp_path / "desk.db", busy_timeout_ms=2_000)
    room.actor._repository.wait_for_locks(1)
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    room.tell(room.register(), room.register(an_exit()), room.event(SEND, "c9"))
    room.drain()
    at_once = room.command.take()
    holder.execute("ROLLBACK")
    room.clock.advance(0.2)
    room.timer.fire_due()
    room.drain()

    assert [type(one) for one in at_once] == [OrderRegistered]
    assert [type(one) for one in room.command.take()] == [OrderRegistered, EventIllegal]
    holder.close()
    room.actor.on_stop()


def test_what_waits_for_a_lock_fails_when_it_has_waited_long_enough(tmp_path: Path) -> None:
    room = RepoRoom(tmp_path / "desk.db", busy_timeout_ms=500)
    room.actor._repository.wait_for_locks(1)
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    room.tell(room.register())
    room.drain()
    held = room.command.take()
    for _ in range(6):
        room.clock.advance(0.1)
        room.timer.fire_due()
        room.drain()
    first = room.command.take()
    room.tell(room.register(command(command_id="c2")))
    room.drain()

    assert held == []
    assert [type(one) for one in first] == [RegistrationFailed]
    assert [type(one) for one in room.command.take()] == [RegistrationFailed], "the lock is known by now"
    holder.close()
    room.actor.on_stop()


def test_the_registration_is_written_before_its_events_and_the_journal_is_cleared(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    room.give(room.register(an_exit()))
    (unrecorded,) = room.give(room.event(SEND, "x1"))

    assert isinstance(unrecorded, EventUnrecorded)
    assert unrecorded.order is not None
    room.tell(room.event(SEND, "x1"))
    letters = until_the_lock_is_gone(room, lock)

    assert [type(one) for one in letters] == [EventRecorded]
    lines = room.actor.on_receive(FindTimeline(command_id="x1")).lines
    assert [(one.event, dict(one.inputs)) for one in lines] == [
        ("REGISTERED", {"kept_in": "exit journal"}),
        ("SENT", {}),
    ]
    assert b"x1" not in room.path.with_name("desk.db-exits.jsonl").read_bytes()


def test_what_the_exit_journal_holds_is_known_at_the_next_start(tmp_path: Path) -> None:
    killed = RepoRoom(tmp_path / "desk.db")
    holder = sqlite3.connect(killed.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    killed.give(killed.register(an_exit()))

    locked = RepoRoom(tmp_path / "desk.db")
    snapshot = locked.actor.on_receive(LoadSnapshot())
    (repeat,) = locked.give(locked.register(an_exit()))
    holder.close()
    room = RepoRoom(tmp_path / "desk.db")
    written = room.actor.on_receive(LoadSnapshot())

    assert [(one.command.command_id, one.state) for one in snapshot.orders] == [("x1", State.CREATED)]
    assert not snapshot.ended_in_order
    assert isinstance(repeat, OrderRepeated)
    assert written.orders == snapshot.orders
    assert isinstance(room.give(room.register(an_exit()))[0], OrderRepeated)
    for one in (killed, locked, room):
        one.actor.on_stop()


def test_an_exit_that_no_disk_takes_is_known_in_memory_until_it_is_forgotten(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    del lock
    journal = room.path.with_name("desk.db-exits.jsonl")
    journal.unlink()
    journal.mkdir()

    first = room.give(room.register(an_exit()))
    second = room.give(room.register(an_exit()))
    room.give(ForgetRegistration(command_id="x1", blocked=OrderEvent(kind=Event.BLOCKED)))
    third = room.give(room.register(an_exit()))

    assert [type(one) for one in (*first, *second, *third)] == [
        RegistrationUnwritten,
        OrderRepeated,
        RegistrationUnwritten,
    ]


def test_an_exit_that_is_forgotten_when_the_database_has_it_is_blocked(room: RepoRoom) -> None:
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    room.give(room.register(an_exit()))
    until_the_lock_is_gone(room, holder)

    (letter,) = room.give(ForgetRegistration(command_id="x1", blocked=OrderEvent(kind=Event.BLOCKED)))
    holder.close()

    assert isinstance(letter, EventRecorded)
    assert letter.order.state is State.BLOCKED


def a_cancel(command_id: str) -> LookUpChange:
    asked = ChangeCommand(
        change_id="h1", client_id="FA1", command_id=command_id, kind=ChangeKind.CANCEL, reason="enough"
    )
    return LookUpChange(command=asked)


def test_a_cancel_finds_its_order_whoever_has_locked_the_file(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    room.give(room.register(an_exit()))

    known, kept, unknown = room.give(a_cancel("c1"), a_cancel("x1"), a_cancel("nobody"))
    holder.close()

    assert all(isinstance(one, ChangeLookedUp) for one in (known, kept, unknown))
    found = {one.command.command_id: one.order for one in (known, kept, unknown)}
    assert found["c1"].state is State.WORKING
    assert found["x1"].state is State.CREATED
    assert found["nobody"] is None


def test_an_exits_new_price_finds_its_order_whoever_has_locked_the_file_and_an_entrys_does_not(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    room.give(room.register(an_exit()))

    (entry,) = room.give(LookUpChange(command=modify(command_id="c1", price=Decimal(99))))
    (way_out,) = room.give(LookUpChange(command=modify(command_id="x1", price=Decimal(99))))
    holder.close()

    assert isinstance(entry, ChangeUnreadable)
    assert isinstance(way_out, ChangeLookedUp)


def test_an_order_of_others_is_told_at_once_and_written_later(room: RepoRoom, lock: sqlite3.Connection) -> None:
    external = an_order(command=command(command_id="ext-9"), broker_order_id="9", remarks_tag="")

    told = room.give(RecordExternalOrder(order=external))
    again = room.give(RecordExternalOrder(order=external))
    later = until_the_lock_is_gone(room, lock)

    assert told == [ExternalOrderRecorded(order=external, known=False)]
    assert again == later == []
    assert [one.command.command_id for one in room.actor.on_receive(FindOrders(limit=9))] == ["ext-9"]


@pytest.fixture
def unreadable(room: RepoRoom) -> Iterator[RepoRoom]:
    """Return a room that has written an exit, and whose file can't be read or written any more."""
    room.live(room.register(an_exit("known")), room.event(SEND, "known"), room.event(ACCEPT, "known"))
    connection = room.actor._repository._connection
    denied = {sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION}
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in denied else sqlite3.SQLITE_OK)
    yield room
    connection.set_authorizer(None)


@pytest.mark.parametrize("question", [FindOrders(limit=9), FindTimeline(command_id="known")])
def test_a_database_that_cannot_be_read_says_so_in_one_sentence(
    unreadable: RepoRoom, question: FindOrders | FindTimeline
) -> None:
    with pytest.raises(UnreadableError, match=r"^the database can't be read just now \(.*prohibited\); end what locks"):
        unreadable.actor.on_receive(question)


def test_while_nothing_can_be_read_a_known_exit_is_not_sent_again_and_a_new_one_is(unreadable: RepoRoom) -> None:
    known, new, cancel = unreadable.give(
        unreadable.register(an_exit("known")), unreadable.register(an_exit("new")), a_cancel("known")
    )

    assert isinstance(known, RegistrationFailed)
    assert "seen before" in known.cause
    assert isinstance(new, OrderRegistered)
    assert isinstance(cancel, ChangeLookedUp)
    assert cancel.order is not None
    assert cancel.order.broker_order_id == "B1"


@pytest.mark.parametrize("question", [FindOrders(limit=9), FindTimeline(command_id="x1")])
def test_orders_that_wait_for_the_database_are_shown(
    room: RepoRoom, lock: sqlite3.Connection, question: FindOrders | FindTimeline
) -> None:
    del lock
    room.give(room.register(an_exit()))

    found = room.actor.on_receive(question)

    order = found[0] if isinstance(question, FindOrders) else found.order
    assert (order.command.command_id, order.state) == ("x1", State.CREATED)
    assert room.actor.on_receive(FindOrders(limit=9, before="x1")) == (), "they are told once"
