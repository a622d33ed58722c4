"""The prices that stops are held against: watched, asked for while they grow old, and told of when none come.

A part of ExitsActor, in its thread; `domain/exits/price_ages.py` decides when.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TypeAlias

from actors.messages.alerts import RaiseAlert
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked, WatchPrice
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.text.stops import price_back_alert, price_stale_alert
from domain.exits.price_ages import PriceAges, Symbol
from domain.exits.stop_check import beyond_the_band
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.ports import trading_day
from domain.positions.pnl import symbol_of
from domain.settings import StopSettings

Subscriber: TypeAlias = "Address[PriceTicked | OrderPriced]"


class StopPrices:
    """Owns the last prices, and the instruments with the day on which each was read."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        subscriber: Subscriber,
        settings: StopSettings,
        calendar: Calendar | None,
    ) -> None:
        self._market = mail.market
        self._notifier = mail.notifier
        self._clock = runtime.clock
        self._subscriber = subscriber
        self._calendar = calendar
        self._ages = PriceAges(settings.price_age_s_max)
        self.instruments: dict[Symbol, Instrument] = {}
        self._read_on: dict[Symbol, str] = {}

    def of(self, symbol: Symbol) -> Decimal | None:
        """Return the last price of a symbol, if one was seen."""
        return self._ages.of(symbol)

    def age_s(self, symbol: Symbol) -> float | None:
        """Return how old the last price is."""
        return self._ages.age_s(symbol, self._clock.monotonic())

    def watch(self, symbol: Symbol) -> None:
        """Hear every price of a symbol from now on."""
        now = self._clock.monotonic()
        if self._ages.watch(symbol, now):
            post(self._market, WatchPrice(exchange=symbol[0], symbol=symbol[1], subscriber=self._subscriber))
            # The broker's answer teaches the feed the instrument too.
            if self._ages.may_ask(symbol, now):
                self.ask_for(symbol)

    def see(self, symbol: Symbol, price: Decimal) -> bool:
        """Take over a price; say whether it is one of a watched symbol."""
        return self._ages.see(symbol, price, self._clock.monotonic())

    def learn(self, instrument: Instrument) -> None:
        """Take over what the exchange demands today."""
        symbol = (instrument.exchange, instrument.symbol)
        self.instruments[symbol] = instrument
        self._read_on[symbol] = trading_day(self._clock.now())

    def beware(self, armed_stop: ArmedStop) -> str:
        """Say which level no price can reach today; empty where none is known to be so."""
        symbol = symbol_of(armed_stop.position_key.key)
        is_of_today = self._read_on.get(symbol) == trading_day(self._clock.now())
        return beyond_the_band(armed_stop, self.instruments[symbol]) if is_of_today else ""

    def mind_ages(self, watching: Sequence[ArmedStop], armed: Collection[ArmedStop]) -> None:
        """Ask for what grows old, and tell of stops that are blind, and of those that see again."""
        watched, all_ = ([symbol_of(one.position_key.key) for one in stops] for stops in (watching, armed))
        now = self._ages.look(watched, all_, self._clock.monotonic(), self._is_open)
        for symbol in now.ask:
            self.ask_for(symbol)
        for symbol, age_s in now.stale:
            blind = [one for one in armed if symbol_of(one.position_key.key) == symbol]
            post(self._notifier, RaiseAlert(alert=price_stale_alert(symbol, age_s, blind)))
        for symbol in now.back:
            post(self._notifier, RaiseAlert(alert=price_back_alert(symbol)))

    def _is_open(self, symbol: Symbol) -> bool:
        return self._calendar is None or self._calendar.is_open(symbol[0], self._clock.now())

    def ask_for(self, symbol: Symbol, *, anew: bool = False) -> None:
        """Ask the market; `anew`: the broker, however fresh the last price is."""
        question = PriceOrder(
            about=PriceQuestion.STOPS,
            exchange=symbol[0],
            symbol=symbol[1],
            needs_price=True,
            anew=anew,
            reply_to=self._subscriber,
        )
        post(self._market, question)
