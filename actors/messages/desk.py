"""The desk's own life: starts, ends, heartbeats, readiness."""

from dataclasses import dataclass

from actors.messages.books import PositionWrittenOff
from actors.messages.orders import OrderChanged, OrderDeclined
from actors.messages.query import Query
from actors.messages.risk import TradingStateChanged
from actors.runtime.address import Address
from domain.ports import Kept
from domain.read_models import Readiness
from domain.snapshot import DeskSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotLoaded:
    """A start has read what earlier runs left: each goes on from its part of it, and nothing is sent a second time."""

    snapshot: DeskSnapshot
    unsent: frozenset[str] = frozenset()
    """The command ids of orders in it that are proved never to have left."""


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
class FindReadiness(Query[Readiness]):
    """Does the desk take orders, and if not, why?"""
