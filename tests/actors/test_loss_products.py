"""The day's loss limit: what a breach makes flat, what it leaves, and what it says of both."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.exits.entry_canceler import EntryCanceler
from actors.messages.alerts import RaiseAlert
from actors.messages.changes import ChangeOrder
from actors.messages.exits import FlattenAll
from actors.messages.risk import CheckRefused, CheckRisk, RiskApproved
from actors.risk.actor import RiskActor
from domain.alerts.alert import Level
from domain.exits.flatten import Exposure, OpenOrder, PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.change import ChangeKind
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side
from domain.ports import trading_day
from domain.positions.pnl import PnlBook
from domain.risk.checks import RiskBook
from domain.risk.loss_limit import RiskDay
from domain.settings import CalendarSettings, RiskSettings
from tests.actors.rooms import order_sender
from tests.fakes import FakeClock, ManualTimer, Probe, command, mailboxes, runtime

OPTION = InstrumentKey(Exchange.NFO, "NIFTY01DEC26C26000", Product.NRML)
SHARES = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
SHORT, LONG_AGO = PositionKey("a", OPTION), PositionKey("invest", SHARES)
COUNTED = frozenset({Product.NRML, Product.MIS, Product.CO, Product.BO})


class LossRoom:
    """A RiskActor that holds a short option and delivered shares, with a limit of 5,000 rupees."""

    def __init__(self, day: RiskDay | None = None, **limits: Any) -> None:  # noqa: ANN401  any limit
        self.clock = FakeClock()
        self.exits, self.notifier, self.command = Probe(), Probe(), Probe()
        settings = RiskSettings.model_validate({"daily_loss_max": 5000, **limits})
        self.today = trading_day(self.clock.now())
        self.book = PnlBook()
        self.book.carry(SHORT, -65)
        self.book.carry(LONG_AGO, 10)
        self.price(150)
        self.actor = RiskActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                repo=Probe(),
                broker=Probe(),
                market=Probe(),
                exits=self.exits,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=ManualTimer(self.clock)),
            book=RiskBook(limits=settings, day=self.today),
            pnl=self.book,
            days=() if day is None else (replace(day, day=self.today),),
            budgets={"a": Decimal(5000)},
            working=(),
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=False),
        )

    def price(self, option: int) -> None:
        self.book.see((OPTION.exchange, OPTION.symbol), Decimal(option))
        self.book.see((SHARES.exchange, SHARES.symbol), Decimal(1500))

    def look(self) -> None:
        self.actor._loss_monitor.look()

    def told(self, topic: str) -> list[Any]:
        return [one.alert for one in self.notifier.of(RaiseAlert) if one.alert.topic == topic]


def test_a_breach_makes_flat_what_its_sum_counts_and_names_the_delivery_it_leaves() -> None:
    room = LossRoom()
    room.price(230)

    room.look()

    assert {one.products for one in room.exits.of(FlattenAll)} == {COUNTED}
    (alert,) = room.told("risk")
    assert alert.level is Level.CRITICAL
    assert "RELIANCE-EQ (NSE CNC) of invest; `flatten` sells it too" in alert.means


def test_flat_is_said_when_what_the_sum_counts_is_flat() -> None:
    room = LossRoom()
    room.price(230)
    room.look()
    room.book.shift(SHORT, -65)
    room.book.lines.pop(PositionKey("EXTERNAL", OPTION))

    room.look()

    ended = room.told("risk")[-1]
    assert ended.ends
    assert "no strategy holds anything in MIS or NRML" in ended.what
    assert "RELIANCE-EQ (NSE CNC) of invest" in ended.means


def test_a_setting_lets_a_breach_sell_delivery_too() -> None:
    room = LossRoom(breach_sells_delivery=True)
    room.price(230)

    room.look()

    assert {one.products for one in room.exits.of(FlattenAll)} == {None}
    assert "every position is being made flat" in room.told("risk")[0].means
    room.look()
    assert not any(one.ends for one in room.told("risk")), "the shares are still held"


def test_a_strategys_budget_leaves_its_delivery_as_well() -> None:
    room = LossRoom(daily_loss_max=None)
    room.book.carry(PositionKey("a", SHARES), 3)
    room.price(230)

    room.look()

    assert room.exits.only(FlattenAll).products == COUNTED
    (alert,) = room.told("risk:a")
    assert "RELIANCE-EQ (NSE CNC) of a;" in alert.means


def test_no_entry_of_a_strategy_past_its_budget_is_changed() -> None:
    room = LossRoom(daily_loss_max=None)
    room.price(230)
    room.look()
    entry = command(command_id="e", strategy="a")
    way_out = command(command_id="x", strategy="a", intent=Intent.EXIT, side=Side.SELL)

    for one in (entry, way_out, replace(entry, command_id="o", strategy="other")):
        room.actor.on_receive(CheckRisk(change_id=one.command_id, command=one, price=Decimal(100)))

    assert room.command.only(CheckRefused).reason is Reason.STRATEGY_LOSS_BREACHED
    assert [one.change_id for one in room.command.of(RiskApproved)] == ["x", "o"]


def test_a_restart_after_a_breach_asks_for_flat_again() -> None:
    """The run before may have ended between the breach and the requests of its exits."""
    room = LossRoom(RiskDay(day="").broken("-5,200.00 rupees", FakeClock().now()))

    room.look()
    room.look()

    assert len(room.exits.of(FlattenAll)) == 1
    assert room.told("risk") == []


def test_a_message_knows_whom_it_means_and_what_it_leaves() -> None:
    word = FlattenAll(reason="a limit", strategy="a", products=COUNTED)

    assert [word.is_about(SHORT), word.is_about(LONG_AGO)] == [True, False]
    assert [word.leaves(SHORT), word.leaves(LONG_AGO)] == [False, True]
    assert not FlattenAll(reason="a person").leaves(LONG_AGO)


def test_what_is_left_may_not_grow_its_entries_are_taken_back_until_none_is_open() -> None:
    clock, asked = FakeClock(), Probe()
    back = EntryCanceler(sender=order_sender(asked), clock=clock, again_s=2.0)
    sells, buys = OpenOrder("s", Side.SELL, 10), OpenOrder("b", Side.BUY, 10)
    back.want(LONG_AGO, "the day's loss limit")

    for _ in range(3):
        back.look({LONG_AGO: Exposure(10, (sells, buys))})
    cancels = [one.command for one in asked.of(ChangeOrder)]
    assert [(one.command_id, one.kind) for one in cancels] == [("b", ChangeKind.CANCEL)]
    clock.advance(2.0)
    back.look({LONG_AGO: Exposure(10, (sells, buys))})
    assert len(asked.of(ChangeOrder)) == 2
    clock.advance(2.0)
    back.look({LONG_AGO: Exposure(20, (sells,))})
    back.look({LONG_AGO: Exposure(20, (sells, buys))})
    assert len(asked.of(ChangeOrder)) == 2, "it was done with: a later entry is none of its"
