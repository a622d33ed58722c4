"""What a strategy asks for, and what has become of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Self, TypeVar

from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import (
    TERMINAL,
    Event,
    State,
    Status,
    advance,
    is_late_truth,
    status_of,
)
from domain.orders.reasons import Reason
from domain.ports import trading_day
from domain.texts import one_line

QUANTITY_MAX: Final = 10_000_000
PRICE_MAX: Final = Decimal(10_000_000)
PRICE_PLACES_MAX: Final = 4
COMMENT_CHARACTERS_MAX: Final = 200
NUMBER_DIGITS_MAX: Final = 20

_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_SYMBOL: Final = re.compile(r"[A-Z0-9][A-Z0-9 _.-]{0,39}")


class InvalidOrderError(ValueError):
    """An order that cannot be: says in one sentence what is wrong. Nothing was registered or sent."""


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Return +1 for BUY and -1 for SELL."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """Return the side that reduces what this one builds."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Intent(StrEnum):
    """What an order is for: to take a position, to give one up, or to change its size."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    ADJUST = "ADJUST"


class Origin(StrEnum):
    """Who asked. A person's exits, and the DESK's (stops, limits, square-off), pass even when trading is HALTED.

    EXTERNAL orders were placed elsewhere.
    """

    STRATEGY = "STRATEGY"
    DESK = "DESK"
    HUMAN = "HUMAN"
    EXTERNAL = "EXTERNAL"


EXTERNAL: Final = "EXTERNAL"
"""The strategy of orders that were not placed by this desk: the phone's, the web's, the broker's own square-off."""


class Exchange(StrEnum):
    """The segments a Noren account trades in."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NCX = "NCX"


class Product(StrEnum):
    """How a position is carried: delivery, carried forward, or squared off the same day.

    CO, BO and MTF are seen on EXTERNAL orders only; this desk places none.
    """

    CNC = "CNC"
    NRML = "NRML"
    MIS = "MIS"
    CO = "CO"
    BO = "BO"
    MTF = "MTF"

    @property
    def is_delivery(self) -> bool:
        """Say whether shares change hands: a sale closes what was bought or lies in the holdings, and is no short."""
        return self in _DELIVERED

    @property
    def ends_with_its_day(self) -> bool:
        """Say whether the broker squares it off the same day."""
        return self in _OF_THE_DAY


_DELIVERED: Final = frozenset({Product.CNC, Product.MTF})
_OF_THE_DAY: Final = frozenset({Product.MIS, Product.CO, Product.BO})


class OrderType(StrEnum):
    """What the caller asks for. MARKET and SL-M reach the wire as protected limits (docs/protocol.md)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"


class TrailingType(StrEnum):
    """How `trailing_value` is measured."""

    POINTS = "POINTS"
    PERCENT = "PERCENT"
    ABSOLUTE = "ABSOLUTE"


SPELLINGS: Final[Mapping[str, str]] = {
    "B": "BUY",
    "S": "SELL",
    "MKT": "MARKET",
    "LMT": "LIMIT",
    "SL-LMT": "SL",
    "SL-MKT": "SL-M",
    "SLM": "SL-M",
    "C": "CNC",
    "M": "NRML",
    "I": "MIS",
}
"""The usual other spellings, accepted at the edges only."""

_PRODUCTS: Final[Mapping[Product, frozenset[Exchange]]] = {
    Product.CNC: frozenset({Exchange.NSE, Exchange.BSE}),
    Product.NRML: frozenset({Exchange.NFO, Exchange.BFO, Exchange.CDS, Exchange.BCD, Exchange.MCX}),
    Product.MIS: frozenset(Exchange) - {Exchange.BFO, Exchange.NCX},
    Product.CO: frozenset(),
    Product.BO: frozenset(),
    Product.MTF: frozenset(),
}
"""Where each product may be used (docs/protocol.md, products)."""

_WANTS_PRICE: Final = frozenset({OrderType.LIMIT, OrderType.SL})
_WANTS_TRIGGER: Final = frozenset({OrderType.SL, OrderType.SL_M})


@dataclass(frozen=True, slots=True)
class InstrumentKey:
    """What a position is in: the same symbol as NRML and as MIS is held apart."""

    exchange: Exchange
    symbol: str
    product: Product


_key: Final = lru_cache(maxsize=4096)(InstrumentKey)
"""Keys made once: every order of a day has one, and there are few instruments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCommand:
    """One order as it was asked for, complete and valid from the moment it is made.

    Quantities are units, not lots, in 1..`QUANTITY_MAX`. Prices are rupees with at most four decimals, above 0
    and at most `PRICE_MAX`. Raises `InvalidOrderError` with one sentence that names the field.
    """

    command_id: str
    client_id: str
    strategy: str
    intent: Intent
    exchange: Exchange
    symbol: str
    side: Side
    quantity: int
    product: Product
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    stop_loss: Decimal | None = None
    target: Decimal | None = None
    trailing_type: TrailingType | None = None
    trailing_value: Decimal | None = None
    trail_activation: Decimal | None = None
    comment: str = ""
    origin: Origin = Origin.STRATEGY
    amo: bool = False

    def __post_init__(self) -> None:
        """Refuse what no exchange could mean."""
        check_id("command_id", self.command_id)
        _check_text("client_id", self.client_id, _NAME, "1 to 40 of A-Z a-z 0-9 _ . -")
        _check_text("strategy", self.strategy, _NAME, "1 to 40 of A-Z a-z 0-9 _ . -")
        _check_symbol(self.symbol)
        check_quantity(self.quantity)
        if self.strategy == EXTERNAL or self.origin is Origin.EXTERNAL:
            raise InvalidOrderError(f"{EXTERNAL} names the orders that others placed; call the strategy otherwise")
        if self.exchange not in _PRODUCTS[self.product]:
            allowed = ", ".join(sorted(p for p, where in _PRODUCTS.items() if self.exchange in where))
            raise InvalidOrderError(f"product {self.product} cannot be used on {self.exchange}; use one of: {allowed}")
        for name in ("price", "trigger_price", "stop_loss", "target", "trailing_value", "trail_activation"):
            check_price(name, getattr(self, name))
        self._check_prices_fit_the_type()
        if (self.trailing_type is None) != (self.trailing_value is None):
            raise InvalidOrderError("trailing_type and trailing_value must be given together")
        self._check_stops()
        check_comment("comment", self.comment)

    def _check_stops(self) -> None:
        """Refuse stops that would get out at once, or that nothing would arm."""
        levels = {"stop_loss": self.stop_loss, "target": self.target, "trailing_type": self.trailing_type}
        given = [name for name, level in levels.items() if level is not None]
        if self.intent is Intent.EXIT and given:
            raise InvalidOrderError(f"an EXIT order takes no {given[0]}; stops belong to the entry, or to `protect`")
        if self.product.is_delivery and self.side is Side.SELL and given:
            raise InvalidOrderError(f"a {self.product} sale takes no {given[0]}; it leaves no position to protect")
        if self.trail_activation is not None and self.trailing_type is None:
            raise InvalidOrderError(
                "trail_activation says when a trail begins; give trailing_type and trailing_value too"
            )
        rising = (("stop_loss", self.stop_loss), ("price", self.price), ("target", self.target))
        steps = [(name, level) for name, level in rising if level is not None]
        for (lower, low), (higher, high) in pairwise(steps):
            if (high - low) * self.side.sign <= 0:
                where = "below" if self.side is Side.BUY else "above"
                message = f"the {lower} of a {self.side} must be {where} its {higher}"
                raise InvalidOrderError(f"{message}, not {low} with {high}")

    def _check_prices_fit_the_type(self) -> None:
        for name, value, wanted in (
            ("price", self.price, self.order_type in _WANTS_PRICE),
            ("trigger_price", self.trigger_price, self.order_type in _WANTS_TRIGGER),
        ):
            if wanted and value is None:
                raise InvalidOrderError(f"a {self.order_type} order needs a {name}")
            if not wanted and value is not None:
                raise InvalidOrderError(f"a {self.order_type} order takes no {name}; leave it out")
        if self.order_type is OrderType.SL and self.price is not None and self.trigger_price is not None:
            # Exchange rule (assumption, docs/protocol.md): a stop's limit lies at or beyond its trigger.
            room = (self.price - self.trigger_price) * self.side.sign
            if room < 0:
                where = "at or above" if self.side is Side.BUY else "at or below"
                raise InvalidOrderError(f"the price of an SL {self.side} must be {where} its trigger_price")

    @classmethod
    def stored(cls, *values: Any) -> Self:  # noqa: ANN401  one value a field, in the fields' order
        """Rebuild a command from storage, unchecked: it was valid when made, or is a legacy row kept as it was."""
        command = object.__new__(cls)
        for name, value in zip(cls.__slots__, values, strict=True):
            object.__setattr__(command, name, value)
        return command

    @property
    def key(self) -> InstrumentKey:
        """Return what this order trades in."""
        return _key(self.exchange, self.symbol, self.product)

    @property
    def carries_stops(self) -> bool:
        """Say whether the position that this order takes is to be put under stops."""
        levels = (self.stop_loss, self.target, self.trailing_type)
        return self.intent is not Intent.EXIT and any(level is not None for level in levels)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Make a command from loosely spelled fields (MKT, LMT, SL-LMT, M/I/C, B/S; numbers as text).

        Unknown fields are refused by name, so that a typo can't silently lose a stop.
        """
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise InvalidOrderError(f"unknown field {unknown[0]!r}; the fields are: {', '.join(sorted(known))}")
        values = {name: parsers[name](name, value) for name, value in given.items() if value is not None}
        missing = [one.name for one in fields(cls) if one.name in _REQUIRED and one.name not in values]
        if missing:
            raise InvalidOrderError(f"{missing[0]} is missing")
        return cls(**values)


def _check_text(name: str, value: object, pattern: re.Pattern[str], rule: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidOrderError(f"{name} must be {rule}, not {value!r}")


def check_id(name: str, value: object) -> None:
    """Refuse what can't name a command or a change."""
    _check_text(name, value, _COMMAND_ID, "1 to 64 of A-Z a-z 0-9 _ . : -")


def check_comment(name: str, value: str) -> None:
    """Refuse what is not one short line."""
    if len(value) > COMMENT_CHARACTERS_MAX or not value.isprintable():
        raise InvalidOrderError(f"{name} must be one line of at most {COMMENT_CHARACTERS_MAX} characters")


def check_quantity(value: object) -> None:
    """Refuse what is not a whole number of units in 1..`QUANTITY_MAX`."""
    if type(value) is not int or not 0 < value <= QUANTITY_MAX:
        raise InvalidOrderError(f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not {value!r}")


def _check_symbol(symbol: object) -> None:
    if isinstance(symbol, str) and "&" in symbol:
        raise InvalidOrderError(
            f"symbol {symbol!r} contains '&', which cuts the broker's requests short; it cannot be traded here"
        )
    _check_text("symbol", symbol, _SYMBOL, "the exchange's trading symbol in capitals, such as RELIANCE-EQ")


def check_price(name: str, value: object) -> None:
    """Refuse what is neither None nor rupees above 0 with at most `PRICE_PLACES_MAX` decimals."""
    if value is None:
        return
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 < value <= PRICE_MAX:
        raise InvalidOrderError(f"{name} must be a number above 0 and at most {PRICE_MAX}, not {value}")
    # Compared, not normalised: arithmetic keeps 28 digits, and would round the surplus away before it is seen.
    if value != round(value, PRICE_PLACES_MAX):
        raise InvalidOrderError(f"{name} must have at most {PRICE_PLACES_MAX} decimals, not {value}")


_Word = TypeVar("_Word", bound=StrEnum)


def parse_word(kind: type[_Word], name: str, value: object) -> _Word:
    """Return the member that `value` spells; raise `InvalidOrderError` naming the choices."""
    text = str(value).strip().upper()
    text = SPELLINGS.get(text, text)
    try:
        return kind(text)
    except ValueError:
        choices = ", ".join(member.value for member in kind)
        raise InvalidOrderError(f"{name} must be one of {choices}, not {value!r}") from None


def _word(kind: type[StrEnum]) -> Any:  # noqa: ANN401  the parsers of a table share no narrower type
    return lambda name, value: parse_word(kind, name, value)


def _text(_name: str, value: object) -> str:
    return str(value).strip()


def _flag(name: str, value: object) -> bool:
    message = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    known = message.get(str(value).strip().lower())
    if known is None:
        raise InvalidOrderError(f"{name} must be true or false, not {value!r}")
    return known


def _whole(name: str, value: object) -> int:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    # An exponent alone could spell a number that fills the memory: bounded before it becomes an int.
    endless = not number.is_finite() or number.adjusted() > NUMBER_DIGITS_MAX
    if isinstance(value, bool) or endless or number != number.to_integral_value():
        raise InvalidOrderError(f"{name} must be a whole number, not {value!r}")
    return int(number)


def _decimal(name: str, value: object) -> Decimal:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        hint = "; write it without commas" if "," in str(value) else ""
        raise InvalidOrderError(f"{name} must be a number, not {value!r}{hint}") from None


parsers: Final[Mapping[str, Any]] = {
    "command_id": _text,
    "client_id": _text,
    "strategy": _text,
    "intent": _word(Intent),
    "exchange": _word(Exchange),
    "symbol": lambda name, value: _text(name, value).upper(),
    "side": _word(Side),
    "quantity": _whole,
    "product": _word(Product),
    "order_type": _word(OrderType),
    "price": _decimal,
    "trigger_price": _decimal,
    "stop_loss": _decimal,
    "target": _decimal,
    "trailing_type": _word(TrailingType),
    "trailing_value": _decimal,
    "trail_activation": _decimal,
    "comment": lambda _name, value: one_line(value, COMMENT_CHARACTERS_MAX),
    "origin": _word(Origin),
    "amo": _flag,
    "change_id": _text,
    "kind": _word(ChangeKind),
    "reason": lambda _name, value: one_line(value, COMMENT_CHARACTERS_MAX),
}
"""How each field of a command is read from loose spellings."""

_ANSWERED_BY_A_BOOK: Final = frozenset({Reason.UNKNOWN_BROKER_STATUS, Reason.LEGACY_ORDER})
"""Tags that wait for a book to show the order in words that we know."""

_OF_A_CHANGE: Final = frozenset(
    {Reason.CHANGE_REFUSED, Reason.CHANGE_REJECTED, Reason.CHANGE_REPLY_LOST, Reason.CHANGE_NOT_SEEN}
)
"""Tags that speak of one change: old news once another is asked for, or new terms are seen."""

_ENDS_OF_A_CHANGE: Final = frozenset(
    {Event.CHANGE_ACCEPTED, Event.CHANGE_REPLY_LOST, Event.CHANGE_REFUSED, Event.CHANGE_REJECTED, Event.CHANGE_LAPSED}
)

_REQUIRED: Final = frozenset(
    {
        "command_id",
        "client_id",
        "strategy",
        "intent",
        "exchange",
        "symbol",
        "side",
        "quantity",
        "product",
        "order_type",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """Something that happened to an order, with the facts it brought.

    A fact that is None says nothing. `filled_quantity` and `average_price` are cumulative for the order. `change` is
    the change that the event is about. `inputs` are what a decision was made from, for the journal.
    """

    kind: Event
    tag: Reason | None = None
    note: str | None = None
    broker_order_id: str | None = None
    quantity: int | None = None
    limit_price: Decimal | None = None
    filled_quantity: int | None = None
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    change: Change | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command and what has become of it: the row of the orders table.

    `quantity` is what is sent (an exit may be clamped below `command.quantity`); `limit_price` and
    `wire_trigger_price` are the terms on the wire as they stand now; `remarks_tag` is what finds the order again in the
    broker's books. `note` keeps the broker's words. `change` is a cancel or modify that is not resolved yet. `day` is
    the exchange's day (YYYY-MM-DD) that the order is for: an after-market order's comes after that of its creation.
    """

    command: OrderCommand
    remarks_tag: str
    quantity: int
    created_at: datetime
    updated_at: datetime
    state: State = State.CREATED
    tag: Reason | None = None
    note: str = ""
    broker_order_id: str | None = None
    limit_price: Decimal | None = None
    filled_quantity: int = 0
    average_price: Decimal | None = None
    wire_trigger_price: Decimal | None = None
    change: Change | None = None
    day: str = ""

    def __post_init__(self) -> None:
        """Let the day be that of the creation, where none is given."""
        if not self.day:
            object.__setattr__(self, "day", trading_day(self.created_at))

    @property
    def status(self) -> Status:
        """Return the contract's word for this order."""
        return status_of(self.state, self.filled_quantity)

    @property
    def is_terminal(self) -> bool:
        """Say whether no ordinary event can move this order any more."""
        return self.state in TERMINAL

    @property
    def open_quantity(self) -> int:
        """Return the units that may still trade, those of a modify that is not resolved included."""
        asked = self.change.quantity if self.change is not None else None
        return 0 if self.is_terminal else max(0, max(self.quantity, asked or 0) - self.filled_quantity)

    def after(self, event: OrderEvent, at: datetime) -> "Order":
        """Return the order as `happened` leaves it; raise `IllegalTransitionError` and change nothing.

        Filled quantities are cumulative and never go down; a late truth is tagged as one.
        """
        late = is_late_truth(self.state, event.kind)
        state = advance(self.state, event.kind)
        filled = max(self.filled_quantity, event.filled_quantity or 0)
        average = self.average_price
        if event.average_price is not None and (event.filled_quantity or 0) >= self.filled_quantity:
            average = event.average_price
        after = Order(
            command=self.command,
            remarks_tag=self.remarks_tag,
            quantity=event.quantity or self.quantity,
            created_at=self.created_at,
            updated_at=at,
            state=state,
            tag=Reason.LATE_TRUTH if late else self._next_tag(event, state),
            note=self.note if event.note is None or self._is_afterword(event) else event.note,
            broker_order_id=event.broker_order_id or self.broker_order_id,
            limit_price=self.limit_price if event.limit_price is None else event.limit_price,
            filled_quantity=filled,
            average_price=average,
            wire_trigger_price=event.trigger_price or self.wire_trigger_price,
            change=self.change,
            day=self.day,
        )
        change = _change_after(after, event)
        return after if change is after.change else replace(after, change=change)

    def _next_tag(self, event: OrderEvent, state: State) -> Reason | None:
        return self.tag if self._is_afterword(event) else event.tag or self._kept_tag(state, event.kind)

    def _is_afterword(self, event: OrderEvent) -> bool:
        """Say whether it is no news of an order that is over: its tag and note go on saying why it ended.

        A change that comes to nothing is none, and neither is a step 3 that was written late.
        """
        return self.is_terminal and (event.tag is Reason.STEP_3_UNRECORDED or event.kind in _ENDS_OF_A_CHANGE)

    def _kept_tag(self, state: State, event: Event) -> Reason | None:
        """Keep a tag as long as the state it explains, or what it asks is open; a late truth stays marked for good."""
        if self.tag is Reason.LATE_TRUTH:
            return self.tag
        answered = self.tag in _ANSWERED_BY_A_BOOK and event in {Event.WORKING, Event.PARTIALLY_FILLED}
        answered = answered or (self.tag in _OF_A_CHANGE and event in {Event.CHANGE_REQUESTED, Event.REPLACED})
        return self.tag if state is self.state and not answered else None


def new_order(command: OrderCommand, remarks_tag: str, at: datetime, day: str = "") -> Order:
    """Return an order as it is registered: CREATED, for `day` or that of `at`."""
    return Order(
        command=command,
        remarks_tag=remarks_tag,
        quantity=command.quantity,
        created_at=at,
        updated_at=at,
        wire_trigger_price=command.trigger_price,
        day=day,
    )


def _change_after(order: Order, event: OrderEvent) -> Change | None:
    """Return what is left of the order's change; `order` already has the terms that `happened` brought."""
    change, about = order.change, event.change
    if event.kind is Event.CHANGE_REQUESTED:
        grown = None if change is None else change.quantity
        overtakes = about is not None and about.kind is ChangeKind.CANCEL and grown is not None
        return replace(about, quantity=grown) if about is not None and overtakes else about
    if change is None or order.is_terminal:
        return None
    if about is not None and about.change_id != change.change_id:
        return change
    match event.kind:
        case Event.CHANGE_ACCEPTED:
            return replace(change, stage=ChangeStage.ACCEPTED)
        case Event.CHANGE_REPLY_LOST:
            return replace(change, stage=ChangeStage.REPLY_LOST)
        case Event.CHANGE_REFUSED | Event.CHANGE_REJECTED | Event.CHANGE_LAPSED:
            return None
        case _:
            terms = (order.quantity, order.limit_price, order.wire_trigger_price)
            return None if terms == (change.quantity, change.limit_price, change.trigger_price) else change


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of an order's journal: what moved it, all that it changed, and what a decision was made from."""

    command_id: str
    at: datetime
    event: str
    state_before: str | None
    state_after: str
    tag: str | None
    note: str
    changes: Mapping[str, object]
    inputs: Mapping[str, str]
