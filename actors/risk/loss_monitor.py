"""The day's profit and loss against its limits: what is broken, what is blind, and what follows from it.

A part of RiskActor, in its thread. What speaks against entries is a restriction with its reason; a person's own word
on trading stands beside it and is never overwritten.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from decimal import Decimal
from typing import Final

from loguru import logger

from actors.messages.alerts import RaiseAlert
from actors.messages.exits import FlattenAll
from actors.messages.market import OrderPriced, PriceTicked, WatchPrice
from actors.messages.persistence import RecordRiskDay
from actors.messages.risk import PnlNow
from actors.risk.loss_doubt import QuotesForDoubt
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text import risk as risk_text
from domain.broker.snapshots import PRODUCT_LETTERS, Book, PositionRow
from domain.exits.flatten import PositionKey
from domain.market.trading_days import TradingDays
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey, Product
from domain.ports import trading_day
from domain.positions.pnl import Pnl, PnlBook, Symbol, is_ours, symbol_of
from domain.risk.broker_figure import figure_of
from domain.risk.loss_doubt import is_ours_alone
from domain.risk.loss_limit import RiskDay, cooldown_until
from domain.settings import RiskSettings

RECORD_S: Final = 5.0
"""So often the day's figures are written while they move."""
COUNTED: Final = frozenset(one for one in Product if not one.is_delivery)
"""The products that the day's sum counts, and that a broken limit makes flat."""
_DELIVERY: Final = frozenset(letter for product, letter in PRODUCT_LETTERS.items() if product.is_delivery)


class LossMonitor:
    """Owns the day, the profit and loss behind it, and how old the prices are (monotonic seconds)."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        subscriber: "Address[PriceTicked | OrderPriced]",
        limits: RiskSettings,
        budgets: Mapping[str, Decimal],
        book: PnlBook,
        days: tuple[RiskDay, ...],
        trading_days: TradingDays,
    ) -> None:
        self._market = mail.market
        self._exits = mail.exits
        self._repo = mail.repo
        self._notifier = mail.notifier
        self._subscriber = subscriber
        self._limits = limits
        self._budgets = budgets
        self._book = book
        self._trading_days = trading_days
        self._clock = runtime.clock
        self._days = {one.day: one for one in days}
        self._day = self._days.get(self._today(), RiskDay(day=self._today()))
        self._account: Decimal | None = None
        self._account_at = self._figure_at = self._began_at = runtime.clock.monotonic()
        self._doubted: AbstractSet[Symbol] = frozenset()
        self._seen_at: dict[Symbol, float] = {}
        self._watched: dict[Symbol, float] = {}
        self._recorded_at = runtime.clock.monotonic()
        self._counted = None if limits.breach_sells_delivery else COUNTED
        self._flat_asked = False
        self._broke: set[str] = set()
        self._said: set[str] = set()
        self._differs_since: float | None = None
        self._doubt = QuotesForDoubt(mail.market, subscriber, runtime.clock)

    def _today(self) -> str:
        return trading_day(self._clock.now())

    # what is heard

    def count(self, order: Order) -> None:
        """Count what an order has traded, ours or others'."""
        if self._book.count(order):
            self._watch()

    def write_off(self, position_key: PositionKey, units: int, price: Decimal | None) -> None:
        """Count units for others that are a strategy's no more."""
        self._book.shift(position_key, units, price)

    def move(self, key: InstrumentKey, units: int) -> None:
        """Count units of others that stand against ours: a position that is gone gains and loses nothing more."""
        self._book.move(key, units)

    def see(self, message: PriceTicked) -> None:
        """Value what is held at a new price."""
        symbol = (message.tick.exchange, message.tick.symbol)
        self._seen_at[symbol] = self._clock.monotonic()
        self._book.see(symbol, message.tick.last_price)

    def take_positions(self, book: Book[PositionRow], doubted: AbstractSet[Symbol]) -> None:
        """Take the broker's own figures of the day, delivery apart; `doubted` stand on no price to believe."""
        self._account_at = self._clock.monotonic()
        self._doubted = doubted
        if not self._trading_days.counts_figures_of(book.asked_at):
            return
        rows = [row for row in book.rows if row.product not in _DELIVERY]
        self._figure_at = self._account_at
        self._account = figure_of(rows, doubted, self._book.prices)

    def _watch(self) -> None:
        for symbol in sorted({symbol_of(position_key.key) for position_key in self._book.held} - self._watched.keys()):
            self._watched[symbol] = self._clock.monotonic()
            post(self._market, WatchPrice(exchange=symbol[0], symbol=symbol[1], subscriber=self._subscriber))

    # what follows

    def look(self) -> None:
        """Hold the day against its limits; what is newly broken is written first, then acted on."""
        self._enter_day()
        self._watch()
        self._watch_price_ages()
        before, ours = self._day, self._book.total()
        if not self._is_doubtful(ours):
            self._judge(ours)
            self._mind_budgets()
        self._mind_difference(ours)
        now = self._clock.monotonic()
        has_entered = self._day.first_prices != self._book.first_prices
        self._day = replace(self._day, first_prices=dict(self._book.first_prices)) if has_entered else self._day
        if has_entered or (self._day != before and now - self._recorded_at >= RECORD_S):
            self.record()

    def _judge(self, ours: Pnl) -> None:
        worse = ours.total if self._account is None else min(ours.total, self._account)
        self._day = self._day.seen(worse)
        if not self._day.breach and self._day.is_over_the_limit(self._limits):
            self._break()
        elif self._day.breach:
            self._hold_flat()
        elif self._day.is_near_the_limit(self._limits):
            level = self._day.level(self._limits)
            assert level is not None
            self._say("near", risk_text.near_alert(self._day, level))

    def _is_doubtful(self, ours: Pnl) -> bool:
        """Say whether a limit has to wait for fresh quotes: our figure alone breaks it."""
        level = self._day.level(self._limits)
        is_broken = level is not None and ours.total <= level and not self._day.breach
        alone = is_ours_alone(ours.total, self._account, level, self._limits.pnl_difference_max)
        if not alone or not (is_broken or self._day.newly_spent(self._totals(), self._budgets)):
            self._doubt.end()
            return False
        return self._doubt.waits({symbol_of(position_key.key) for position_key in self._held_beside_delivery()})

    def _totals(self) -> dict[str, Decimal]:
        return {one: self._book.total(one).total for one in self._budgets}

    def hear_quote(self, message: OrderPriced) -> None:
        """Take note of a quote that was asked for while a loss was in doubt; its price came as a tick."""
        self._doubt.hear(message)

    def _enter_day(self) -> None:
        today = self._today()
        if today == self._day.day:
            return
        logger.info("the day {} ended at {}", self._day.day, self._day.pnl)
        self.record()
        self._book.begin_day()
        self._account = None
        self._day = RiskDay(day=today)
        self._flat_asked = False
        self._broke.clear()
        self._said.clear()

    def _break(self) -> None:
        level = self._day.level(self._limits)
        message = f"{risk_text.rupees(self._day.pnl)} rupees, at or below {risk_text.rupees(level or Decimal(0))}"
        self._day = self._day.broken(message, self._clock.now())
        self.record()
        self._tell(risk_text.breach_alert(self._day, self._left()))
        self._make_flat(f"the day's loss limit: {message}")

    def _make_flat(self, reason: str) -> None:
        self._flat_asked = True
        post(self._exits, FlattenAll(reason=reason, products=self._counted))

    def _left(self, strategy: str | None = None) -> list[str]:
        """Name the positions of ours that a broken limit leaves as they are: its sum does not count them."""
        ours = (
            position_key
            for position_key in self._book.held
            if is_ours(position_key) and strategy in {None, position_key.strategy}
        )
        return [
            str(position_key)
            for position_key in ours
            if self._counted is not None and position_key.key.product not in self._counted
        ]

    def _hold_flat(self) -> None:
        """After a breach nothing that the sum counts may be held.

        What comes up again is told, and a strategy's is made flat again. A restart asks again: the run before it may
        have ended between the breach and its exits.
        """
        if not self._flat_asked:
            self._make_flat("the day's loss limit was broken before")
        held = [
            position_key
            for position_key in self._book.held
            if self._counted is None or position_key.key.product in self._counted
        ]
        ours = [position_key for position_key in held if is_ours(position_key)]
        if not ours and "flat" not in self._said:
            self._say("flat", risk_text.flat_alert(self._day, self._left()))
            self._broke.update(map(str, held))
        new = [position_key for position_key in held if str(position_key) not in self._broke]
        if "flat" in self._said and new:
            self._broke.update(map(str, new))
            self._tell(risk_text.again_alert(", ".join(map(str, new))))
        if ours and "flat" in self._said:
            self._make_flat("the day's loss limit was broken before")
        if "flat" in self._said:
            self._broke &= set(map(str, held))

    def _held_beside_delivery(self) -> list[PositionKey]:
        return [position_key for position_key in self._book.held if not position_key.key.product.is_delivery]

    def _mind_budgets(self) -> None:
        totals = self._totals()
        for strategy in self._day.newly_spent(totals, self._budgets):
            limit = self._budgets[strategy]
            self._day = self._day.spent_by(strategy)
            self.record()
            self._tell(risk_text.strategy_alert(strategy, totals[strategy], limit, self._left(strategy)))
            reason = f"{strategy} may lose {limit} rupees a day"
            post(self._exits, FlattenAll(reason=reason, strategy=strategy, products=self._counted))

    def _mind_difference(self, ours: Pnl) -> None:
        if self._account is None or ours.unpriced:
            return
        differs = abs(ours.total - self._account) > self._limits.pnl_difference_max
        if not differs:
            self._said.discard("differs")
            self._differs_since = None
        elif self._differs_since is None:
            self._differs_since = self._clock.monotonic()
        elif self._clock.monotonic() - self._differs_since >= self._limits.prices_stale_s_max:
            self._say("differs", risk_text.differs_alert(ours.total, self._account))

    def _watch_price_ages(self) -> None:
        """Be blind when a held position has had neither a price nor a place in a readable book for too long."""
        now, moment = self._clock.monotonic(), self._clock.now()
        ages = {
            position_key: now
            - max(
                self._seen_at.get(symbol_of(position_key.key), 0.0), self._watched.get(symbol_of(position_key.key), now)
            )
            for position_key in self._held_beside_delivery()
            if self._trading_days.can_trade(position_key.key.exchange, moment)
        }
        book_age_s = now - max(self._account_at, self._began_at)
        unseen = {
            position_key: age_s if symbol_of(position_key.key) in self._doubted else min(age_s, book_age_s)
            for position_key, age_s in ages.items()
        }
        worst_s = max(unseen.values(), default=0.0)
        if worst_s > self._limits.prices_stale_s_max:
            which = ", ".join(
                str(position_key) for position_key, age_s in unseen.items() if age_s > self._limits.prices_stale_s_max
            )
            self._say("blind", risk_text.prices_stale_alert(which, worst_s))
        elif "blind" in self._said:
            self._said.discard("blind")
            self._tell(risk_text.prices_back_alert())

    def _say(self, what: str, alert: Alert) -> None:
        """Tell it once, until it is over or the day is."""
        if what not in self._said:
            self._said.add(what)
            self._tell(alert)

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))

    def record(self) -> None:
        """Write how the day stands."""
        self._recorded_at = self._clock.monotonic()
        self._days[self._day.day] = self._day
        post(self._repo, RecordRiskDay(risk_day=self._day))

    # what is asked

    def restriction(self) -> tuple[Reason, str] | None:
        """Return what speaks against all entries: its reason, and a sentence's part."""
        if self._day.breach:
            return Reason.DAILY_LOSS_BREACHED, f"the day's loss limit is broken: {self._day.breach}"
        if "blind" in self._said:
            return Reason.PRICES_STALE, "a held position has no price, so the day's loss is not known"
        cooling = cooldown_until(tuple(self._days.values()), self._day.day, self._limits, self._trading_days)
        return None if cooling is None else (Reason.COOLING_DOWN, cooling)

    def has_used_up_its_budget(self, strategy: str) -> bool:
        """Say whether the strategy has lost today what it may lose."""
        return strategy in self._day.spent

    def held(self) -> frozenset[PositionKey]:
        """Return the positions of our strategies that are not flat."""
        return frozenset(position_key for position_key in self._book.held if is_ours(position_key))

    def objection_to_resuming(self, *, force: bool) -> str:
        """Say why trading can't be resumed yet; empty where it can. With `force` the limit counts anew from here."""
        if not self._day.breach or self._day.breached_at is None:
            return ""
        waited_s = (self._clock.now() - self._day.breached_at).total_seconds()
        if waited_s < self._limits.resume_cooloff_s:
            left = (self._limits.resume_cooloff_s - waited_s) / 60
            return f"the loss limit was broken {waited_s / 60:.0f} min ago; resume can be said in {left:.0f} min"
        if not force:
            return "the day's loss limit is broken; `resume --force` lets the day lose as much again"
        self._day = self._day.resumed()
        self._said -= {"flat", "near"}
        self._broke.clear()
        self.record()
        return ""

    def now(self) -> PnlNow:
        """Return the day's figures."""
        return PnlNow(
            rows=self._book.rows(),
            total=self._book.total(),
            account=self._account,
            account_age_s=None if self._account is None else self._clock.monotonic() - self._figure_at,
            risk_day=replace(self._day),
            level=self._day.level(self._limits),
        )
