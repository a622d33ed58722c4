"""Stop orders kept at the broker follow what is held: at once where less is, with a pause otherwise."""

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.exits.broker_stops import BrokerStops
from actors.messages.changes import ChangeOrder
from actors.messages.orders import SubmitOrder
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.change import ChangeKind
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, OrderType, Product, Side, TrailingType
from domain.settings import StopSettings
from tests.actors.rooms import order_sender
from tests.fakes import TEN_O_CLOCK, FakeClock, FakeIds, Probe, instrument, mailboxes, runtime

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)
SCOPE = PositionKey("trend", KEY)


def stop_at(level: str, *, is_long: bool = True) -> ArmedStop:
    return ArmedStop(
        stop_id="e1",
        position_key=SCOPE,
        terms=StopTerms(stop_loss=Decimal(level)),
        is_long=is_long,
        entry_price=Decimal(100),
        best_price=Decimal(100),
        armed_at=TEN_O_CLOCK,
    )


class NetsRoom:
    """The stops at the broker of one position, beside a probe."""

    def __init__(self, *, at_broker: bool = True) -> None:
        self.clock, self.command = FakeClock(), Probe()
        self.broker_stops = BrokerStops(
            mail=mailboxes(command=self.command),
            runtime=runtime(self.clock, ids=FakeIds()),
            sender=order_sender(self.command, Probe()),
            settings=StopSettings(at_broker=at_broker, at_broker_change_s=5),
            calendar=None,
        )
        self.broker_stops.begin()
        self.name = ""

    def look(self, held: int, laid: int = 0, stop: ArmedStop | None = None, *, under_way: bool = False) -> None:
        """Look at so many units held, with a net of so many units at the broker."""
        side = Side.SELL if held >= 0 else Side.BUY
        working = (OpenOrder(self.name, side, laid),) if laid else ()
        exposures = {SCOPE: Exposure(held, working)}
        armed = {SCOPE: stop or stop_at("90")}
        instruments = {(KEY.exchange, KEY.symbol): instrument()}
        self.broker_stops.look(armed, exposures, instruments, {SCOPE} if under_way else set())

    def lay(self, held: int = 10, stop: ArmedStop | None = None) -> None:
        self.look(held, stop=stop)
        self.name = self.command.only(SubmitOrder).command.command_id
        self.broker_stops.answered(self.name)
        self.command.take()

    @property
    def changes(self) -> list[tuple[ChangeKind, int | None, Decimal | None]]:
        asked = (one.command for one in self.command.of(ChangeOrder))
        return [(one.kind, one.quantity, one.trigger_price) for one in asked]


@pytest.fixture
def room() -> NetsRoom:
    return NetsRoom()


@pytest.mark.parametrize(
    ("held", "stop", "side", "trigger"),
    [
        (10, stop_at("90.01"), Side.SELL, "90.05"),
        (-10, stop_at("110.04", is_long=False), Side.BUY, "110.00"),
    ],
)
def test_a_net_is_laid_behind_what_is_held_no_later_than_its_stop(
    room: NetsRoom, held: int, stop: ArmedStop, side: Side, trigger: str
) -> None:
    room.look(held, stop=stop)

    laid = room.command.only(SubmitOrder).command
    assert (laid.side, laid.quantity, laid.order_type) == (side, 10, OrderType.SL_M)
    assert laid.trigger_price == Decimal(trigger)


@pytest.mark.parametrize(("held", "value"), [(10, "10"), (-10, "9999999")])
def test_a_stop_at_no_price_of_an_order_gets_no_net(room: NetsRoom, held: int, value: str) -> None:
    # A trail of 10 rupees behind an option at 8: such a stop is never reached, and no order can say it.
    trail = StopTerms(trailing_type=TrailingType.POINTS, trailing_value=Decimal(value))
    stop = replace(stop_at("1", is_long=held > 0), terms=trail, entry_price=Decimal(8), best_price=Decimal(8))

    room.look(held, stop=stop)

    assert room.command.messages == []


def test_a_net_lies_one_tick_above_nothing_at_least(room: NetsRoom) -> None:
    room.look(
        -10, stop=replace(stop_at("0.03", is_long=False), entry_price=Decimal("0.01"), best_price=Decimal("0.01"))
    )

    assert room.command.only(SubmitOrder).command.trigger_price == Decimal("0.05")


def test_less_to_catch_is_told_at_once(room: NetsRoom) -> None:
    # More than is held could turn the position round: this waits for no pause.
    room.lay(held=10)

    room.look(held=4, laid=10)

    assert room.changes == [(ChangeKind.MODIFY, 4, Decimal("90.00"))]


def test_more_to_catch_and_a_moved_stop_wait_for_the_pause(room: NetsRoom) -> None:
    room.lay(held=10)

    room.look(held=12, laid=10, stop=stop_at("91"))
    room.clock.advance(4.9)
    room.look(held=12, laid=10, stop=stop_at("91"))
    assert room.changes == []

    room.clock.advance(0.1)
    room.look(held=12, laid=10, stop=stop_at("91"))
    assert room.changes == [(ChangeKind.MODIFY, 12, Decimal("91.00"))]


def test_a_change_is_not_asked_again_before_an_answer_can_have_come(room: NetsRoom) -> None:
    room.lay(held=10)

    room.look(held=4, laid=10)
    room.clock.advance(1.9)
    room.look(held=4, laid=10)
    assert len(room.changes) == 1

    room.clock.advance(0.1)
    room.look(held=4, laid=10)
    assert len(room.changes) == 2


def test_a_net_with_nothing_to_catch_is_taken_back(room: NetsRoom) -> None:
    room.lay(held=10)

    room.look(held=0, laid=10)

    assert room.changes == [(ChangeKind.CANCEL, None, None)]


def test_a_net_on_the_wrong_side_of_a_turned_position_is_taken_back(room: NetsRoom) -> None:
    room.lay(held=10)

    room.look(held=-3, laid=10)

    assert room.changes == [(ChangeKind.CANCEL, None, None)]


def test_a_net_is_left_alone_while_exits_are_under_way(room: NetsRoom) -> None:
    room.lay(held=10)

    room.look(held=4, laid=10, under_way=True)

    assert room.command.messages == []


def test_without_the_setting_none_is_laid_and_an_earlier_runs_is_taken_back() -> None:
    room = NetsRoom(at_broker=False)
    room.look(held=10)
    assert room.command.messages == []

    room.name = "net-earlier"
    room.look(held=10, laid=10)
    assert room.changes == [(ChangeKind.CANCEL, None, None)]


def test_each_net_of_a_position_comes_twice_as_late_as_the_one_before(room: NetsRoom) -> None:
    laid_at = []
    for _ in range(40):
        room.look(held=10)
        if room.command.of(SubmitOrder):
            laid_at.append(room.clock.monotonic() - 1_000.0)
            room.broker_stops.answered(room.command.only(SubmitOrder).command.command_id)
        room.command.take()
        room.clock.advance(1.0)

    assert laid_at == [0.0, 5.0, 15.0, 35.0]


def test_a_net_whose_answer_is_not_in_is_not_laid_again(room: NetsRoom) -> None:
    room.look(held=10)
    room.clock.advance(60)
    room.look(held=10)

    assert len(room.command.of(SubmitOrder)) == 1
