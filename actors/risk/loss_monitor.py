"""The day's loss: hears what `domain/risk/loss_step.py` goes by, and delivers what follows.

A part of RiskActor, in its thread. A person's own word on trading stands beside its restriction and is never
overwritten.
"""

from collections.abc import Set as AbstractSet
from typing import assert_never

from loguru import logger

from actors.messages.alerts import RaiseAlert
from actors.messages.books import BreakResolved
from actors.messages.exits import FlattenAll
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked, WatchPrice
from actors.messages.persistence import Record
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.broker.snapshots import Book, PositionRow, Tick
from domain.market.instrument import Instrument
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.positions.pnl import PnlBook, Symbol
from domain.read_models import PnlNow
from domain.risk.loss_actions import Action, AskForQuote, MakeFlat, RecordDay, TellPeople, WatchSymbol
from domain.risk.loss_inputs import LossRules, Now
from domain.risk.loss_limit import RiskDay
from domain.risk.loss_sources import LossSources
from domain.risk.loss_state import LossState, first_state
from domain.risk.loss_step import step, watch
from domain.risk.restriction import Restriction


class LossMonitor:
    """Owns the state of the day's loss, our profit and loss, and what else was heard of it."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        subscriber: "Address[PriceTicked | OrderPriced]",
        rules: LossRules,
        book: PnlBook,
        days: tuple[RiskDay, ...],
    ) -> None:
        self._mail = mail
        self._clock = runtime.clock
        self._subscriber = subscriber
        self._rules = rules
        self.book = book
        now = self._now()
        self._sources = LossSources(rules=rules, book=book, book_read_s=now.s)
        self._state = first_state(days, now)

    def _now(self) -> Now:
        return Now(self._clock.now(), self._clock.monotonic())

    # what is heard

    def count(self, order: Order) -> None:
        """Count what an order has traded, ours or others'."""
        if self.book.count(order):
            self._follow(watch(self._state, self._sources.inputs(), self._now()))

    def count_move(self, message: BreakResolved) -> None:
        """Count what strategies hold no more, and what the account holds by nobody's order."""
        self._sources.count_move(message.recon_break, message.kind, message.ended)

    def see(self, tick: Tick) -> None:
        """Value what is held at a new price."""
        self._sources.see(tick, self._now())

    def hear_quote(self, message: OrderPriced) -> None:
        """Take what the broker says of a price while a loss is in doubt; what stands came as a tick."""
        instrument = message.instrument
        if isinstance(instrument, Instrument) and message.quote is not None:
            self._sources.hear_quote((instrument.exchange, instrument.symbol), message.quote)

    def take_positions(self, book: Book[PositionRow], doubted: AbstractSet[Symbol]) -> None:
        """Take the broker's own figures of the day; `doubted` stand on no price to believe."""
        self._sources.take_positions(book, doubted, self._now())

    # what follows

    def look(self) -> None:
        """Hold the day against its limits, and deliver what follows."""
        now = self._now()
        if now.day != self._state.day.day:
            logger.info("the day {} ended at {}", self._state.day.day, self._state.day.pnl)
            self._follow(self._state.entered(now))
            self.book.begin_day(now.day)
        self._follow(step(self._state, self._sources.take_inputs(), now))

    def record(self) -> None:
        """Write how the day stands."""
        self._follow(self._state.recorded(self._now()))

    def resume(self, *, force: bool) -> str:
        """Go on trading, or say why that can't be yet. With `force` the limit counts anew from here."""
        now = self._now()
        refused = self._state.objection_to_resuming(self._rules, now, force=force)
        if not refused:
            self._follow(self._state.resumed(now))
        return refused

    def _follow(self, step_taken: tuple[LossState, tuple[Action, ...]]) -> None:
        self._state, actions = step_taken
        for action in actions:
            self._deliver(action)

    def _deliver(self, action: Action) -> None:
        match action:
            case RecordDay():
                post(self._mail.repo, Record(item=action.day))
            case TellPeople():
                post(self._mail.notifier, RaiseAlert(alert=action.alert))
            case MakeFlat():
                flatten = FlattenAll(reason=action.reason, strategy=action.strategy, products=action.products)
                post(self._mail.exits, flatten)
            case WatchSymbol():
                exchange, symbol = action.symbol
                post(self._mail.market, WatchPrice(exchange=exchange, symbol=symbol, subscriber=self._subscriber))
            case AskForQuote():
                post(self._mail.market, self._question(action.symbol))
            case _:
                assert_never(action)

    def _question(self, symbol: Symbol) -> PriceOrder:
        return PriceOrder(
            about=PriceQuestion.LOSS,
            exchange=symbol[0],
            symbol=symbol[1],
            needs_price=True,
            anew=True,
            reply_to=self._subscriber,
        )

    # what is asked

    def restriction(self) -> Restriction | None:
        """Return what speaks against all entries."""
        return self._state.restriction(self._rules)

    def objection_to(self, strategy: str) -> Reason | None:
        """Return what speaks against the entries of one strategy alone."""
        return self._state.objection_to(strategy)

    def now(self) -> PnlNow:
        """Return the day's figures."""
        account = self._sources.account_on(self._state.day.day)
        return PnlNow(
            rows=self.book.rows(),
            total=self.book.total(),
            account=None if account is None else account.rupees,
            account_age_s=None if account is None else self._clock.monotonic() - account.read_s,
            risk_day=self._state.day,
            level=self._state.day.level(self._rules.limits),
        )
