"""The prices that stops are held against: watched, asked for while they grow old, and told of when none come.

A part of ExitsActor, in its thread.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TypeAlias

from actors.messages.alerts import RaiseAlert
from actors.messages.market import OrderPriced, PriceOrder, PriceQuestion, PriceTicked, WatchPrice
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.text.stops import price_back_alert, price_stale_alert
from domain.exits.stop_check import beyond_the_band
from domain.exits.stops import ArmedStop
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.types import Exchange
from domain.ports import trading_day
from domain.positions.pnl import symbol_of
from domain.settings import StopSettings

Symbol: TypeAlias = tuple[Exchange, str]
Subscriber: TypeAlias = "Address[PriceTicked | OrderPriced]"


class StopPrices:
    """Owns the last prices with the monotonic second they were seen, the instruments, and which prices are too old."""

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
        self._age_s_max = settings.price_age_s_max
        self._calendar = calendar
        self.instruments: dict[Symbol, Instrument] = {}
        self._read_on: dict[Symbol, str] = {}
        self._prices: dict[Symbol, tuple[Decimal, float]] = {}
        self._watched: dict[Symbol, float] = {}
        self._asked: dict[Symbol, float] = {}
        self._stale: set[Symbol] = set()

    def of(self, symbol: Symbol) -> Decimal | None:
        """Return the last price of a symbol, if one was seen."""
        seen = self._prices.get(symbol)
        return None if seen is None else seen[0]

    def age_s(self, symbol: Symbol) -> float | None:
        """Return how old the last price is."""
        seen = self._prices.get(symbol)
        return None if seen is None else self._clock.monotonic() - seen[1]

    def watch(self, symbol: Symbol) -> None:
        """Hear every price of a symbol from now on."""
        if symbol not in self._watched:
            self._watched[symbol] = self._clock.monotonic()
            post(self._market, WatchPrice(exchange=symbol[0], symbol=symbol[1], subscriber=self._subscriber))
            self._ask_for_price(symbol)

    def see(self, symbol: Symbol, price: Decimal) -> bool:
        """Take over a price; say whether it is one of a watched symbol."""
        if price <= 0 or symbol not in self._watched:
            return False
        self._prices[symbol] = (price, self._clock.monotonic())
        return True

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

    def mind_ages(self, watched: Sequence[ArmedStop], armed: Collection[ArmedStop]) -> None:
        """Mind the prices of the stops that watch; those of symbols without an `armed` stop matter no more."""
        for symbol in sorted({symbol_of(one.position_key.key) for one in watched}):
            self._mind_age(symbol, [one for one in armed if symbol_of(one.position_key.key) == symbol])
        for symbol in sorted(self._stale - {symbol_of(one.position_key.key) for one in armed}):
            self._see_again(symbol)

    def _mind_age(self, symbol: Symbol, stops: list[ArmedStop]) -> None:
        """Ask the broker while a price grows old; say once that a stop is blind when that brings none.

        A market in which nobody trades is no outage: the broker's quote says that its price still stands.
        """
        now = self._clock.monotonic()
        _, seen_at = self._prices.get(symbol, (None, self._watched[symbol]))
        is_open = self._calendar is None or self._calendar.is_open(symbol[0], self._clock.now())
        age_s = now - seen_at
        if is_open and age_s > self._age_s_max / 2:
            self._ask_for_price(symbol)
        if not is_open or age_s <= self._age_s_max:
            if symbol in self._stale:
                self._see_again(symbol)
        elif symbol not in self._stale:
            self._stale.add(symbol)
            post(self._notifier, RaiseAlert(alert=price_stale_alert(symbol, age_s, stops)))

    def _see_again(self, symbol: Symbol) -> None:
        self._stale.discard(symbol)
        post(self._notifier, RaiseAlert(alert=price_back_alert(symbol)))

    def _ask_for_price(self, symbol: Symbol) -> None:
        """Ask the broker itself, at most twice while a price may grow old: it teaches the feed the instrument too."""
        now = self._clock.monotonic()
        pause_s = self._age_s_max / 2
        if now - self._asked.get(symbol, -pause_s) >= pause_s:
            self._asked[symbol] = now
            self.ask_for(symbol)

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
