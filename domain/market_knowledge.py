"""What is known of instruments and prices, what of it is believed, and what has to be asked for before an order leaves.

Facts of a day change within it: an instrument is read anew before its lot, freeze quantity or band cuts an exit, and
when a price lies at or beyond an edge of the band. A price at which nobody could have traded is not taken; the broker
is asked. What can't be read is replaced for exits by the best that is known, and not asked for again for a while.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from domain.evidence import InstrumentReply, PositionRow, Tick, Unavailable
from domain.exit_terms import ExitShape, assumed_instrument
from domain.instrument import Instrument, meets_the_edge
from domain.market_price import PriceSource, Reference, SeenPrice, best_reference, could_trade
from domain.order import Exchange

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


class Want(StrEnum):
    """What has to be asked for."""

    INSTRUMENT = "instrument"
    PRICE = "price"


class Belief(StrEnum):
    """What a price is taken for. AT_EDGE is believed; DOUBTED_AGAIN stays doubtful after the broker was asked."""

    BELIEVED = "believed"
    AT_EDGE = "at the edge of the band"
    DOUBTED = "doubted"
    DOUBTED_AGAIN = "doubted again"


@dataclass(frozen=True, slots=True)
class _Failures:
    """How often in a row something could not be read, and when last (monotonic seconds)."""

    count: int
    at_s: float

    def rests(self, now_s: float) -> bool:
        return now_s - self.at_s < min(FAILED_REST_S * 2.0 ** (self.count - 1), FAILED_REST_S_MAX)


@dataclass(slots=True)
class MarketKnowledge:
    """Owns the day's instruments, the last believed prices by source, and what was asked in vain."""

    _day: str = ""
    _instruments: dict[Key, tuple[Instrument, float]] = field(default_factory=dict)
    _earlier: dict[Key, Instrument] = field(default_factory=dict)
    _prices: dict[Key, dict[PriceSource, SeenPrice]] = field(default_factory=dict)
    _failures: dict[tuple[Key, Want], _Failures] = field(default_factory=dict)
    _doubted_since: dict[Key, float] = field(default_factory=dict)
    _told: set[Key] = field(default_factory=set)
    _asked_s: dict[tuple[Key, Want], float] = field(default_factory=dict)

    def enter_day(self, day: str) -> bool:
        """Turn to a new day: bands and quantities of the last one are known no more. Say whether it is a new one."""
        if day == self._day:
            return False
        self._day = day
        self._earlier.update({key: one for key, (one, _) in self._instruments.items()})
        self._instruments.clear()
        self._told.clear()
        self._doubted_since.clear()
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
        self._instruments[key] = (instrument, now_s)
        self._failures.pop((key, Want.INSTRUMENT), None)

    def fail(self, key: Key, want: Want, now_s: float) -> None:
        """Note that something could not be read. A band that a price has contradicted is then taken for unknown."""
        before = self._failures.get((key, want))
        self._failures[key, want] = _Failures(1 if before is None else before.count + 1, now_s)
        known = self._instruments.get(key)
        if want is Want.INSTRUMENT and known is not None and key in self._doubted_since:
            self._instruments[key] = (replace(known[0], lower_circuit=None, upper_circuit=None), known[1])

    def best_instrument(self, key: Key, failed: Unavailable | None) -> InstrumentReply:
        """Return the best that is known for an exit: today's, an earlier day's without its band, or what is usual."""
        today = self.instrument(key)
        if today is not None:
            return today
        earlier = self._earlier.get(key)
        if earlier is not None:
            return replace(earlier, lower_circuit=None, upper_circuit=None)
        return failed or assumed_instrument(*key)

    def learn_row(self, row: PositionRow, key: Key, seen_at: datetime) -> None:
        """Take over what a position row says of an instrument that nobody has looked up yet, and its average price."""
        if row.tick is not None and row.lot is not None and key not in self._instruments and key not in self._earlier:
            usual = assumed_instrument(*key)
            self._earlier[key] = replace(usual, token=row.token, tick=row.tick, lot=row.lot)
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
        is_another = bool(tick.token) and instrument is not None and tick.token != instrument.token
        if is_another or not could_trade(tick.last_price, instrument, known.values(), now):
            since = self._doubted_since.setdefault(key, now_s)
            again = since < now_s and self._read_since(key, since) and key not in self._told
            if again:
                self._told.add(key)
            return Belief.DOUBTED_AGAIN if again else Belief.DOUBTED
        self.remember(key, SeenPrice(price=tick.last_price, source=source, seen_at=tick.seen_at))
        if source is not PriceSource.POSITION:
            self._failures.pop((key, Want.PRICE), None)
        self._doubted_since.pop(key, None)
        at_edge = instrument is not None and meets_the_edge(tick.last_price, instrument)
        return Belief.AT_EDGE if at_edge else Belief.BELIEVED

    def _read_since(self, key: Key, since_s: float) -> bool:
        """Say whether the broker was asked for the band since, successfully or in vain."""
        read = self._instruments.get(key)
        failed = self._failures.get((key, Want.INSTRUMENT))
        return (read is not None and read[1] > since_s) or (failed is not None and failed.at_s > since_s)

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
