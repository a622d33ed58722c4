"""Asks for the quotes that a doubtful loss waits for. A part of RiskActor, in its thread."""

from collections.abc import Iterable

from actors.messages.inboxes import MarketInbox
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion
from actors.runtime.address import Address, post
from domain.market.instrument import Instrument
from domain.ports import Clock
from domain.positions.pnl import Symbol
from domain.risk.loss_doubt import LossDoubt


class QuotesForDoubt:
    """Owns the doubt under way."""

    def __init__(self, market: Address[MarketInbox], asker: "Address[OrderPriced]", clock: Clock) -> None:
        self._market = market
        self._asker = asker
        self._clock = clock
        self._doubt = LossDoubt()

    def waits(self, symbols: Iterable[Symbol]) -> bool:
        """Ask for the prices of what is held, and say whether they have to be waited for."""
        now = self._clock.monotonic()
        for exchange, symbol in self._doubt.asks(symbols, now):
            question = PriceOrder(
                about=PriceQuestion.LOSS,
                exchange=exchange,
                symbol=symbol,
                needs_price=True,
                anew=True,
                reply_to=self._asker,
            )
            post(self._market, question)
        return not self._doubt.is_resolved(now)

    def hear(self, message: OrderPriced) -> None:
        """Take note of a quote; its price came as a tick."""
        instrument = message.instrument
        if isinstance(instrument, Instrument) and message.last_price is not None:
            self._doubt.hear((instrument.exchange, instrument.symbol))

    def end(self) -> None:
        """Forget the doubt: it is over."""
        self._doubt.end()
