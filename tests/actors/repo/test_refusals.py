"""What becomes of writes and look-ups while another process has locked the file, or it can't be read."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.messages.persistence import (
    EventIllegal,
    EventRecorded,
    EventUnrecorded,
    ExternalOrderRecorded,
    ForgetRegistration,
    LoadSnapshot,
    LookUp,
    LookUpOrder,
    OrderLookedUp,
    OrderRegistered,
    RecordExternalOrder,
    RegistrationFailed,
)
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.types import Intent, Side
from tests.actors.repo.rooms import ACCEPT, SEND, RepoRoom
from tests.fakes import command, modify
from tests.fakes import order as an_order


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
    assert second == [OrderLookedUp(command_id="x1", order=first[0].order)]


def test_an_exit_that_the_database_knows_is_a_repeat_also_while_it_is_locked(room: RepoRoom) -> None:
    room.live(room.register(an_exit()), room.event(SEND, "x1"))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    (letter,) = room.give(room.register(an_exit()))
    holder.close()

    assert isinstance(letter, OrderLookedUp)
    assert letter.order is not None
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
    lines = room.lines("x1")
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
    assert isinstance(repeat, OrderLookedUp)
    assert written.orders == snapshot.orders
    assert isinstance(room.give(room.register(an_exit()))[0], OrderLookedUp)
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
        RegistrationFailed,
        OrderLookedUp,
        RegistrationFailed,
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


def a_look_up(change: ChangeCommand) -> LookUpOrder:
    return LookUpOrder(command_id=change.command_id, about=LookUp.CHANGE, change=change)


def a_cancel(command_id: str) -> LookUpOrder:
    asked = ChangeCommand(
        change_id="h1", client_id="FA1", command_id=command_id, kind=ChangeKind.CANCEL, reason="enough"
    )
    return a_look_up(asked)


def test_a_cancel_finds_its_order_whoever_has_locked_the_file(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    room.give(room.register(an_exit()))

    known, kept, unknown = room.give(a_cancel("c1"), a_cancel("x1"), a_cancel("nobody"))
    holder.close()

    assert all(isinstance(one, OrderLookedUp) for one in (known, kept, unknown))
    found = {one.command_id: one.order for one in (known, kept, unknown)}
    assert found["c1"].state is State.WORKING
    assert found["x1"].state is State.CREATED
    assert found["nobody"] is None


def test_an_exits_new_price_finds_its_order_whoever_has_locked_the_file_and_an_entrys_does_not(room: RepoRoom) -> None:
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    holder = sqlite3.connect(room.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    room.give(room.register(an_exit()))

    (entry,) = room.give(a_look_up(modify(command_id="c1", price=Decimal(99))))
    (way_out,) = room.give(a_look_up(modify(command_id="x1", price=Decimal(99))))
    holder.close()

    assert (entry.order, bool(entry.cause)) == (None, True)
    assert way_out.order is not None


def test_an_order_of_others_is_told_at_once_and_written_later(room: RepoRoom, lock: sqlite3.Connection) -> None:
    external = an_order(command=command(command_id="ext-9"), broker_order_id="9", remarks_tag="")

    told = room.give(RecordExternalOrder(order=external))
    again = room.give(RecordExternalOrder(order=external))
    later = until_the_lock_is_gone(room, lock)

    assert told == [ExternalOrderRecorded(order=external, known=False)]
    assert again == later == []
    assert [one.command.command_id for one in room.orders()] == ["ext-9"]


def test_what_was_told_of_ours_before_an_order_of_others_is_told_before_it(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    lock.execute("ROLLBACK")
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    lock.execute("BEGIN IMMEDIATE")
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
    external = an_order(command=command(command_id="ext-9"), broker_order_id="9", remarks_tag="")

    told = room.give(room.event(filled), RecordExternalOrder(order=external))

    assert [type(one) for one in told] == [EventUnrecorded, ExternalOrderRecorded]
    assert told[0].order.state is State.WORKING


def test_what_others_traded_is_written_after_the_fills_of_ours_that_were_told_before(
    room: RepoRoom, lock: sqlite3.Connection
) -> None:
    # A kill in between would leave what others traded without the position that it closed.
    lock.execute("ROLLBACK")
    room.live(room.register(), room.event(SEND), room.event(ACCEPT))
    lock.execute("BEGIN IMMEDIATE")
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
    external = an_order(command=command(command_id="ext-9"), broker_order_id="9", remarks_tag="", state=State.WORKING)
    room.give(room.event(filled), RecordExternalOrder(order=external))

    later = until_the_lock_is_gone(room, lock)
    theirs = room.give(room.event(filled, "ext-9"))
    before = names_on_disk(room)
    ours = room.give(room.event(filled))
    after = room.live(room.event(filled, "ext-9"))

    assert later == []
    assert [type(one) for one in theirs] == [EventUnrecorded]
    assert before == ["c1"]
    assert [type(one) for one in (*ours, *after)] == [EventRecorded, EventRecorded]
    assert names_on_disk(room) == ["c1", "ext-9"]
    assert [line.state_after for line in room.actor._repository.journal.lines("ext-9")] == ["WORKING", "FILLED"]


def names_on_disk(room: RepoRoom) -> list[str]:
    """Return the orders of the table, oldest first."""
    return [name for (name,) in sqlite3.connect(room.path).execute("SELECT command_id FROM orders ORDER BY id")]


@pytest.fixture
def unreadable(room: RepoRoom) -> Iterator[RepoRoom]:
    """Return a room that has written an exit, and whose file can't be read or written any more."""
    room.live(room.register(an_exit("known")), room.event(SEND, "known"), room.event(ACCEPT, "known"))
    connection = room.actor._repository._connection
    denied = {sqlite3.SQLITE_READ, sqlite3.SQLITE_TRANSACTION}
    connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in denied else sqlite3.SQLITE_OK)
    yield room
    connection.set_authorizer(None)


def test_while_nothing_can_be_read_a_known_exit_is_not_sent_again_and_a_new_one_is(unreadable: RepoRoom) -> None:
    known, new, cancel = unreadable.give(
        unreadable.register(an_exit("known")), unreadable.register(an_exit("new")), a_cancel("known")
    )

    assert isinstance(known, RegistrationFailed)
    assert "seen before" in known.cause
    assert isinstance(new, OrderRegistered)
    assert isinstance(cancel, OrderLookedUp)
    assert cancel.order is not None
    assert cancel.order.broker_order_id == "B1"


@pytest.mark.usefixtures("lock")
def test_orders_that_wait_for_the_database_are_shown(room: RepoRoom) -> None:
    room.give(room.register(an_exit()))

    (order,) = room.orders()
    timeline = room.history.timeline("x1")

    assert (order.command.command_id, order.state) == ("x1", State.CREATED)
    assert timeline is not None
    assert (timeline.order, [one.event for one in timeline.lines]) == (order, ["REGISTERED"])


@pytest.mark.usefixtures("lock")
@pytest.mark.parametrize(("reference", "names"), [("x", ["x1"]), ("x1", ["x1"]), ("y", [])])
def test_an_exit_that_waits_for_the_database_is_found_by_its_reference(
    room: RepoRoom, reference: str, names: list[str]
) -> None:
    room.give(room.register(an_exit()))

    assert [one.command.command_id for one in room.orders(reference)] == names
