"""The day's profit and loss on days and at hours at which nothing trades: nothing breaks, and nobody is woken."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actors.messages.alerts import RaiseAlert
from actors.messages.exits import FlattenAll
from actors.messages.inboxes import RiskInbox
from actors.messages.risk import FindPnl, PositionsSeen
from actors.messages.timer import TimerFired
from actors.risk.actor import RiskActor
from domain.broker.snapshots import Book, PositionRow
from domain.exits.flatten import PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.ports import IST, trading_day
from domain.positions.pnl import PnlBook
from domain.read_models import PnlNow
from domain.risk.checks import RiskBook
from domain.risk.loss_limit import RiskDay
from domain.settings import CalendarSettings, RiskSettings
from tests.fakes import FakeClock, ManualTimer, Probe, mailboxes, runtime

FRIDAY = datetime(2026, 11, 20, 11, 0, tzinfo=IST)
FUTURE = PositionKey("trend", InstrumentKey(Exchange.NFO, "NIFTY26NOVFUT", Product.NRML))


class Room:
    """A RiskActor without a thread: a future is carried, five thousand rupees may be lost."""

    def __init__(self, at: datetime = FRIDAY, *, enforced: bool = True, days: tuple[RiskDay, ...] = ()) -> None:
        self.clock = FakeClock(at)
        self.repo, self.exits, self.notifier = Probe(), Probe(), Probe()
        limits = RiskSettings(daily_loss_max=Decimal(5000), losing_days_max=1)
        pnl = PnlBook()
        pnl.carry(FUTURE, 65)
        self.actor = RiskActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=Probe(),
                repo=self.repo,
                broker=Probe(),
                market=Probe(),
                exits=self.exits,
                notifier=self.notifier,
            ),
            runtime=runtime(self.clock, timer=ManualTimer(self.clock)),
            book=RiskBook(limits=limits, day=trading_day(at)),
            pnl=pnl,
            days=days,
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=enforced),
            budgets={},
            working=(),
        )

    def hear(self, message: RiskInbox) -> None:
        self.actor.on_receive(message)

    def look(self, unrealised: int | None = None) -> None:
        """Look at the day, after the broker's figure where there is one."""
        if unrealised is not None:
            self.hear(PositionsSeen(book=Book((row(unrealised),), self.clock.now())))
        self.hear(TimerFired())

    def until(self, at: datetime) -> None:
        self.clock.advance((at - self.clock.now()).total_seconds())

    @property
    def now(self) -> PnlNow:
        now = self.actor.on_receive(FindPnl())
        assert isinstance(now, PnlNow)
        return now

    @property
    def day(self) -> RiskDay:
        return self.now.risk_day

    def stopped_by(self) -> Reason | None:
        restriction = self.actor._loss_monitor.restriction()
        return None if restriction is None else restriction.reason


def row(unrealised: int) -> PositionRow:
    return PositionRow(
        exchange="NFO",
        symbol="NIFTY26NOVFUT",
        product="M",
        net_quantity=65,
        carried_quantity=65,
        net_average_price=Decimal(26_000),
        last_price=None,
        realised=Decimal(0),
        unrealised=Decimal(unrealised),
    )


SATURDAY = FRIDAY + timedelta(days=1)
EARLY = SATURDAY.replace(hour=3, minute=10)


@pytest.mark.parametrize("closed", [EARLY, SATURDAY], ids=["the broker has turned its books", "Saturday"])
def test_what_the_broker_values_while_nothing_trades_breaks_no_limit_and_loses_no_day(closed: datetime) -> None:
    room = Room()
    room.look(unrealised=2000)

    room.until(closed)
    room.look()
    room.look(unrealised=-6000)

    assert room.day.breach == ""
    assert room.day.pnl >= 0
    assert not room.exits.of(FlattenAll)
    assert {one.pnl >= 0 for one in room.repo.records(RiskDay)} <= {True}


def test_the_brokers_figure_is_told_with_its_age_and_one_that_does_not_count_makes_it_no_younger() -> None:
    room = Room()
    assert (room.now.account, room.now.account_age_s) == (None, None)
    room.clock.advance(5)
    room.look(unrealised=2000)
    friday_s = (SATURDAY - room.clock.now()).total_seconds()

    room.until(SATURDAY)
    room.hear(PositionsSeen(book=Book((row(-6000),), room.clock.now())))

    assert (room.now.account, room.now.account_age_s) == (Decimal(2000), friday_s)


@pytest.mark.parametrize(
    ("at", "enforced"), [(FRIDAY, True), (SATURDAY, False), (EARLY, False)], ids=["Friday", "paper", "paper at night"]
)
def test_while_something_may_trade_the_brokers_figure_counts(at: datetime, enforced: bool) -> None:  # noqa: FBT001  a table's column
    room = Room(at, enforced=enforced)

    room.look(unrealised=-6000)

    assert room.day.breach
    assert room.exits.of(FlattenAll)


@pytest.mark.parametrize(("at", "told"), [(EARLY, 0), (SATURDAY, 0), (FRIDAY, 1)])
def test_a_position_without_a_price_is_told_only_while_its_market_is_open(at: datetime, told: int) -> None:
    room = Room(at)
    room.look()

    for _ in range(10):
        room.clock.advance(10)
        room.look()

    assert len(room.notifier.of(RaiseAlert)) == told
    assert (room.stopped_by() is Reason.PRICES_STALE) is bool(told)


def test_a_lost_friday_rests_entries_on_monday_though_the_desk_ran_over_the_weekend() -> None:
    room = Room()
    room.look(unrealised=-1000)
    monday = FRIDAY + timedelta(days=3)

    for days, rests in ((1, True), (2, True), (3, True), (4, False)):
        room.until(FRIDAY + timedelta(days=days))
        room.look(unrealised=0)
        assert (room.stopped_by() is Reason.COOLING_DOWN) is rests, days
    again = Room(monday, days=tuple(room.repo.records(RiskDay)))
    assert again.stopped_by() is Reason.COOLING_DOWN
