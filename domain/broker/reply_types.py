"""What the broker answered: yes, no, or nothing that can be read.

A reply to an order is `Accepted`, `Refused` or `Unknown`; nothing in between exists, so that silence is never a "no".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from domain.broker.snapshots import Tick
from domain.market.instrument import Instrument
from domain.orders.reasons import Reason
from domain.orders.types import Exchange


@dataclass(frozen=True, slots=True)
class Accepted:
    """The broker took the order and named it. It may still be rejected later."""

    broker_order_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Proof that the order is not in the market; `message` is the broker's own where it spoke."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have arrived, and no readable answer came back."""

    cause: str


PlaceReply: TypeAlias = Accepted | Refused | Unknown

ChangeReply: TypeAlias = Accepted | Refused | Unknown
"""The reply to a cancel or a modify. Accepted says that the request was taken, not that anything has changed."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A book that could not be read. It says nothing about orders or positions."""

    cause: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The broker opened a session for this account."""

    account_id: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The broker opened no session. `final` says that trying again with the same credentials is useless.

    `answered` says that the broker judged them: wrong tries lock accounts, so those are counted.
    """

    cause: str
    final: bool
    answered: bool = False


@dataclass(frozen=True, slots=True)
class UnknownInstrument:
    """The broker knows no such symbol; `similar` are those that its search found instead, the likeliest first."""

    exchange: Exchange
    symbol: str
    similar: tuple[str, ...] = ()


InstrumentReply: TypeAlias = Instrument | UnknownInstrument | Unavailable

PriceReply: TypeAlias = Tick | Unavailable

LoginReply: TypeAlias = LoggedIn | LoginFailed
