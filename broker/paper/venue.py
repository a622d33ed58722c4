"""The rooms of the paper broker put together: what is decided is written down, then published, then answered."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from broker.paper.clock import Clock, Moment
from broker.paper.exchange import Exchange
from broker.paper.faults import Faults
from broker.paper.instruments import Catalogue
from broker.paper.ledger import JsonLines, event_from, event_record, order_file, order_from, terms_record
from broker.paper.limiter import RateLimiter
from broker.paper.market import Market
from broker.paper.orders import Change, Order
from broker.paper.rows import Speller
from broker.paper.sessions import Sessions
from broker.paper.settings import PaperSettings

_log: Final = logging.getLogger(__name__)

CallLater: TypeAlias = Callable[[float, Callable[[], None]], object]
Publish: TypeAlias = Callable[[list[Change]], None]


@dataclass(frozen=True, slots=True)
class Arrival:
    """The bytes of one PlaceOrder that arrived, whatever became of them."""

    monotonic: float
    wall: float
    remarks: str | None


class Venue:
    """Owns exchange, market, sessions, faults and the ledgers, and the order in which they are asked.

    `call_later` wakes it when something is due; `publish` is told of changes that are on disk.
    """

    def __init__(self, settings: PaperSettings, clock: Clock, call_later: CallLater) -> None:
        self.settings = settings
        self._clock = clock
        self._call_later = call_later
        self.publish: Publish = lambda _: None
        now = clock.moment()
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.catalogue = Catalogue(now.at)
        self.market = Market(self.catalogue, settings.seed, now.at)
        self.exchange = Exchange(self.market, settings, now)
        self.sessions = Sessions(settings, JsonLines(settings.data_dir / "sessions.jsonl", fsync=settings.fsync))
        self.faults = Faults(settings.seed)
        self.limiter = RateLimiter(settings.orders_per_s_max, settings.orders_per_min_max)
        self.speller = Speller(settings.user_id, blank_rejreason=settings.blank_rejreason)
        self.requests: Counter[str] = Counter()
        self.arrivals: list[Arrival] = []
        self._wakes_at: float | None = None
        self._ledger = self._open_ledger(now)
        self._replay()

    def moment(self) -> Moment:
        """Read the clock, and turn the page when a new trading day has begun."""
        now = self._clock.moment()
        if now.day != self.exchange.day:
            self._ledger.close()
            self.exchange.roll(now)
            self.speller.forget()
            self._ledger = self._open_ledger(now)
        self.catalogue.roll(now.at)
        return now

    def step(self) -> None:
        """Move the market once, and match what is working against it."""
        now = self.moment()
        self.market.step(now.at)
        self.exchange.match(now)
        self.settle(now)

    def settle(self, now: Moment) -> None:
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

    def close(self) -> None:
        """Let go of the files."""
        self._ledger.close()
        self.sessions.end()

    def _wake(self, now: Moment) -> None:
        due = self.exchange.next_due
        if due is None or (self._wakes_at is not None and self._wakes_at <= due):
            return
        self._wakes_at = due
        self._call_later(max(0.0, due - now.monotonic), self._woken)

    def _woken(self) -> None:
        self._wakes_at = None
        self.settle(self.moment())

    def _open_ledger(self, now: Moment) -> JsonLines:
        return JsonLines(order_file(self.settings.data_dir, now.day), fsync=self.settings.fsync)

    def _replay(self) -> None:
        orders: dict[str, Order] = {}
        for record in self._ledger.read():
            if record["kind"] == "order":
                exchange, _, token = record["instrument"].partition("|")
                instrument = self.catalogue.by_token(exchange, token)
                if instrument is None:
                    _log.warning("order %s is of an instrument that is not known today", record["number"])
                    continue
                orders[record["number"]] = order_from(record, instrument)
            elif (order := orders.get(record["number"])) is not None:
                if not order.events:
                    self.exchange.restore(order)
                self.exchange.replay(order, event_from(record))
