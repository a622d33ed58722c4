"""The rooms of the paper broker put together: what is decided is written down, then published, then answered."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

from broker.paper.api.limiter import RateLimiter
from broker.paper.api.rows import Speller
from broker.paper.api.sessions import Sessions
from broker.paper.clock import CLOSES, IST, Clock, Moment
from broker.paper.control.faults import Faults
from broker.paper.engine.checks import SQUARE_OFF
from broker.paper.engine.exchange import Exchange
from broker.paper.engine.instruments import Catalogue, Instrument
from broker.paper.engine.market import Market
from broker.paper.engine.orders import Change, Event, Order
from broker.paper.engine.positions import DELIVERY, Position
from broker.paper.engine.revisions import Revision, Revisions, revision_from
from broker.paper.ledger import (
    JsonLines,
    carry_record,
    conversion_record,
    event_from,
    event_record,
    order_days,
    order_file,
    order_from,
    records_of,
    terms_record,
)
from broker.paper.settings import PaperSettings

_log: Final = logging.getLogger(__name__)

CallLater: TypeAlias = Callable[[float, Callable[[], None]], object]
Publish: TypeAlias = Callable[[list[Change]], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request to place, modify or cancel that arrived, whatever became of it."""

    route: str
    monotonic: float
    wall: float
    remarks: str | None
    number: str | None


class Venue:
    """Owns exchange, market, sessions, faults and the ledgers, and the order in which they are asked.

    `call_later` wakes it when something is due; `publish` is told of changes that are on disk, `evict` that sessions
    have ended whose connections go with them.
    """

    def __init__(self, settings: PaperSettings, clock: Clock, call_later: CallLater) -> None:
        self.settings = settings
        self.clock = clock
        self._call_later = call_later
        self.publish: Publish = lambda _: None
        self.evict: Callable[[], None] = lambda: None
        now = clock.moment()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.revisions = Revisions()
        self._revised = JsonLines(settings.data_dir / "instruments.jsonl", fsync=settings.fsync)
        for record in self._revised.read():
            self.revisions.add(revision_from(record))
        self.catalogue = Catalogue(now.at, self.revisions.of)
        self.market = Market(self.catalogue, settings.seed, now.at)
        self._reprice(date.min, now)
        # A server that was down over night begins where it ended, and turns the page as it would have.
        earlier = [day for day in order_days(settings.data_dir) if day <= now.day]
        self.exchange = Exchange(self.market, settings, earlier[-1] if earlier else now.day)
        self.sessions = Sessions(settings, JsonLines(settings.data_dir / "sessions.jsonl", fsync=settings.fsync), now)
        self.faults = Faults(settings.seed)
        self.limiter = RateLimiter(settings.orders_per_s_max, settings.orders_per_min_max)
        self.request_limiter = RateLimiter(settings.requests_per_s_max, settings.requests_per_min_max)
        self.speller = Speller(settings.user_id, blank_rejreason=settings.blank_rejreason)
        self.requests: Counter[str] = Counter()
        self.arrivals: list[Arrival] = []
        self._wakes_at: float | None = None
        self._is_open = True
        self._ledger = self._open_ledger()
        self._replay()

    def moment(self) -> Moment:
        """Read the clock, and turn the page when a new trading day has begun."""
        now = self.clock.moment()
        if self.catalogue.roll(now.at):
            self.market.relist(now.at)
        if now.day > self.exchange.day:
            self._turn_the_page(now)
        return now

    def step(self) -> None:
        """Move the market once, let it open and cut off as its hours say, and match what is working against it."""
        now = self.moment()
        self.market.step(now.at)
        self.exchange.open_market(now)
        if self.settings.exchange_hours and now.at.time() >= SQUARE_OFF:
            self.exchange.square_off(now)
        self.exchange.match(now)
        self.catch_up(now)

    def log_in(self, moment: Moment) -> str:
        """Open a session; where only one may live, earlier ones end and their connections are closed."""
        token = self.sessions.open(moment)
        if self.settings.single_session:
            self.evict()
        return token

    def convert(self, instrument: Instrument, product: str, to: str, quantity: int) -> None:
        """Move today's quantity, signed, from one product to another, as a phone may."""
        self._ledger.append(conversion_record(instrument, product, to, quantity))
        self._ledger.commit()
        self.exchange.positions.convert(instrument, product, to, quantity)

    def retune(self, settings: PaperSettings) -> None:
        """Go on by other settings: money, margin, delivery and limits; the rest is read at the start alone."""
        if _limits_of(settings) != _limits_of(self.settings):
            self.limiter = RateLimiter(settings.orders_per_s_max, settings.orders_per_min_max)
            self.request_limiter = RateLimiter(settings.requests_per_s_max, settings.requests_per_min_max)
        self.settings = self.exchange.settings = settings

    def hold(self, instrument: Instrument, quantity: int, price: Decimal) -> None:
        """Put shares into the demat account, in the place of those that lie there."""
        position = Position(instrument, DELIVERY, quantity, price)
        self._ledger.append(carry_record(position))
        self._ledger.commit()
        self.exchange.positions.carry(instrument, DELIVERY, quantity, price)

    def revise(self, revision: Revision, moment: Moment) -> None:
        """Change an instrument, from now or from a later day on."""
        self._revised.append(revision.record())
        self._revised.commit()
        self.revisions.add(revision)
        self.catalogue.relist(moment.at)
        self.market.relist(moment.at)

    def on_the_wire(self, key: str, moment: Moment) -> Instrument | None:
        """Return what callers may ask for: neither expired before today, nor known under another token by now."""
        found = self.catalogue.by_key(key)
        if found is None or not found.lives_on(moment.day) or self.revisions.key_on(key, moment.day) != key:
            return None
        return found

    def all_orders(self) -> list[Order]:
        """Return the orders of every day on disk, those of today as they stand."""
        found: dict[str, Order] = {}
        for day in order_days(self.settings.data_dir):
            if day != self.exchange.day:
                for record in records_of(order_file(self.settings.data_dir, day)):
                    if event := self._restore(record, found):
                        found[record["number"]].events.append(event)
        return list((found | self.exchange.orders).values())

    def catch_up(self, now: Moment) -> None:
        """Do what is due, make what happened durable, and then publish it."""
        self.exchange.advance(now)
        changes = self.exchange.take_changes()
        for change in changes:
            if change.is_first:
                self._ledger.append(terms_record(change.order.terms))
            self._ledger.append(event_record(change.order.terms.number, change.event))
        self._ledger.commit()
        if changes:
            self.publish(changes)
        self._wake(now)

    def later(self, delay_s: float, what: Callable[[], object]) -> None:
        """Do `what` after so many seconds, unless the files are closed by then."""

        def do() -> None:
            if self._is_open:
                what()

        self._call_later(delay_s, do)

    def close(self) -> None:
        """Let go of the files; whatever was to happen later happens no more."""
        self._is_open = False
        self._ledger.close()
        self._revised.close()
        self.sessions.end()

    def _wake(self, now: Moment) -> None:
        due = self.exchange.next_due
        if due is None or (self._wakes_at is not None and self._wakes_at <= due):
            return
        self._wakes_at = due
        self.later(max(0.0, due - now.monotonic), self._woken)

    def _woken(self) -> None:
        self._wakes_at = None
        self.catch_up(self.moment())

    def _open_ledger(self) -> JsonLines:
        return JsonLines(order_file(self.settings.data_dir, self.exchange.day), fsync=self.settings.fsync)

    def _turn_the_page(self, now: Moment) -> None:
        """End the day in its own file, and begin the new one with what is carried into it."""
        evening = replace(now, at=datetime.combine(self.exchange.day, CLOSES, IST))
        self.exchange.end_day(evening)
        self.catch_up(evening)
        self._ledger.close()
        before = self.exchange.day
        self._reprice(before, now)
        carried, waiting = self.exchange.begin_day(
            now.day, lambda one: self.revisions.heir(self.catalogue, one, before, now.day)
        )
        self.speller.forget()
        self._ledger = self._open_ledger()
        for position in carried:
            self._ledger.append(carry_record(position))
        for order in waiting:
            self._ledger.append(terms_record(order.terms))
            for event in order.events:
                self._ledger.append(event_record(order.terms.number, event))
        self._ledger.commit()

    def _reprice(self, before: date, now: Moment) -> None:
        """Take prices along to the names and units that instruments have since `before`."""
        for one in self.revisions.between(before, now.day):
            self.market.rename(one.key, one.new_key)
            instrument = self.catalogue.by_key(one.new_key)
            if one.ratio != 1 and instrument is not None:
                self.market.split(instrument, one.ratio, now.at)

    def _replay(self) -> None:
        orders: dict[str, Order] = {}
        for record in self._ledger.read():
            match record["kind"]:
                case "carry":
                    if instrument := self._instrument(record):
                        price = Decimal(record["price"])
                        self.exchange.positions.carry(instrument, record["product"], record["quantity"], price)
                case "convert":
                    if instrument := self._instrument(record):
                        message = record["product"], record["to"], record["quantity"]
                        self.exchange.positions.convert(instrument, *message)
                case _:
                    if event := self._restore(record, orders):
                        order = orders[record["number"]]
                        if not order.events:
                            self.exchange.restore(order)
                        self.exchange.replay(order, event)

    def _restore(self, record: Mapping[str, Any], orders: dict[str, Order]) -> Event | None:
        """Take an order's terms from a line, or return the event that the line tells of one."""
        if record["kind"] == "order" and (instrument := self._instrument(record)):
            orders[record["number"]] = order_from(record, instrument)
        return event_from(record) if record["kind"] == "event" and record["number"] in orders else None

    def _instrument(self, record: Mapping[str, Any]) -> Instrument | None:
        exchange, _, token = record["instrument"].partition("|")
        instrument = self.catalogue.by_token(exchange, token)
        if instrument is None:
            _log.warning("%s is not known today, and a line about it is passed over", record["instrument"])
        return instrument


def _limits_of(settings: PaperSettings) -> tuple[int | None, ...]:
    return (
        settings.orders_per_s_max,
        settings.orders_per_min_max,
        settings.requests_per_s_max,
        settings.requests_per_min_max,
    )
