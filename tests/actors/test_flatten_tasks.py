"""ExitsActor: from somebody's request to the last word that a position is flat."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.exits.actor import ExitsActor
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import PositionLeaving
from actors.messages.changes import ChangeOrder
from actors.messages.exits import FindExits, Flatten
from actors.messages.guard import ExposuresTold
from actors.messages.market import OrderPriced, PriceOrder
from actors.messages.orders import OrderAnswered, OrderChanged, OrderDeclined, SubmitOrder
from domain.exits.flatten import Exposure, FlattenEnd, FlattenRequest, OpenOrder, PositionKey
from domain.exits.square_off import SquareOff
from domain.market.price import PriceSource, Reference
from domain.orders.change import ChangeKind
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, OrderType, Origin, Product, Side
from domain.read_models import ExitsNow
from domain.settings import ExitSettings, StopSettings
from tests.actors.rooms import is_asked, own_mailbox
from tests.fakes import (
    TEN_O_CLOCK,
    FakeClock,
    FakeIds,
    ManualTimer,
    Probe,
    instrument,
    mailboxes,
    order,
    runtime,
    snapshot_loaded,
)

SCOPE = PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
WISH = FlattenRequest(request_id="w1", position_key=SCOPE, reason="flatten", origin=Origin.HUMAN, asked_at=TEN_O_CLOCK)
HELD = Exposure(held=10)
TRADED = OrderEvent(kind=Event.FILLED, filled_quantity=10)


class ExitsRoom:
    """An ExitsActor without a thread; guard, market and command are played by hand."""

    def __init__(self, stops: StopSettings | None = None) -> None:
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.command, self.guard, self.market, self.repo, self.notifier, self.baskets = (Probe() for _ in range(6))
        self.actor = ExitsActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                guard=self.guard,
                market=self.market,
                repo=self.repo,
                notifier=self.notifier,
                baskets=self.baskets,
            ),
            runtime=runtime(self.clock, ids=FakeIds(), timer=self.timer),
            client_id="FA1",
            settings=ExitSettings(flat_for_s=0),
            stops=stops or StopSettings(),
            square_off=SquareOff(),
            calendar=None,
        )
        self.own = own_mailbox(self.actor)
        self.actor.on_start()

    def look(self, exposure: Exposure, after_s: float = 0.0) -> None:
        """Let the next look come, and the guard answer it."""
        self.clock.advance(after_s)
        self.timer.fire_due()
        for message in self.own.take():
            self.actor.on_receive(message)
        self.actor.on_receive(ExposuresTold(exposures={SCOPE: exposure}, answers=is_asked(self.guard)))

    def price(self, last_price: str | None = "100") -> None:
        """Let the market answer what it was asked."""
        asked = self.market.of(PriceOrder)[-1]
        price = None if last_price is None else Decimal(last_price)
        known = None if price is None else Reference(price=price, source=PriceSource.QUOTE, age_s=0.0)
        self.actor.on_receive(
            OrderPriced(
                about=asked.about,
                command_id=asked.command_id,
                instrument=instrument(),
                last_price=price,
                reference=known,
            )
        )

    def make_flat(self) -> OrderCommand:
        """Let somebody want out; return the first exit."""
        self.actor.on_receive(Flatten(requests=(WISH,)))
        self.look(HELD)
        self.price()
        return self.sent[-1]

    def answer(self, asked: OrderCommand, state: State) -> Order:
        """Let an exit's steps end so."""
        came = order(command=asked, state=state)
        self.actor.on_receive(OrderAnswered(order=came))
        return came

    @property
    def sent(self) -> list[OrderCommand]:
        return [one.command for one in self.command.of(SubmitOrder)]

    @property
    def under_way(self) -> dict[PositionKey, int]:
        found = self.actor.on_receive(FindExits())
        assert isinstance(found, ExitsNow)
        return dict(found.under_way)


@pytest.fixture
def room() -> ExitsRoom:
    return ExitsRoom()


def test_a_wish_is_kept_told_and_ends_the_strategys_baskets(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH, WISH)))

    assert room.repo.record(FlattenRequest) == WISH
    assert room.baskets.only(PositionLeaving).position_key == SCOPE
    assert len(room.notifier.of(RaiseAlert)) == 1
    assert room.under_way == {SCOPE: 0}


def test_what_is_held_leaves_as_a_protected_limit_of_its_origin(room: ExitsRoom) -> None:
    sent = room.make_flat()

    assert (sent.intent, sent.side, sent.quantity, sent.product) == (Intent.EXIT, Side.SELL, 10, Product.MIS)
    assert (sent.order_type, sent.origin, sent.comment) == (OrderType.LIMIT, Origin.HUMAN, "flatten")
    assert sent.price is not None
    assert sent.price < 100
    assert room.under_way == {SCOPE: 1}


def test_without_a_price_the_exit_leaves_all_the_same(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH,)))
    room.look(HELD)

    room.price(None)

    assert len(room.sent) == 1


def test_an_exit_whose_steps_are_not_over_is_waited_for(room: ExitsRoom) -> None:
    room.make_flat()

    for _ in range(20):
        room.look(HELD, after_s=10)

    assert len(room.sent) == 1


@pytest.mark.parametrize("state", [State.REFUSED, State.REJECTED, State.BLOCKED], ids=str)
def test_an_exit_that_failed_is_followed_by_another(room: ExitsRoom, state: State) -> None:
    first = room.make_flat()
    room.answer(first, state)

    room.look(HELD, after_s=10)
    room.price()

    assert len(room.sent) == 2
    assert room.sent[1].command_id != first.command_id


def test_an_exit_that_was_declined_is_followed_by_another(room: ExitsRoom) -> None:
    first = room.make_flat()
    room.actor.on_receive(
        OrderDeclined(command_id=first.command_id, reason=Reason.DATABASE_UNAVAILABLE, message="disk full")
    )

    room.look(HELD, after_s=10)
    room.price()

    assert len(room.sent) == 2


def test_the_answer_to_another_order_is_no_answer(room: ExitsRoom) -> None:
    first = room.make_flat()
    room.answer(replace(first, command_id="another"), State.REFUSED)

    room.look(HELD, after_s=10)

    assert len(room.sent) == 1


def test_what_works_is_taken_back_before_the_exit(room: ExitsRoom) -> None:
    room.actor.on_receive(Flatten(requests=(WISH,)))

    room.look(Exposure(10, (OpenOrder("entry", Side.BUY, 5),)))

    asked = room.command.only(ChangeOrder).command
    assert (asked.command_id, asked.kind, asked.origin) == ("entry", ChangeKind.CANCEL, Origin.HUMAN)
    assert asked.reason == "exit: flatten"
    assert room.sent == []


def test_the_third_try_is_an_alarm(room: ExitsRoom) -> None:
    asked = room.make_flat()
    levels = []
    for _ in range(2):
        room.answer(asked, State.REFUSED)
        room.notifier.take()
        room.look(HELD, after_s=1)
        room.price()
        asked = room.sent[-1]
        levels.append(room.notifier.only(RaiseAlert).alert.level.value)

    assert levels == ["WARNING", "CRITICAL"]


def test_flat_is_kept_and_told_and_ends_the_episode(room: ExitsRoom) -> None:
    asked = room.make_flat()
    room.answer(asked, State.WORKING)
    room.notifier.take()

    room.look(Exposure(), after_s=1)

    assert room.repo.record(FlattenEnd).request_id == "w1"
    assert len(room.notifier.of(RaiseAlert)) == 1
    assert room.under_way == {}


def test_time_alone_is_looked_at_when_it_brings_something_and_the_guard_is_not_polled(room: ExitsRoom) -> None:
    asked = room.make_flat()
    room.answer(asked, State.WORKING)
    room.look(Exposure(10, (OpenOrder(asked.command_id, Side.SELL, 10),)))
    room.guard.take()
    began = room.clock.monotonic()

    while not room.command.of(ChangeOrder):
        room.clock.advance(min(one.due for one in room.timer.waiting) - room.clock.monotonic())
        room.timer.fire_due()
        for message in room.own.take():
            room.actor.on_receive(message)

    assert room.clock.monotonic() - began == pytest.approx(ExitSettings().unfilled_s)
    assert room.guard.messages == []


def test_a_task_does_not_go_by_what_the_guard_told_before_its_exit_was_answered(room: ExitsRoom) -> None:
    """The exit may rest in the market, and a second one would leave beside it."""
    asked = room.make_flat()
    room.market.take()
    room.clock.advance(60)
    room.answer(asked, State.WORKING)

    room.actor.on_receive(ExposuresTold(exposures={SCOPE: HELD}))
    assert room.market.of(PriceOrder) == []

    room.look(HELD)
    assert len(room.market.of(PriceOrder)) == 1


def test_an_exit_that_works_for_too_long_is_taken_back_and_not_earlier(room: ExitsRoom) -> None:
    asked = room.make_flat()
    room.answer(asked, State.WORKING)
    working = Exposure(10, (OpenOrder(asked.command_id, Side.SELL, 10),))
    unfilled_s = ExitSettings().unfilled_s

    room.look(working, after_s=0.1)
    room.look(working, after_s=unfilled_s - 0.2)
    assert room.command.of(ChangeOrder) == []

    room.look(working, after_s=0.3)
    assert room.command.only(ChangeOrder).command.command_id == asked.command_id


def test_an_order_that_will_not_go_holds_the_exit_up_for_so_long_only(room: ExitsRoom) -> None:
    stuck = Exposure(10, (OpenOrder("entry", Side.BUY, 5),))
    room.actor.on_receive(Flatten(requests=(WISH,)))
    room.look(stuck)
    wait_s = ExitSettings().cancel_wait_s

    room.look(stuck, after_s=wait_s - 0.2)
    assert room.market.of(PriceOrder) == []

    room.look(stuck, after_s=0.3)
    room.look(stuck, after_s=0.1)
    assert len(room.market.of(PriceOrder)) == 1


def test_a_safety_net_is_laid_behind_an_armed_stop() -> None:
    room = ExitsRoom(StopSettings(at_broker=True))
    room.actor.on_receive(snapshot_loaded())
    room.look(Exposure())
    entry = order(
        command_id="e1", stop_loss=Decimal(90), state=State.FILLED, filled_quantity=10, average_price=Decimal(100)
    )
    room.actor.on_receive(OrderChanged(order=entry, event=TRADED))
    room.price("100")

    room.look(HELD, after_s=1)

    assert (room.sent[0].order_type, room.sent[0].trigger_price, room.sent[0].quantity) == (
        OrderType.SL_M,
        Decimal(90),
        10,
    )


def test_another_try_says_how_many_earlier_ones_did_not_fill(room: ExitsRoom) -> None:
    room.answer(room.make_flat(), State.REFUSED)
    room.notifier.take()

    room.look(HELD, after_s=ExitSettings().retry_s)
    room.price()

    told = room.notifier.of(RaiseAlert)[-1].alert
    assert "exit 2 leaves now" in told.what
    assert told.means.startswith("1 of 1 were blocked, refused or canceled")
