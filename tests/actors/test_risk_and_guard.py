from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actors.guard import GuardActor
from actors.messages.books import BooksChecked, ExpiryLearnt
from actors.messages.guard import AskForExposures, ExposureReserved, ExposuresTold, FindHoldings, ReserveExposure
from actors.messages.orders import OrderChanged
from actors.messages.risk import (
    CheckRefused,
    CheckRisk,
    FindTradingState,
    RiskApproved,
    SetTradingState,
    TradingStateChanged,
)
from actors.risk.actor import RiskActor
from domain.exits.flatten import PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, Product, Side
from domain.ports import trading_day
from domain.positions.ledger import GuardLedger
from domain.positions.pnl import PnlBook
from domain.read_models import Holdings, TradingStateNow
from domain.reconciliation.breaks import Break, BreakKind
from domain.reconciliation.reconciler import Checked
from domain.risk.checks import RiskBook, TradingDecision, TradingState
from domain.settings import CalendarSettings, RiskSettings
from tests.fakes import FakeClock, ManualTimer, Probe, command, mailboxes, order, runtime

KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS)


class RiskRoom:
    """A RiskActor without a thread."""

    def __init__(self, **limits: int) -> None:
        self.clock = FakeClock()
        self.command, self.repo, self.broker = Probe(), Probe(), Probe()
        self.market, self.exits, self.notifier = Probe(), Probe(), Probe()
        book = RiskBook(limits=RiskSettings.model_validate(limits), day=trading_day(self.clock.now()))
        self.actor = RiskActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                repo=self.repo,
                broker=self.broker,
                market=self.market,
                exits=self.exits,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=ManualTimer(self.clock)),
            book=book,
            pnl=PnlBook(),
            days=(),
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=True),
            budgets={},
            working=(),
        )

    def check(self, name: str = "c1") -> None:
        self.actor.on_receive(CheckRisk(command=command(command_id=name), price=Decimal(100)))

    def turn(self, state: TradingState) -> TradingStateNow:
        now = self.actor.on_receive(SetTradingState(state=state, reason="a test"))
        assert isinstance(now, TradingStateNow)
        return now


@pytest.fixture
def risk() -> RiskRoom:
    return RiskRoom()


def test_risk_answers_each_check(risk: RiskRoom) -> None:
    risk.check()

    assert risk.command.only(RiskApproved).command_id == "c1"


def test_a_halt_counts_from_the_next_check_and_is_kept(risk: RiskRoom) -> None:
    now = risk.turn(TradingState.HALTED)
    risk.check()

    assert risk.command.only(CheckRefused).reason is Reason.TRADING_HALTED
    assert risk.repo.record(TradingDecision) == TradingDecision(state=TradingState.HALTED, reason="a test")
    assert now == TradingStateNow(state=TradingState.HALTED, reason="a test", orders_today=0)


@pytest.mark.parametrize(
    ("state", "stopped"),
    [
        (TradingState.EXITS_ONLY, Reason.TRADING_EXITS_ONLY),
        (TradingState.HALTED, Reason.TRADING_HALTED),
        (TradingState.ACTIVE, None),
    ],
)
def test_entries_that_wait_at_the_broker_are_turned_too(
    risk: RiskRoom, state: TradingState, stopped: Reason | None
) -> None:
    risk.turn(state)

    assert risk.broker.only(TradingStateChanged).state.objection_to_entries is stopped


def test_a_resumed_desk_trades_again(risk: RiskRoom) -> None:
    risk.turn(TradingState.HALTED)
    risk.turn(TradingState.ACTIVE)

    risk.check()

    assert risk.command.of(CheckRefused) == []


def test_the_count_starts_anew_on_the_exchanges_next_day() -> None:
    risk = RiskRoom(orders_per_day_max=1)
    risk.check("c1")
    risk.check("c2")

    risk.clock.now_is += timedelta(days=1)
    risk.check("c3")

    assert [one.command_id for one in risk.command.of(RiskApproved)] == ["c1", "c3"]
    assert risk.command.only(CheckRefused).reason is Reason.ORDERS_PER_DAY_EXCEEDED


def test_a_change_is_no_order_of_the_day() -> None:
    risk = RiskRoom(orders_per_day_max=1)
    risk.check("c1")
    changed = CheckRisk(change_id="m1", command=command(command_id="c1", price=Decimal(99)), price=Decimal(99))

    risk.actor.on_receive(changed)
    risk.clock.now_is += timedelta(days=1)
    risk.actor.on_receive(replace(changed, change_id="m2"))
    risk.check("c2")

    assert [one.change_id for one in risk.command.of(RiskApproved)] == ["", "m1", "m2", ""]
    assert risk.command.of(RiskApproved)[-1].command_id == "c2"


def test_a_change_may_not_grow_an_order_past_a_limit() -> None:
    risk = RiskRoom(order_quantity_max=10)

    risk.actor.on_receive(CheckRisk(change_id="m1", command=command(quantity=11), price=Decimal(100)))

    assert risk.command.only(CheckRefused).reason is Reason.ORDER_QUANTITY_EXCEEDED


def test_the_state_of_yesterday_shows_todays_count(risk: RiskRoom) -> None:
    risk.check()

    risk.clock.now_is += timedelta(days=1)
    now = risk.actor.on_receive(FindTradingState())

    assert isinstance(now, TradingStateNow)
    assert now.orders_today == 0


class GuardRoom:
    """A GuardActor without a thread."""

    def __init__(self, held: int = 0) -> None:
        self.command, self.exits = Probe(), Probe()
        entered = order(command_id="entered", quantity=held, state=State.FILLED, filled_quantity=held) if held else None
        ledger = GuardLedger(orders=() if entered is None else (entered,))
        self.clock = FakeClock()
        self.actor = GuardActor(
            mail=mailboxes(supervisor=Probe(), command=self.command, exits=self.exits),
            runtime=runtime(self.clock),
            ledger=ledger,
        )

    def reserve(self, name: str, intent: Intent = Intent.ENTRY, side: Side = Side.BUY, quantity: int = 10) -> None:
        asked = command(command_id=name, intent=intent, side=side, quantity=quantity)
        self.actor.on_receive(ReserveExposure(command=asked))


def test_the_guard_answers_each_reservation() -> None:
    guard = GuardRoom()

    guard.reserve("c1")
    guard.reserve("c2")

    assert guard.command.only(ExposureReserved).command_id == "c1"
    refused = guard.command.only(CheckRefused)
    assert (refused.command_id, refused.reason) == ("c2", Reason.EXECUTION_GUARD_BLOCKED)


def test_two_exits_at_once_share_what_is_held() -> None:
    # G3.
    guard = GuardRoom(held=100)

    guard.reserve("stop", Intent.EXIT, Side.SELL, 100)
    guard.reserve("human", Intent.EXIT, Side.SELL, 100)

    assert guard.command.only(ExposureReserved).quantity == 100
    assert guard.command.only(CheckRefused).reason is Reason.NOTHING_TO_EXIT


def test_an_exit_leaves_for_what_the_account_shows_to_be_held() -> None:
    key = InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)
    where = {"exchange": key.exchange, "symbol": key.symbol, "product": key.product}
    exit_ = {"intent": Intent.EXIT, "side": Side.SELL, "quantity": 100} | where
    past = order(command_id="past", state=State.WORKING, day="2026-01-04", **exit_)
    guard = GuardRoom()
    guard.actor._ledger = GuardLedger({"trend": {key: 100}}, [past], "2026-01-05")

    past_apart = Break(name="past:c1", kind=BreakKind.PAST, sentence="", key=key, difference=-40)
    guard.actor.on_receive(BooksChecked(checked=Checked((), (), (past_apart,))))
    guard.actor.on_receive(ReserveExposure(command=command(command_id="exit", **exit_)))

    assert guard.command.only(ExposureReserved).quantity == 60


def test_the_guard_follows_what_becomes_of_orders() -> None:
    guard = GuardRoom()
    guard.reserve("c1")

    guard.actor.on_receive(OrderChanged(order=order(state=State.CANCELED, filled_quantity=4)))

    assert guard.actor.on_receive(FindHoldings()) == Holdings(positions={"trend": {KEY: 4}})


def test_the_guard_turns_with_the_midnight_after_a_contracts_last_day() -> None:
    guard = GuardRoom()
    key = InstrumentKey(Exchange.NFO, "TCS", Product.NRML)
    held = {"exchange": key.exchange, "symbol": key.symbol, "product": key.product, "quantity": 10}
    filled = order(command=command(command_id="e1", **held), state=State.FILLED, filled_quantity=10)
    guard.actor.on_receive(OrderChanged(order=filled))
    guard.actor.on_receive(ExpiryLearnt(exchange=key.exchange, symbol=key.symbol, expires_on=guard.clock.now().date()))

    def told() -> ExposuresTold:
        guard.exits.take()
        guard.actor.on_receive(AskForExposures())
        (answer,) = guard.exits.take()
        assert isinstance(answer, ExposuresTold)
        return answer

    before = told()
    guard.clock.advance(14 * 3_600)
    after = told()
    guard.actor.on_receive(BooksChecked(checked=Checked((), (), (), living=frozenset({key}))))
    shown = told()

    assert (set(before.exposures), before.over) == ({PositionKey("trend", key)}, frozenset())
    assert (dict(after.exposures), set(after.over)) == ({}, {key})
    assert (shown.exposures, shown.over) == (before.exposures, frozenset())
