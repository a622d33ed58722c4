"""What a broker is: the questions the desk may ask it, and nothing else."""

from typing import Protocol

from domain.broker.reply_types import ChangeReply, InstrumentReply, LoginReply, PlaceReply, PriceReply, Unavailable
from domain.broker.snapshots import Book, OrderRow, PositionRow, TradeRow
from domain.market.instrument import Instrument
from domain.orders.change import Change
from domain.orders.order import Order
from domain.orders.types import Exchange


class Session(Protocol):
    """An open session, as the feed needs it."""


class Broker(Protocol):
    """A broker's account, asked by one caller at a time. No method raises for what the world does.

    Every method returns within its deadline (`broker.connect_timeout_s` + `broker.read_timeout_s`; the look-ups
    `find_instrument` and `last_price` within `broker.look_up_timeout_s`).
    """

    @property
    def session(self) -> Session | None:
        """Return the open session, or None before the first login."""

    @property
    def needs_login(self) -> bool:
        """Say whether no session was opened yet, or a reply has said that it is over."""

    def log_in(self) -> LoginReply:
        """Open a session."""

    def place(self, order: Order) -> PlaceReply:
        """Place `order` with its `limit_price`, `quantity` and `remarks_tag`; ask once, never again (guide, step 4)."""

    def cancel(self, order: Order) -> ChangeReply:
        """Ask once to cancel what is open of `order`, by its `broker_order_id`. Accepted is not yet canceled."""

    def modify(self, order: Order, change: Change) -> ChangeReply:
        """Ask once to give `order` the terms of `change`. Accepted is not yet modified."""

    def order_book(self) -> Book[OrderRow] | Unavailable:
        """Read all orders of the account's trading day, foreign ones included."""

    def trade_book(self) -> Book[TradeRow] | Unavailable:
        """Read all fills of the account's trading day."""

    def position_book(self) -> Book[PositionRow] | Unavailable:
        """Read the account's net positions."""

    def find_instrument(self, exchange: Exchange, symbol: str) -> InstrumentReply:
        """Look a symbol up: token, tick, lot, freeze quantity, circuit limits."""

    def last_price(self, instrument: Instrument) -> PriceReply:
        """Ask for the last traded price."""

    def close(self) -> None:
        """Let go of connections. The session at the broker stays, so that a restart disturbs nobody."""
