"""What the database remembers when the desk starts: all that the actors begin with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from domain.alerts.alert import Unfinished
from domain.baskets import BasketRecord
from domain.exits.flatten import EndedRequest, FlattenRequest, PositionKey
from domain.exits.stops import ArmedStop
from domain.market.expiry import Expiries
from domain.market.price import SeenPrice
from domain.orders.order import Order
from domain.orders.types import Exchange, InstrumentKey
from domain.reconciliation.breaks import Break
from domain.risk.checks import TradingState
from domain.risk.loss_limit import RiskDay


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSnapshot:
    """Unresolved orders and today's, positions from everything older, today's count, and the trading state.

    `moved` are EXTERNAL units by nobody's order, `accepted_units` those of them that a person has accepted, `accepted`
    today's breaks that a person has accepted, `requests` the positions that are on their way to flat,
    `ended_requests` those whose way out has ended today because the shares are missing, `armed_stops` the armed stops
    and today's ended ones, `unarmed` the entries that traded more than their stops know of, `risk_days` how the last
    days stood against their limits, `baskets` the open ones and the last that ended, `alerts` those that are still to
    be told or acknowledged, `written_off` the signed units that a person has written off and that count today,
    `last_prices` the price at which each instrument was last traded by any order of the account, `against_ours` moves
    that stand against units of strategies, `vanished` positions that are gone and wait for a person, `ended` those that
    ended with their contracts, `closed_at` those of the written-off units that the broker has squared off today, with
    their average price, `expiries` the last days of contracts, `trades` how the orders filled that are in instruments
    which others traded too: command id and units filled by then, in the order in which the broker's books told of it.
    `ended_in_order` says that the last run was not killed.
    """

    orders: tuple[Order, ...]
    positions: Mapping[str, Mapping[InstrumentKey, int]]
    orders_today: int
    trading_state: TradingState
    reason: str
    moved: Mapping[InstrumentKey, int] = field(default_factory=dict)
    accepted_units: Mapping[InstrumentKey, int] = field(default_factory=dict)
    against_ours: Mapping[InstrumentKey, int] = field(default_factory=dict)
    vanished: tuple[Break, ...] = ()
    ended: frozenset[InstrumentKey] = frozenset()
    closed_at: Mapping[PositionKey, tuple[int, Decimal]] = field(default_factory=dict)
    expiries: Expiries = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    requests: tuple[FlattenRequest, ...] = ()
    ended_requests: tuple[EndedRequest, ...] = ()
    armed_stops: tuple[ArmedStop, ...] = ()
    unarmed: tuple[Order, ...] = ()
    risk_days: tuple[RiskDay, ...] = ()
    baskets: tuple[BasketRecord, ...] = ()
    alerts: Unfinished = field(default_factory=Unfinished)
    written_off: Mapping[PositionKey, int] = field(default_factory=dict)
    last_prices: Mapping[tuple[Exchange, str], SeenPrice] = field(default_factory=dict)
    trades: tuple[tuple[str, int], ...] = ()
    ended_in_order: bool = True
    stored_by: Mapping[str, str] = field(default_factory=dict)
    """Which run stored each order that is SENDING."""
