"""The morning after a bonus, through ExitsActor: the stop is held, told, its net not laid, and entries stop."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.exits.actor import ExitsActor
from actors.messages.alerts import RaiseAlert
from actors.messages.baskets import SuspendSymbol
from actors.messages.guard import ExposuresTold
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked
from actors.messages.orders import SubmitOrder
from actors.messages.stops import SetStops
from domain.alerts.alert import Level
from domain.broker.snapshots import Tick
from domain.exits.flatten import Exposure, FlattenRequest
from domain.exits.square_off import SquareOff
from domain.market.calendar import Calendar
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Intent, Side
from domain.settings import CalendarSettings, ExitSettings, StopSettings
from tests.actors.rooms import CommandRoom, answered
from tests.domain.market.test_corporate_actions import KEY, STOP
from tests.fakes import FakeClock, FakeIds, ManualTimer, Probe, command, instrument, mailboxes, runtime, snapshot_loaded


class MorningRoom:
    """An ExitsActor that has taken up a stop of the day before, with nets at the broker."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.clock.now_is += timedelta(days=1)
        self.market = Probe()
        self.command, self.repo, self.notifier = Probe(), Probe(), Probe()
        self.actor = ExitsActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                guard=Probe(),
                market=self.market,
                repo=self.repo,
                notifier=self.notifier,
                baskets=Probe(),
            ),
            runtime=runtime(self.clock, ids=FakeIds(), timer=ManualTimer(self.clock)),
            client_id="FA1",
            settings=ExitSettings(),
            stops=StopSettings(at_broker=True),
            square_off=SquareOff(),
            calendar=Calendar(CalendarSettings()),
        )
        self.actor._actor_ref = Probe()  # type: ignore[assignment]
        self.actor.on_receive(snapshot_loaded(armed_stops=(STOP,)))
        self.actor.on_receive(
            OrderPriced(about=PriceQuestion.STOPS, instrument=instrument(symbol=KEY.symbol), last_price=None)
        )

    def look(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.actor.on_receive(ExposuresTold(exposures={STOP.position_key: Exposure(10)}, answers=True))

    def tick(self, price: int, close: int | None = None) -> None:
        previous = None if close is None else Decimal(close)
        tick = Tick(
            exchange=KEY.exchange,
            symbol=KEY.symbol,
            last_price=Decimal(price),
            seen_at=self.clock.now(),
            previous_close=previous,
        )
        self.actor.on_receive(PriceTicked(tick=tick))

    @property
    def requests(self) -> list[str]:
        return [one.reason for one in self.repo.records(FlattenRequest)]

    @property
    def suspended(self) -> list[bool]:
        return [bool(one.reason) for one in self.command.of(SuspendSymbol)]

    @property
    def told(self) -> list[tuple[Level, bool]]:
        alerts = [one.alert for one in self.notifier.of(RaiseAlert)]
        return [(one.level, one.ends) for one in alerts if one.topic.startswith("adjusted:")]

    @property
    def laid(self) -> list[Decimal | None]:
        return [one.command.trigger_price for one in self.command.of(SubmitOrder)]


@pytest.fixture
def room() -> MorningRoom:
    return MorningRoom()


def test_a_stop_is_held_on_the_morning_after_a_bonus(room: MorningRoom) -> None:
    room.tick(750, close=725)
    room.tick(745)
    room.look()

    assert room.requests == []
    assert room.told == [(Level.CRITICAL, False)]
    assert room.suspended == [True]
    assert room.laid == [], "the net at 1400 would sell at once"


def test_a_crash_fires_it(room: MorningRoom) -> None:
    room.tick(750, close=1450)

    assert room.requests == ["stop 1400 reached at 750"]
    assert room.told == []


def test_a_crash_fires_it_when_no_close_comes(room: MorningRoom) -> None:
    room.tick(750)
    assert room.requests == []

    for _ in range(3):
        room.look()

    assert room.requests == ["stop 1400 reached at 750"]


def test_the_close_is_asked_of_the_broker_however_fresh_the_feeds_price_is(room: MorningRoom) -> None:
    room.market.messages.clear()

    room.tick(750)
    room.tick(749)
    room.look()

    assert [one.anew for one in room.market.of(PriceOrder)] == [True], "and once"


def test_nothing_is_asked_anew_of_a_stop_that_is_held(room: MorningRoom) -> None:
    room.market.messages.clear()

    room.tick(750, close=725)

    assert room.market.of(PriceOrder) == []


@pytest.mark.parametrize("close", [None, 1440])
def test_a_price_of_yesterday_before_the_opening_opens_no_stop(room: MorningRoom, close: int | None) -> None:
    # At 08:30 quotes still tell the last price of yesterday, and perhaps its previous close.
    room.clock.now_is -= timedelta(minutes=90)
    room.tick(1450, close=close)
    room.clock.now_is += timedelta(minutes=90)

    room.tick(750)
    assert room.requests == []
    room.tick(749, close=725)
    for _ in range(5):
        room.look()

    assert room.requests == []
    assert room.told == [(Level.CRITICAL, False)]


def test_no_net_is_laid_before_the_first_price_of_the_day(room: MorningRoom) -> None:
    room.look()
    assert room.laid == []

    room.tick(1450, close=1449)
    room.look(5)

    assert room.laid == [Decimal(1400)]


def test_a_person_who_sets_it_anew_ends_the_alarm_and_lets_entries_in(room: MorningRoom) -> None:
    room.tick(750, close=725)
    room.look()

    room.actor.on_receive(
        SetStops(position_key=STOP.position_key, terms=StopTerms(stop_loss=Decimal(700)), reason="1:1 bonus")
    )
    room.look()

    assert room.told == [(Level.CRITICAL, False), (Level.WARNING, True)]
    assert room.suspended == [True, False]
    room.tick(699)
    assert room.requests == ["stop 700 reached at 699"]


def test_no_entry_is_taken_in_a_suspended_symbol_and_every_exit_is() -> None:
    room = CommandRoom()
    suspended = SuspendSymbol(exchange=KEY.exchange, symbol=KEY.symbol, reason="a stop in it is held")
    room.tell(suspended)

    entry = room.submit(command(command_id="e"))
    way_out = room.submit(command(command_id="x", intent=Intent.EXIT, side=Side.SELL))
    elsewhere = room.submit(command(command_id="i", symbol="INFY-EQ"))
    room.register()
    room.price()
    room.record()

    assert answered(entry).tag is Reason.SYMBOL_SUSPENDED
    assert (way_out.messages, elsewhere.messages) == ([], []), "they go on"
    room.tell(replace(suspended, reason=""))
    again = room.submit(command(command_id="e2"))
    room.register()
    room.price()
    room.record()
    assert again.messages == []
