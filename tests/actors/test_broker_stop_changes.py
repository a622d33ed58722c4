"""The stop order at the broker behind a stop of ours: it follows, and where it can't be moved it is laid anew."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.exits.broker_stops import BrokerStops
from actors.messages.baskets import FollowOrders
from actors.messages.changes import ChangeOrder
from actors.messages.orders import SubmitOrder
from domain.alerts.text.orders import order_alert
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.change import Change, ChangeKind
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Intent, OrderType, Side
from domain.settings import StopSettings
from tests.actors.rooms import order_sender
from tests.fakes import TEN_O_CLOCK, FakeClock, FakeIds, Probe, command, instrument, mailboxes, order, runtime

KEY = command().key
SCOPE = PositionKey("trend", KEY)
TOO_MANY = "Rejected : maximum modifications exceeded"


class NetRoom:
    """Nets behind a stop at 90 of ten shares, every second a look."""

    def __init__(self) -> None:
        self.clock, self.command, self.caller = FakeClock(), Probe(), Probe()
        self.broker_stops = BrokerStops(
            mail=mailboxes(command=self.command),
            runtime=runtime(self.clock, ids=FakeIds()),
            sender=order_sender(self.command, self.caller),
            settings=StopSettings(at_broker=True, at_broker_change_s=5.0),
            calendar=None,
        )
        self.broker_stops.begin()
        self.open: tuple[OpenOrder, ...] = ()
        self.stop = Decimal(90)
        self.held = 10

    def look(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        armed_stop = ArmedStop(
            stop_id="e1",
            position_key=SCOPE,
            terms=StopTerms(stop_loss=self.stop),
            is_long=True,
            entry_price=Decimal(100),
            best_price=Decimal(100),
            armed_at=TEN_O_CLOCK,
        )
        exposures = {SCOPE: Exposure(self.held, self.open)}
        self.broker_stops.look({SCOPE: armed_stop}, exposures, {(KEY.exchange, KEY.symbol): instrument()}, ())

    def lay(self) -> str:
        """Let a net be laid and work at the broker; return its name."""
        self.look()
        laid = self.command.of(SubmitOrder)[-1].command
        self.broker_stops.answered(laid.command_id)
        self.open = (OpenOrder(laid.command_id, Side.SELL, laid.quantity),)
        self.command.take()
        return laid.command_id

    def at_broker(self, name: str, **changes: object) -> Order:
        """Return the net as the broker has it: at its first trigger, unless told."""
        made = order(
            command_id=name,
            intent=Intent.EXIT,
            side=Side.SELL,
            order_type=OrderType.SL_M,
            price=None,
            trigger_price=Decimal(90),
            state=State.WORKING,
            broker_order_id="B1",
        )
        return replace(made, wire_trigger_price=Decimal(90), **changes)  # type: ignore[arg-type]

    def changes(self) -> list[tuple[str, ChangeKind]]:
        return [(one.command.command_id, one.command.kind) for one in self.command.of(ChangeOrder)]

    def submitted(self) -> list[Decimal | None]:
        return [one.command.trigger_price for one in self.command.of(SubmitOrder)]


@pytest.fixture
def room() -> NetRoom:
    return NetRoom()


def test_a_net_follows_its_stop(room: NetRoom) -> None:
    name = room.lay()
    room.stop = Decimal(95)

    room.look(5)

    assert room.changes() == [(name, ChangeKind.MODIFY)]
    assert room.command.only(FollowOrders).command_ids == (name,)
    assert room.command.only(ChangeOrder).command.trigger_price == Decimal(95)


@pytest.mark.parametrize("tag", [Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED])
def test_a_net_that_can_not_be_moved_is_taken_back_and_laid_anew_where_the_stop_is(room: NetRoom, tag: Reason) -> None:
    name = room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.command.take()

    room.broker_stops.follow(room.at_broker(name, tag=tag, note=TOO_MANY))
    room.stop = Decimal(96)
    room.look()
    assert room.changes() == [(name, ChangeKind.CANCEL)]
    room.broker_stops.follow(room.at_broker(name, tag=tag, state=State.CANCELED))
    room.open = ()
    room.look(5)

    assert room.submitted() == [Decimal(96)]


def test_the_pace_of_taking_back_and_laying_anew_is_bounded(room: NetRoom) -> None:
    """A broker who takes no change at all costs ever fewer orders."""
    sent = 0
    for second in range(600):
        room.stop = Decimal(60) + Decimal(second) / 20
        room.look()
        for one in room.command.take():
            if isinstance(one, SubmitOrder):
                sent += 1
                room.broker_stops.answered(one.command.command_id)
                room.open = (OpenOrder(one.command.command_id, Side.SELL, 10),)
            elif isinstance(one, ChangeOrder) and one.command.kind is ChangeKind.MODIFY:
                sent += 1
                room.broker_stops.follow(room.at_broker(one.command.command_id, tag=Reason.CHANGE_REFUSED))
            elif isinstance(one, ChangeOrder):
                sent += 1
                room.open = ()

    assert 9 <= sent <= 30


def test_a_cancel_that_is_refused_is_asked_for_ever_more_rarely(room: NetRoom) -> None:
    name = room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.broker_stops.follow(room.at_broker(name, tag=Reason.CHANGE_REFUSED))
    room.command.take()

    for _ in range(60):
        room.look()

    assert set(room.changes()) == {(name, ChangeKind.CANCEL)}
    assert len(room.changes()) == 5, "after 0, 2, 6, 14 and 30 seconds"


def test_a_change_that_is_under_way_or_done_takes_nothing_back(room: NetRoom) -> None:
    name = room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.command.take()
    pending = Change(change_id="m", kind=ChangeKind.MODIFY, asked_at=TEN_O_CLOCK, quantity=10)

    room.broker_stops.follow(room.at_broker(name, tag=Reason.CHANGE_REFUSED, change=pending))
    room.broker_stops.follow(replace(room.at_broker(name, tag=Reason.CHANGE_REFUSED), wire_trigger_price=Decimal(95)))
    room.look(5)

    assert room.changes() == []


@pytest.mark.parametrize("how", ["declined by the desk", "never seen in the books"])
def test_a_change_that_did_not_take_effect_is_asked_for_again(room: NetRoom, how: str) -> None:
    name = room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.command.take()

    if how == "declined by the desk":
        room.broker_stops.declined(name)
    else:
        room.broker_stops.follow(room.at_broker(name, tag=Reason.CHANGE_NOT_SEEN))
    room.look(5)

    assert room.changes() == [(name, ChangeKind.MODIFY)]


def test_less_to_catch_is_told_at_once(room: NetRoom) -> None:
    """More than is held could turn the position round: the usual pace is not kept."""
    name = room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.command.take()
    room.held = 4

    room.look(2.5)

    assert room.changes() == [(name, ChangeKind.MODIFY)]
    assert room.command.only(ChangeOrder).command.quantity == 4


def test_more_to_catch_keeps_the_pace(room: NetRoom) -> None:
    room.lay()
    room.stop = Decimal(95)
    room.look(5)
    room.command.take()
    room.held = 20

    room.look(2.5)
    assert room.changes() == []
    room.look(2.5)
    assert len(room.changes()) == 1


@pytest.mark.parametrize(
    ("event", "tag"),
    [(Event.CHANGE_REFUSED, Reason.CHANGE_REFUSED), (Event.CHANGE_REJECTED, Reason.CHANGE_REJECTED)],
)
def test_the_alert_of_a_refused_change_carries_the_brokers_words(room: NetRoom, event: Event, tag: Reason) -> None:
    after = room.at_broker("net-1", tag=tag, note=TOO_MANY)

    alert = order_alert(after, OrderEvent(kind=event, tag=tag, note=TOO_MANY), late=False)

    assert alert is not None
    assert f'The broker says: "{TOO_MANY}".' in alert.what
