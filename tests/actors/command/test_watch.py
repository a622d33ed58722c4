"""Step 6: what the books prove is recorded and told; and what a restart finds on its way."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.messages.books import (
    BooksReconciled,
    ChangedOrders,
    FetchChangedOrders,
    FillsSeen,
)
from actors.messages.desk import JoinStrategy
from actors.messages.orders import OrderAnswered, OrderChanged
from actors.messages.persistence import (
    EventRecorded,
    EventUnrecorded,
    RecordExternalOrder,
    RecordFills,
)
from domain.broker.reply_types import Accepted, Refused
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import OrderType, Side
from domain.reconciliation.order_rows import Report
from tests.actors.rooms import CommandRoom, answered, looked_up, recorded
from tests.fakes import Probe, command, order, snapshot_loaded, trade_of

NO_MARGIN = Refused(Reason.BROKER_REFUSED, "RED:Margin Shortfall")


@pytest.fixture
def room() -> CommandRoom:
    return CommandRoom()


def test_what_the_books_prove_is_recorded_and_spread(room: CommandRoom) -> None:
    strategy = Probe()
    room.tell(JoinStrategy(strategy="trend", address=strategy))
    room.go_to_the_broker(command())
    room.place()
    room.record()
    strategy.take()
    room.guard.take()
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))

    room.tell(BooksReconciled(reports=(Report("c1", filled),), asked_at=room.clock.now()))
    room.record()

    assert strategy.only(OrderChanged).order.state is State.FILLED
    assert [one.order.state for one in room.guard.messages] == [State.FILLED]


def test_an_illegal_report_changes_nothing_and_is_told_to_nobody(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place()
    room.record()
    room.guard.take()

    room.tell(BooksReconciled(reports=(Report("c1", OrderEvent(kind=Event.PROVED_ABSENT)),), asked_at=room.clock.now()))
    room.record()

    assert room.orders["c1"].state is State.WORKING
    assert room.guard.messages == []


def test_the_watcher_hears_each_moved_order_once_and_as_it_is_now(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place()
    room.record()

    room.tell(FetchChangedOrders())
    room.tell(FetchChangedOrders())

    first, second = room.watcher.of(ChangedOrders)
    assert [(one.command.command_id, one.state) for one in first.orders] == [("c1", State.WORKING)]
    assert second.orders == ()


@pytest.mark.parametrize(("filled", "grew"), [(0, False), (5, True)])
def test_the_watcher_hears_whether_fills_grew(room: CommandRoom, filled: int, *, grew: bool) -> None:
    now = order(state=State.CANCELED, filled_quantity=filled)
    event = OrderEvent(kind=Event.CANCELED, filled_quantity=filled)
    room.tell(EventRecorded(order=now, event=event, late=False))

    room.tell(FetchChangedOrders())

    assert room.watcher.only(ChangedOrders).fills_grew == grew


def test_what_two_books_told_alike_is_told_to_nobody_twice(room: CommandRoom) -> None:
    strategy = Probe()
    room.tell(JoinStrategy(strategy="s1", address=strategy))
    event = OrderEvent(kind=Event.FILLED, filled_quantity=10)
    filled = order(state=State.FILLED, filled_quantity=10, strategy="s1")

    for again in (False, True):
        room.tell(EventRecorded(order=filled, event=event, late=False, again=again))

    assert len(strategy.of(OrderChanged)) == 1
    assert len(room.guard.of(OrderChanged)) == 1


def test_fills_go_to_the_database(room: CommandRoom) -> None:
    fill = trade_of(order())

    room.tell(FillsSeen(fills=(fill,)))

    assert room.repo.only(RecordFills).fills == (fill,)


@pytest.mark.parametrize("state", [State.CREATED, State.SENDING])
def test_an_order_found_on_its_way_after_a_restart_may_be_live_and_is_never_sent(
    room: CommandRoom, state: State
) -> None:
    left = order(state=state)
    room.orders["c1"] = left

    room.tell(snapshot_loaded(orders=(left,)))
    room.record()

    assert (room.orders["c1"].state, room.orders["c1"].tag) == (State.UNCONFIRMED, Reason.RESTARTED_IN_FLIGHT)
    assert room.broker.messages == []


@pytest.mark.parametrize("state", sorted(set(State) - {State.CREATED, State.SENDING}), ids=str)
def test_a_restart_leaves_every_other_order_as_it_is(room: CommandRoom, state: State) -> None:
    room.tell(snapshot_loaded(orders=(order(state=state),)))

    assert room.repo.messages == room.broker.messages == []


def test_a_repeat_of_an_order_that_is_being_resumed_is_never_sent(room: CommandRoom) -> None:
    # The resumed order's RESTART is recorded while a repeat of its id waits for the word that it is known.
    left = order(state=State.SENDING)
    room.orders["c1"] = left
    room.tell(snapshot_loaded(orders=(left,)))
    caller = room.submit(command())
    room.price()

    room.record()
    room.tell(looked_up(room.orders["c1"]))

    assert room.risk.messages == room.broker.messages == []
    assert answered(caller).state is State.UNCONFIRMED


def test_those_in_flight_are_named(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.submit(command(command_id="c2"))

    assert room.readiness.in_flight == ("c1", "c2")


def test_a_reply_that_contradicts_what_a_book_has_shown_moves_nothing_and_harms_nobody(room: CommandRoom) -> None:
    caller = room.go_to_the_broker(command())
    seen = Report("c1", OrderEvent(kind=Event.FILLED, broker_order_id="B1", filled_quantity=10))
    room.tell(BooksReconciled(reports=(seen,), asked_at=room.clock.now()))
    room.record()

    room.place(NO_MARGIN)
    room.record()

    assert answered(caller).state is State.FILLED
    assert room.orders["c1"].state is State.FILLED


def test_a_market_entry_with_a_stop_on_the_wrong_side_is_blocked_at_step_2(room: CommandRoom) -> None:
    caller = room.submit(command(side=Side.SELL, order_type=OrderType.MARKET, price=None, stop_loss=Decimal(90)))
    room.register()
    room.price(last_price=Decimal(100))
    room.record()

    order = caller.only(OrderAnswered).order
    assert (order.state, order.tag) == (State.BLOCKED, Reason.STOP_WRONG_SIDE)
    assert "must be above the last price 100, not 90" in order.note
    assert [type(one) for one in room.risk.messages] == [OrderChanged]
    assert room.broker.messages == []


def test_an_update_that_tells_what_the_reply_has_told_is_not_written_beside_it(room: CommandRoom) -> None:
    room.go_to_the_broker(command())
    room.place(Accepted("B1"))
    working = OrderEvent(kind=Event.WORKING, broker_order_id="B1")

    room.tell(BooksReconciled(reports=(Report("c1", working),), asked_at=room.clock.now(), whole=False))
    while_it_is_written = recorded(room)
    room.record()
    room.tell(BooksReconciled(reports=(Report("c1", working),), asked_at=room.clock.now(), whole=False))

    assert while_it_is_written == [Event.ACCEPTED]
    assert recorded(room) == [Event.WORKING], "what is on the disk is the repository's to judge"


def test_an_update_that_tells_more_than_the_reply_is_written_at_once(room: CommandRoom) -> None:
    room.go_to_the_broker(command(quantity=10))
    room.place(Accepted("B1"))
    traded = OrderEvent(kind=Event.PARTIALLY_FILLED, broker_order_id="B1", filled_quantity=4)
    elsewhere = OrderEvent(kind=Event.WORKING, broker_order_id="B2")

    for event in (traded, elsewhere):
        room.tell(BooksReconciled(reports=(Report("c1", event),), asked_at=room.clock.now(), whole=False))

    assert recorded(room) == [Event.ACCEPTED, Event.PARTIALLY_FILLED, Event.WORKING]


def test_an_order_of_others_comes_after_what_was_told_of_ours_before_it(room: CommandRoom) -> None:
    # Whether it closes a position of ours depends on what we held.
    sold_elsewhere = order(command=command(command_id="ext-9"), broker_order_id="9")
    filled = OrderEvent(kind=Event.FILLED, filled_quantity=10, average_price=Decimal(100))
    book = BooksReconciled(reports=(), asked_at=room.clock.now(), external=(sold_elsewhere,))
    room.tell(replace(book, reports=(Report("unread", filled),), external=()))
    event = room.repo.take()[-1]
    room.tell(EventUnrecorded(command_id="unread", event=filled, at=event.at, cause="database is locked"))

    room.tell(book)
    before = room.repo.of(RecordExternalOrder)
    room.tell(
        EventRecorded(order=order(command=command(command_id="unread"), state=State.FILLED), event=filled, late=False)
    )
    room.tell(book)

    assert before == []
    assert room.repo.only(RecordExternalOrder).order == sold_elsewhere
