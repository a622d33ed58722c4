"""Small fakes that behave: time that stands still, addresses that remember, a broker that follows a script."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar

import pykka

from actors.messages.desk import SnapshotLoaded
from actors.messages.persistence import Record
from actors.runtime.address import Address
from actors.runtime.mailboxes import Mailboxes, Runtime
from actors.runtime.timer import Timer
from broker.port import Session
from domain.broker.reply_types import (
    Accepted,
    ChangeReply,
    InstrumentReply,
    LoggedIn,
    LoginFailed,
    LoginReply,
    PlaceReply,
    PriceReply,
    Unavailable,
    UnknownInstrument,
)
from domain.broker.snapshots import Book, BrokerStatus, OrderRow, PositionRow, TradeRow
from domain.market.instrument import Instrument
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.order import Order
from domain.orders.stop_terms import STOP_FIELDS, StopTerms
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from domain.ports import IST, Clock, Ids
from domain.reconciliation.order_rows import remarks_tag_of
from domain.risk.checks import TradingState
from domain.snapshot import DeskSnapshot
from tests.timing import patient

TEN_O_CLOCK: Final = datetime(2026, 1, 5, 10, 0, tzinfo=IST)
"""A Monday morning with the market open."""

WAIT_S: Final = patient(5)
"""How long a test waits for an event before it fails; never reached when all is well."""

Kind = TypeVar("Kind")
Reply = TypeVar("Reply")


class FakeClock:
    """Time that moves only when told. `now` and `monotonic` move together, or apart when one is set."""

    def __init__(self, now: datetime = TEN_O_CLOCK, monotonic: float = 1_000.0) -> None:
        self.now_is = now
        self.monotonic_is = monotonic

    def now(self) -> datetime:
        return self.now_is

    def monotonic(self) -> float:
        return self.monotonic_is

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now_is = (self.now_is.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(self.now_is.tzinfo)
        self.monotonic_is += seconds


class FakeIds:
    """Names in order: n1, n2, …"""

    def __init__(self) -> None:
        self.given = 0

    def new(self) -> str:
        self.given += 1
        return f"n{self.given}"


class Probe:
    """An address that keeps what it is told. A dead one refuses, as pykka does."""

    def __init__(self, *, dead: bool = False) -> None:
        self.dead = dead
        self.messages: list[Any] = []

    def tell(self, message: Any) -> None:  # noqa: ANN401  any inbox
        if self.dead:
            raise pykka.ActorDeadError("the probe plays dead")
        self.messages.append(message)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """Return what it was told of one kind, oldest first."""
        return [one for one in self.messages if isinstance(one, kind)]

    def only(self, kind: type[Kind]) -> Kind:
        """Return the one message of this kind."""
        found = self.of(kind)
        assert len(found) == 1, f"expected one {kind.__name__}, found {len(found)} in {self.messages}"
        return found[0]

    def records(self, kind: type[Kind]) -> list[Kind]:
        """Return what it was told to keep of one kind, oldest first."""
        return [one.item for one in self.of(Record) if isinstance(one.item, kind)]

    def record(self, kind: type[Kind]) -> Kind:
        """Return the one item of this kind that it was told to keep."""
        (found,) = self.records(kind)
        return found

    def take(self) -> list[Any]:
        """Return what it was told since the last take."""
        taken, self.messages = self.messages, []
        return taken


@dataclass(frozen=True, slots=True)
class Wound:
    """A message that a timer will tell."""

    due: float
    address: Address[Any]
    message: Any


class ManualTimer:
    """Owns what was asked to be told later, and tells it when the clock has got there and `fire_due` is called."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.waiting: list[Wound] = []

    def tell_after(self, delay_s: float, address: Address[Any], message: Any) -> None:  # noqa: ANN401  any inbox
        self.waiting.append(Wound(self._clock.monotonic() + delay_s, address, message))

    def of(self, kind: type[Any]) -> list[Wound]:
        """Return what waits of one kind of message."""
        return [one for one in self.waiting if isinstance(one.message, kind)]

    def fire_due(self) -> int:
        """Tell all that is due by now, earliest first; return how many."""
        now = self._clock.monotonic()
        due = sorted((one for one in self.waiting if one.due <= now), key=lambda one: one.due)
        self.waiting = [one for one in self.waiting if one.due > now]
        for one in due:
            one.address.tell(one.message)
        return len(due)


def mailboxes(**known: Address[Any]) -> Mailboxes:
    """Return the actors' mailboxes: those that are given, and a probe that nobody looks into for each other."""
    return Mailboxes(**{one.name: Probe() for one in fields(Mailboxes)} | known)


def runtime(clock: Clock, *, ids: Ids | None = None, timer: Timer | None = None) -> Runtime:
    """Return time, names and waiting as a test owns them."""
    return Runtime(clock=clock, ids=ids or FakeIds(), timer=timer or ManualTimer(FakeClock()))


def snapshot_loaded(*, unsent: frozenset[str] = frozenset(), **left: Any) -> SnapshotLoaded:  # noqa: ANN401  any field of a snapshot
    """Return what a start tells of earlier runs: nothing but what is given."""
    nothing: dict[str, Any] = {"orders": (), "positions": {}, "orders_today": 0, "reason": ""}
    snapshot = DeskSnapshot(**nothing | {"trading_state": TradingState.ACTIVE} | left)
    return SnapshotLoaded(snapshot=snapshot, unsent=unsent)


class Script(Generic[Reply]):
    """Answers in turn; the last one stays. A callable is called for its answer, so that a test can look around."""

    def __init__(self, *answers: Reply | Callable[[], Reply]) -> None:
        self._answers: deque[Reply | Callable[[], Reply]] = deque(answers)

    def say(self, *answers: Reply | Callable[[], Reply]) -> None:
        """Say these from now on."""
        self._answers = deque(answers)

    def next(self) -> Reply:
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        return answer() if callable(answer) else answer


@dataclass(frozen=True, slots=True)
class FakeSession:
    """An open session."""

    account_id: str = "FA1"


class FakeBroker:
    """A broker that follows a script. Keeps what was placed and changed and, in `calls`, every question in order."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.placed: list[Order] = []
        self.canceled: list[Order] = []
        self.modified: list[tuple[Order, Change]] = []
        self.calls: list[str] = []
        self.closed = False
        self.session: Session | None = None
        self.needs_login = True
        self.logins: Script[LoginReply] = Script(LoggedIn("FA1"))
        self.places: Script[PlaceReply] = Script(lambda: Accepted(f"2601050000{len(self.placed):04}"))
        self.cancels: Script[ChangeReply] = Script(lambda: Accepted(self.canceled[-1].broker_order_id or ""))
        self.modifies: Script[ChangeReply] = Script(lambda: Accepted(self.modified[-1][0].broker_order_id or ""))
        self.order_books: Script[Book[OrderRow] | Unavailable] = Script(lambda: book(at=self.clock.now()))
        self.trade_books: Script[Book[TradeRow] | Unavailable] = Script(lambda: Book((), self.clock.now()))
        self.position_books: Script[Book[PositionRow] | Unavailable] = Script(lambda: Book((), self.clock.now()))
        self.instruments: dict[str, InstrumentReply] = {}
        self.prices: Script[PriceReply] = Script(lambda: Unavailable("no price in the script", self.clock.now()))

    def log_in(self) -> LoginReply:
        self.calls.append("log_in")
        reply = self.logins.next()
        if isinstance(reply, LoginFailed):
            return reply
        self.session, self.needs_login = FakeSession(reply.account_id), False
        return reply

    def place(self, order: Order) -> PlaceReply:
        self.calls.append(f"place {order.command.command_id}")
        self.placed.append(order)
        return self.places.next()

    def cancel(self, order: Order) -> ChangeReply:
        self.calls.append(f"cancel {order.command.command_id}")
        self.canceled.append(order)
        return self.cancels.next()

    def modify(self, order: Order, change: Change) -> ChangeReply:
        self.calls.append(f"modify {order.command.command_id}")
        self.modified.append((order, change))
        return self.modifies.next()

    def order_book(self) -> Book[OrderRow] | Unavailable:
        self.calls.append("order_book")
        return self.order_books.next()

    def trade_book(self) -> Book[TradeRow] | Unavailable:
        self.calls.append("trade_book")
        return self.trade_books.next()

    def position_book(self) -> Book[PositionRow] | Unavailable:
        self.calls.append("position_book")
        return self.position_books.next()

    def find_instrument(self, exchange: Exchange, symbol: str) -> InstrumentReply:
        self.calls.append(f"find_instrument {symbol}")
        return self.instruments.get(symbol, UnknownInstrument(exchange, symbol))

    def last_price(self, instrument: Instrument) -> PriceReply:
        self.calls.append(f"last_price {instrument.symbol}")
        return self.prices.next()

    def close(self) -> None:
        self.closed = True


@dataclass
class FakeFeed:
    """A feed that brings nothing, and keeps what it was told."""

    sessions: list[Session] = field(default_factory=list)
    watched: list[Instrument] = field(default_factory=list)
    stopped: bool = False

    def start(self, session: Session) -> None:
        self.sessions.append(session)

    def watch(self, instrument: Instrument) -> None:
        self.watched.append(instrument)

    def stop(self) -> None:
        self.stopped = True


def command(**overrides: Any) -> OrderCommand:  # noqa: ANN401  any field of a command
    """Return a valid command: a LIMIT entry of 10 RELIANCE-EQ MIS. A price of another type than LIMIT is left out."""
    values: dict[str, Any] = {
        "command_id": "c1",
        "client_id": "FA1",
        "strategy": "trend",
        "intent": Intent.ENTRY,
        "exchange": Exchange.NSE,
        "symbol": "RELIANCE-EQ",
        "side": Side.BUY,
        "quantity": 10,
        "product": Product.MIS,
        "order_type": OrderType.LIMIT,
    }
    values |= overrides
    if "price" not in overrides and values["order_type"] is OrderType.LIMIT:
        values["price"] = Decimal(100)
    stops = {name: values.pop(name) for name in STOP_FIELDS if name in values}
    if any(level is not None for level in stops.values()):
        values["stops"] = StopTerms(**stops)
    return OrderCommand(**values)


_ORDER_FIELDS: Final = frozenset(Order.__dataclass_fields__) - {"command"}


def order(**overrides: Any) -> Order:  # noqa: ANN401  any field of an order or of its command
    """Return an order, CREATED unless told otherwise. `quantity` is the order's and the command's."""
    own = {name: value for name, value in overrides.items() if name in _ORDER_FIELDS}
    asked = overrides.get("command") or command(
        **{name: value for name, value in overrides.items() if name not in _ORDER_FIELDS or name == "quantity"}
    )
    values: dict[str, Any] = {
        "remarks_tag": remarks_tag_of(asked),
        "quantity": asked.quantity,
        "created_at": TEN_O_CLOCK,
        "updated_at": TEN_O_CLOCK,
        "state": State.CREATED,
        "limit_price": asked.price,
        "wire_trigger_price": asked.trigger_price,
    }
    return Order(command=asked, **(values | own))


def cancel(**overrides: Any) -> ChangeCommand:  # noqa: ANN401  any field of a change's command
    """Return the request to cancel order c1."""
    values = {"change_id": "k1", "client_id": "FA1", "command_id": "c1", "kind": ChangeKind.CANCEL}
    return ChangeCommand(**(values | overrides))


def modify(**overrides: Any) -> ChangeCommand:  # noqa: ANN401  any field of a change's command
    """Return the request to modify order c1: to 20 units, unless other terms are given."""
    values: dict[str, Any] = {"change_id": "m1", "client_id": "FA1", "command_id": "c1", "kind": ChangeKind.MODIFY}
    terms = {} if overrides.keys() & {"quantity", "price", "trigger_price"} else {"quantity": 20}
    return ChangeCommand(**(values | terms | overrides))


def change(**overrides: Any) -> Change:  # noqa: ANN401  any field of a change
    """Return the unsettled modify m1 of the order `order()` to 20 units, its reply in, unless told otherwise."""
    values: dict[str, Any] = {
        "change_id": "m1",
        "kind": ChangeKind.MODIFY,
        "asked_at": TEN_O_CLOCK,
        "stage": ChangeStage.ACCEPTED,
    }
    if overrides.get("kind") is not ChangeKind.CANCEL:
        values |= {"quantity": 20, "limit_price": Decimal(100)}
    return Change(**(values | overrides))


def instrument(**overrides: Any) -> Instrument:  # noqa: ANN401  any field of an instrument
    """Return RELIANCE-EQ: tick 0.05, lot 1, no freeze quantity, no circuit limits."""
    values: dict[str, Any] = {
        "exchange": Exchange.NSE,
        "symbol": "RELIANCE-EQ",
        "token": "2885",
        "kind": "EQ",
        "tick": Decimal("0.05"),
        "lot": 1,
        "freeze_quantity": None,
        "lower_circuit": None,
        "upper_circuit": None,
    }
    return Instrument(**(values | overrides))


def row_of(shown: Order, status: BrokerStatus = BrokerStatus.OPEN, **overrides: Any) -> OrderRow:  # noqa: ANN401  any field of a row
    """Return the order book's row of an order of ours."""
    values: dict[str, Any] = {
        "broker_order_id": shown.broker_order_id or "26010500000001",
        "status": status,
        "status_text": status.value,
        "remarks": shown.remarks_tag,
        "exchange": shown.command.exchange.value,
        "symbol": shown.command.symbol,
        "side": shown.command.side,
        "product": shown.command.product.value,
        "quantity": shown.quantity,
        "filled_quantity": 0,
        "average_price": None,
        "reject_reason": "",
    }
    return OrderRow(**(values | overrides))


def trade_of(shown: Order, fill_id: str = "1", **overrides: Any) -> TradeRow:  # noqa: ANN401  any field of a row
    """Return the trade book's row of a fill of an order of ours."""
    values: dict[str, Any] = {
        "broker_order_id": shown.broker_order_id or "26010500000001",
        "fill_id": fill_id,
        "exchange": shown.command.exchange.value,
        "symbol": shown.command.symbol,
        "side": shown.command.side,
        "quantity": shown.quantity,
        "price": Decimal("100.05"),
        "remarks": shown.remarks_tag,
        "traded_at": "05-01-2026 10:00:01",
    }
    return TradeRow(**(values | overrides))


def book(rows: Iterable[OrderRow] = (), at: datetime = TEN_O_CLOCK) -> Book[OrderRow]:
    """Return an order book that was asked for at this time."""
    return Book(tuple(rows), at)
