"""Step 2A: owns the trading state, the day's counts, and the day's profit and loss against its limits."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import assert_never

from loguru import logger

from actors.messages.alerts import RaiseAlert
from actors.messages.books import BreakResolved, PositionWrittenOff
from actors.messages.inboxes import RiskInbox
from actors.messages.market import OrderPriced, PriceTicked
from actors.messages.orders import OrderChanged
from actors.messages.persistence import Record
from actors.messages.risk import (
    CheckRefused,
    CheckRisk,
    FindPnl,
    FindTradingState,
    PositionsSeen,
    RiskApproved,
    SetTradingState,
    TradingStateChanged,
)
from actors.messages.timer import TimerFired
from actors.risk.loss_monitor import LossMonitor
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.shared_thread import SharedThreadActor
from domain.alerts.text.risk import self_trade_alert
from domain.market.trading_days import TradingDays
from domain.orders.command import OrderCommand
from domain.orders.types import Intent
from domain.ports import trading_day
from domain.positions.pnl import PnlBook, is_ours
from domain.read_models import PnlNow, TradingStateNow
from domain.risk.checks import RiskBook, RiskPassed, RiskRefused, TradingDecision, TradingState
from domain.risk.loss_inputs import LossRules
from domain.risk.loss_limit import RiskDay
from domain.risk.open_orders import OpenOrders
from domain.risk.restriction import Restriction, TradingWord


class RiskActor(SharedThreadActor):
    """Owns the risk book: a person's word on trading, and what the day itself speaks against."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        book: RiskBook,
        pnl: PnlBook,
        days: tuple[RiskDay, ...],
        trading_days: TradingDays,
        budgets: Mapping[str, Decimal],
        working: Iterable[OrderCommand],
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._repo = mail.repo
        self._broker = mail.broker
        self._notifier = mail.notifier
        self._book = book
        self._said = TradingWord(book.trading_state, book.reason)
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._look_s = book.limits.look_s
        self._open_orders = OpenOrders()
        for one in working:
            self._open_orders.add(one)
        self._restriction: Restriction | None = None
        self._loss_monitor = LossMonitor(
            mail=mail,
            runtime=runtime,
            subscriber=self.actor_ref,
            rules=LossRules(book.limits, budgets, trading_days),
            book=pnl,
            days=days,
        )

    def on_stop(self) -> None:
        """Leave the day's figures to the next run."""
        self._loss_monitor.record()

    def on_receive(self, message: RiskInbox | PriceTicked | OrderPriced) -> TradingStateNow | PnlNow | None:
        """Judge an order, turn the trading state, or look at the day."""
        match message:
            case CheckRisk():
                self._check(message)
            case OrderChanged():
                self._follow(message)
            case PriceTicked():
                self._loss_monitor.see(message.tick)
            case OrderPriced():
                self._loss_monitor.hear_quote(message)
            case PositionsSeen():
                self._loss_monitor.take_positions(message.book, message.doubted)
            case BreakResolved():
                self._loss_monitor.count_move(message)
            case PositionWrittenOff():
                self._loss_monitor.book.shift(message.write_off.position_key, message.write_off.units)
            case TimerFired():
                self._loss_monitor.look()
                self._restrict()
                self._timer.tell_after(self._look_s, self.actor_ref, TimerFired())
            case SetTradingState():
                return self._turn(message)
            case FindTradingState():
                return self._now()
            case FindPnl():
                return self._loss_monitor.now()
            case _:
                assert_never(message)
        return None

    def _follow(self, message: OrderChanged) -> None:
        if message.event is None or message.event.filled_quantity:
            self._loss_monitor.count(message.order)
        if message.order.is_terminal:
            self._open_orders.remove(message.order.command)

    def _check(self, message: CheckRisk) -> None:
        """Judge an order, or one as it would be after a change: that counts as no order of the day."""
        command, name, change = message.command, message.command.command_id, message.change_id
        book = self._book.on_day(trading_day(self._clock.now()))
        judged: RiskPassed | RiskRefused
        if not change:
            beside = self._positions_beside(command)
            self._book, judged = book.check(command, message.price, message.last_price, beside)
        else:
            judged = book.check_change(command, message.price)
        match verdict := self._under_budget(command, judged):
            case RiskPassed():
                if not change:
                    self._warn_of_self_trade(command)
                    self._open_orders.add(command)
                post(self._command, RiskApproved(command_id=name, change_id=change, inputs=verdict.inputs))
            case RiskRefused():
                reason = self._said.finer(verdict.reason, self._restriction)
                refused = CheckRefused(command_id=name, change_id=change, reason=reason, inputs=verdict.inputs)
                post(self._command, refused)

    def _under_budget(self, command: OrderCommand, verdict: RiskPassed | RiskRefused) -> RiskPassed | RiskRefused:
        """Refuse what would enter for a strategy that has lost what it may lose today."""
        objection = None if command.intent is Intent.EXIT else self._loss_monitor.objection_to(command.strategy)
        if objection is None or isinstance(verdict, RiskRefused):
            return verdict
        return RiskRefused(objection, verdict.inputs)

    def _positions_beside(self, command: OrderCommand) -> int:
        """Count the positions that are held or being entered, that of this order apart; 0 where nobody limits them."""
        if self._book.limits.open_positions_max is None:
            return 0
        held = (one for one in self._loss_monitor.book.held if is_ours(one))
        return self._open_orders.positions_beside(command, held)

    def _warn_of_self_trade(self, command: OrderCommand) -> None:
        other = None if command.intent is Intent.EXIT else self._open_orders.could_meet(command)
        if other is not None:
            alert = self_trade_alert(command.command_id, other, command.symbol)
            post(self._notifier, RaiseAlert(alert=alert))

    def _turn(self, message: SetTradingState) -> TradingStateNow:
        """Follow a person's word; what the day itself forbids is not resumed by it."""
        if message.state is TradingState.ACTIVE:
            refused = self._loss_monitor.resume(force=message.force)
            if refused:
                return self._now(refused)
        logger.warning("trading is now {} ({})", message.state, message.reason or "no reason given")
        self._said = TradingWord(message.state, message.reason)
        post(self._repo, Record(item=TradingDecision(state=message.state, reason=message.reason)))
        self._restrict(told=True)
        return self._now()

    def _restrict(self, *, told: bool = False) -> None:
        """Put the stricter of a person's word and the day's restriction in force, and tell all who follow it."""
        self._restriction = self._loss_monitor.restriction()
        now = self._said.under(self._restriction)
        if now == TradingWord(self._book.trading_state, self._book.reason) and not told:
            return
        self._book = self._book.with_state(now.state, now.reason)
        changed = TradingStateChanged(state=now.state, reason=now.reason)
        post(self._command, changed)
        # What risk has let pass and the broker has not seen yet is stopped there.
        post(self._broker, changed)

    def _now(self, refused: str = "") -> TradingStateNow:
        book = self._book.on_day(trading_day(self._clock.now()))
        return TradingStateNow(
            state=book.trading_state, reason=book.reason, orders_today=book.orders_today, refused=refused
        )
