"""An order as the broker sees it: terms that never change, and a list of events whose last one is its state."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from broker.paper.engine.instruments import Instrument


class Status(StrEnum):
    """The words of `status` (docs/protocol.md, enumerations); CANCELED has one L."""

    PENDING = "PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    COMPLETE = "COMPLETE"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


class Report(StrEnum):
    """The words of `rpt` and `reporttype`."""

    NEW_ACK = "NewAck"
    PENDING_NEW = "PendingNew"
    NEW = "New"
    FILL = "Fill"
    MODIFY_ACK = "ModAck"
    PENDING_REPLACE = "PendingReplace"
    REPLACED = "Replaced"
    REPLACE_REJECTED = "ReplaceRejected"
    CANCEL_ACK = "CanAck"
    PENDING_CANCEL = "PendingCancel"
    CANCELED = "Canceled"
    CANCEL_REJECTED = "CancelRejected"
    REJECTED = "Rejected"


WORKING: Final = frozenset({Status.OPEN, Status.TRIGGER_PENDING})
STOP_TYPES: Final = frozenset({"SL-LMT", "SL-MKT"})
MARKET_TYPES: Final = frozenset({"MKT", "SL-MKT"})
AMO_OPEN: Final = "AMO OPEN"
AMO_MODIFIED: Final = "AMO MODIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A request that was understood: who wants what. `trigger` is None but for stop orders."""

    instrument: Instrument
    side: str
    product: str
    price_type: str
    price: Decimal
    trigger: Decimal | None
    quantity: int
    disclosed: int
    retention: str
    remarks: str | None
    source: str = "API"
    amo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What an injected fault makes of an order: how much of it may ever fill, and when and why it is rejected."""

    fill_quantity_max: int | None = None
    fill_fraction: Decimal | None = None
    reject_after_s: float | None = None
    reject_text: str = ""
    refusal: str = ""
    """The risk engine refuses it at once, in these words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What stays as it was placed."""

    number: str
    instrument: Instrument
    side: str
    product: str
    retention: str
    disclosed: int
    remarks: str | None
    source: str
    arrived_wall: float
    arrived_monotonic: float
    fill_quantity_max: int | None
    amo: bool = False

    @property
    def sign(self) -> int:
        """Return 1 for a buy and -1 for a sell."""
        return 1 if self.side == "B" else -1


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade."""

    number: str
    quantity: int
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of an order's history, and the order's whole state after it."""

    report: Report
    status: Status
    internal: str
    at: datetime
    quantity: int
    price_type: str
    price: Decimal
    trigger: Decimal | None
    entered_at: datetime
    revision: int = 1
    original_quantity: int | None = None
    original_price: Decimal | None = None
    original_trigger: Decimal | None = None
    filled: int = 0
    turnover: Decimal = Decimal(0)
    cancelled: int = 0
    reject_reason: str = ""
    rejected_by: str = ""
    exchange_number: str = ""
    triggered: bool = False
    fill: Fill | None = None

    @property
    def average(self) -> Decimal | None:
        """Return the average price of what traded, None before the first trade."""
        return self.turnover / self.filled if self.filled else None


@dataclass(slots=True)
class Order:
    """Owns one order's history. `ready_at` is the monotonic second from which it may trade (again)."""

    terms: Terms
    events: list[Event] = field(default_factory=list)
    ready_at: float = 0.0

    @property
    def state(self) -> Event:
        """Return the order as it stands now."""
        return self.events[-1]

    @property
    def ticket(self) -> Ticket:
        """Return the request that would place the order as it stands now."""
        terms, state = self.terms, self.state
        return Ticket(
            instrument=terms.instrument,
            side=terms.side,
            product=terms.product,
            price_type=state.price_type,
            price=state.price,
            trigger=state.trigger,
            quantity=state.quantity,
            disclosed=terms.disclosed,
            retention=terms.retention,
            remarks=terms.remarks,
            source=terms.source,
        )

    @property
    def awaits_opening(self) -> bool:
        """Say whether this is an order placed after hours whose market has not opened since."""
        return self.state.status is Status.PENDING and self.state.internal in {AMO_OPEN, AMO_MODIFIED}

    @property
    def can_change(self) -> bool:
        """Say whether it may be changed or cancelled."""
        return self.state.status in WORKING or self.awaits_opening

    @property
    def open_quantity(self) -> int:
        """Return what may still trade by the book."""
        return self.state.quantity - self.state.filled if self.state.status in WORKING else 0

    def until(self, at: datetime) -> "Order | None":
        """Return the order as it stood at `at`, None when it was not there yet."""
        events = [one for one in self.events if one.at <= at]
        return Order(self.terms, events) if events else None

    def part_of(self, fraction: Decimal) -> int:
        """Return a fraction of what is open, in whole lots and at least one."""
        return self.terms.instrument.part(self.open_quantity, fraction)

    @property
    def fillable(self) -> int:
        """Return what may still trade, an injected bound considered."""
        bound = self.terms.fill_quantity_max
        left = self.open_quantity
        return left if bound is None else max(0, min(left, bound - self.state.filled))


@dataclass(frozen=True, slots=True)
class Change:
    """An event that happened to an order and is not published yet. `is_first` also brings the order's terms."""

    order: Order
    event: Event
    is_first: bool
