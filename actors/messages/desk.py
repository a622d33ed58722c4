"""The desk's own life: starts, ends, heartbeats, readiness."""

from dataclasses import dataclass

from actors.messages.books import PositionWrittenOff
from actors.messages.orders import OrderChanged, OrderDeclined
from actors.messages.query import Query
from actors.messages.risk import TradingStateChanged
from actors.runtime.address import Address
from domain.blocker import Blocker
from domain.orders.order import Order
from domain.ports import Kept
from domain.reconciliation.breaks import Break


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOrders:
    """Take over the orders that an earlier run left unresolved: none of them is ever sent.

    Where that run was not `ended_in_order`, the broker may have an exit of it that no disk knows. `vanished` are
    positions that are gone and wait for a person.
    """

    orders: tuple[Order, ...]
    ended_in_order: bool = True
    vanished: tuple[Break, ...] = ()
    unsent: frozenset[str] = frozenset()
    """The command ids of those that are proved never to have left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTaking:
    """Take no new orders; those in flight are seen through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinStrategy:
    """Tell this address what becomes of the strategy's orders."""

    strategy: str
    address: "Address[OrderChanged | OrderDeclined | TradingStateChanged | PositionWrittenOff]"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorDied:
    """An actor's thread ended with an exception."""

    actor: str
    urn: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHeartbeat:
    """Say that you are alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatSent:
    """The watcher is alive."""

    urn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAlive:
    """Start this thread again whenever it dies."""

    thread: Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartWatcher:
    """The delay is over: start a new watcher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindReadiness(Query["Readiness"]):
    """Does the desk take orders, and if not, why?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether entries are taken; `blockers` are empty when they are. `in_flight` are command ids.

    `breaks` are what the broker's books tell differently; not all of them stop entries.
    """

    blockers: tuple[Blocker, ...]
    in_flight: tuple[str, ...]
    breaks: tuple[Break, ...] = ()
