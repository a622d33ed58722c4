"""Stops, targets and trails: arms them when an entry fills, and says when a level is reached.

A part of ExitsActor, in its thread. A hit begins a flatten task of the exits, which gets out all that is held by then;
so stops need not know how much that is. Armed stops are on disk: the next start takes them up, with their peaks.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeAlias

from loguru import logger

from actors.exits.openings import CarriedStops
from actors.messages.alerts import RaiseAlert
from actors.messages.books import VanishingResolved
from actors.messages.market import OrderPriced, PriceOrder, PriceTicked, WatchPrice
from actors.messages.persistence import Record
from actors.messages.stops import SetStops, StopsAnswered, StopsNow
from actors.runtime.address import Address, post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.stops import armed_alert, price_back_alert, price_stale_alert, triggered_alert, turned_alert
from domain.exits.flatten import Exposure, PositionKey
from domain.exits.stop_check import beyond_the_band, check_held
from domain.exits.stops import ArmedStop, StopTrigger, armed_stop_of
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.order import Order
from domain.orders.stop_terms import InvalidStopsError
from domain.orders.types import Exchange, InstrumentKey
from domain.ports import trading_day
from domain.positions.pnl import symbol_of
from domain.settings import StopSettings

Symbol: TypeAlias = tuple[Exchange, str]
Subscriber: TypeAlias = "Address[PriceTicked | OrderPriced]"

PRICE_WAIT_S: Final = 1.0
"""So long a person's word about a position waits for the first price of its symbol."""
_NOTHING: Final = Exposure()


class Stops:
    """Owns the armed stops, their instruments, and the last prices with the monotonic second they were seen."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        subscriber: Subscriber,
        get_out: Callable[[PositionKey, str], None],
        settings: StopSettings,
        calendar: Calendar | None,
        carried: CarriedStops,
    ) -> None:
        self._carried = carried
        self._market = mail.market
        self._repo = mail.repo
        self._notifier = mail.notifier
        self._subscriber = subscriber
        self._get_out = get_out
        self._settings = settings
        self._calendar = calendar
        self._clock = runtime.clock
        self._ids = runtime.ids
        self.armed: dict[PositionKey, ArmedStop] = {}
        self.instruments: dict[Symbol, Instrument] = {}
        self._read_on: dict[Symbol, str] = {}
        self._filled: dict[str, int] = {}
        self._entered_at: dict[str, datetime] = {}
        self._armed_after: dict[PositionKey, int] = {}
        self._grown: set[PositionKey] = set()
        self._prices: dict[Symbol, tuple[Decimal, float]] = {}
        self._watched: dict[Symbol, float] = {}
        self._asked: dict[Symbol, float] = {}
        self._stale: set[Symbol] = set()
        self._gone: set[InstrumentKey] = set()
        self._over: Collection[InstrumentKey] = frozenset()
        self._unpriced: list[tuple[float, SetStops, Mapping[PositionKey, Exposure], int]] = []

    def take_up(self, armed_stops: tuple[ArmedStop, ...], unarmed: tuple[Order, ...], question: int) -> None:
        """Watch what an earlier run had armed, and arm what filled without its stops' being written."""
        for armed_stop in armed_stops:
            self._filled[armed_stop.stop_id] = armed_stop.quantity
            if not armed_stop.ended:
                self._keep(armed_stop)
        for order in unarmed:
            self.arm(order, question)

    def suspend(self, keys: Collection[InstrumentKey]) -> tuple[ArmedStop, ...]:
        """Let the stops of positions that are gone wait: neither flat nor hit until it is known what became of them."""
        self._gone.update(keys)
        return tuple(one for position_key, one in self.armed.items() if position_key.key in keys)

    def let_wait(self, over: Collection[InstrumentKey]) -> None:
        """Let the stops of these contracts, and of no others, wait too: they are over, and the books shall end them."""
        self._over = over

    def _waits(self, key: InstrumentKey) -> bool:
        return key in self._gone or key in self._over

    def release(self, message: VanishingResolved, question: int) -> None:
        """Let them watch again, or end them; the answer to `question` may not know yet that the position is back."""
        self._gone.discard(message.key)
        for position_key, armed_stop in [(one, self.armed[one]) for one in self.armed if one.key == message.key]:
            self._armed_after[position_key] = question
            if message.ended:
                self._end(armed_stop, message.ended)

    def arm(self, order: Order, question: int) -> None:
        """Arm an entry's stops when it has traded more than they know of.

        The newest word holds for the whole position: a late fill of an older entry changes nothing of it. `question` is
        the last that has left for the guard: its answer may not know of this fill, so it ends nothing.
        """
        new = armed_stop_of(order, self._clock.now())
        if new is None or new.quantity <= self._filled.get(new.stop_id, 0):
            return
        self._filled[new.stop_id] = new.quantity
        self._entered_at[new.stop_id] = order.created_at
        self._armed_after[new.position_key] = question
        known = self.armed.get(new.position_key)
        if known is not None and known.stop_id == new.stop_id:
            # The best price is the position's: it stays as it was seen.
            self._write(replace(known, quantity=new.quantity, entry_price=new.entry_price))
            return
        if known is not None and order.created_at < self._entered_at.get(known.stop_id, known.armed_at):
            logger.info("{} stays under the stops of {}: {} is older", new.position_key, known.stop_id, new.stop_id)
            return
        if known is not None:
            self._end(known, f"replaced by the stops of {new.stop_id}")
        self._begin(new)

    def set(self, message: SetStops, exposures: Mapping[PositionKey, Exposure], question: int) -> None:
        """Take a person's or a strategy's word about a position that is held.

        A first price is waited for, `PRICE_WAIT_S` at most: a level that it has passed would get out at once.
        """
        symbol = (message.position_key.key.exchange, message.position_key.key.symbol)
        held = exposures.get(message.position_key, _NOTHING).held
        if message.terms is not None and held and symbol not in self._prices:
            self._unpriced.append((self._clock.monotonic() + PRICE_WAIT_S, message, exposures, question))
            self._watch(symbol)
            return
        self._set(message, exposures, question)

    def _set_unpriced(self, now_s: float) -> None:
        """Go on with what waited for its first price, and has it by now or has waited long enough."""
        waiting, self._unpriced = self._unpriced, []
        for until_s, message, exposures, question in waiting:
            key = message.position_key.key
            if now_s < until_s and (key.exchange, key.symbol) not in self._prices:
                self._unpriced.append((until_s, message, exposures, question))
            else:
                self._set(message, exposures, question)

    def _set(self, message: SetStops, exposures: Mapping[PositionKey, Exposure], question: int) -> None:
        try:
            armed_stop = self._changed(message, exposures)
        except InvalidStopsError as error:
            answer = StopsAnswered(armed_stop=self.armed.get(message.position_key), refused=str(error))
        else:
            self._armed_after[message.position_key] = question
            beware = "" if armed_stop is None else self._beware(armed_stop)
            answer = StopsAnswered(armed_stop=armed_stop, beware=beware)
        if message.reply_to is not None:
            post(message.reply_to, answer)
        elif answer.refused:
            logger.error("stops of {} refused: {}", message.position_key, answer.refused)

    def _changed(self, message: SetStops, exposures: Mapping[PositionKey, Exposure]) -> ArmedStop | None:
        position_key, terms = message.position_key, message.terms
        known = self.armed.get(position_key)
        if terms is None:
            if known is None:
                raise InvalidStopsError(f"{position_key} is under no stops")
            self._end(known, f"removed: {message.reason}")
            return None
        exposure = exposures.get(position_key, _NOTHING)
        if not exposure.held:
            alike = [
                str(one)
                for one, now in exposures.items()
                if now.held and one.key.symbol.startswith(position_key.key.symbol)
            ]
            meant = f"; what is held is {', '.join(alike)}" if alike else ""
            raise InvalidStopsError(f"nothing is held of {position_key}, so there is nothing to protect{meant}")
        is_long = exposure.held > 0
        last = self._prices.get((position_key.key.exchange, position_key.key.symbol))
        terms.check_against(None if last is None else last[0], is_long=is_long)
        if known is not None and known.is_long is is_long:
            new = replace(known, terms=terms, stop_id=f"hand-{self._ids.new()}", quantity=0)
        else:
            entry_price = last[0] if last is not None else terms.stop_loss or terms.target or terms.trailing_value
            if entry_price is None or (last is None and terms.trailing_type is not None):
                raise InvalidStopsError(
                    f"no price of {position_key.key.symbol} is known yet to trail from; try again shortly"
                )
            new = ArmedStop(
                stop_id=f"hand-{self._ids.new()}",
                position_key=position_key,
                terms=terms,
                is_long=is_long,
                entry_price=entry_price,
                best_price=entry_price,
                armed_at=self._clock.now(),
            )
        check_held(new, None if last is None else last[0])
        if known is not None:
            self._end(known, f"changed: {message.reason}")
        self._begin(new)
        return self.armed.get(position_key, new)

    def _begin(self, armed_stop: ArmedStop) -> None:
        self._write(armed_stop)
        self._tell(armed_alert(armed_stop, self._beware(armed_stop)))
        self._keep(armed_stop)

    def _beware(self, armed_stop: ArmedStop) -> str:
        symbol = symbol_of(armed_stop.position_key.key)
        is_of_today = self._read_on.get(symbol) == trading_day(self._clock.now())
        return beyond_the_band(armed_stop, self.instruments[symbol]) if is_of_today else ""

    def _keep(self, armed_stop: ArmedStop) -> None:
        """Watch from now on; a price that is known already may have reached a level."""
        position_key = armed_stop.position_key
        symbol = (position_key.key.exchange, position_key.key.symbol)
        self.armed[position_key] = armed_stop
        self._watch(symbol)
        if symbol in self._prices:
            self._hold_against(position_key, self._prices[symbol][0])

    def _watch(self, symbol: Symbol) -> None:
        if symbol not in self._watched:
            self._watched[symbol] = self._clock.monotonic()
            post(self._market, WatchPrice(exchange=symbol[0], symbol=symbol[1], subscriber=self._subscriber))
            self._ask_for_price(symbol)

    def see(self, exchange: Exchange, symbol: str, price: Decimal) -> None:
        """Hold a price against every stop in its symbol."""
        if price <= 0 or (exchange, symbol) not in self._watched:
            return
        self._prices[exchange, symbol] = (price, self._clock.monotonic())
        self._set_unpriced(self._clock.monotonic())
        for position_key in [one for one in self.armed if (one.key.exchange, one.key.symbol) == (exchange, symbol)]:
            self._hold_against(position_key, price)

    def see_answer(self, message: OrderPriced) -> None:
        """See what the broker was asked for."""
        instrument = message.instrument
        if not isinstance(instrument, Instrument):
            return
        self.instruments[instrument.exchange, instrument.symbol] = instrument
        self._read_on[instrument.exchange, instrument.symbol] = trading_day(self._clock.now())
        if message.last_price is not None:
            self.see(instrument.exchange, instrument.symbol, message.last_price)

    def _hold_against(self, position_key: PositionKey, price: Decimal) -> None:
        if self._waits(position_key.key):
            return
        before, waited = self.armed[position_key], position_key in self._carried.waiting
        if self._carried.holds(before, price):
            if position_key in self._carried.waiting and not waited:
                self._put_question((position_key.key.exchange, position_key.key.symbol), anew=True)
            return
        # What has been gained counts before the price is judged; a trail never begins by the price that ends it.
        trigger = before.triggered_by(price)
        if trigger is not None:
            self._trigger(before, trigger)
            return
        after = before.seen(price)
        if after is not before:
            self.armed[position_key] = after
            self._grown.add(position_key)

    def _trigger(self, armed_stop: ArmedStop, trigger: StopTrigger) -> None:
        """Get out. The request is written before the stop's end is: a crash between the two gets out twice, once."""
        self._tell(triggered_alert(armed_stop, trigger))
        self._get_out(armed_stop.position_key, str(trigger))
        self._end(armed_stop, str(trigger))

    def _end(self, armed_stop: ArmedStop, why: str) -> None:
        logger.info("stops of {} ended: {}", armed_stop.position_key, why)
        self.armed.pop(armed_stop.position_key, None)
        self._carried.end(armed_stop.position_key)
        self._grown.discard(armed_stop.position_key)
        post(self._repo, Record(item=replace(armed_stop, ended=why)))

    def _write(self, armed_stop: ArmedStop) -> None:
        self.armed[armed_stop.position_key] = armed_stop
        post(self._repo, Record(item=armed_stop))

    def look(
        self, exposures: Mapping[PositionKey, Exposure], under_way: Collection[PositionKey], question: int
    ) -> None:
        """End what protects nothing any more, write the peaks that grew, and mind the age of prices."""
        self._set_unpriced(self._clock.monotonic())
        for position_key, armed_stop in list(self.armed.items()):
            exposure = exposures.get(position_key, _NOTHING)
            knows = self._armed_after.get(position_key, 0) < question
            if self._waits(position_key.key):
                continue
            if knows and exposure.is_flat:
                self._end(armed_stop, "the position is flat")
            elif knows and exposure.held * (1 if armed_stop.is_long else -1) < 0:
                self._end(armed_stop, "the position was reversed")
                self._tell(turned_alert(armed_stop))
            elif position_key in self._grown:
                post(self._repo, Record(item=armed_stop))
        self._grown.clear()
        for position_key in self._carried.waiting:
            self._hold_against(position_key, self._prices[position_key.key.exchange, position_key.key.symbol][0])
        seen = [one for one in self.armed if one not in under_way and not self._waits(one.key)]
        for symbol in sorted({(position_key.key.exchange, position_key.key.symbol) for position_key in seen}):
            self._mind_age(symbol)
        for symbol in sorted(
            self._stale - {(position_key.key.exchange, position_key.key.symbol) for position_key in self.armed}
        ):
            self._see_again(symbol)

    def _mind_age(self, symbol: Symbol) -> None:
        """Ask the broker while a price grows old; say once that a stop is blind when that brings none.

        A market in which nobody trades is no outage: the broker's quote says that its price still stands.
        """
        now = self._clock.monotonic()
        _, seen_at = self._prices.get(symbol, (None, self._watched[symbol]))
        is_open = self._calendar is None or self._calendar.is_open(symbol[0], self._clock.now())
        age_s, age_s_max = now - seen_at, self._settings.price_age_s_max
        if is_open and age_s > age_s_max / 2:
            self._ask_for_price(symbol)
        if not is_open or age_s <= age_s_max:
            if symbol in self._stale:
                self._see_again(symbol)
            return
        if symbol not in self._stale:
            self._stale.add(symbol)
            stops = [
                one
                for one in self.armed.values()
                if (one.position_key.key.exchange, one.position_key.key.symbol) == symbol
            ]
            self._tell(price_stale_alert(symbol, now - seen_at, stops))

    def _see_again(self, symbol: Symbol) -> None:
        self._stale.discard(symbol)
        self._tell(price_back_alert(symbol))

    def _ask_for_price(self, symbol: Symbol) -> None:
        """Ask the broker itself, at most twice while a price may grow old: it teaches the feed the instrument too."""
        now = self._clock.monotonic()
        pause_s = self._settings.price_age_s_max / 2
        if now - self._asked.get(symbol, -pause_s) < pause_s:
            return
        self._asked[symbol] = now
        self._put_question(symbol)

    def _put_question(self, symbol: Symbol, *, anew: bool = False) -> None:
        question = PriceOrder(
            command_id=f"stops of {symbol[1]}",
            exchange=symbol[0],
            symbol=symbol[1],
            needs_price=True,
            anew=anew,
            reply_to=self._subscriber,
        )
        post(self._market, question)

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))

    def now(self) -> StopsNow:
        """Return what is armed, with the last price and its age."""
        at = self._clock.monotonic()
        rows = []
        for armed_stop in self.armed.values():
            seen = self._prices.get((armed_stop.position_key.key.exchange, armed_stop.position_key.key.symbol))
            rows.append((armed_stop, seen and seen[0], seen and at - seen[1]))
        return StopsNow(armed=tuple(rows))
