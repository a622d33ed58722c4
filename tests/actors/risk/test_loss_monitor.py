"""RiskActor and the day's loss: which figure counts, what is written when, and how long entries rest."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.exits import FlattenAll
from actors.messages.market import PriceTicked
from actors.messages.orders import OrderChanged
from actors.messages.risk import CheckRefused, CheckRisk, FindTradingState, PositionsSeen, RiskApproved, SetTradingState
from actors.messages.timer import TimerFired
from actors.risk.actor import RiskActor
from domain.broker.snapshots import Book, PositionRow, Tick
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Side
from domain.ports import trading_day
from domain.positions.pnl import PnlBook
from domain.read_models import TradingStateNow
from domain.risk.checks import RiskBook, TradingState
from domain.risk.loss_limit import RiskDay
from domain.settings import CalendarSettings, RiskSettings
from tests.fakes import FakeClock, ManualTimer, Probe, command, mailboxes, order, runtime


class RiskRoom:
    """A RiskActor without a thread; its clock stands at a Monday's ten o'clock."""

    def __init__(
        self,
        days: tuple[RiskDay, ...] = (),
        budgets: Mapping[str, Decimal] | None = None,
        **limits: Any,  # noqa: ANN401  any limit
    ) -> None:
        self.clock = FakeClock()
        self.command, self.repo, self.exits, self.notifier, self.broker = (Probe() for _ in range(5))
        given = RiskSettings.model_validate(limits)
        self.actor = RiskActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                repo=self.repo,
                broker=self.broker,
                market=Probe(),
                exits=self.exits,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=ManualTimer(self.clock)),
            book=RiskBook(limits=given, day=trading_day(self.clock.now())),
            pnl=PnlBook(),
            days=days,
            budgets=budgets or {},
            working=(),
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=False),
        )

    def hold(self, units: int, bought_at: str, now_at: str, name: str = "c1") -> None:
        """Let an entry fill, and a price be seen."""
        if units:
            made = {"state": State.FILLED, "filled_quantity": units, "average_price": Decimal(bought_at)}
            self.actor.on_receive(OrderChanged(order=order(command_id=name, quantity=units, **made)))
        tick = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(now_at), seen_at=self.clock.now())
        self.actor.on_receive(PriceTicked(tick=tick))

    def hold_more(self, units: int, now_at: str = "100", name: str = "c2") -> None:
        self.hold(units, now_at, now_at, name)

    def show(
        self, units: int, realised: str = "0", unrealised: str = "0", product: str = "I", *, doubted: bool = False
    ) -> None:
        """Let the broker's positions be read."""
        row = PositionRow(
            exchange="NSE",
            symbol="RELIANCE-EQ",
            product=product,
            net_quantity=units,
            net_average_price=Decimal(100),
            last_price=None,
            realised=Decimal(realised),
            unrealised=Decimal(unrealised),
        )
        which = frozenset({(Exchange.NSE, "RELIANCE-EQ")} if doubted else ())
        self.actor.on_receive(PositionsSeen(book=Book((row,), self.clock.now()), doubted=which))

    def look(self) -> None:
        self.actor.on_receive(TimerFired())

    def resume(self, *, force: bool) -> str:
        now = self.actor.on_receive(SetTradingState(state=TradingState.ACTIVE, reason="a test", force=force))
        assert isinstance(now, TradingStateNow)
        return now.refused

    @property
    def reason(self) -> str:
        now = self.actor.on_receive(FindTradingState())
        assert isinstance(now, TradingStateNow)
        return now.reason

    @property
    def verdict(self) -> Reason | None:
        """Return what an entry is told now."""
        self.command.take()
        self.actor.on_receive(CheckRisk(command=command(command_id="asked"), price=Decimal(100)))
        passed = self.command.of(RiskApproved)
        return None if passed else self.command.only(CheckRefused).reason


def test_a_loss_that_the_broker_shows_counts_where_ours_is_smaller() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="100")
    risk.show(10, realised="-400", unrealised="-600")

    risk.look()

    assert risk.verdict is Reason.DAILY_LOSS_BREACHED
    assert "loss limit" in risk.exits.only(FlattenAll).reason


def test_a_loss_at_a_price_that_nobody_could_trade_at_breaks_nothing() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="95")
    risk.show(10, unrealised="-1000", doubted=True)

    risk.look()

    assert risk.verdict is None
    assert risk.exits.messages == []


def test_what_the_broker_has_realised_counts_whatever_its_price_is_worth() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="95")
    risk.show(10, realised="-950", unrealised="99999", doubted=True)

    risk.look()

    assert risk.verdict is Reason.DAILY_LOSS_BREACHED, "950 realised, and 50 at our own price"


def test_a_position_that_nobody_has_a_price_of_adds_nothing_to_the_brokers_figure() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.show(10, realised="-999", unrealised="-1000", doubted=True)

    risk.look()

    assert risk.verdict is None


def test_a_book_whose_price_is_doubted_is_no_sight_of_the_position() -> None:
    risk = RiskRoom(prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    risk.look()

    risk.clock.advance(61)
    risk.show(10, doubted=True)
    risk.look()

    assert risk.verdict is Reason.PRICES_STALE


def test_a_loss_that_both_show_counts_once() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="40")
    risk.show(10, unrealised="-600")

    risk.look()

    assert risk.verdict is None
    assert risk.exits.messages == []


def test_a_broken_limit_is_on_its_way_to_the_disk_at_the_look_that_saw_it() -> None:
    # A desk that is killed a second later must not begin anew with the whole limit.
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="200", now_at="100")
    risk.show(10, unrealised="-1000")

    risk.look()

    assert risk.repo.records(RiskDay)[-1].breach
    assert len(risk.exits.of(FlattenAll)) == 1


def lost_days(*pnls: int) -> tuple[RiskDay, ...]:
    """Return the trading days before Monday 5 January 2026, the last of them the Friday."""
    trading_days = ("2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02")[-len(pnls) :]
    return tuple(RiskDay(day=day, pnl=Decimal(pnl)) for day, pnl in zip(trading_days, pnls, strict=True))


@pytest.mark.parametrize(
    ("pnls", "rests"),
    [((-1, -1), True), ((1, -1, -1), True), ((-1, 0), False), ((-1, 0, -1), False), ((-1, -1, 0), True)],
)
def test_a_day_that_ended_at_zero_is_no_lost_day(pnls: tuple[int, ...], *, rests: bool) -> None:
    risk = RiskRoom(lost_days(*pnls), losing_days_max=2, cooldown_days=5)

    risk.look()

    assert (risk.verdict is Reason.COOLING_DOWN) is rests


def test_entries_rest_from_the_last_lost_day_on() -> None:
    risk = RiskRoom(lost_days(-1, -1, -1, -1), losing_days_max=2, cooldown_days=3)

    risk.look()

    assert risk.verdict is Reason.COOLING_DOWN
    assert "4 trading days in a row ended with a loss, the last on 2026-01-02" in risk.reason


# after a breach


def broken() -> RiskRoom:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="200", now_at="100")
    risk.show(10, unrealised="-1000")
    risk.look()
    risk.exits.take()
    risk.notifier.take()
    return risk


def told(risk: RiskRoom) -> list[str]:
    return [one.alert.what for one in risk.notifier.of(RaiseAlert)]


def sell(risk: RiskRoom, name: str, units: int = 10) -> None:
    sold = order(
        command_id=name,
        side=Side.SELL,
        quantity=units,
        state=State.FILLED,
        filled_quantity=units,
        average_price=Decimal(100),
    )
    risk.actor.on_receive(OrderChanged(order=sold))


def test_what_is_on_its_way_out_after_a_breach_is_waited_for() -> None:
    risk = broken()

    risk.look()

    assert (told(risk), risk.exits.messages) == ([], [])


def test_flat_after_a_breach_is_told_once() -> None:
    risk = broken()
    sell(risk, "out")

    risk.look()
    risk.look()

    assert told(risk) == ["After the loss limit's breach no strategy holds anything; the day stands at -1,000.00."]


def test_what_comes_up_after_a_breach_is_told_once_and_made_flat_again() -> None:
    risk = broken()
    sell(risk, "out")
    risk.look()
    risk.notifier.take()

    sell(risk, "late", 4)
    risk.look()
    risk.look()

    assert len(told(risk)) == 1
    assert [one.reason for one in risk.exits.of(FlattenAll)] == ["the day's loss limit was broken before"] * 2


def test_a_position_that_comes_up_a_second_time_is_told_a_second_time() -> None:
    risk = broken()
    sell(risk, "out")
    risk.look()
    risk.notifier.take()

    for name in ("first", "second"):
        sell(risk, name, 4)
        risk.look()
        risk.hold_more(4, name=f"{name}-back")
        risk.look()

    assert len(told(risk)) == 2


def test_a_breach_stays_for_its_day_and_ends_with_it() -> None:
    risk = broken()
    risk.hold_more(0, now_at="300")
    risk.show(10, unrealised="1000")
    risk.look()
    assert risk.verdict is Reason.DAILY_LOSS_BREACHED

    risk.clock.now_is += timedelta(days=1)
    risk.look()
    assert risk.verdict is None
    assert [one.day for one in risk.repo.records(RiskDay)][-1] == "2026-01-05", "the day is closed on disk"


def test_a_day_begins_without_the_intraday_units_of_the_day_before() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="300", now_at="220")

    risk.clock.now_is += timedelta(days=1)
    risk.look()
    risk.hold_more(0, now_at="190")
    risk.look()

    assert risk.verdict is None


def test_a_loss_near_the_limit_is_told_once() -> None:
    risk = RiskRoom(daily_loss_max=1_000, loss_warning_share=0.8)
    risk.hold(10, bought_at="100", now_at="20.05")
    risk.show(10, unrealised="-799.50")
    risk.look()
    assert told(risk) == []

    risk.hold_more(0, now_at="20")
    risk.show(10, unrealised="-800")
    risk.look()
    risk.look()
    assert len(told(risk)) == 1


# resuming


def test_a_breach_is_resumed_after_its_pause_and_knowingly() -> None:
    risk = RiskRoom(daily_loss_max=1_000, resume_cooloff_s=600)
    risk.hold(10, bought_at="200", now_at="100")
    risk.show(10, unrealised="-1000")
    risk.look()

    risk.clock.advance(599)
    assert "resume can be said in" in risk.resume(force=True)
    risk.clock.advance(1)
    assert "lets the day lose as much again" in risk.resume(force=False)
    assert risk.verdict is Reason.DAILY_LOSS_BREACHED

    assert risk.resume(force=True) == ""
    assert risk.verdict is None
    assert risk.repo.records(RiskDay)[-1].base == Decimal(-1000), "the limit counts from here, on disk too"


# figures that move


def test_figures_are_written_now_and_then_while_they_move() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="100")
    written = []
    for second in range(12):
        risk.hold_more(0, now_at=str(100 + second))
        risk.look()
        written += [second] * len(risk.repo.records(RiskDay))
        risk.repo.take()
        risk.clock.advance(1)

    assert written == [5, 10]


def test_figures_that_stand_still_are_not_written() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    for _ in range(5):
        risk.clock.advance(10)
        risk.look()

    assert risk.repo.messages == []


def test_a_budget_of_one_strategy_gets_that_strategy_out_once() -> None:
    risk = RiskRoom(budgets={"trend": Decimal(500)})
    risk.hold(10, bought_at="100", now_at="50.05")
    risk.look()
    assert risk.exits.messages == []

    risk.hold_more(0, now_at="50")
    risk.show(10, unrealised="-500")
    risk.look()
    risk.look()

    assert [one.strategy for one in risk.exits.of(FlattenAll)] == ["trend"]
    assert risk.verdict is Reason.STRATEGY_LOSS_BREACHED


def test_an_entry_that_a_used_up_budget_refuses_warns_of_no_trade_with_oneself() -> None:
    risk = RiskRoom(budgets={"trend": Decimal(500)})
    risk.actor.on_receive(CheckRisk(command=command(command_id="sell", side=Side.SELL), price=Decimal(100)))
    risk.hold(10, bought_at="100", now_at="50")
    risk.look()
    risk.notifier.take()

    assert risk.verdict is Reason.STRATEGY_LOSS_BREACHED
    assert told(risk) == []


# sight


def test_a_held_position_without_a_price_stops_entries_until_one_comes() -> None:
    risk = RiskRoom(prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    risk.look()

    risk.clock.advance(60)
    risk.look()
    assert risk.verdict is None

    risk.clock.advance(1)
    risk.look()
    risk.look()
    assert risk.verdict is Reason.PRICES_STALE
    assert len(told(risk)) == 1

    risk.hold_more(0, now_at="100")
    risk.look()
    assert risk.verdict is None
    assert len(told(risk)) == 2


def test_the_brokers_book_is_sight_too() -> None:
    risk = RiskRoom(prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    risk.look()
    risk.clock.advance(61)

    risk.show(10)
    risk.look()

    assert risk.verdict is None


def test_figures_that_differ_for_long_are_told_once() -> None:
    risk = RiskRoom(pnl_difference_max=100, prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    for second in range(0, 90, 10):
        risk.show(10, unrealised="-100.05")
        risk.hold_more(0, now_at="100")
        risk.look()
        assert len(told(risk)) == (second >= 60)
        risk.clock.advance(10)


def test_a_difference_within_its_bound_is_none() -> None:
    risk = RiskRoom(pnl_difference_max=100, prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    for _ in range(9):
        risk.show(10, unrealised="-100")
        risk.hold_more(0, now_at="100")
        risk.look()
        risk.clock.advance(10)

    assert told(risk) == []


def test_delivery_is_no_part_of_the_days_loss() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.show(10, unrealised="-5000", product="C")

    risk.look()

    assert risk.verdict is None


def test_one_position_without_a_price_among_others_is_blindness() -> None:
    risk = RiskRoom(prices_stale_s_max=60)
    risk.hold(10, bought_at="100", now_at="100")
    other = order(command_id="infy", symbol="INFY-EQ", state=State.FILLED, filled_quantity=10, average_price=Decimal(9))
    risk.actor.on_receive(OrderChanged(order=other))
    risk.clock.advance(61)
    risk.hold_more(0, now_at="100")

    risk.look()

    assert risk.verdict is Reason.PRICES_STALE
    assert "INFY-EQ" in told(risk)[0]
    assert "RELIANCE-EQ" not in told(risk)[0]


def test_a_look_that_changes_nothing_tells_nobody() -> None:
    risk = RiskRoom()
    risk.command.take()

    risk.look()
    risk.look()

    assert (risk.command.messages, risk.broker.messages) == ([], [])


def test_a_trailing_limit_warns_on_the_way_down_from_the_peak() -> None:
    risk = RiskRoom(daily_loss_max=1_000, trailing_step=500, loss_warning_share=0.8)
    risk.hold(10, bought_at="100", now_at="200")
    risk.show(10, unrealised="1000")
    risk.look()

    for price, told_then in (("121", 0), ("120", 1)):
        risk.hold_more(0, now_at=price)
        risk.show(10, unrealised=str((int(price) - 100) * 10))
        risk.look()
        assert len(told(risk)) == told_then, "the level is at 0, the peak at 1,000"
