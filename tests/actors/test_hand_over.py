"""Step 4 notes an order before its request is made; a start ends what was never noted."""

from pathlib import Path

import pytest

from actors.broker.actor import BrokerActor
from actors.messages.broker import BrokerAnswered, PlaceOrder
from actors.messages.orders import OrderChanged
from actors.messages.persistence import LoadSnapshot, RecordEvent
from domain.broker.reply_types import Accepted, Refused
from domain.orders.hand_over import RUN
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Intent, Side
from domain.settings import BrokerSettings
from tests.actors.repo.rooms import RepoRoom
from tests.actors.rooms import CommandRoom, own_mailbox, resolve
from tests.fakes import (
    FakeBroker,
    FakeClock,
    FakeFeed,
    FakeSession,
    ManualTimer,
    Probe,
    mailboxes,
    order,
    runtime,
    snapshot_loaded,
)


class NotedBroker(FakeBroker):
    """A broker that knows what was noted when it was asked."""

    def __init__(self, clock: FakeClock, *, can_note: bool = True) -> None:
        super().__init__(clock)
        self.can_note = can_note
        self.notes: list[str] = []
        self.noted_before: list[bool] = []

    def place(self, order: Order) -> Accepted:
        self.noted_before.append(order.remarks_tag in self.notes)
        return Accepted("B1")

    def hand_over(self, remarks_tag: str) -> bool:
        if self.can_note:
            self.notes.append(remarks_tag)
        return self.can_note


def replies(broker: NotedBroker, asked: Order) -> list[object]:
    """Let a BrokerActor place an order; return what it answered."""
    command, clock = Probe(), FakeClock()
    broker.session, broker.needs_login = FakeSession(), False
    actor = BrokerActor(
        mail=mailboxes(supervisor=Probe(), command=command, watcher=Probe(), market=Probe()),
        runtime=runtime(clock, timer=ManualTimer(clock)),
        broker=broker,
        feed=FakeFeed(),
        settings=BrokerSettings(),
        wire=broker,
    )
    own = own_mailbox(actor)
    actor.on_receive(PlaceOrder(order=asked))
    resolve(actor, own)
    return [one.reply for one in command.of(BrokerAnswered)]


WAY_OUT = order(command_id="x1", intent=Intent.EXIT, side=Side.SELL)


@pytest.mark.parametrize("asked", [order(), WAY_OUT])
def test_an_order_is_noted_before_its_request_is_made(asked: Order) -> None:
    broker = NotedBroker(FakeClock())

    answered = replies(broker, asked)

    assert broker.noted_before == [True]
    assert answered == [Accepted("B1")]


def test_an_entry_that_cannot_be_noted_does_not_leave_and_an_exit_does() -> None:
    broker = NotedBroker(FakeClock(), can_note=False)

    (refused,) = replies(broker, order())
    (accepted,) = replies(broker, WAY_OUT)

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.DATABASE_UNAVAILABLE
    assert accepted == Accepted("B1")
    assert broker.noted_before == [False]


def test_a_start_ends_what_never_left_and_searches_for_the_rest() -> None:
    room = CommandRoom()
    waited, left = room.has(command_id="c1", state=State.SENDING), room.has(command_id="c2", state=State.SENDING)

    room.tell(snapshot_loaded(orders=(waited, left), unsent=frozenset({"c1"})))
    asked = [(one.command_id, one.event.kind, one.event.tag) for one in room.repo.of(RecordEvent)]
    room.record()

    assert asked == [
        ("c1", Event.RESTARTED, Reason.RESTARTED_IN_FLIGHT),
        ("c1", Event.PROVED_ABSENT, Reason.NEVER_LEFT),
        ("c2", Event.RESTARTED, Reason.RESTARTED_IN_FLIGHT),
    ]
    assert [room.orders[name].state for name in ("c1", "c2")] == [State.NOT_PLACED, State.UNCONFIRMED]
    assert room.broker.messages == []
    assert {one.order.command.command_id for one in room.guard.of(OrderChanged)} == {"c1", "c2"}


def test_who_stored_an_order_as_sending_is_remembered(tmp_path: Path) -> None:
    room = RepoRoom(tmp_path / "desk.db")
    room.live(room.register(), room.event(OrderEvent(kind=Event.SENT, inputs={RUN: "r1"})))

    snapshot = room.actor.on_receive(LoadSnapshot())

    assert snapshot.stored_by == {"c1": "r1"}
    room.actor.on_stop()
