"""Step 4: the Shoonya (Noren) account behind `broker.port.Broker`, asked through the unmodified NorenRestApiPy.

The library answers None for an empty book, a dead session and an error alike. Here a None is never interpreted: what
counts is the transport's evidence (was a byte sent, which reply came back) and the broker's own words in it.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from loguru import logger

from broker.instruments import find_in_search, instrument_from, last_price_in
from broker.library import load_library
from broker.replies import NotSentError, TransportError, read_json
from broker.totp import code_at
from broker.transport import HttpTransport
from broker.wire import (
    ORDER_FIELDS,
    POSITION_FIELDS,
    TRADE_FIELDS,
    BookReader,
    Session,
    UnreadableRowError,
    order_row,
    position_row,
    text_in,
    trade_row,
)
from broker.words import HTTP_OK, Answer, NoAnswer, is_about_one_time_code, login_is_final, place_reply
from domain.evidence import (
    PRODUCT_LETTERS,
    Book,
    InstrumentReply,
    LoggedIn,
    LoginFailed,
    LoginReply,
    OrderRow,
    PlaceReply,
    PositionRow,
    PriceReply,
    Refused,
    Row,
    TradeRow,
    Unavailable,
    Unknown,
    UnknownInstrument,
)
from domain.instrument import Instrument
from domain.order import Exchange, Order, OrderType, Side
from domain.reasons import Reason
from domain.seams import Clock
from domain.settings import BrokerSettings

_SIDE_LETTERS: Final = {Side.BUY: "B", Side.SELL: "S"}

# MKT and SL-MKT are refused for API orders, so a market order reaches the wire as the limit that protects it.
_PRICE_TYPES: Final = {
    OrderType.MARKET: "LMT",
    OrderType.LIMIT: "LMT",
    OrderType.SL: "SL-LMT",
    OrderType.SL_M: "SL-LMT",
}

# The library always sends `amo`. The older server takes anything but "Yes" as a regular order, and "NO" is what every
# user of this library has sent it. The OAuth server documents "Invalid AMO" for other words, and None, which becomes
# a JSON null, is the nearest to leaving it out. Assumption: the OAuth server reads that null as absent, as servers of
# both kinds read a null `remarks`. If it does not, it refuses in words: nothing is placed by mistake.
_AMO: Final[dict[str, str | None]] = {"quickauth": "NO", "oauth": None}


class NorenBroker:
    """Owns the one session at the broker. Asked by one caller at a time.

    Each method returns within connect + read timeout, also where it needs two requests, and raises for our own bugs
    only. `session` is None before the first login.
    """

    def __init__(self, settings: BrokerSettings, clock: Clock) -> None:
        assert settings.rest_url, "the caller names the broker's address"
        self._settings = settings
        self._clock = clock
        self._transport = HttpTransport(
            clock, connect_timeout_s=settings.connect_timeout_s, read_timeout_s=settings.read_timeout_s
        )
        library = load_library(self._transport)
        # A host without its closing slash, as the routes begin with one.
        self._api: Any = library.NorenApi(host=settings.rest_url.rstrip("/"), websocket=settings.websocket_url or "")
        self._orders = BookReader(order_row, ORDER_FIELDS)
        self._trades = BookReader(trade_row, TRADE_FIELDS)
        self._positions = BookReader(position_row, POSITION_FIELDS)
        self._code_refused = ""
        self.session: Session | None = None
        self.needs_login = True
        """True before the first login, and from a reply that says the session is over until the next login."""

    def close(self) -> None:
        """Let go of the connection; the session at the broker stays."""
        self._transport.close()

    def log_in(self) -> LoginReply:
        """Open a session, or take over the one whose access token we were given."""
        self._transport.begin()
        reply = self._take_token() if self._settings.dialect == "oauth" else self._quick_auth()
        if isinstance(reply, LoggedIn):
            self.needs_login = False
        return reply

    def _quick_auth(self) -> LoginReply:
        given = self._settings
        password, api_secret = given.password.get_secret_value(), given.api_secret.get_secret_value()
        totp_secret = given.totp_secret.get_secret_value()
        try:
            code = code_at(totp_secret, self._clock.now()) if totp_secret else ""
        except ValueError as error:
            return LoginFailed(f"broker.totp_secret makes no code ({error}); nothing was sent", final=True)
        if code and code == self._code_refused:
            # Repeating a refused code is no new try, and wrong tries lock accounts.
            return LoginFailed("the broker refused this one-time code; waiting for the next one", final=False)
        app_key = hashlib.sha256(f"{given.user_id}|{api_secret}".encode()).hexdigest()
        hashed = hashlib.sha256(password.encode()).hexdigest()
        self._transport.hide(password, hashed, totp_secret, api_secret, app_key)
        answer = self._ask(self._api.login, given.user_id, password, code, given.vendor_code, api_secret, given.imei)
        if isinstance(answer, Answer) and answer.is_ok:
            return self._open(answer)
        refused = self._login_refused(answer)
        if isinstance(answer, Answer) and is_about_one_time_code(answer.refusal or ""):
            self._code_refused = code
        return refused

    def _open(self, answer: Answer) -> LoginReply:
        assert isinstance(answer.body, dict)
        try:
            token = text_in(answer.body, "susertoken")
        except UnreadableRowError:
            return LoginFailed("the broker said Ok but gave no session token", final=False)
        user_id = self._settings.user_id
        account_id = str(answer.body.get("actid") or user_id)
        self._transport.hide(token)
        # The login itself would set the same; this also holds where the library stumbled over another field.
        self._api.set_session(user_id, "", token)
        self.session = Session(user_id, account_id, token, "quickauth")
        return LoggedIn(account_id)

    def _take_token(self) -> LoginReply:
        user_id, token = self._settings.user_id, self._settings.access_token.get_secret_value()
        if not token:
            return LoginFailed("broker.access_token is not set: log in by browser and set today's token", final=True)
        self._transport.hide(token)
        self._transport.bearer = token
        self._api.set_session(user_id, "", token)
        answer = self._ask(self._api.get_limits)
        if isinstance(answer, Answer) and answer.is_ok:
            assert isinstance(answer.body, dict)
            account_id = str(answer.body.get("actid") or user_id)
            self.session = Session(user_id, account_id, token, "oauth")
            return LoggedIn(account_id)
        if isinstance(answer, Answer) and answer.says_session_expired:
            return LoginFailed("the access token has expired; log in by browser and set a new one", final=True)
        return self._login_refused(answer)

    def _login_refused(self, answer: Answer | NoAnswer) -> LoginFailed:
        if isinstance(answer, NoAnswer):
            return LoginFailed(answer.cause, final=False)
        words = answer.refusal
        if words is None:
            return LoginFailed(f"HTTP {answer.http_status}: neither Ok nor a refusal", final=False)
        return LoginFailed(self._transport.clean(words), final=login_is_final(words))

    def place(self, order: Order) -> PlaceReply:
        """Place `order`, asking once; see `broker.words.place_reply` for what each answer proves."""
        assert order.limit_price is not None, "a price was found for every order before it came here"
        if self.session is None:
            return Refused(Reason.SESSION_EXPIRED, "not logged in; nothing was sent")
        command = order.command
        self._transport.begin()
        trigger = command.trigger_price
        answer = self._ask(
            self._api.place_order,
            _SIDE_LETTERS[command.side],
            PRODUCT_LETTERS[command.product],
            command.exchange.value,
            command.symbol,
            order.quantity,
            0,
            _PRICE_TYPES[command.order_type],
            format(order.limit_price, "f"),
            # A plain order's None goes out as the text "None", which the server reads as absent (client traps).
            None if trigger is None else format(trigger, "f"),
            "DAY",
            _AMO[self._settings.dialect],
            order.remarks_tag,
        )
        if isinstance(answer, NoAnswer):
            return Unknown(answer.cause) if answer.sent else Refused(Reason.BROKER_UNREACHABLE, answer.cause)
        return place_reply(answer, self._transport.clean)

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
        asked_at = self._clock.now()
        self._transport.begin()
        answer = self._ask(question)
        if isinstance(answer, Answer) and answer.says_no_data:
            return self._empty_book(asked_at)
        if isinstance(answer, Answer) and answer.http_status == HTTP_OK and isinstance(answer.body, list):
            try:
                return Book(reader.rows(answer.body), asked_at)
            except UnreadableRowError as error:
                return Unavailable(self._transport.clean(str(error)), asked_at)
        return self._unavailable(answer, asked_at)

    def _empty_book(self, asked_at: datetime) -> Book[Row] | Unavailable:
        """Believe in an empty book only where a reply that is never empty proves the session alive."""
        proof = self._ask(self._api.get_limits)
        if isinstance(proof, Answer) and proof.is_ok:
            return Book((), asked_at)
        blind = self._unavailable(proof, asked_at)
        return Unavailable(f"the book was empty, but the session was not proved alive: {blind.cause}", asked_at)

    def _unavailable(self, answer: Answer | NoAnswer, asked_at: datetime) -> Unavailable:
        if isinstance(answer, NoAnswer):
            return Unavailable(answer.cause, asked_at)
        words = answer.refusal or "not the shape that was asked for"
        return Unavailable(f"HTTP {answer.http_status}: {self._transport.clean(words)}", asked_at)

    def find_instrument(self, exchange: Exchange, symbol: str) -> InstrumentReply:
        """Look a symbol up: an exact match of the search, then its security info."""
        asked_at = self._clock.now()
        self._transport.begin()
        search = self._ask(self._api.searchscrip, exchange.value, symbol)
        if isinstance(search, Answer) and search.says_no_data:
            return UnknownInstrument(exchange, symbol)
        if isinstance(search, NoAnswer) or not search.is_ok:
            return self._unavailable(search, asked_at)
        try:
            found = find_in_search(search.body, exchange, symbol)
            if found is None:
                return UnknownInstrument(exchange, symbol)
            info = self._ask(self._api.get_security_info, exchange.value, text_in(found, "token"))
            if isinstance(info, NoAnswer) or not info.is_ok:
                return self._unavailable(info, asked_at)
            return instrument_from(found, info.body, exchange, symbol)
        except UnreadableRowError as error:
            return Unavailable(self._transport.clean(f"{exchange} {symbol}: {error}"), asked_at)

    def last_price(self, instrument: Instrument) -> PriceReply:
        """Ask for the last traded price; `seen_at` is when we asked, so the price is never taken for younger."""
        asked_at = self._clock.now()
        self._transport.begin()
        quote = self._ask(self._api.get_quotes, instrument.exchange.value, instrument.token)
        if isinstance(quote, NoAnswer) or not quote.is_ok:
            return self._unavailable(quote, asked_at)
        try:
            return last_price_in(quote.body, instrument, asked_at)
        except UnreadableRowError as error:
            return Unavailable(self._transport.clean(f"{instrument.symbol}: {error}"), asked_at)

    def _ask(self, question: Callable[..., object], *given: object) -> Answer | NoAnswer:
        """Let the library ask once, and judge by the transport's evidence, not by what the library makes of it."""
        transport = self._transport
        transport.last = None
        try:
            body = question(*given)
        except TransportError as error:
            return NoAnswer(str(error), sent=not isinstance(error, NotSentError))
        except Exception as error:  # noqa: BLE001  the library raises what it likes; the evidence below decides
            body = None
            if transport.last is None or not transport.last.sent:
                name = type(error).__name__
                logger.error("the client library failed before it sent anything: {}", name)
                return NoAnswer(f"the client library failed before it sent anything: {name}", sent=False)
        last = transport.last
        if last is None:
            return NoAnswer("the client library sent nothing", sent=False)
        if not isinstance(body, dict | list):
            body = read_json(last.text)
        if body is None:
            return NoAnswer(f"HTTP {last.status_code}: {transport.clean(last.text) or 'an empty reply'}", sent=True)
        answer = Answer(last.status_code, body)
        if answer.says_session_expired:
            self.needs_login = True
        return answer
