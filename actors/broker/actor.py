"""Step 4: owns the only broker session; the single touchpoint.

One request at a time, each with a deadline. Requests wait in lanes: exits and cancels leave first, then books are read
and entries sent, in turns where both wait: a slow broker would keep the desk reading for ever. The worst wait of an
exit is the one request in flight. After every request the mailbox is read to its end before the next one leaves, so a
new exit never stands behind waiting entries.

A session that is seen dead, in whatever reply, is opened again at a bounded pace. While there is none nothing is sent:
what waits is refused, which is true, as not a byte of it left.
"""

from typing import assert_never

from loguru import logger

from actors.broker.lanes import Lanes, Reading, Sending
from actors.broker.order_wire import NoWire, OrderWire
from actors.broker.session import SessionFeed, SessionKeeper
from actors.messages.books import OrderBookRead, PositionsRead, TradeBookRead
from actors.messages.broker import (
    BrokerAnswered,
    ChangeAtBroker,
    FindBrokerState,
    LogIn,
    LookedUp,
    LookUp,
    LookUpTag,
    PlaceOrder,
    ReadBook,
    SendNextRequest,
    SessionChanged,
    TagLookedUp,
)
from actors.messages.inboxes import BrokerInbox
from actors.messages.risk import TradingStateChanged
from actors.runtime.actor import DeskActor
from actors.runtime.address import post
from actors.runtime.mailboxes import Mailboxes, Runtime
from broker.port import Broker
from domain.broker.addresses import names_an_address
from domain.broker.book_outages import BookKind
from domain.broker.reply_types import Accepted, PlaceReply, Refused, Unavailable
from domain.broker.session import SessionState
from domain.broker.snapshots import Book, OrderRow
from domain.market.knowledge import Want
from domain.orders.change import ChangeKind
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Intent
from domain.read_models import BrokerState
from domain.risk.rate import OrderRate
from domain.settings import BrokerSettings


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
        self._wire = wire or NoWire()
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
        self._wake_at = 0.0
        self._session = SessionKeeper(broker, feed, runtime.clock, settings, self._tell_session)
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
                    self._session.forget_refusals()
                self._lanes.reading.appendleft(message)
            case LookUp() | ReadBook():
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
        for message in self._lanes.drop_entries():
            text = "entries were stopped before its turn came; nothing was sent"
            self._answer(message, Refused(self._entries_stopped, text))

    def _continue(self) -> None:
        """Serve what waits, as long as the mailbox is empty; see to it that it goes on after what came meanwhile."""
        while len(self._lanes):
            if self._serving:
                return
            wait_s = self._wait_s()
            if wait_s > 0:
                self._wake_after(wait_s)
                return
            if not self.actor_inbox.empty():
                self._serving = True
                self.actor_ref.tell(SendNextRequest())
                return
            self._serve()
        self._idle_since = self._clock.monotonic()

    def _wake_after(self, wait_s: float) -> None:
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
            self._read(self._lanes.next_reading())
            if self._session.wants_login():
                self._lanes.reading.appendleft(LogIn())
        elif self._has_entry_for(now):
            self._entry_was_passed = False
            self._serve_entry(now)

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
                text = f"no session at the broker ({self._session.message}); nothing was sent"
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
                    self._session.log_in()
            case LookUp():
                self._look_up(message)
            case ReadBook():
                self._read_book(message)
            case LookUpTag():
                self._look_up_tag(message)
            case _:
                assert_never(message)

    def _look_up(self, message: LookUp) -> None:
        exchange, symbol, instrument = message.exchange, message.symbol, message.instrument
        if instrument is None:
            found = self._broker.find_instrument(exchange, symbol)
            answer = LookedUp(exchange=exchange, symbol=symbol, want=Want.INSTRUMENT, reply=found)
        else:
            price = self._broker.last_price(instrument)
            answer = LookedUp(exchange=exchange, symbol=symbol, want=Want.PRICE, reply=price)
        post(self._market, answer)

    def _read_book(self, message: ReadBook) -> None:
        match message.kind:
            case BookKind.ORDERS:
                post(self._watcher, OrderBookRead(book=self._broker.order_book()))
            case BookKind.TRADES:
                post(self._watcher, TradeBookRead(book=self._broker.trade_book()))
            case BookKind.POSITIONS:
                positions = PositionsRead(book=self._broker.position_book())
                if message.reply_to is not None:
                    post(message.reply_to, positions)
                    return
                post(self._watcher, positions)
                post(self._market, positions)
            case _:
                assert_never(message.kind)

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
        return self._session.is_back(is_exit=self._lanes.of(message) is self._lanes.exits)

    def _tell_session(self, state: SessionState, message: str) -> None:
        post(self._command, SessionChanged(state=state, message=message))

    def _state(self) -> BrokerState:
        if not len(self._lanes):
            self._idle_since = self._clock.monotonic()
        return BrokerState(
            session=self._session.message,
            session_state=self._session.state,
            waiting=len(self._lanes),
            placed=self._placed,
            address_refused=self._address_refused,
            idle_s=self._idle_s,
        )


def _name_of(message: Sending) -> tuple[str, str]:
    change_id = message.change.change_id if isinstance(message, ChangeAtBroker) else ""
    return message.order.command.command_id, change_id
