"""Stops, targets and trails: arms them when an entry fills, and says when a level is reached.

A part of ExitsActor, in its thread. A hit begins a flatten task of the exits, which gets out all that is held by then;
so stops need not know how much that is. Armed stops are on disk: the next start takes them up, with their peaks.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from loguru import logger

from actors.exits.openings import CarriedStops
from actors.exits.stop_prices import StopPrices, Subscriber
from actors.messages.alerts import RaiseAlert
from actors.messages.books import VanishingResolved
from actors.messages.market import OrderPriced
from actors.messages.persistence import Record
from actors.messages.stops import SetStops, StopsAnswered
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from domain.alerts.alert import Alert
from domain.alerts.text.stops import armed_alert, triggered_alert, turned_alert
from domain.exits.flatten import Exposure, PositionKey
from domain.exits.stop_change import stop_by_hand
from domain.exits.stops import ArmedStop, StopEnd, StopTrigger, armed_stop_of
from domain.market.calendar import Calendar
from domain.market.instrument import Instrument
from domain.orders.order import Order
from domain.orders.stop_terms import InvalidStopsError
from domain.orders.types import Exchange, InstrumentKey
from domain.positions.pnl import symbol_of
from domain.read_models import StopsNow
from domain.settings import StopSettings

PRICE_WAIT_S: Final = 1.0
"""So long a person's word about a position waits for the first price of its symbol."""
_NOTHING: Final = Exposure()


class Stops:
    """Owns the armed stops, and which of them wait."""

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        subscriber: Subscriber,
        get_out: Callable[[PositionKey, str], None],
        doubt: Callable[[PositionKey], None],
        settings: StopSettings,
        calendar: Calendar | None,
        carried: CarriedStops,
    ) -> None:
        self._repo = mail.repo
        self._notifier = mail.notifier
        self._clock = runtime.clock
        self._ids = runtime.ids
        self._get_out = get_out
        self._doubt = doubt
        """Says that the guard may not have told yet of what was heard about a position."""
        self._carried = carried
        self.prices = StopPrices(
            mail=mail, runtime=runtime, subscriber=subscriber, settings=settings, calendar=calendar
        )
        self.armed: dict[PositionKey, ArmedStop] = {}
        self._filled: dict[str, int] = {}
        self._entered_at: dict[str, datetime] = {}
        self._grown: set[PositionKey] = set()
        self._gone: set[InstrumentKey] = set()
        self._over: Collection[InstrumentKey] = frozenset()
        self._unpriced: list[tuple[float, SetStops, Mapping[PositionKey, Exposure]]] = []

    def now(self) -> StopsNow:
        """Return what is armed, with the last price and its age."""
        stops = [(one, symbol_of(one.position_key.key)) for one in self.armed.values()]
        return StopsNow(armed=tuple((one, self.prices.of(of), self.prices.age_s(of)) for one, of in stops))

    def take_up(self, armed_stops: tuple[ArmedStop, ...], unarmed: tuple[Order, ...]) -> None:
        """Watch what an earlier run had armed, and arm what filled without its stops' being written."""
        for armed_stop in armed_stops:
            self._filled[armed_stop.stop_id] = armed_stop.quantity
            if not armed_stop.ended:
                self._keep(armed_stop)
        for order in unarmed:
            self.arm(order)

    # positions that are gone or over

    def suspend(self, keys: Collection[InstrumentKey]) -> tuple[ArmedStop, ...]:
        """Let the stops of positions that are gone wait: neither flat nor hit until it is known what became of them."""
        self._gone.update(keys)
        return tuple(one for position_key, one in self.armed.items() if position_key.key in keys)

    def let_wait(self, over: Collection[InstrumentKey]) -> None:
        """Let the stops of these contracts, and of no others, wait too: they are over, and the books shall end them."""
        self._over = over

    def _waits(self, key: InstrumentKey) -> bool:
        return key in self._gone or key in self._over

    def release(self, message: VanishingResolved) -> None:
        """Let them watch again, or end them; the guard may not have told yet that the position is back."""
        self._gone.discard(message.key)
        for position_key, armed_stop in [(one, self.armed[one]) for one in self.armed if one.key == message.key]:
            self._doubt(position_key)
            if message.ended:
                self._end(armed_stop, message.ended)

    # how they are armed

    def arm(self, order: Order) -> None:
        """Arm an entry's stops when it has traded more than they know of.

        The newest word holds for the whole position: a late fill of an older entry changes nothing of it. The guard
        may not have told yet of this fill.
        """
        new = armed_stop_of(order, self._clock.now())
        if new is None or new.quantity <= self._filled.get(new.stop_id, 0):
            return
        self._filled[new.stop_id] = new.quantity
        self._entered_at[new.stop_id] = order.created_at
        self._doubt(new.position_key)
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

    def set(self, message: SetStops, exposures: Mapping[PositionKey, Exposure]) -> None:
        """Take a person's or a strategy's word about a position that is held.

        A first price is waited for, `PRICE_WAIT_S` at most: a level that it has passed would get out at once.
        """
        symbol = symbol_of(message.position_key.key)
        held = exposures.get(message.position_key, _NOTHING).held
        if message.terms is not None and held and self.prices.of(symbol) is None:
            self._unpriced.append((self._clock.monotonic() + PRICE_WAIT_S, message, exposures))
            self.prices.watch(symbol)
            return
        self._set(message, exposures)

    def _set_unpriced(self) -> None:
        """Go on with what waited for its first price, and has it by now or has waited long enough."""
        now = self._clock.monotonic()
        waiting, self._unpriced = self._unpriced, []
        for until_s, message, exposures in waiting:
            if now < until_s and self.prices.of(symbol_of(message.position_key.key)) is None:
                self._unpriced.append((until_s, message, exposures))
            else:
                self._set(message, exposures)

    def _set(self, message: SetStops, exposures: Mapping[PositionKey, Exposure]) -> None:
        try:
            armed_stop = self._changed(message, exposures)
        except InvalidStopsError as error:
            answer = StopsAnswered(armed_stop=self.armed.get(message.position_key), refused=str(error))
        else:
            beware = "" if armed_stop is None else self.prices.beware(armed_stop)
            answer = StopsAnswered(armed_stop=armed_stop, beware=beware)
        if message.reply_to is not None:
            post(message.reply_to, answer)
        elif answer.refused:
            logger.error("stops of {} refused: {}", message.position_key, answer.refused)

    def _changed(self, message: SetStops, exposures: Mapping[PositionKey, Exposure]) -> ArmedStop | None:
        position_key, known = message.position_key, self.armed.get(message.position_key)
        if message.terms is None:
            if known is None:
                raise InvalidStopsError(f"{position_key} is under no stops")
            self._end(known, f"removed: {message.reason}")
            return None
        new = stop_by_hand(
            position_key,
            message.terms,
            known=known,
            exposures=exposures,
            last_price=self.prices.of(symbol_of(position_key.key)),
            stop_id=f"hand-{self._ids.new()}",
            at=self._clock.now(),
        )
        if known is not None:
            self._end(known, f"changed: {message.reason}")
        self._begin(new)
        return self.armed.get(position_key, new)

    def _begin(self, armed_stop: ArmedStop) -> None:
        self._write(armed_stop)
        self._tell(armed_alert(armed_stop, self.prices.beware(armed_stop)))
        self._keep(armed_stop)

    def _keep(self, armed_stop: ArmedStop) -> None:
        """Watch from now on; a price that is known already may have reached a level."""
        position_key, symbol = armed_stop.position_key, symbol_of(armed_stop.position_key.key)
        self.armed[position_key] = armed_stop
        self.prices.watch(symbol)
        self._hold_against(position_key, self.prices.of(symbol))

    # what prices do

    def see(self, exchange: Exchange, symbol: str, price: Decimal) -> None:
        """Hold a price against every stop in its symbol."""
        if not self.prices.see((exchange, symbol), price):
            return
        self._set_unpriced()
        for position_key in [one for one in self.armed if symbol_of(one.key) == (exchange, symbol)]:
            self._hold_against(position_key, price)

    def see_answer(self, message: OrderPriced) -> None:
        """See what the broker was asked for."""
        instrument = message.instrument
        if not isinstance(instrument, Instrument):
            return
        self.prices.learn(instrument)
        if message.last_price is not None:
            self.see(instrument.exchange, instrument.symbol, message.last_price)

    def _hold_against(self, position_key: PositionKey, price: Decimal | None) -> None:
        if price is None or self._waits(position_key.key):
            return
        before, waited = self.armed[position_key], position_key in self._carried.waiting
        if self._carried.holds(before, price):
            if position_key in self._carried.waiting and not waited:
                self.prices.ask_for(symbol_of(position_key.key), anew=True)
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
        self,
        exposures: Mapping[PositionKey, Exposure],
        under_way: Collection[PositionKey],
        stale: Collection[PositionKey],
    ) -> None:
        """End what protects nothing any more, write the peaks that grew, and mind the age of prices.

        Nothing ends by exposures that are `stale`: the guard may not have told yet of a fill.
        """
        self._set_unpriced()
        for position_key, armed_stop in list(self.armed.items()):
            if self._waits(position_key.key):
                continue
            exposure = exposures.get(position_key, _NOTHING)
            why = armed_stop.ended_by(exposure) if position_key not in stale else None
            if why is not None:
                self._end(armed_stop, why)
                if why is StopEnd.REVERSED:
                    self._tell(turned_alert(armed_stop))
            elif position_key in self._grown:
                post(self._repo, Record(item=armed_stop))
        self._grown.clear()
        for position_key in self._carried.waiting:
            self._hold_against(position_key, self.prices.of(symbol_of(position_key.key)))
        watching = [one for key, one in self.armed.items() if key not in under_way and not self._waits(key.key)]
        self.prices.mind_ages(watching, self.armed.values())

    def _tell(self, alert: Alert) -> None:
        post(self._notifier, RaiseAlert(alert=alert))
