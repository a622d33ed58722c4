"""Step 4: the Shoonya (Noren) account behind `broker.port.Broker`, asked through the unmodified NorenRestApiPy."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from broker.noren.client import Client
from broker.noren.instruments import (
    WrongInstrumentError,
    find_in_search,
    instrument_from,
    last_price_in,
    similar_in_search,
)
from broker.noren.json_array import JsonArray
from broker.noren.login import Login
from broker.noren.order_params import modify_params, place_params
from broker.noren.reply_rules import HTTP_OK, Answer, NoAnswer, change_reply, place_reply
from broker.noren.row_fields import UnreadableRowError, text_in
from broker.noren.row_parsers import (
    ORDER_FIELDS,
    POSITION_FIELDS,
    TRADE_FIELDS,
    BookReader,
    Session,
    order_row,
    position_row,
    trade_row,
)
from domain.broker.addresses import TLS_OFF_LOOPBACK, AddressRules, names_an_address
from domain.broker.reply_types import (
    ChangeReply,
    InstrumentReply,
    LoggedIn,
    LoginReply,
    PlaceReply,
    PriceReply,
    Refused,
    Unavailable,
    UnknownInstrument,
)
from domain.broker.snapshots import Book, OrderRow, PositionRow, Row, TradeRow
from domain.market.instrument import Instrument
from domain.orders.change import Change, ChangeKind
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange
from domain.ports import Clock
from domain.settings import BrokerSettings

_NOT_LOGGED_IN: Final = Refused(Reason.SESSION_EXPIRED, "not logged in; nothing was sent")


class NorenBroker:
    """Owns the one session at the broker. Asked by one caller at a time.

    Each method returns within connect + read timeout, a look-up within `broker.look_up_timeout_s`, also where it needs
    two requests, and raises for our own bugs only. `session` is None before the first login.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        clock: Clock,
        wall: Clock | None = None,
        *,
        rules: AddressRules = TLS_OFF_LOOPBACK,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client = Client(settings, clock, rules)
        self._transport, self._api = client.transport, client.api
        # One-time codes are of the broker's time, which the machine knows best once its clock has been set.
        self._login = Login(settings, wall or clock, client)
        self._orders = BookReader(order_row, ORDER_FIELDS)
        self._trades = BookReader(trade_row, TRADE_FIELDS)
        self._positions = BookReader(position_row, POSITION_FIELDS)
        self.session: Session | None = None

    @property
    def needs_login(self) -> bool:
        """Say whether no session was opened yet, or a reply has said that it is over."""
        return self._client.needs_login

    def close(self) -> None:
        """Let go of the connection; the session at the broker stays."""
        self._transport.close()

    def log_in(self) -> LoginReply:
        """Open a session, or take over the one whose access token we were given."""
        opened = self._login.open()
        if not isinstance(opened, Session):
            return opened
        self.session = opened
        return LoggedIn(opened.account_id)

    def _ask(self, question: Callable[..., object], *given: object) -> Answer | NoAnswer:
        """Let the library ask, once there was a session: before that it fails over fields that are not there yet."""
        if self.session is None:
            return NoAnswer("not logged in yet", sent=False)
        return self._client.call(question, *given)

    def place(self, order: Order) -> PlaceReply:
        """Place `order`, asking once; see `broker.noren.reply_rules.place_reply` for what each answer proves."""
        if self.session is None:
            return _NOT_LOGGED_IN
        self._transport.begin()
        answer = self._ask(self._api.place_order, *place_params(order, self._settings.dialect))
        return self._with_address(place_reply(answer, self._transport.clean))

    def cancel(self, order: Order) -> ChangeReply:
        """Ask once to cancel what is open of `order`. Accepted is not yet canceled: a fill may win."""
        number = order.broker_order_id
        assert number, "an order without the broker's number can't be canceled"
        if self.session is None:
            return _NOT_LOGGED_IN
        self._transport.begin()
        answer = self._ask(self._api.cancel_order, number)
        return self._with_address(change_reply(answer, number, self._transport.clean))

    def modify(self, order: Order, change: Change) -> ChangeReply:
        """Ask once to give `order` the terms of `change`. Accepted is not yet modified: the exchange may refuse."""
        number = order.broker_order_id
        assert number, "an order without the broker's number can't be modified"
        assert change.kind is ChangeKind.MODIFY, "a cancel has no terms"
        if self.session is None:
            return _NOT_LOGGED_IN
        self._transport.begin()
        answer = self._ask(self._api.modify_order, number, *modify_params(order, change))
        return self._with_address(change_reply(answer, number, self._transport.clean))

    def _with_address(self, reply: PlaceReply) -> PlaceReply:
        """Add our end of the connection to a refusal that is about it; behind a router the broker sees another."""
        if not isinstance(reply, Refused) or not names_an_address(reply.message):
            return reply
        return replace(reply, message=f"{reply.message} (asked from {self._transport.own_address})")

    def order_book(self) -> Book[OrderRow] | Unavailable:
        """Read all orders of the account's trading day, foreign ones included."""
        return self._book(self._api.get_order_book, self._orders)

    def trade_book(self) -> Book[TradeRow] | Unavailable:
        """Read all fills of the account's trading day."""
        return self._book(self._api.get_trade_book, self._trades)

    def position_book(self) -> Book[PositionRow] | Unavailable:
        """Read the account's net positions."""
        return self._book(self._api.get_positions, self._positions)

    def _book(self, question: Callable[[], object], reader: BookReader[Row]) -> Book[Row] | Unavailable:
        asked_at, asked_s = self._clock.now(), self._clock.monotonic()
        self._transport.begin()
        answer = self._ask(question)
        if isinstance(answer, Answer) and answer.says_no_data:
            return self._empty_book(asked_at, asked_s)
        if isinstance(answer, Answer) and answer.http_status == HTTP_OK and isinstance(answer.body, JsonArray):
            try:
                return Book(reader.rows(answer.body), asked_at, asked_s)
            except UnreadableRowError as error:
                return Unavailable(self._transport.clean(str(error)), asked_at)
        return self._unavailable(answer, asked_at)

    def _empty_book(self, asked_at: datetime, asked_s: float) -> Book[Row] | Unavailable:
        """Believe in an empty book only where a reply that is never empty proves the session alive."""
        proof = self._ask(self._api.get_limits)
        if isinstance(proof, Answer) and proof.is_ok:
            return Book((), asked_at, asked_s)
        unavailable = self._unavailable(proof, asked_at)
        return Unavailable(f"the book was empty, but the session was not proved alive: {unavailable.cause}", asked_at)

    def _unavailable(self, answer: Answer | NoAnswer, asked_at: datetime) -> Unavailable:
        if isinstance(answer, NoAnswer):
            return Unavailable(answer.cause, asked_at)
        message = answer.refusal or "not the shape that was asked for"
        return Unavailable(f"HTTP {answer.http_status}: {self._transport.clean(message)}", asked_at)

    def find_instrument(self, exchange: Exchange, symbol: str) -> InstrumentReply:
        """Look a symbol up: an exact match of the search, then its security info."""
        asked_at = self._clock.now()
        self._transport.begin(self._settings.look_up_timeout_s)
        search = self._ask(self._api.searchscrip, exchange.value, symbol)
        if isinstance(search, Answer) and search.says_no_data:
            return UnknownInstrument(exchange, symbol)
        if isinstance(search, NoAnswer) or not search.is_ok:
            return self._unavailable(search, asked_at)
        try:
            found = find_in_search(search.body, exchange, symbol)
            if found is None:
                return UnknownInstrument(exchange, symbol, similar_in_search(search.body, exchange))
            info = self._ask(self._api.get_security_info, exchange.value, text_in(found, "token"))
            if isinstance(info, NoAnswer) or not info.is_ok:
                return self._unavailable(info, asked_at)
            return instrument_from(found, info.body, exchange, symbol)
        except UnreadableRowError as error:
            return Unavailable(self._transport.clean(f"{exchange} {symbol}: {error}"), asked_at)

    def last_price(self, instrument: Instrument) -> PriceReply:
        """Ask for the last traded price; a reply about another instrument is asked for once more.

        `seen_at` is when we asked, so the price is never taken for younger.
        """
        asked_at = self._clock.now()
        self._transport.begin(self._settings.look_up_timeout_s)
        try:
            return self._quote(instrument, asked_at)
        except WrongInstrumentError:
            pass
        try:
            return self._quote(instrument, asked_at)
        except WrongInstrumentError as error:
            return Unavailable(self._transport.clean(f"{instrument.symbol}: {error}"), asked_at)

    def _quote(self, instrument: Instrument, asked_at: datetime) -> PriceReply:
        quote = self._ask(self._api.get_quotes, instrument.exchange.value, instrument.token)
        if isinstance(quote, NoAnswer) or not quote.is_ok:
            return self._unavailable(quote, asked_at)
        try:
            return last_price_in(quote.body, instrument, asked_at)
        except WrongInstrumentError:
            raise
        except UnreadableRowError as error:
            return Unavailable(self._transport.clean(f"{instrument.symbol}: {error}"), asked_at)
