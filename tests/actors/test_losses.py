"""RiskActor and the day's loss: which figure counts, what is written when, and how long entries rest."""

from decimal import Decimal
from typing import Any

import pytest

from actors.messages import (
    CheckRisk,
    FillCounted,
    LookAtRisk,
    MakeAllFlat,
    PositionsSeen,
    PriceTicked,
    RecordRiskDay,
    RiskBlocked,
    RiskCleared,
)
from actors.risk import RiskActor
from domain.calendar import Calendar
from domain.evidence import Book, PositionRow, Tick
from domain.lifecycle import State
from domain.loss_limit import RiskDay
from domain.order import Exchange
from domain.pnl import PnlBook
from domain.reasons import Reason
from domain.risk import RiskBook
from domain.seams import trading_day
from domain.settings import CalendarSettings, RiskSettings
from domain.trading_days import TradingDays
from tests.fakes import FakeClock, ManualTimer, Probe, command, order


class RiskRoom:
    """A RiskActor without a thread; its clock stands at a Monday's ten o'clock."""

    def __init__(self, days: tuple[RiskDay, ...] = (), **limits: Any) -> None:  # noqa: ANN401  any limit
        self.clock = FakeClock()
        self.command, self.repo, self.exits, self.notifier = Probe(), Probe(), Probe(), Probe()
        given = RiskSettings.model_validate(limits)
        self.actor = RiskActor(
            supervisor=Probe(),
            command=self.command,
            repo=self.repo,
            broker=Probe(),
            market=Probe(),
            exits=self.exits,
            notifier=self.notifier,
            book=RiskBook(limits=given, day=trading_day(self.clock.now())),
            pnl=PnlBook(),
            days=days,
            budgets={},
            working=(),
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=False),
            clock=self.clock,
            timer=ManualTimer(self.clock),
        )

    def hold(self, units: int, bought_at: str, now_at: str) -> None:
        """Let an entry fill, and a price be seen."""
        bought = order(quantity=units, state=State.FILLED, filled_quantity=units, average_price=Decimal(bought_at))
        self.actor.on_receive(FillCounted(order=bought))
        tick = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(now_at), seen_at=self.clock.now())
        self.actor.on_receive(PriceTicked(tick=tick))

    def show(self, units: int, realised: str = "0", unrealised: str = "0") -> None:
        """Let the broker's positions be read."""
        row = PositionRow(
            exchange="NSE",
            symbol="RELIANCE-EQ",
            product="I",
            net_quantity=units,
            net_average_price=Decimal(100),
            last_price=None,
            realised=Decimal(realised),
            unrealised=Decimal(unrealised),
        )
        self.actor.on_receive(PositionsSeen(book=Book((row,), self.clock.now())))

    def look(self) -> None:
        self.actor.on_receive(LookAtRisk())

    @property
    def verdict(self) -> Reason | None:
        """Return what an entry is told now."""
        self.command.take()
        self.actor.on_receive(CheckRisk(command=command(command_id="asked"), price=Decimal(100)))
        passed = self.command.of(RiskCleared)
        return None if passed else self.command.only(RiskBlocked).reason


def test_a_loss_that_the_broker_shows_counts_where_ours_is_smaller() -> None:
    risk = RiskRoom(daily_loss_max=1_000)
    risk.hold(10, bought_at="100", now_at="100")
    risk.show(10, realised="-400", unrealised="-600")

    risk.look()

    assert risk.verdict is Reason.DAILY_LOSS_BREACHED
    assert "loss limit" in risk.exits.only(MakeAllFlat).because


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

    assert risk.repo.of(RecordRiskDay)[-1].risk_day.breach
    assert len(risk.exits.of(MakeAllFlat)) == 1


def lost_days(*pnls: int) -> tuple[RiskDay, ...]:
    """Return the trading days before Monday 5 January 2026, the last of them the Friday."""
    trading_days = ("2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02")[-len(pnls) :]
    return tuple(RiskDay(day=day, pnl=Decimal(pnl)) for day, pnl in zip(trading_days, pnls, strict=True))


@pytest.mark.parametrize(
    ("pnls", "rests"),
    [((-1, -1), True), ((1, -1, -1), True), ((-1, 0), False), ((-1, 0, -1), False), ((-1, -1, 0), False)],
)
def test_a_day_that_ended_at_zero_is_no_lost_day(pnls: tuple[int, ...], *, rests: bool) -> None:
    risk = RiskRoom(lost_days(*pnls), losing_days_max=2, cooldown_days=5)

    risk.look()

    assert (risk.verdict is Reason.COOLING_DOWN) is rests
