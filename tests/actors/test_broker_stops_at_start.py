"""A net that works at the broker stays there until it is known that nothing is left for it to catch."""

from datetime import timedelta
from decimal import Decimal

from actors.exits.broker_stops import BrokerStops
from actors.messages.changes import ChangeOrder
from actors.messages.orders import SubmitOrder
from domain.exits.broker_stop import PREFIX
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.instrument import Instrument
from domain.orders.change import ChangeKind
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product, Side
from domain.settings import StopSettings
from tests.actors.rooms import order_sender
from tests.fakes import TEN_O_CLOCK, FakeClock, FakeIds, Probe, instrument, mailboxes, runtime

SCOPE = PositionKey("trend", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
STOP = ArmedStop(
    stop_id="c1",
    position_key=SCOPE,
    terms=StopTerms(stop_loss=Decimal(1490)),
    is_long=True,
    entry_price=Decimal(1500),
    best_price=Decimal(1500),
    armed_at=TEN_O_CLOCK - timedelta(minutes=5),
    quantity=10,
)
NET = OpenOrder(command_id=f"{PREFIX}1", side=Side.SELL, open_quantity=10)
KNOWN = {(Exchange.NSE, "RELIANCE-EQ"): instrument()}


class Room:
    def __init__(self) -> None:
        self.command = Probe()
        self.broker_stops = BrokerStops(
            mail=mailboxes(command=self.command),
            runtime=runtime(clock=FakeClock(), ids=FakeIds()),
            sender=order_sender(self.command, Probe()),
            settings=StopSettings(at_broker=True),
            calendar=None,
        )

    def look(
        self,
        armed: dict[PositionKey, ArmedStop],
        *,
        held: int = 10,
        instruments: dict[tuple[Exchange, str], Instrument] = KNOWN,
    ) -> list[ChangeKind]:
        """Look at a position behind which a net works; return the changes that were asked for."""
        self.broker_stops.look(armed, {SCOPE: Exposure(held, (NET,))}, instruments, ())
        return [one.command.kind for one in self.command.of(ChangeOrder)]


def test_before_the_stops_of_earlier_runs_are_known_no_net_is_one_too_many() -> None:
    room = Room()

    assert room.look({}) == []
    room.broker_stops.begin()
    assert room.look({}) == [ChangeKind.CANCEL]


def test_a_net_is_left_where_it_is_while_its_instrument_is_unknown() -> None:
    room = Room()
    room.broker_stops.begin()

    assert room.look({SCOPE: STOP}, instruments={}) == []
    assert not room.command.of(SubmitOrder)


def test_a_net_with_nothing_to_catch_is_taken_back_though_its_instrument_is_unknown() -> None:
    room = Room()
    room.broker_stops.begin()

    assert room.look({SCOPE: STOP}, held=0, instruments={}) == [ChangeKind.CANCEL]
