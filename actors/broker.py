"""Step 4: owns the only broker session; the single touchpoint.

One request at a time, each with a deadline. Requests wait in lanes: exits and cancels leave first, then books are read
and entries sent, in turns where both wait: a slow broker would keep the desk reading for ever. The worst wait of an
exit is the one request in flight. After every request the mailbox is read to its end before the next one leaves, so a
new exit never stands behind waiting entries.

A session that is seen dead, in whatever reply, is opened again at a bounded pace. While there is none nothing is sent:
what waits is refused, which is true, as not a byte of it left.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, assert_never

from loguru import logger

from actors.messages.books import OrderBookRead, PositionsRead, TradeBookRead
from actors.messages.broker import (
    BrokerAnswered,
    BrokerState,
    ChangeAtBroker,
    FindBrokerState,
    InstrumentRead,
    LogIn,
    LookUpTag,
    PlaceOrder,
    PositionBookRead,
    PriceRead,
    ReadInstrument,
    ReadOrderBook,
    ReadPositionBook,
    ReadPositions,
    ReadPrice,
    ReadTradeBook,
    SendNextRequest,
    SessionChanged,
    TagLookedUp,
)
from actors.messages.inboxes import BrokerInbox
from actors.messages.risk import TradingStateChanged
from actors.runtime.actor import DeskActor
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from broker.port import Broker, Session
from domain.broker.addresses import names_an_address
from domain.broker.reply_types import Accepted, LoggedIn, LoginReply, PlaceReply, Refused, Unavailable
from domain.broker.session import LoginPace, SessionState
from domain.broker.snapshots import Book, OrderRow
from domain.orders.change import ChangeKind
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Intent
from domain.risk.rate import OrderRate
from domain.settings import BrokerSettings

Reading: TypeAlias = (
    LogIn | ReadInstrument | ReadPrice | ReadOrderBook | ReadTradeBook | ReadPositions | ReadPositionBook | LookUpTag
)
LOOK_UPS: Final = (ReadInstrument, ReadPrice)
Sending: TypeAlias = PlaceOrder | ChangeAtBroker
Waiting: TypeAlias = tuple[float, Sending]


class SessionFeed(Protocol):
    """What brings ticks and needs the session for it."""

    def start(self, session: Session) -> None:
        """Begin, or go on, with this session."""


class OrderWire(Protocol):
    """Where it is noted that an order's request is about to be made."""

    def hand_over(self, remarks_tag: str) -> bool:
        """Note it; return False where the next start could take the order for one that never left."""

    def close(self) -> None:
        """Note no more: the last request was made."""


class _NoWire:
    """Notes nothing, so that nothing is ever proved by it."""

    def hand_over(self, remarks_tag: str) -> bool:
        """Note nothing."""
        del remarks_tag
        return True

    def close(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Lanes:
    """What waits to be sent; orders and changes with the monotonic second they came in."""

    exits: deque[Waiting] = field(default_factory=deque)
    reading: deque[Reading] = field(default_factory=deque)
    entries: deque[Waiting] = field(default_factory=deque)

    def of(self, message: Sending) -> deque[Waiting]:
        """Return the lane in which this waits: a cancel goes with the exits, as it can only reduce what may trade."""
        is_cancel = isinstance(message, ChangeAtBroker) and message.change.kind is ChangeKind.CANCEL
        return self.exits if is_cancel or message.order.command.intent is Intent.EXIT else self.entries

    def __len__(self) -> int:
        return len(self.exits) + len(self.reading) + len(self.entries)


class BrokerActor(DeskActor):
    """Owns the broker's session, the lanes, and the rate ceiling at the wire.

    `sent_s_ago` says how many seconds ago an earlier process may have used up a second's requests; None: not today.
    """

    def __init__(
        self,
        *,
        mail: Mailboxes,
        runtime: Runtime,
        broker: Broker,
        feed: SessionFeed,
        settings: BrokerSettings,
        sent_s_ago: float | None = None,
        wire: OrderWire | None = None,
    ) -> None:
        super().__init__(mail.supervisor)
        self._command = mail.command
        self._watcher = mail.watcher
        self._market = mail.market
        self._broker = broker
        self._feed = feed
        self._wire = wire or _NoWire()
        self._settings = settings
        self._clock = runtime.clock
        self._timer = runtime.timer
        self._lanes = Lanes()
        self._entries_stopped: Reason | None = None
        self._rate = OrderRate(
            settings.orders_per_second_max,
            settings.orders_reserved_for_exits,
            sent_at=None if sent_s_ago is None else runtime.clock.monotonic() - sent_s_ago,
        )
        self._serving = False
        self._entry_was_passed = False
        self._looked_up = False
        self._wake_at = 0.0
        self._session, self._session_message = SessionState.LOGGED_OUT, "not logged in"
        self._pace = LoginPace()
        self._asked_again: set[tuple[str, str]] = set()
        self._tag_orders: dict[str, Book[OrderRow] | Unavailable] = {}
        self._placed = 0
        self._address_refused = ""
        self._idle_s = 0.0
        self._idle_since: float | None = runtime.clock.monotonic()

    def on_stop(self) -> None:
        """Say of every waiting order that it was not sent; let go of the connection but not of the session."""
        for _, message in (*self._lanes.exits, *self._lanes.entries):
            self._answer(message, Refused(Reason.DESK_STOPPING, "the desk stopped before the order's turn came"))
        self._broker.close()
        self._wire.close()

    def on_receive(self, message: BrokerInbox) -> BrokerState | None:
        """Queue the request in its lane, or serve the next one."""
        if self._idle_since is not None:
            self._idle_s += self._clock.monotonic() - self._idle_since
            self._idle_since = None
        match message:
            case PlaceOrder() | ChangeAtBroker():
                self._lanes.of(message).append((self._clock.monotonic(), message))
                self._stop_entries()
            case TradingStateChanged():
                self._entries_stopped = message.state.objection_to_entries
                self._stop_entries()
            case LogIn():
                if message.by_hand:
                    self._pace = LoginPace()
                self._lanes.reading.appendleft(message)
            case (
                ReadInstrument()
                | ReadPrice()
                | ReadOrderBook()
                | ReadTradeBook()
                | ReadPositions()
                | ReadPositionBook()
            ):
                self._lanes.reading.append(message)
            case LookUpTag():
                self._lanes.reading.appendleft(message)
            case SendNextRequest():
                # A wait that is over serves nothing itself: an exit in the mailbox would stand behind two requests.
                if not message.woken:
                    self._serving = False
                    self._serve()
            case FindBrokerState():
                return self._state()
            case _:
                assert_never(message)
        self._continue()
        return None

    def _stop_entries(self) -> None:
        """Refuse what waits in the lane of entries while these are stopped: not a byte of it has left."""
        if self._entries_stopped is None:
            return
        waiting, self._lanes.entries = self._lanes.entries, deque()
        for _, message in waiting:
            text = "entries were stopped before its turn came; nothing was sent"
            self._answer(message, Refused(self._entries_stopped, text))

    def _continue(self) -> None:
        """See to it that the next request is served after the mailbox has been read up to here."""
        if not len(self._lanes):
            self._idle_since = self._clock.monotonic()
            return
        if self._serving:
            return
        wait_s = self._wait_s()
        if wait_s <= 0:
            self._serving = True
            self.actor_ref.tell(SendNextRequest())
            return
        self._idle_since = self._clock.monotonic()
        if self._idle_since + wait_s < self._wake_at or self._wake_at <= self._idle_since:
            self._wake_at = self._idle_since + wait_s
            self._timer.tell_after(wait_s, self.actor_ref, SendNextRequest(woken=True))

    def _wait_s(self) -> float:
        """Return how long until any waiting request may leave."""
        if self._lanes.reading:
            return 0.0
        now = self._clock.monotonic()
        waits = []
        if self._lanes.exits:
            waits.append(self._rate.wait_s(now, is_exit=True))
        if self._lanes.entries:
            waits.append(self._rate.wait_s(now, is_exit=False))
        return min(waits, default=0.0)

    def _serve(self) -> None:
        """Send the one request whose turn it is."""
        now = self._clock.monotonic()
        if self._lanes.exits and self._rate.wait_s(now, is_exit=True) <= 0:
            self._send(*self._lanes.exits.popleft())
        elif self._lanes.reading and not (self._entry_was_passed and self._has_entry_for(now)):
            self._entry_was_passed = self._has_entry_for(now)
            self._read(self._next_reading())
            self._mind_the_session()
        elif self._has_entry_for(now):
            self._entry_was_passed = False
            self._serve_entry(now)

    def _next_reading(self) -> Reading:
        """Return what is read next: after a look-up a book, where one waits.

        Look-ups that hang, one of each symbol, would keep the books away that tell how a way out stands.
        """
        reading = self._lanes.reading
        others = (at for at, one in enumerate(reading) if not isinstance(one, LOOK_UPS))
        place = next(others, 0) if self._looked_up else 0
        message = reading[place]
        del reading[place]
        self._looked_up = isinstance(message, LOOK_UPS)
        return message

    def _has_entry_for(self, now: float) -> bool:
        """Say whether the first entry may leave now, or has waited for too long."""
        if not self._lanes.entries:
            return False
        came_at, _ = self._lanes.entries[0]
        return now - came_at > self._settings.rate_wait_s_max or self._rate.wait_s(now, is_exit=False) <= 0

    def _serve_entry(self, now: float) -> None:
        came_at, message = self._lanes.entries.popleft()
        waited_s = now - came_at
        if waited_s > self._settings.rate_wait_s_max:
            text = f"waited {waited_s:.1f} s for its turn (broker.rate_wait_s_max)"
            self._answer(message, Refused(Reason.RATE_LIMITED, text))
        else:
            self._send(came_at, message)

    def _send(self, came_at: float, message: Sending) -> None:
        """Ask the broker once. Only a proof that the session was dead, so nothing was taken, allows a second asking."""
        if self._broker.needs_login:
            # A login is a request of its own: who comes in during it and wants out goes before what asked for it.
            if self._is_back(message):
                self._lanes.of(message).appendleft((came_at, message))
            else:
                text = f"no session at the broker ({self._session_message}); nothing was sent"
                self._answer(message, Refused(Reason.SESSION_EXPIRED, text))
            return
        waited_s = self._clock.monotonic() - came_at
        logger.debug("{} leaves after waiting {:.3f} s", message.order.command.command_id, waited_s)
        reply = self._ask_broker(message)
        self._rate.count(self._clock.monotonic())
        name = _name_of(message)
        expired = isinstance(reply, Refused) and reply.reason is Reason.SESSION_EXPIRED
        if expired and name not in self._asked_again and self._is_back(message):
            # Back to the head of its lane: the second asking keeps the rate ceiling as every request does.
            self._asked_again.add(name)
            self._lanes.of(message).appendleft((came_at, message))
            return
        self._asked_again.discard(name)
        if isinstance(reply, Accepted):
            self._address_refused = ""
        elif isinstance(reply, Refused) and names_an_address(reply.message):
            self._address_refused = reply.message
        self._answer(message, reply)

    def _ask_broker(self, message: Sending) -> PlaceReply:
        match message:
            case PlaceOrder():
                return self._place(message.order)
            case ChangeAtBroker():
                if message.change.kind is ChangeKind.CANCEL:
                    return self._broker.cancel(message.order)
                return self._broker.modify(message.order, message.change)
            case _:
                assert_never(message)

    def _place(self, order: Order) -> PlaceReply:
        """Make the request, noted beforehand; what can't be noted leaves only where it is a way out."""
        if not self._wire.hand_over(order.remarks_tag) and order.command.intent is not Intent.EXIT:
            message = "that it leaves could not be noted, and the note of before can't be removed; nothing was sent"
            return Refused(Reason.DATABASE_UNAVAILABLE, message)
        self._placed += 1
        return self._broker.place(order)

    def _answer(self, message: Sending, reply: PlaceReply) -> None:
        name = message.order.command.command_id
        match message:
            case PlaceOrder():
                post(self._command, BrokerAnswered(command_id=name, reply=reply))
            case ChangeAtBroker():
                post(self._command, BrokerAnswered(command_id=name, change=message.change, reply=reply))
            case _:
                assert_never(message)

    def _read(self, message: Reading) -> None:
        match message:
            case LogIn():
                if self._broker.needs_login:
                    self._log_in()
            case ReadInstrument():
                found = self._broker.find_instrument(message.exchange, message.symbol)
                post(self._market, InstrumentRead(exchange=message.exchange, symbol=message.symbol, reply=found))
            case ReadPrice():
                price = self._broker.last_price(message.instrument)
                post(self._market, PriceRead(instrument=message.instrument, reply=price))
            case ReadOrderBook():
                post(self._watcher, OrderBookRead(book=self._broker.order_book()))
            case ReadTradeBook():
                post(self._watcher, TradeBookRead(book=self._broker.trade_book()))
            case ReadPositions():
                post(self._watcher, PositionsRead(book=self._broker.position_book()))
            case ReadPositionBook():
                post(message.reply_to, PositionBookRead(book=self._broker.position_book()))
            case LookUpTag():
                self._look_up_tag(message)
            case _:
                assert_never(message)

    def _look_up_tag(self, message: LookUpTag) -> None:
        """Read the order book, and in a turn of its own the trade book: an exit stands behind one request at most."""
        name = message.command_id
        if name not in self._tag_orders:
            self._tag_orders[name] = self._broker.order_book()
            self._lanes.reading.appendleft(message)
            return
        orders, trades = self._tag_orders.pop(name), self._broker.trade_book()
        post(self._command, TagLookedUp(command_id=name, orders=orders, trades=trades))

    def _is_back(self, message: Sending) -> bool:
        """Say whether there is a session after all, opening one where that may be tried."""
        self._mark_expired()
        is_exit = self._lanes.of(message) is self._lanes.exits
        return self._pace.allows(self._clock.monotonic(), is_exit=is_exit) and isinstance(self._log_in(), LoggedIn)

    def _log_in(self) -> LoginReply:
        self._turn(SessionState.LOGGING_IN, "logging in")
        reply = self._broker.log_in()
        self._pace = self._pace.after(reply, self._clock.monotonic(), self._settings)
        if isinstance(reply, LoggedIn):
            self._turn(SessionState.LOGGED_IN, "logged in")
        elif self._pace.is_final:
            self._turn(SessionState.REFUSED, f"{reply.cause}; mend it, then say `login`")
        else:
            self._turn(SessionState.EXPIRED, reply.cause)
        if self._broker.session is not None and isinstance(reply, LoggedIn):
            self._feed.start(self._broker.session)
        return reply

    def _turn(self, state: SessionState, message: str) -> None:
        """Tell a new state of the session, once."""
        if (state, message) == (self._session, self._session_message):
            return
        self._session, self._session_message = state, message
        logger.log("CRITICAL" if state is SessionState.REFUSED else "INFO", "session: {} ({})", state, message)
        post(self._command, SessionChanged(state=state, message=message))

    def _mark_expired(self) -> None:
        if self._session is SessionState.LOGGED_IN:
            self._turn(SessionState.EXPIRED, "the broker says that the session is over")

    def _mind_the_session(self) -> None:
        """Open the session again when a reply has shown it dead, no oftener than the pace allows."""
        if self._broker.needs_login:
            self._mark_expired()
            if self._pace.allows(self._clock.monotonic()):
                self._lanes.reading.appendleft(LogIn())

    def _state(self) -> BrokerState:
        if not len(self._lanes):
            self._idle_since = self._clock.monotonic()
        return BrokerState(
            session=self._session_message,
            session_state=self._session,
            waiting=len(self._lanes),
            placed=self._placed,
            address_refused=self._address_refused,
            idle_s=self._idle_s,
        )


def _name_of(message: Sending) -> tuple[str, str]:
    change_id = message.change.change_id if isinstance(message, ChangeAtBroker) else ""
    return message.order.command.command_id, change_id
