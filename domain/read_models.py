"""How things stand when somebody asks: what each actor answers to a query, for views and strategies to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domain.alerts.alert import AlertRecord, ChannelState
from domain.baskets import BasketRecord
from domain.blocker import Blocker
from domain.broker.session import SessionState
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.market.watching import Unwatched
from domain.orders.order import JournalLine, Order
from domain.orders.types import InstrumentKey
from domain.positions.pnl import Pnl, PnlRow
from domain.reconciliation.breaks import Break
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsAcknowledged:
    """These alarms are told no more."""

    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsNow:
    """The last alerts, oldest first, the topics of open alarms, and how each channel delivers.

    `trouble` says why nobody is told; empty: somebody is.
    """

    records: tuple[AlertRecord, ...]
    open: tuple[str, ...]
    trouble: str
    channels: tuple[ChannelState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketsNow:
    """The baskets, oldest first."""

    baskets: tuple[BasketRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchState:
    """When the last whole order book was asked for."""

    book_asked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerState:
    """The session, what waits, and how long (seconds) the actor had nothing to do since it started.

    `address_refused` is the broker's word against the IP address that orders come from, until one is accepted.
    """

    session: str
    session_state: SessionState = SessionState.LOGGED_OUT
    waiting: int
    placed: int
    idle_s: float
    address_refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether entries are taken; `blockers` are empty when they are. `in_flight` are command ids.

    `breaks` are what the broker's books tell differently; not all of them stop entries.
    """

    blockers: tuple[Blocker, ...]
    in_flight: tuple[str, ...]
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsNow:
    """The positions on their way to flat, each with how often an exit was sent for it.

    `stays` are those whose way out has ended while these signed units are held: they make no lot, or the broker has no
    shares of them. Each was an alarm.
    """

    under_way: Mapping[PositionKey, int]
    stays: Mapping[PositionKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Each strategy's positions in signed units, from fills; and what moved in delivery today.

    `sold_from_holdings` are the units of delivery that a strategy sold today beyond what it had bought: no position.
    `delivery_today` is what all orders of today moved in delivery, signed: what the broker's position book shows of it.
    """

    positions: Mapping[str, Mapping[InstrumentKey, int]]
    sold_from_holdings: Mapping[str, Mapping[InstrumentKey, int]] = field(default_factory=dict)
    delivery_today: Mapping[InstrumentKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchedNow:
    """The symbols that strategies watch and that bring no prices, with the reason."""

    missing: tuple[Unwatched, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """An order and all that happened to it, oldest first."""

    order: Order
    lines: tuple[JournalLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """What the database has not taken: how many writes, and the exits that have left all the same, oldest first."""

    writes: int
    exits: tuple[Order, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlNow:
    """The day in rupees: each position, our sum, the broker's own (None: not read yet), and where the limit breaks."""

    rows: tuple[PnlRow, ...]
    total: Pnl
    account: Decimal | None
    account_age_s: float | None
    risk_day: RiskDay
    level: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingStateNow:
    """What may be sent, why, and how many orders passed the risk check today.

    `refused` says why a request to turn it was not followed; `stored` whether a restart would know of the turn.
    """

    state: TradingState
    reason: str
    orders_today: int
    refused: str = ""
    stored: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsNow:
    """The armed stops, each with the last price and its age in seconds (None: none was seen yet)."""

    armed: tuple[tuple[ArmedStop, Decimal | None, float | None], ...]
