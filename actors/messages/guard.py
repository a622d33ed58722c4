"""What the guard holds: reservations before an order leaves, exposures, holders and days."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.runtime.address import Address
from domain.exits.flatten import Exposure, PositionKey
from domain.market.expiry import ContractOver
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey
from domain.positions.already_exposed import AlreadyExposed
from domain.positions.nothing_to_exit import NothingToExit
from domain.reconciliation.breaks import Break
from domain.reconciliation.vanishing import Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveExposure:
    """Checks 2B and 2C, or the clamp of an exit; a yes reserves."""

    command: OrderCommand
    from_position_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReserved:
    """The guard holds this many units for the order."""

    command_id: str
    quantity: int
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureRefused:
    """The guard says no. `why` tells what stands in the way of an entry, or what there is instead of units to exit."""

    command_id: str
    reason: Reason
    inputs: Mapping[str, str]
    why: AlreadyExposed | NothingToExit | ContractOver | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureMoved:
    """The guard shall know how this order stands now."""

    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForHolders:
    """Who holds the position that this break is about, and what of ours would it close?"""

    recon_break: Break


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldersTold:
    """Who holds the position that the break is about."""

    recon_break: Break
    holders: Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiredStillHeld:
    """The account holds these although their contracts should be over, and no others: the guard counts them."""

    keys: frozenset[InstrumentKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginDay:
    """Forget what does not outlive its day."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountExternal:
    """The account holds these units by nobody's order; `ended` are signed units that strategies hold no more."""

    key: InstrumentKey
    quantity: int
    ended: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDayApart:
    """Orders of a past day are not resolved: the account holds so many signed units more than all of us together."""

    key: InstrumentKey
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskForExposures:
    """What does every strategy hold, and what may still trade?"""

    reply_to: "Address[ExposuresTold]"
    question: int
    """Comes back with the answer, which knows of nothing that the guard was told after this was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposuresTold:
    """What every strategy holds and may still trade; a position that is flat is not there.

    Nor is one whose contract is over: `over` names these as long as something of them stands in a book.
    `awaited` are the positions of which a basket's leg is reserved and has not come to be sent yet.
    """

    exposures: Mapping[PositionKey, Exposure]
    question: int = 0
    over: frozenset[InstrumentKey] = frozenset()
    awaited: frozenset[PositionKey] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExposures:
    """Which positions are there to make flat?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffPosition:
    """Take a strategy's position out of the guard's book and count it under EXTERNAL."""

    position_key: PositionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveBasket:
    """Hold all legs of a basket at once, or none."""

    basket_id: str
    legs: tuple[OrderCommand, ...]
    reply_to: "Address[BasketReserved]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketReserved:
    """The guard holds a basket's legs; or not, and `refused` says why."""

    basket_id: str
    refused: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReservation:
    """A leg that the guard holds is never sent."""

    command: OrderCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class FindHoldings:
    """What does each strategy hold?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Each strategy's positions in signed units, from fills; and what moved in delivery today.

    `sold_from_holdings` are the units of delivery that a strategy sold today beyond what it had bought: no position.
    `delivery_today` is what all orders of today moved in delivery, signed: what the broker's position book shows of it.
    """

    positions: Mapping[str, Mapping[InstrumentKey, int]]
    sold_from_holdings: Mapping[str, Mapping[InstrumentKey, int]] = field(default_factory=dict)
    delivery_today: Mapping[InstrumentKey, int] = field(default_factory=dict)
