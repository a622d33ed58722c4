"""The way to the exchange and back: the broker's port with every trouble a network and a back office have.

What the ledger holds is the truth; what a request brings back may be late, lost, stale or in words nobody knows. A
request under way takes virtual time, and everybody else goes on meanwhile.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import Any, Final

from broker.feed.held_updates import HeldUpdates
from domain.broker.reply_types import (
    Accepted,
    ChangeReply,
    InstrumentReply,
    LoggedIn,
    LoginFailed,
    LoginReply,
    PlaceReply,
    PriceReply,
    Refused,
    Unavailable,
    Unknown,
    UnknownInstrument,
)
from domain.broker.snapshots import (
    PRODUCT_LETTERS,
    Book,
    BrokerStatus,
    OrderRow,
    OrderUpdate,
    PositionRow,
    Tick,
    TradeRow,
)
from domain.market.instrument import Instrument
from domain.orders.change import Change
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange
from domain.ports import Clock
from tests.simulation.exchange import Ledger
from tests.simulation.prices import Sayings, without_band
from tests.simulation.scheduler import Scheduler

QUOTA_WORDS: Final = "Order Recieved 11 exceeds 10 per second"
"""The broker's sentence on any route, reads included, when its quota of calls is used up."""
PAUSE_S: Final = 2.0
"""A desk that asks for no book for so long does not look."""
WAIT_S_MIN: Final = 0.001
"""The feed's thread is woken late rather than early."""
QUOTE_LATE_S_MAX: Final = 1.5
TIMEOUT_S: Final = 3.0
"""The longest that a request may take here; the desk's own deadline, shortened with its other bounds."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """Shares of requests, or of updates, that meet each trouble; seconds where so named."""

    reply_lost: float = 0.0
    request_lost: float = 0.0
    arrives_late: float = 0.0
    late_s_max: float = 4.0
    never_left: float = 0.0
    refused: float = 0.0
    rate_refused: float = 0.0
    session_dies: float = 0.0
    login_fails: float = 0.0
    book_unavailable: float = 0.0
    strange_words: float = 0.0
    update_lost: float = 0.0
    update_doubled: float = 0.0
    update_late_s: float = 0.05
    slow: float = 0.0
    flight_s_max: float = 0.02
    quote_fails: float = 0.0
    quote_late: float = 0.0
    """Quotes that the broker reads at once, and that are long on their way: ticks that are younger overtake them."""
    look_up_fails: float = 0.0
    read_refused: float = 0.0
    """Reads of any kind that the broker refuses for its quota of calls."""
    tick_wrong: float = 0.0
    quote_wrong: float = 0.0
    row_wrong: float = 0.0
    """Prices that nobody could have traded at: in ticks, quotes, and the rows of the position book."""
    row_bare: float = 0.0
    """Rows of the position book without a last price."""
    tick_errs: float = 0.0
    """Ticks that are wrong inside the band, of those that come while the feed errs (`Story.feed_errs`)."""
    stranger: float = 0.0
    """Ticks and quotes that are another instrument's."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The broker's session, as the feed needs it: not at all."""

    account_id: str = "FA1"


class Gateway:
    """Owns the session and the feed's state; answers the desk's only broker actor."""

    def __init__(self, scheduler: Scheduler, ledger: Ledger, seed: int, troubles: Troubles) -> None:
        self._scheduler = scheduler
        self._ledger = ledger
        self._chance = random.Random(f"{seed} network")  # noqa: S311  a seed has to bring the same again
        self.troubles = troubles
        self.quiet = False
        self.clock: Clock = scheduler.clock
        self.session: Any = None
        self.needs_login = True
        self._alive = False
        self.feed_up = False
        self.sends = 0
        self.lose_reply_of: int | None = None
        self.on_send: Callable[[Order, str], None] = lambda _, __: None
        self.on_arrival: Callable[[Order], None] = lambda _: None
        self.on_request: Callable[[], None] = lambda: None
        self.on_order_book: Callable[[], None] = lambda: None
        self.on_reply: Callable[[Order, str, PlaceReply], None] = lambda _, __, ___: None
        self.missing: frozenset[str] = frozenset()
        """What can't be had now, of those that `Story.missing` names."""
        self.sayings = Sayings(ledger, random.Random(f"{seed} sayings"), self._meets)  # noqa: S311  as above
        self.under_way: set[str] = set()
        self.met: dict[str, int] = {}
        self.hides_until_s = -1.0
        self.shows_rows = 0
        self.dark_until_s = -1.0
        self.read_from_s = 0.0
        """Since when each book that was asked for could be read, and the desk has asked for them without a pause."""
        self._asked_s = 0.0

    # one request

    def _meets(self, trouble: str) -> bool:
        """Say whether this request meets the trouble."""
        share = getattr(self.troubles, trouble)
        if not share or self.quiet or self._chance.random() >= share:
            return False
        self.met[trouble] = self.met.get(trouble, 0) + 1
        return True

    def _fly(self) -> None:
        """Be under way: everybody else goes on."""
        slow = 40 if self._meets("slow") else 1
        longest = self.troubles.flight_s_max * slow
        self._scheduler.run_until(self._scheduler.clock.seconds + self._chance.random() * min(longest, TIMEOUT_S))

    def _time_out(self, cause: str) -> Unknown:
        self._scheduler.run_until(self._scheduler.clock.seconds + TIMEOUT_S)
        return Unknown(cause)

    def _ask(self, order: Order, what: str, arrive: Callable[[], Accepted | Refused]) -> PlaceReply:
        """Ask the exchange once."""
        if self._meets("never_left"):
            return Refused(Reason.BROKER_UNREACHABLE, "connection refused")
        self.sends += 1
        number = self.sends
        self.on_send(order, what)
        self._scheduler.effect("broker send")
        self._fly()
        if not self._alive or self._meets("session_dies"):
            self._alive = False
            self.needs_login = True
            expired = Refused(Reason.SESSION_EXPIRED, "Session Expired :  Invalid Session Key")
            return self._answered(order, what, expired)
        if self._meets("rate_refused"):
            return self._answered(order, what, Refused(Reason.BROKER_RATE_LIMITED, "too many requests"))
        if self._meets("request_lost"):
            return self._time_out("no answer")
        if self._meets("arrives_late"):
            delay = self._chance.random() * self.troubles.late_s_max
            self.under_way.add(order.remarks_tag)
            self._scheduler.after(delay, lambda: self._arrive_late(order, what, arrive))
            return self._time_out("no answer")
        reply = self._arrive(order, what, arrive)
        self._scheduler.effect("broker takes")
        if number == self.lose_reply_of or self._meets("reply_lost"):
            return self._time_out("connection reset") if self._chance.random() < 0.5 else Unknown("empty body")
        self._fly()
        return self._answered(order, what, reply)

    def _arrive_late(self, order: Order, what: str, arrive: Callable[[], Accepted | Refused]) -> None:
        self.under_way.discard(order.remarks_tag)
        self._arrive(order, what, arrive, late=True)

    def _arrive(
        self, order: Order, what: str, arrive: Callable[[], Accepted | Refused], *, late: bool = False
    ) -> Accepted | Refused:
        if not late:
            # What the network held back comes when it comes: nobody can keep a rate for it.
            self.on_request()
        if what == "place":
            self.on_arrival(order)
        return arrive()

    def _answered(self, order: Order, what: str, reply: Accepted | Refused) -> Accepted | Refused:
        self.on_reply(order, what, reply)
        self._scheduler.effect("broker reply")
        return reply

    # the port

    def log_in(self) -> LoginReply:
        self._scheduler.effect("login")
        self._fly()
        if self._meets("login_fails"):
            return LoginFailed("the broker does not answer", final=False)
        self.session, self.needs_login, self._alive = OpenSession(), False, True
        return LoggedIn("FA1")

    def place(self, order: Order) -> PlaceReply:
        return self._ask(order, "place", lambda: self._take(order))

    def _take(self, order: Order) -> Accepted | Refused:
        if self._meets("refused"):
            return Refused(Reason.BROKER_REFUSED, "RMS:Margin Exceeds")
        command = order.command
        assert order.limit_price is not None, "everything goes as a limit"
        key = (command.exchange.value, command.symbol, PRODUCT_LETTERS[command.product])
        now_s = self._scheduler.clock.seconds
        objection = self._ledger.back_office.objection(key, command.side, order.quantity, now_s)
        if objection:
            self.met["back office"] = self.met.get("back office", 0) + 1
            return Refused(Reason.BROKER_REFUSED, objection)
        placed = self._ledger.place(
            key,
            command.side,
            order.quantity,
            order.limit_price,
            order.wire_trigger_price,
            order.remarks_tag,
        )
        return Accepted(placed.number)

    def cancel(self, order: Order) -> ChangeReply:
        def arrive() -> Accepted | Refused:
            refused = self._ledger.cancel(order.broker_order_id or "")
            return Refused(Reason.CHANGE_REFUSED, refused) if refused else Accepted(order.broker_order_id or "")

        return self._ask(order, "cancel", arrive)

    def modify(self, order: Order, change: Change) -> ChangeReply:
        def arrive() -> Accepted | Refused:
            price = change.limit_price or order.limit_price or Decimal(0)
            refused = self._ledger.modify(
                order.broker_order_id or "", change.quantity or order.quantity, price, change.trigger_price
            )
            return Refused(Reason.CHANGE_REFUSED, refused) if refused else Accepted(order.broker_order_id or "")

        return self._ask(order, "modify", arrive)

    def order_book(self) -> Book[OrderRow] | Unavailable:
        book: Book[OrderRow] | Unavailable = self._book("order book", self._ledger.order_rows, shrinks=True)
        return book

    def trade_book(self) -> Book[TradeRow] | Unavailable:
        book: Book[TradeRow] | Unavailable = self._book("trade book", self._ledger.trade_rows)
        return book

    def position_book(self) -> Book[PositionRow] | Unavailable:
        bare = "tick and lot" in self.missing and not self.quiet
        book: Book[PositionRow] | Unavailable = self._book(
            "position row",
            lambda: self.sayings.rows(self._ledger.position_rows(), self._scheduler.clock.seconds, bare=bare),
        )
        if isinstance(book, Book):
            self.sayings.note_rows(book.rows)
        return book

    @property
    def takes_orders(self) -> bool:
        """Say whether an order that is sent now meets a session."""
        return self._alive

    def _is_out(self, *routes: str) -> str:
        """Return why a read is refused now, where it is: all of its routes, or the quota of calls."""
        if self.quiet:
            return ""
        if "quota" in self.missing or self._meets("read_refused"):
            return QUOTA_WORDS
        out = [one for one in routes if one in self.missing]
        return f"HTTP 502: no {out[0]}" if out else ""

    def _book(
        self,
        route: str,
        read: Callable[[], tuple[Any, ...]],
        *,
        shrinks: bool = False,
    ) -> Any:  # noqa: ANN401  any of three
        """Return a book, and note since when all could be read."""
        now_s, pause_s = self._scheduler.clock.seconds, self._scheduler.clock.seconds - self._asked_s
        hides = shrinks and now_s < self.hides_until_s and not self.quiet
        book = self._read_book(route, read, shrinks=shrinks)
        self._asked_s = self._scheduler.clock.seconds
        if isinstance(book, Unavailable) or hides or pause_s > PAUSE_S:
            self.read_from_s = self._asked_s
        return book

    def _read_book(self, route: str, read: Callable[[], tuple[Any, ...]], *, shrinks: bool) -> Any:  # noqa: ANN401  as above
        asked_at, asked_s = self.clock.now(), self.clock.monotonic()
        self._fly()
        if not self._alive or self._meets("session_dies"):
            self._alive = False
            self.needs_login = True
            return Unavailable("Session Expired", asked_at)
        is_dark = self._scheduler.clock.seconds < self.dark_until_s and not self.quiet
        if is_dark or self._meets("book_unavailable"):
            return Unavailable("HTTP 502: not the shape that was asked for", asked_at)
        out = self._is_out(route)
        if out:
            return Unavailable(out, asked_at)
        rows = read()
        if shrinks and self._scheduler.clock.seconds < self.hides_until_s and not self.quiet:
            rows = rows[: self.shows_rows]
        if shrinks and rows and self._meets("strange_words"):
            odd = self._chance.randrange(len(rows))
            strange = replace(rows[odd], status=BrokerStatus.UNKNOWN, status_text="AFTER_THOUGHT")
            rows = (*rows[:odd], strange, *rows[odd + 1 :])
        if self._meets("slow"):
            # Read by the broker, then long on its way: what it shows is old when it comes.
            self._fly()
        if shrinks:
            self.on_order_book()
        return Book(rows, asked_at, asked_s)

    def find_instrument(self, exchange: Exchange, symbol: str) -> InstrumentReply:
        asked_at = self.clock.now()
        self._fly()
        if not self._alive or self._meets("book_unavailable"):
            return Unavailable("HTTP 502", asked_at)
        out = self._is_out("instrument", "tick and lot")
        if out or self._meets("look_up_fails"):
            return Unavailable(out or "HTTP 502", asked_at)
        found = self._ledger.contracts.today.get((exchange.value, symbol))
        if found is None:
            return UnknownInstrument(exchange, symbol)
        return without_band(found) if "band" in self.missing and not self.quiet else found

    def last_price(self, instrument: Instrument) -> PriceReply:
        asked_at = self.clock.now()
        self._fly()
        if not self._alive or self._meets("book_unavailable"):
            return Unavailable("HTTP 502", asked_at)
        out = self._is_out("quote")
        place = (instrument.exchange.value, instrument.symbol)
        if out or self._meets("quote_fails") or place not in self._ledger.prices:
            return Unavailable(out or "HTTP 502", asked_at)
        read_s = self._scheduler.clock.seconds
        quote = self.sayings.tick(*place, asked_at, "quote_wrong")
        if self._meets("quote_late"):
            self._scheduler.run_until(read_s + self._chance.random() * QUOTE_LATE_S_MAX)
        self.sayings.note(quote, read_s)
        return quote

    def close(self) -> None:
        pass

    def lose_session(self) -> None:
        """Somebody logs in elsewhere: this session is over, and nobody says so."""
        self._alive = False


@dataclass(slots=True)
class Push:
    """The feed: what the exchange says, to whoever listens now."""

    scheduler: Scheduler
    gateway: Gateway
    chance: random.Random
    hear: Callable[[tuple[OrderUpdate, ...]], None] = lambda _: None
    hear_tick: Callable[[Tick], None] = lambda _: None
    hear_state: Callable[[bool, str], None] = lambda _, __: None
    up: bool = False
    watched: list[Instrument] = field(default_factory=list)
    held: HeldUpdates = field(default_factory=HeldUpdates)

    def start(self, session: object) -> None:
        """The desk has a session: come up a little later."""
        del session
        self.scheduler.after(0.01, self._come_up)

    def _come_up(self) -> None:
        if not self.up:
            self.up = True
            self.hear_state(True, "connected")  # noqa: FBT003  the feed's own shape

    def fall(self, seconds: float) -> None:
        if self.up:
            self.up = False
            self._tell(self.held.take())
            self.hear_state(False, "connection lost")  # noqa: FBT003  as above
            self.scheduler.after(seconds, self._come_up)

    def watch(self, instrument: Instrument) -> None:
        self.watched.append(instrument)

    def stop(self) -> None:
        self.up = False
        self.hear, self.hear_tick, self.hear_state = lambda _: None, lambda _: None, lambda _, __: None
        self.watched.clear()
        self.held = HeldUpdates()

    def bring(self, update: OrderUpdate) -> None:
        """Bring an update: once, twice, late, or never."""
        troubles, gateway = self.gateway.troubles, self.gateway
        times = 0 if gateway._meets("update_lost") else 2 if gateway._meets("update_doubled") else 1
        for _ in range(times):
            self.scheduler.after(self.chance.random() * troubles.update_late_s, lambda: self._deliver(update))

    def _deliver(self, update: OrderUpdate) -> None:
        if self.up:
            self.held.hold(replace(update, seen_at=self.gateway.clock.now()), self.scheduler.clock.seconds)
            self._tell_due()

    def _tell_due(self) -> None:
        """Tell what has waited for more, as the feed's thread does; the rest when it is due."""
        self._tell(self.held.take_due(self.scheduler.clock.seconds))
        wait_s = self.held.wait_s(inf, self.scheduler.clock.seconds)
        if wait_s < inf:
            self.scheduler.after(max(wait_s, WAIT_S_MIN), self._tell_due)

    def _tell(self, updates: tuple[OrderUpdate, ...]) -> None:
        if updates:
            self.hear(updates)

    def tick(self, exchange: str, symbol: str, at: datetime) -> None:
        """Bring the price of what is watched, if the feed is up and not silent."""
        silent = "tick" in self.gateway.missing and not self.gateway.quiet
        if self.up and not silent and any(one.symbol == symbol for one in self.watched):
            now_s, sayings = self.scheduler.clock.seconds, self.gateway.sayings
            tick = sayings.erring(sayings.tick(exchange, symbol, at, "tick_wrong"), now_s)
            sayings.note(tick, now_s)
            self.hear_tick(tick)
