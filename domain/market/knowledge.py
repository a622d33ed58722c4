"""What is known of instruments and prices, what of it is believed, and what has to be asked for before an order leaves.

Facts of a day change within it: an instrument is read anew before its lot, freeze quantity or band cuts an exit, and
when a price lies at or beyond an edge of the band. A price at which nobody could have traded is not taken; the broker
is asked. What can't be read is replaced for exits by the best that is known, and not asked for again for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from domain.backoff import Backoff
from domain.broker.reply_types import InstrumentReply, Unavailable
from domain.broker.snapshots import Book, PositionRow, Tick, key_of
from domain.exits.pricing import ExitShape, assumed_instrument
from domain.market.instrument import Instrument, meets_the_edge
from domain.market.price import (
    Belief,
    PriceSource,
    Reference,
    SeenPrice,
    best_reference,
    contradicts,
    could_trade,
    is_of_another,
    overtaken_by,
)
from domain.orders.types import Exchange

Key: TypeAlias = tuple[Exchange, str]

READ_AGAIN_S: Final = 2.0
"""An instrument that would cut an exit, or whose band a price contradicts, is read anew when it is older than this."""
EDGE_AGAIN_S: Final = 30.0
"""While the price stays at an edge of the band, the band is read anew so often."""
STANDS_IN_AFTER_S: Final = 3.0
"""The position book's price counts where no tick and no quote has been seen for so long: it may lag behind a tick, but
a stop that it is through has to be flat within 5 s, one reading of the book and the exit itself included."""
FAILED_REST_S: Final = 3.0
"""What could not be read is not waited for again for so long, doubled with each failure in a row."""
FAILED_REST_S_MAX: Final = 60.0
DOUBT_OVER_S: Final = 300.0
"""When no impossible price has come for so long, the next one is a new story: it is told again."""


class Want(StrEnum):
    """What has to be asked for."""

    INSTRUMENT = "instrument"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class _Failures:
    """How often in a row something could not be read, and when last (monotonic seconds)."""

    count: int
    at_s: float

    def rests(self, now_s: float) -> bool:
        return now_s - self.at_s < Backoff(FAILED_REST_S, FAILED_REST_S_MAX).pause_s(self.count - 1)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Since when impossible prices come, when the last one came (monotonic seconds), and whether that was told."""

    since_s: float
    last_s: float
    is_told: bool


@dataclass(slots=True)
class MarketKnowledge:
    """Owns the day's instruments, the last believed prices by source, and what was asked in vain."""

    _day: str = ""
    _instruments: dict[Key, tuple[Instrument, float]] = field(default_factory=dict)
    _earlier: dict[Key, Instrument] = field(default_factory=dict)
    _rows: dict[Key, PositionRow] = field(default_factory=dict)
    """Today's position rows that say tick and lot."""
    _prices: dict[Key, dict[PriceSource, SeenPrice]] = field(default_factory=dict)
    _failures: dict[tuple[Key, Want], _Failures] = field(default_factory=dict)
    _doubts: dict[Key, _Doubt] = field(default_factory=dict)
    _doubted: dict[Key, dict[PriceSource, SeenPrice]] = field(default_factory=dict)
    """Prices that were not taken, the last of each source: another source may confirm them."""
    _contradicted: set[Key] = field(default_factory=set)
    """Whose band the last prices contradict."""
    _suspended: set[Key] = field(default_factory=set)
    """Whose band counts as unknown until it can be read."""
    _asked_s: dict[tuple[Key, Want], float] = field(default_factory=dict)

    def enter_day(self, day: str) -> bool:
        """Turn to a new day: bands and quantities of the last one are known no more. Say whether it is a new one."""
        if day == self._day:
            return False
        self._day = day
        self._earlier.update({key: one for key, (one, _) in self._instruments.items()})
        self._instruments.clear()
        for one in (self._rows, self._doubts, self._doubted, self._contradicted, self._suspended):
            one.clear()
        return True

    @property
    def has_day(self) -> bool:
        """Say whether any day was entered yet."""
        return bool(self._day)

    # instruments

    def instrument(self, key: Key) -> Instrument | None:
        """Return what was read today."""
        found = self._instruments.get(key)
        return None if found is None else found[0]

    def learn_instrument(self, instrument: Instrument, now_s: float) -> None:
        """Take over what the broker says of an instrument."""
        key = (instrument.exchange, instrument.symbol)
        before = self.instrument(key)
        if before is not None and _band(before) != _band(instrument):
            self._doubts.pop(key, None)
        self._instruments[key] = (instrument, now_s)
        self._suspended.discard(key)
        self._failures.pop((key, Want.INSTRUMENT), None)

    def fail(self, key: Key, want: Want, now_s: float) -> None:
        """Note that something could not be read. A band that a price has contradicted is then taken for unknown."""
        before = self._failures.get((key, want))
        self._failures[key, want] = _Failures(1 if before is None else before.count + 1, now_s)
        known = self._instruments.get(key)
        if want is Want.INSTRUMENT and known is not None and key in self._contradicted:
            self._suspended.add(key)
            self._instruments[key] = (replace(known[0], lower_circuit=None, upper_circuit=None), known[1])

    def best_instrument(self, key: Key, failed: Unavailable | None, quantity: int) -> InstrumentReply:
        """Return the best that is known for an exit: today's, the position row's, an earlier day's, or what is usual.

        A lot of an earlier day that `quantity` contradicts has changed since: it cuts nothing.
        """
        today = self.instrument(key)
        if today is not None:
            return today
        earlier, row = self._earlier.get(key), self._rows.get(key)
        if row is not None and row.tick is not None and row.lot is not None:
            known = earlier or replace(assumed_instrument(*key), token=row.token)
            return replace(known, tick=row.tick, lot=row.lot, lower_circuit=None, upper_circuit=None)
        if earlier is None:
            return failed or assumed_instrument(*key)
        lot = 1 if quantity % earlier.lot else earlier.lot
        return replace(earlier, lot=lot, lower_circuit=None, upper_circuit=None)

    def learn_rows(self, book: Book[PositionRow]) -> None:
        """Take over what the rows say of instruments that nobody has looked up yet, and their average prices."""
        for row, key in _keyed(book):
            self._learn_row(row, key, book.asked_at)

    def _learn_row(self, row: PositionRow, key: Key, seen_at: datetime) -> None:
        if row.tick is not None and row.lot is not None:
            self._rows[key] = row
        if row.net_average_price > 0:
            self.remember(key, SeenPrice(price=row.net_average_price, source=PriceSource.AVERAGE, seen_at=seen_at))

    # prices

    def remember(self, key: Key, price: SeenPrice) -> None:
        """Keep a price to fall back on: it moves nothing."""
        self._prices.setdefault(key, {})[price.source] = price

    def reference(self, key: Key, now: datetime) -> Reference | None:
        """Return the best price known, with its source and age."""
        return best_reference(self._prices.get(key, {}).values(), now)

    def fresh_price(self, key: Key, now: datetime) -> Decimal | None:
        """Return a tick or quote that is fresh: what an entry may lean on."""
        known = self._prices.get(key, {})
        seen = [known[one] for one in (PriceSource.TICK, PriceSource.QUOTE) if one in known]
        best = best_reference(seen, now)
        return best.price if best is not None and best.is_fresh else None

    def hears(self, key: Key, now: datetime) -> bool:
        """Say whether a tick or quote has been seen so lately that the position book's price does not count."""
        known = self._prices.get(key, {})
        ages = (known[one].at(now).age_s for one in (PriceSource.TICK, PriceSource.QUOTE) if one in known)
        return any(age_s <= STANDS_IN_AFTER_S for age_s in ages)

    def judge(self, tick: Tick, source: PriceSource, now: datetime, now_s: float) -> Belief:
        """Take a price over, where somebody could have traded at it."""
        key = (tick.exchange, tick.symbol)
        instrument, known = self.instrument(key), self._prices.get(key, {})
        price = SeenPrice(price=tick.last_price, source=source, seen_at=tick.seen_at)
        if is_of_another(tick, instrument):
            return self._doubt(key, now_s)
        if not could_trade(tick.last_price, instrument, known.values(), now):
            if not self._is_confirmed(key, price, now):
                self._contradicted.add(key)
                self._doubted.setdefault(key, {})[source] = price
                return self._doubt(key, now_s)
            # Two sources show it: what they contradict is over.
            self._prices[key] = {one: seen for one, seen in known.items() if not contradicts(seen, price, now)}
        is_overtaken = overtaken_by(tick, self._prices.get(key, {}).values(), now) is not None
        self.remember(key, price)
        if source is not PriceSource.POSITION:
            self._failures.pop((key, Want.PRICE), None)
        self._contradicted.discard(key)
        self._doubted.pop(key, None)
        if is_overtaken:
            return Belief.OVERTAKEN
        if instrument is None:
            return Belief.BELIEVED
        at_edge = key in self._suspended or meets_the_edge(tick.last_price, instrument)
        return Belief.AT_EDGE if at_edge else Belief.BELIEVED

    def standing(self, tick: Tick, now: datetime) -> Tick:
        """Return what an overtaken tick tells, at the price that has overtaken it."""
        younger = overtaken_by(tick, self._prices.get((tick.exchange, tick.symbol), {}).values(), now)
        return tick if younger is None else replace(tick, last_price=younger.price, seen_at=younger.seen_at)

    def _is_confirmed(self, key: Key, price: SeenPrice, now: datetime) -> bool:
        """Say whether another source has just shown such a price too, where no band of the day speaks against it."""
        if key in self._suspended or not could_trade(price.price, self.instrument(key), (), now):
            return False
        others = (one for source, one in self._doubted.get(key, {}).items() if source is not price.source)
        return any(one.at(now).is_fresh and not contradicts(one, price, now) for one in others)

    def _doubt(self, key: Key, now_s: float) -> Belief:
        """Note an impossible price; one that comes again after the broker was asked is told once in a story."""
        doubt = self._doubts.get(key)
        if doubt is None or now_s - doubt.last_s > DOUBT_OVER_S:
            doubt = _Doubt(now_s, now_s, is_told=False)
        again = not doubt.is_told and doubt.since_s < now_s and self._read_since(key, doubt.since_s)
        self._doubts[key] = _Doubt(doubt.since_s, now_s, is_told=doubt.is_told or again)
        return Belief.DOUBTED_AGAIN if again else Belief.DOUBTED

    def _read_since(self, key: Key, since_s: float) -> bool:
        """Say whether the broker was asked for the band since, successfully or in vain."""
        read = self._instruments.get(key)
        failed = self._failures.get((key, Want.INSTRUMENT))
        return (read is not None and read[1] > since_s) or (failed is not None and failed.at_s > since_s)

    def doubted_rows(self, book: Book[PositionRow], now: datetime) -> frozenset[Key]:
        """Return what is held and shown at a price that nobody could have traded at, or at none."""
        return frozenset(key for row, key in _keyed(book) if row.net_quantity and not self._could_be(row, key, now))

    def _could_be(self, row: PositionRow, key: Key, now: datetime) -> bool:
        instrument = self.instrument(key)
        if row.last_price is None or (row.token and instrument is not None and row.token != instrument.token):
            return False
        return could_trade(row.last_price, instrument, self._prices.get(key, {}).values(), now)

    # what has to be asked for

    def may_ask(self, key: Key, want: Want, now_s: float, again_s: float = READ_AGAIN_S) -> bool:
        """Say whether it may be asked for again on the market's own account, and note that it is."""
        asked_s = self._asked_s.get((key, want))
        if asked_s is not None and now_s - asked_s < again_s:
            return False
        self._asked_s[key, want] = now_s
        return True

    def wants_for_entry(self, key: Key, now: datetime, *, needs_price: bool) -> Want | None:
        """Return what an entry has to wait for."""
        if key not in self._instruments:
            return Want.INSTRUMENT
        return Want.PRICE if needs_price and self.fresh_price(key, now) is None else None

    def wants_for_exit(self, key: Key, shape: ExitShape, now: datetime, now_s: float) -> Want | None:
        """Return what is worth a short wait before an exit leaves: never what could not be read just before."""
        known, reference = self._instruments.get(key), self.reference(key, now)
        stale = known is None or (now_s - known[1] > READ_AGAIN_S and shape.is_cut_by(known[0], reference))
        if stale and not self._rests(key, Want.INSTRUMENT, now_s):
            return Want.INSTRUMENT
        no_price = shape.price is None and (reference is None or not reference.is_fresh)
        return Want.PRICE if no_price and known is not None and not self._rests(key, Want.PRICE, now_s) else None

    def _rests(self, key: Key, want: Want, now_s: float) -> bool:
        failed = self._failures.get((key, want))
        return failed is not None and failed.rests(now_s)


def _keyed(book: Book[PositionRow]) -> Iterator[tuple[PositionRow, Key]]:
    """Return the rows of exchanges and products that the desk has a word for, each with its instrument."""
    for row in book.rows:
        found = key_of(row)
        if found is not None:
            yield row, (found.exchange, found.symbol)


def _band(instrument: Instrument) -> tuple[Decimal | None, Decimal | None]:
    return instrument.lower_circuit, instrument.upper_circuit
