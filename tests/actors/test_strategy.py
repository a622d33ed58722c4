from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pykka.messages import ProxyGetAttr

from actors.messages.desk import ActorDied, JoinStrategy
from actors.messages.exits import Flatten
from actors.messages.market import PriceTicked, WatchPrice, WatchUnheard
from actors.messages.orders import OrderChanged, OrderDeclined, SubmitOrder
from actors.strategy import ERRORS_MAX, StrategyActor, StrategyPorts
from domain.broker.snapshots import Tick
from domain.orders.lifecycle import Event, State
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, Origin, Product, Side
from domain.orders.validation import InvalidOrderError
from domain.risk.checks import TradingState
from domain.settings import StrategySettings
from domain.snapshot import DeskSnapshot
from tests.fakes import TEN_O_CLOCK, WAIT_S, FakeClock, FakeIds, Probe, order

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)


class Scripted(StrategyActor):
    """A strategy whose hooks do what a test says."""

    def __init__(self, ports: StrategyPorts, settings: StrategySettings) -> None:
        super().__init__(ports, settings)
        self.ticks: list[Tick] = []
        self.seen: list[State] = []
        self.declined: list[Reason] = []
        self.reaction: Callable[[], Any] = lambda: None

    def on_tick(self, tick: Tick) -> None:
        self.ticks.append(tick)
        self.reaction()

    def on_order(self, order: Order, event: OrderEvent) -> None:
        del event
        self.seen.append(order.state)

    def on_declined(self, declined: OrderDeclined) -> None:
        self.declined.append(declined.reason)


class StrategyRoom:
    """A strategy without a thread."""

    def __init__(
        self,
        *orders: Order,
        positions: dict[str, dict[InstrumentKey, int]] | None = None,
        **settings: Any,  # noqa: ANN401  any setting of a strategy
    ) -> None:
        self.clock = FakeClock()
        self.supervisor, self.command, self.market, self.exits = Probe(), Probe(), Probe(), Probe()
        self.baskets = Probe()
        snapshot = DeskSnapshot(
            orders=orders, positions=positions or {}, orders_today=0, trading_state=TradingState.ACTIVE, reason=""
        )
        self.ports = StrategyPorts(
            supervisor=self.supervisor,
            command=self.command,
            market=self.market,
            exits=self.exits,
            baskets=self.baskets,
            client_id="FA1",
            clock=self.clock,
            ids=FakeIds(),
            snapshot=snapshot,
        )
        self.settings = StrategySettings.model_validate({"class": "a:A", "name": "trend", **settings})
        self.strategy = Scripted(self.ports, self.settings)

    def tick(self) -> None:
        seen = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(100), seen_at=TEN_O_CLOCK)
        self.strategy.on_receive(PriceTicked(tick=seen))

    def update(self, now: Order, event: Event = Event.FILLED) -> None:
        self.strategy.on_receive(OrderChanged(order=now, event=OrderEvent(kind=event)))

    @property
    def submitted(self) -> list[SubmitOrder]:
        return self.command.of(SubmitOrder)


@pytest.fixture
def room() -> StrategyRoom:
    return StrategyRoom()


def filled(quantity: int = 10, **overrides: Any) -> Order:  # noqa: ANN401  any field of an order
    return order(**({"quantity": quantity, "filled_quantity": quantity, "state": State.FILLED} | overrides))


def test_a_strategy_joins_the_desk_under_its_name(room: StrategyRoom) -> None:
    assert room.command.only(JoinStrategy).strategy == "trend"


def test_buying_sends_an_entry_under_a_new_command_id(room: StrategyRoom) -> None:
    names = [room.strategy.buy("NSE", "RELIANCE-EQ", 10), room.strategy.buy("NSE", "RELIANCE-EQ", 10)]

    sent = room.submitted[0].command
    assert names == ["trend.n1", "trend.n2"]
    assert (sent.command_id, sent.client_id, sent.strategy) == ("trend.n1", "FA1", "trend")
    assert (sent.intent, sent.side, sent.quantity) == (Intent.ENTRY, Side.BUY, 10)


def test_selling_enters_short(room: StrategyRoom) -> None:
    room.strategy.sell("NSE", "RELIANCE-EQ", 10, order_type="LMT", price="101.05")

    assert (room.submitted[0].command.side, room.submitted[0].command.price) == (Side.SELL, Decimal("101.05"))


@pytest.mark.parametrize(("side", "way_out"), [(Side.BUY, Side.SELL), (Side.SELL, Side.BUY)])
def test_an_exit_gives_up_what_was_filled(room: StrategyRoom, side: Side, way_out: Side) -> None:
    room.update(order(side=side, quantity=10, state=State.PARTIALLY_FILLED, filled_quantity=4))

    room.strategy.exit("NSE", "RELIANCE-EQ")

    sent = room.submitted[0].command
    assert (sent.intent, sent.side, sent.quantity) == (Intent.EXIT, way_out, 4)


def test_a_flat_strategy_exits_nothing(room: StrategyRoom) -> None:
    assert room.strategy.exit("NSE", "RELIANCE-EQ") is None
    assert room.submitted == []


def test_an_order_that_cannot_be_is_refused_where_it_was_said(room: StrategyRoom) -> None:
    with pytest.raises(InvalidOrderError, match="quantity"):
        room.strategy.buy("NSE", "RELIANCE-EQ", 0)

    assert room.submitted == []


def test_fills_are_counted_once(room: StrategyRoom) -> None:
    part, whole = order(state=State.PARTIALLY_FILLED, filled_quantity=4), filled()

    for now in (part, part, whole, whole):
        room.update(now)

    assert room.strategy.position("NSE", "RELIANCE-EQ") == 10
    assert room.strategy.seen == [State.PARTIALLY_FILLED] * 2 + [State.FILLED] * 2


def test_a_restarted_strategy_knows_its_position_from_older_days_and_todays_orders() -> None:
    room = StrategyRoom(
        filled(10),
        order(command_id="open", state=State.PARTIALLY_FILLED, filled_quantity=3),
        filled(99, command_id="not-mine", strategy="other"),
        positions={"trend": {KEY: 5}, "other": {KEY: 1_000}},
    )

    room.update(order(command_id="open", state=State.FILLED, filled_quantity=10))

    assert room.strategy.position("NSE", "RELIANCE-EQ") == 25


def test_ticks_are_asked_for(room: StrategyRoom) -> None:
    room.strategy.watch("nse", "RELIANCE-EQ")

    asked = room.market.only(WatchPrice)
    assert (asked.exchange, asked.symbol, asked.strategy) == (Exchange.NSE, "RELIANCE-EQ", "trend")
    assert asked.unheard is not None


def test_a_strategy_hears_of_a_symbol_that_brings_no_prices(room: StrategyRoom) -> None:
    heard: list[tuple[str, str, str]] = []
    room.strategy.on_unwatched = lambda *given: heard.append(given)  # type: ignore[method-assign]

    room.strategy.on_receive(WatchUnheard(exchange=Exchange.NSE, symbol="RELIANCE", why="the broker knows no RELIANCE"))

    assert heard == [("NSE", "RELIANCE", "the broker knows no RELIANCE")]


# A strategy that has lost its mind.


@pytest.mark.parametrize("thrown", [ValueError("a bug"), SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_a_strategy_that_raises_goes_on(room: StrategyRoom, thrown: BaseException) -> None:
    # D7.
    def reaction() -> None:
        raise thrown

    room.strategy.reaction = reaction
    room.tick()
    room.strategy.reaction = lambda: None
    room.tick()

    assert len(room.strategy.ticks) == 2
    assert room.supervisor.messages == []


def test_a_strategy_that_keeps_raising_is_stopped_and_keeps_its_books(room: StrategyRoom) -> None:
    room.strategy.reaction = lambda: 1 / 0

    for _ in range(ERRORS_MAX + 5):
        room.tick()
    room.update(filled())

    assert len(room.strategy.ticks) == ERRORS_MAX
    assert room.strategy.buy("NSE", "RELIANCE-EQ", 10) is None
    assert room.strategy.position("NSE", "RELIANCE-EQ") == 10


def test_a_flood_is_bounded_in_flight() -> None:
    room = StrategyRoom(orders_in_flight_max=3)
    room.strategy.reaction = lambda: room.strategy.buy("NSE", "RELIANCE-EQ", 1)

    for _ in range(100):
        room.tick()

    assert len(room.submitted) == 3


def test_an_order_that_is_over_or_declined_makes_room_for_another() -> None:
    room = StrategyRoom(orders_in_flight_max=2)
    names = [room.strategy.buy("NSE", "RELIANCE-EQ", 1) for _ in range(3)]

    room.update(order(command_id=names[0], state=State.REFUSED))
    room.strategy.on_receive(OrderDeclined(command_id=names[1] or "", reason=Reason.DESK_BUSY, message="busy"))
    more = [room.strategy.buy("NSE", "RELIANCE-EQ", 1) for _ in range(3)]

    assert [name is not None for name in names] == [True, True, False]
    assert [name is not None for name in more] == [True, True, False]
    assert room.strategy.declined == [Reason.DESK_BUSY]


def test_a_flood_is_bounded_per_minute() -> None:
    room = StrategyRoom(orders_per_minute_max=5, orders_in_flight_max=1_000)
    for _ in range(10):
        room.strategy.buy("NSE", "RELIANCE-EQ", 1)
    in_the_first_minute = len(room.submitted)

    room.clock.advance(61)
    for _ in range(10):
        room.strategy.buy("NSE", "RELIANCE-EQ", 1)

    assert (in_the_first_minute, len(room.submitted)) == (5, 10)


def test_an_exit_passes_the_bounds_of_entries() -> None:
    room = StrategyRoom(orders_in_flight_max=1, orders_per_minute_max=1)
    room.update(filled())
    room.strategy.buy("NSE", "RELIANCE-EQ", 1)

    assert room.strategy.buy("NSE", "RELIANCE-EQ", 1) is None
    assert room.strategy.exit("NSE", "RELIANCE-EQ") is not None


def test_a_strategys_death_hurts_only_itself(room: StrategyRoom) -> None:
    # The supervisor ends the process for any death it hears of but the watcher's.
    room.strategy.on_failure(ValueError, ValueError("a bug in our own handling"), None)

    assert room.supervisor.of(ActorDied) == []


class Leaving(Scripted):
    """A strategy that wants to end the process, on its own thread."""

    def on_tick(self, tick: Tick) -> None:
        super().on_tick(tick)
        raise SystemExit


def test_a_strategy_that_leaves_takes_no_other_actor_along(room: StrategyRoom) -> None:
    first, second = Leaving.start(room.ports, room.settings), Scripted.start(room.ports, room.settings)
    tick = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(1), seen_at=TEN_O_CLOCK)

    first.tell(PriceTicked(tick=tick))
    second.tell(PriceTicked(tick=tick))
    first.ask(ProxyGetAttr(attr_path=("name",)), timeout=WAIT_S)
    heard = second.ask(ProxyGetAttr(attr_path=("ticks",)), timeout=WAIT_S)

    assert heard == [tick]
    first.stop(timeout=WAIT_S)
    second.stop(timeout=WAIT_S)
    assert room.supervisor.messages == []


def test_an_exit_that_is_under_way_is_not_asked_for_again() -> None:
    room = StrategyRoom()
    room.update(filled())

    first = room.strategy.exit("NSE", "RELIANCE-EQ")
    second = room.strategy.exit("NSE", "RELIANCE-EQ")

    assert first is not None
    assert second is None
    assert len(room.submitted) == 1


def test_exit_all_is_about_what_is_held_and_what_works_and_about_nothing_else() -> None:
    held, sold = replace(KEY, symbol="INFY-EQ"), replace(KEY, symbol="TCS-EQ")
    room = StrategyRoom(
        order(state=State.WORKING, strategy="trend"), positions={"trend": {held: -5, sold: 0}, "other": {sold: 3}}
    )

    count = room.strategy.exit_all("enough")

    requests = room.exits.only(Flatten).requests
    assert count == 2
    assert {one.position_key.key for one in requests} == {KEY, held}
    assert {(one.position_key.strategy, one.reason, one.origin) for one in requests} == {
        ("trend", "enough", Origin.STRATEGY)
    }
    assert len({one.request_id for one in requests}) == 2


def test_exit_all_of_nothing_asks_for_nothing() -> None:
    room = StrategyRoom()

    assert room.strategy.exit_all() == 0
    assert not room.exits.of(Flatten)
