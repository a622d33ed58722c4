"""RiskActor and the day's figures: a loss that only our own figure shows waits for fresh quotes."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from actors.messages.exits import FlattenAll
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked
from actors.messages.orders import OrderChanged
from actors.messages.risk import CheckRefused, CheckRisk, PositionsSeen
from actors.messages.timer import TimerFired
from actors.risk.actor import RiskActor
from domain.broker.snapshots import Book, PositionRow, Tick
from domain.exits.flatten import PositionKey
from domain.market.calendar import Calendar
from domain.market.trading_days import TradingDays
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Product
from domain.ports import trading_day
from domain.positions.pnl import PnlBook
from domain.risk.checks import RiskBook, TradingState
from domain.risk.loss_doubt import ASK_AGAIN_S, DOUBT_S_MAX, OVER_S
from domain.risk.loss_limit import RiskDay
from domain.settings import CalendarSettings, RiskSettings
from domain.snapshot import DeskSnapshot
from domain.starting import pnl_from
from tests.actors.rooms import own_mailbox
from tests.fakes import FakeClock, ManualTimer, Probe, instrument, mailboxes, order, runtime

BOUGHT = order(command_id="e1", state=State.FILLED, filled_quantity=10, average_price=Decimal(1000))


class LossRoom:
    """A RiskActor that holds ten units bought at 1,000, with a daily limit of 5,000 rupees."""

    def __init__(
        self,
        *,
        days: tuple[RiskDay, ...] = (),
        pnl: PnlBook | None = None,
        bought: bool = True,
        budget: int | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.market, self.exits, self.repo, self.command = Probe(), Probe(), Probe(), Probe()
        limits = RiskSettings(daily_loss_max=None if budget else Decimal(5_000))
        self.actor = RiskActor(
            mail=mailboxes(
                supervisor=Probe(),
                command=self.command,
                repo=self.repo,
                broker=Probe(),
                market=self.market,
                exits=self.exits,
                notifier=Probe(),
            ),
            runtime=runtime(self.clock, timer=ManualTimer(self.clock)),
            book=RiskBook(limits=limits, day=trading_day(self.clock.now())),
            pnl=pnl or PnlBook(),
            days=days,
            budgets={} if budget is None else {BOUGHT.command.strategy: Decimal(budget)},
            working=(),
            trading_days=TradingDays(Calendar(CalendarSettings()), enforced=False),
        )
        own_mailbox(self.actor)
        if bought:
            self.actor.on_receive(OrderChanged(order=BOUGHT))

    def see(self, price: int) -> None:
        tick = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(price), seen_at=self.clock.now())
        self.actor.on_receive(PriceTicked(tick=tick))

    def account(self, unrealised: int) -> None:
        row = PositionRow(
            exchange="NSE",
            symbol="RELIANCE-EQ",
            product="I",
            net_quantity=10,
            net_average_price=Decimal(1000),
            last_price=Decimal(1000),
            realised=Decimal(0),
            unrealised=Decimal(unrealised),
        )
        self.actor.on_receive(PositionsSeen(book=Book((row,), self.clock.now())))

    def quote(self, price: int | None, *, overtaken_by: int | None = None) -> None:
        """Answer the last question; where a younger tick has overtaken the quote, its price stands."""
        assert self.market.of(PriceOrder)[-1].about is PriceQuestion.LOSS
        stands = price if overtaken_by is None else overtaken_by
        if stands is not None:
            self.see(stands)
        last, own = (None if one is None else Decimal(one) for one in (stands, price))
        self.actor.on_receive(OrderPriced(instrument=instrument(), last_price=last, quote=own))

    def looks_until_broken(self, one_second: Callable[[], None]) -> int:
        """Return after how many seconds the limit breaks while this goes on; 60 at most."""
        seconds = 0
        while not self.broke and seconds < 60:
            seconds += 1
            one_second()
            self.account(-10)
            self.look()
        return seconds

    def look(self, after_s: float = 1.0) -> None:
        self.clock.advance(after_s)
        self.actor.on_receive(TimerFired())

    @property
    def broke(self) -> bool:
        return bool(self.exits.of(FlattenAll))


@pytest.fixture
def room() -> LossRoom:
    return LossRoom()


def test_a_loss_that_both_figures_show_is_acted_on_at_once(room: LossRoom) -> None:
    room.account(-6_000)
    room.see(400)

    room.look()

    assert room.broke


def test_without_a_figure_of_the_broker_ours_is_acted_on_at_once(room: LossRoom) -> None:
    room.see(400)

    room.look()

    assert room.broke


def test_a_loss_that_only_our_figure_shows_asks_for_a_fresh_quote_first(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)

    room.look()

    assert not room.broke
    (question,) = room.market.of(PriceOrder)
    assert question.anew


def test_a_loss_within_the_limit_asks_for_nothing_however_far_the_brokers_figure_is(room: LossRoom) -> None:
    room.account(20_000)
    room.see(990)

    room.look()

    assert not room.market.of(PriceOrder)


def test_the_quote_that_clears_it_leaves_everything_as_it_is(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)
    room.look()

    room.quote(999)
    room.look()

    assert not room.broke


def test_the_quote_that_confirms_it_breaks_the_limit(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)
    room.look()

    room.quote(400)
    room.look()

    assert room.broke


def test_quotes_that_fail_are_asked_for_again_and_waited_for_so_long_only(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)
    room.look()
    looks = room.looks_until_broken(lambda: room.quote(None))

    assert DOUBT_S_MAX - 1 <= looks <= DOUBT_S_MAX + 1
    assert len(room.market.of(PriceOrder)) > 2


def test_a_quote_that_a_wrong_tick_has_overtaken_breaks_nothing(room: LossRoom) -> None:
    """Two wrong ticks inside the band, one of them while the quote is on its way: the quote alone knows better."""
    room.account(-10)
    room.see(400)
    room.look()

    room.quote(999, overtaken_by=400)
    room.look()
    assert not room.broke

    room.see(1_000)
    room.look()
    assert not room.broke


def test_while_quote_and_tick_differ_the_quote_is_asked_for_again_and_the_next_one_may_confirm(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)
    room.look()
    room.quote(999, overtaken_by=400)
    room.look(ASK_AGAIN_S)
    assert len(room.market.of(PriceOrder)) == 2

    room.quote(410, overtaken_by=400)
    room.look()

    assert room.broke


def test_a_feed_that_goes_on_telling_a_loss_is_believed_after_so_long(room: LossRoom) -> None:
    room.account(-10)
    room.see(400)
    room.look()

    looks = room.looks_until_broken(lambda: room.quote(999, overtaken_by=400))

    assert DOUBT_S_MAX - 1 <= looks <= DOUBT_S_MAX + 1


def test_a_quote_that_stands_for_a_moment_does_not_begin_the_doubt_anew(room: LossRoom) -> None:
    """The feed may be right, and the broker's quotes the ones that stand still."""
    room.account(-10)
    room.see(400)
    room.look()
    turns = count()

    looks = room.looks_until_broken(lambda: room.quote(999) if next(turns) % 2 else room.see(400))

    assert DOUBT_S_MAX - 1 <= looks <= DOUBT_S_MAX + 2


def test_a_loss_that_comes_up_again_much_later_is_a_new_doubt(room: LossRoom) -> None:
    room.account(-10)
    for _ in range(4):
        room.see(400)
        room.look()
        room.quote(999)
        for _ in range(int(OVER_S)):
            room.look()

    assert not room.broke


def test_a_strategys_budget_waits_as_well() -> None:
    room = LossRoom(budget=5_000)
    room.account(-10)
    room.see(400)
    room.look()
    assert not room.broke

    room.quote(400)
    room.look()

    assert room.broke


# What a day's judgements stand on outlives a restart.


def test_a_budget_that_is_used_up_stays_so_over_a_restart() -> None:
    room = LossRoom(budget=5_000)
    room.see(400)
    room.look()
    day = room.repo.records(RiskDay)[-1]
    assert day.spent == {BOUGHT.command.strategy}

    again = LossRoom(budget=5_000, days=(day,))
    again.see(1_000)
    again.look()

    again.actor.on_receive(CheckRisk(command=BOUGHT.command, price=Decimal(1000)))
    assert again.command.only(CheckRefused).reason is Reason.STRATEGY_LOSS_BREACHED


def test_what_was_carried_counts_from_the_first_price_of_the_day_over_a_restart() -> None:
    carried = PositionKey("trend", BOUGHT.command.key)
    book = PnlBook()
    book.carry(carried, 10)
    room = LossRoom(pnl=book, bought=False)
    room.see(1_000)
    room.look()
    day = room.repo.records(RiskDay)[-1]
    assert day.first_prices == {(Exchange.NSE, "RELIANCE-EQ"): Decimal(1000)}

    snapshot = DeskSnapshot(
        orders=(),
        positions={"trend": {replace(carried.key, product=Product.NRML): 10}},
        orders_today=0,
        trading_state=TradingState.ACTIVE,
        reason="",
        risk_days=(day,),
    )
    restarted = pnl_from(snapshot, day.day)
    restarted.see((Exchange.NSE, "RELIANCE-EQ"), Decimal(400))

    assert restarted.total().total == -6_000, "a restart does not forgive the loss before it"
    assert pnl_from(snapshot, "2026-01-06").total().total == 0
