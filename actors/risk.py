"""Step 2A: owns the trading state and the day's counts."""

from typing import Final, assert_never

from loguru import logger

from actors.address import Address, post
from actors.loop import LoopActor
from actors.messages import (
    ActorDied,
    BrokerInbox,
    ChangeBlocked,
    ChangeCleared,
    CheckChange,
    CheckRisk,
    CommandInbox,
    FindTradingState,
    RecordTradingState,
    RepoInbox,
    RiskBlocked,
    RiskCleared,
    RiskInbox,
    SetTradingState,
    TradingStateNow,
    TurnEntries,
)
from domain.reasons import Reason
from domain.risk import RiskBook, RiskPassed, RiskRefused, TradingState
from domain.seams import Clock, trading_day

_STOPS: Final = {
    TradingState.EXITS_ONLY: Reason.TRADING_EXITS_ONLY,
    TradingState.HALTED: Reason.TRADING_HALTED,
}


class RiskActor(LoopActor):
    """Owns the risk book."""

    def __init__(
        self,
        *,
        supervisor: Address[ActorDied],
        command: Address[CommandInbox],
        repo: Address[RepoInbox],
        broker: Address[BrokerInbox],
        book: RiskBook,
        clock: Clock,
    ) -> None:
        super().__init__(supervisor)
        self._command = command
        self._repo = repo
        self._broker = broker
        self._book = book
        self._clock = clock

    def on_receive(self, message: RiskInbox) -> TradingStateNow | None:
        """Judge an order, or turn the trading state."""
        match message:
            case CheckRisk():
                self._check(message)
            case CheckChange():
                self._check_change(message)
            case SetTradingState():
                return self._turn(message)
            case FindTradingState():
                return self._now()
            case _:
                assert_never(message)
        return None

    def _check(self, message: CheckRisk) -> None:
        book = self._book.on_day(trading_day(self._clock.now()))
        self._book, verdict = book.check(message.command, message.price)
        name = message.command.command_id
        match verdict:
            case RiskPassed():
                post(self._command, RiskCleared(command_id=name, inputs=verdict.inputs))
            case RiskRefused():
                post(self._command, RiskBlocked(command_id=name, reason=verdict.reason, inputs=verdict.inputs))

    def _check_change(self, message: CheckChange) -> None:
        """Judge an order as it would be; a change counts as no order of the day."""
        _, verdict = self._book.check(message.command, message.price)
        match verdict:
            case RiskPassed():
                post(self._command, ChangeCleared(change_id=message.change_id, inputs=verdict.inputs))
            case RiskRefused():
                refused = ChangeBlocked(change_id=message.change_id, reason=verdict.reason, inputs=verdict.inputs)
                post(self._command, refused)

    def _turn(self, message: SetTradingState) -> TradingStateNow:
        logger.warning("trading is now {} ({})", message.state, message.because or "no reason given")
        self._book = self._book.turned(message.state, message.because)
        post(self._repo, RecordTradingState(state=message.state, because=message.because))
        # What risk has let pass and the broker has not seen yet is stopped there.
        post(self._broker, TurnEntries(stopped=_STOPS.get(message.state)))
        return self._now()

    def _now(self) -> TradingStateNow:
        book = self._book.on_day(trading_day(self._clock.now()))
        return TradingStateNow(state=book.trading_state, because=book.because, orders_today=book.orders_today)
