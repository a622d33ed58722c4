"""What is written and read: registrations, events, records, and the snapshot of a start."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import TypeAlias

from actors.messages.books import AcceptanceUndone
from actors.messages.query import Query
from actors.runtime.address import Address
from domain.alerts.alert import AlertRecord
from domain.baskets import BasketRecord
from domain.broker.snapshots import TradeRow
from domain.exits.flatten import FlattenEnd, FlattenRequest
from domain.exits.stops import ArmedStop
from domain.market.expiry import Expiry
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import Order, OrderEvent
from domain.read_models import Unwritten
from domain.reconciliation.breaks import Break
from domain.reconciliation.moves import MoveKind
from domain.reconciliation.write_off import WriteOff
from domain.risk.checks import TradingDecision
from domain.risk.loss_limit import RiskDay
from domain.snapshot import DeskSnapshot


@unique
class LookUp(StrEnum):
    """What an order is looked up for: a command of its own, a change of it, or a person's word on it."""

    ORDER = "ORDER"
    CHANGE = "CHANGE"
    RESOLUTION = "RESOLUTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOrder:
    """Store this order as CREATED, unless its command id is known."""

    command: OrderCommand
    remarks_tag: str
    day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpOrder:
    """Find the order of this command id, without storing anything; of a `change` also how far it has come."""

    command_id: str
    about: LookUp = LookUp.ORDER
    change: ChangeCommand | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLookedUp:
    """The order as it stands; None where none has this command id, or where it could not be read (`cause`).

    Answers `RegisterOrder` too, where the command id was seen before. `outcome` is how far a change asked for before
    has come.
    """

    command_id: str
    order: Order | None
    about: LookUp = LookUp.ORDER
    change_id: str = ""
    outcome: Event | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRegistered:
    """The order is on disk as CREATED; where `unwritten` says why not in the database, in the exit journal.

    `is_sought`: its tag has been looked for at the broker.
    """

    order: Order
    unwritten: str = ""
    is_sought: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFailed:
    """The database did not take the order.

    An `order` is an exit that the exit journal did not take either: it is known in memory alone, and goes on.
    """

    command_id: str
    cause: str
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRegistration:
    """Forget an exit that was not sent after all: its command id may come again.

    One that the database has got meanwhile is `blocked` instead.
    """

    command_id: str
    blocked: OrderEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """Write what happened to this order, and when: its row and its journal line, together.

    `is_urgent`: an exit or a cancel goes on with it, and waits for no lock.
    """

    command_id: str
    event: OrderEvent
    at: datetime
    is_urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecorded:
    """It is on disk; this is the order now. `again`: books or updates had told it before, and nothing was written.

    `late`: the order was over, as far as anybody knew; `late_quantity`: the units that it has traded since.
    """

    order: Order
    event: OrderEvent
    late: bool
    late_quantity: int = 0
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventIllegal:
    """The order's state does not allow what was reported; nothing was written."""

    command_id: str
    event: OrderEvent
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventUnrecorded:
    """The database did not take it; nothing was written. `order` is as it was last written, where that is known."""

    command_id: str
    event: OrderEvent
    at: datetime
    cause: str
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFills:
    """Keep these fills, each once."""

    fills: tuple[TradeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExternalOrder:
    """Keep an order that others placed, as EXTERNAL, once."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOrderRecorded:
    """An order of others is on disk. `known` says that it was before, whoever's it is."""

    order: Order
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExternalMove:
    """Keep that the break `name` is resolved, and how: carried into the day by others, or by a person's word."""

    recon_break: Break
    reason: str
    at: datetime
    kind: MoveKind = MoveKind.CARRIED
    ended: tuple[tuple[str, int], ...] = ()
    """Strategies whose signed units end by it: they are taken out of their books."""


Recordable: TypeAlias = (
    TradingDecision | FlattenRequest | FlattenEnd | ArmedStop | RiskDay | BasketRecord | AlertRecord | Expiry | WriteOff
)
"""What is kept as it stands, each kind in a table of its own, and read again by the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Keep this as it stands now, over restarts; tried again until the database takes it."""

    item: Recordable


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRecorded:
    """It is on disk what was taken back, if anything; `reply_to` waits for the word."""

    answer: AcceptanceUndone
    reply_to: "Address[AcceptanceUndone]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindUnwritten(Query[Unwritten]):
    """What of all that came before this question has the database not taken?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSnapshot(Query[DeskSnapshot]):
    """What does the database remember that the actors start from?"""
