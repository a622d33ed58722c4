import os
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    FindUnwritten,
    LoadSnapshot,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    Record,
    RecordFills,
    RegistrationFailed,
)
from actors.repo.actor import GROUP_MAX
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.ports import trading_day
from domain.risk.checks import TradingDecision, TradingState
from storage.database import StorageError
from storage.exit_journal import ExitJournalFile
from tests.actors.repo.rooms import ACCEPT, SEND, RepoRoom
from tests.fakes import command, trade_of
from tests.fakes import order as an_order
from tests.storage.test_integrity import tear


def test_an_order_is_registered(room: RepoRoom) -> None:
    (letter,) = room.give(room.register())

    assert isinstance(letter, OrderRegistered)
    assert (letter.order.state, letter.order.remarks_tag) == (State.CREATED, "sdc1")


def test_a_known_command_id_is_answered_with_its_order(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND))

    (letter,) = room.give(room.register(command(symbol="INFY-EQ")))

    assert isinstance(letter, OrderLookedUp)
    assert letter.order is not None
    assert (letter.order.state, letter.order.command.symbol) == (State.SENDING, "RELIANCE-EQ")


def test_the_same_command_id_twice_in_one_group_is_stored_once(room: RepoRoom) -> None:
    letters = room.give(room.register(), room.register(command(symbol="INFY-EQ")))

    assert [type(one) for one in letters].count(OrderRegistered) == 1
    assert len(room.orders()) == 1
    assert len(room.lines("c1")) == 1


def test_a_look_up_stores_nothing(room: RepoRoom) -> None:
    before = room.give(LookUpOrder(command_id="c1"))
    room.give(room.register())
    after = room.give(LookUpOrder(command_id="c1"))

    assert before == [OrderLookedUp(command_id="c1", order=None)]
    assert isinstance(after[0], OrderLookedUp)


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

    assert {type(one) for one in letters} == {RegistrationFailed, OrderLookedUp, EventUnrecorded}
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
    refused = room.actor.on_receive(FindUnwritten()).writes
    lock.execute("ROLLBACK")

    taken = room.actor.on_receive(FindUnwritten()).writes

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


def test_a_mailbox_that_is_never_read_to_its_end_still_commits(room: RepoRoom) -> None:
    room.actor.actor_inbox.qsize = lambda: 10 * GROUP_MAX  # type: ignore[method-assign]
    for number in range(GROUP_MAX):
        assert room.commits == 0
        room.actor.on_receive(room.register(command(command_id=f"c{number}")))

    assert (room.commits, len(room.command.messages)) == (1, GROUP_MAX)


def test_a_group_ends_with_what_waited_when_it_began_however_much_follows(room: RepoRoom) -> None:
    waiting = iter([2, 5, 5])
    room.actor.actor_inbox.qsize = lambda: next(waiting)  # type: ignore[method-assign]

    for number in range(3):
        assert room.commits == 0
        room.actor.on_receive(room.register(command(command_id=f"c{number}")))
    assert room.commits == 1

    room.actor.on_receive(room.register(command(command_id="later")))
    assert room.commits == 1, "the next group"


def test_readers_keep_no_write_waiting_however_many_come(room: RepoRoom) -> None:
    room.actor.actor_inbox.qsize = lambda: 10 * GROUP_MAX  # type: ignore[method-assign]
    room.actor.on_receive(room.register())
    assert room.commits == 0

    room.actor.on_receive(FindUnwritten())

    assert room.commits == 1


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
    (found,) = room.orders()

    assert found.state is State.WORKING


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


def test_every_page_is_read_after_an_unclean_end_alone(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    RepoRoom(path).actor.on_stop()
    tear(path, "fills")

    after_a_clean_end = RepoRoom(path)
    after_a_kill = RepoRoom(path)

    assert after_a_clean_end.actor._trouble is None
    assert after_a_kill.actor._trouble is not None
    assert "is damaged" in after_a_kill.actor._trouble
    after_a_clean_end.actor.on_stop()


def test_a_file_without_an_exit_journal_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    RepoRoom(path).actor.on_stop()
    tear(path, "fills")
    ExitJournalFile(path).path.unlink()

    assert "is damaged" in (RepoRoom(path).actor._trouble or "")


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
    for question in (FindUnwritten(), LoadSnapshot()):
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


def test_a_start_on_a_later_day_keeps_what_the_days_before_came_to(room: RepoRoom) -> None:
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
    room.live(room.register(), room.event(SEND), room.event(ACCEPT), room.event(filled))
    kept, day = room.actor._repository.roll_ups, trading_day(room.clock.now())
    today = room.actor.on_receive(LoadSnapshot())
    until_today = kept.counted_until(day)

    room.clock.advance(24 * 3600)
    first, second = room.actor.on_receive(LoadSnapshot()), room.actor.on_receive(LoadSnapshot())

    assert (until_today, today.positions) == ("", {})
    assert kept.counted_until(trading_day(room.clock.now())) == trading_day(room.clock.now())
    assert first.positions == second.positions == {"trend": {an_order().command.key: 10}}


def test_a_start_that_cannot_keep_what_past_days_came_to_goes_on(room: RepoRoom, lock: sqlite3.Connection) -> None:
    lock.execute("ROLLBACK")
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
    room.live(room.register(), room.event(SEND), room.event(ACCEPT), room.event(filled))
    lock.execute("BEGIN IMMEDIATE")
    room.clock.advance(24 * 3600)

    snapshot = room.actor.on_receive(LoadSnapshot())

    assert snapshot.positions == {"trend": {an_order().command.key: 10}}
    assert room.actor._repository.roll_ups.counted_until(trading_day(room.clock.now())) == ""


def test_a_timeline_of_nothing_is_nothing(room: RepoRoom) -> None:
    assert room.history.timeline("nobody") is None


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
