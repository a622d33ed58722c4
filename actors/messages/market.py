"""Instruments and prices: asked for by orders, watched by strategies, stops and risk."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from actors.messages.query import Query
from actors.runtime.address import Address
from domain.broker.reply_types import InstrumentReply
from domain.broker.snapshots import Tick
from domain.exits.pricing import ExitShape
from domain.market.price import Reference
from domain.orders.types import Exchange
from domain.read_models import UnwatchedNow


class PriceQuestion(StrEnum):
    """What a price is asked for."""

    ORDER = "ORDER"
    """An order in its step 2; `command_id` is its own."""
    CHANGE = "CHANGE"
    """A modify; `command_id` is the change's id."""
    EXIT = "EXIT"
    """The next exit of a flatten task; `command_id` is the one it will have."""
    RESTING = "RESTING"
    """A market order that rests; `command_id` is its own."""
    STOPS = "STOPS"
    """Stops in the symbol."""
    LOSS = "LOSS"
    """A loss in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceOrder:
    """Say what the exchange demands of this instrument, and its last price if the order needs one.

    `exit` says what an exit wants: it is answered soon, with the best that is known. `anew`: ask the broker for the
    price, however fresh the last one is.
    """

    about: PriceQuestion = PriceQuestion.ORDER
    command_id: str = ""
    """Who waits for the answer, by what it is `about`; empty where the symbol says it."""
    exchange: Exchange
    symbol: str
    needs_price: bool
    exit: ExitShape | None = None
    anew: bool = False
    reply_to: "Address[OrderPriced] | None" = None
    """Who asks, where it is not CommandActor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPriced:
    """What is known of the order's instrument; `last_price` is a fresh one, or None.

    `reference` is the best price known, however old: what an exit goes by. `about` and `command_id` are the question's.
    """

    about: PriceQuestion = PriceQuestion.ORDER
    command_id: str = ""
    instrument: InstrumentReply
    last_price: Decimal | None
    reference: Reference | None = None
    quote: Decimal | None = None
    """What the broker has just said of the price, also where a younger tick stands instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerExit:
    """An exit has waited long enough to be priced: answer with what is known."""

    question: PriceOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPrice:
    """Tell this subscriber every price of the symbol. A strategy is named, and hears at `unheard` where none come."""

    exchange: Exchange
    symbol: str
    subscriber: "Address[PriceTicked]"
    strategy: str = ""
    unheard: "Address[WatchUnheard] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpWatched:
    """Look a watched symbol up again whose instrument is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchUnheard:
    """A symbol that this strategy watches brings no prices so far; `why` says the reason."""

    exchange: Exchange
    symbol: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUnwatched(Query[UnwatchedNow]):
    """Which watched symbols bring no prices?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSeen:
    """The feed saw a price."""

    tick: Tick


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTicked:
    """A price of a symbol that the strategy watches."""

    tick: Tick
