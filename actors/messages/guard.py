"""What the guard holds: reservations before an order leaves, exposures, holders and days."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from actors.messages.query import Query
from actors.runtime.address import Address
from domain.exits.flatten import Exposure, PositionKey
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import InstrumentKey
from domain.read_models import Holdings
from domain.reconciliation.breaks import Break
from domain.reconciliation.vanishing import Holders


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveExposure:
    """Checks 2B and 2C, or the clamp of an exit; a yes reserves.

    With a `change_id` the order as it stands is `order`, and its total would become that of `command`: a yes reserves
    the growth.
    """

    command: OrderCommand
    from_position_only: bool = False
    change_id: str = ""
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReserved:
    """The guard holds this many units for the order; for a change, what the order may trade in all."""

    command_id: str
    quantity: int
    inputs: Mapping[str, str]
    change_id: str = ""


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
class AskForExposures:
    """Tell the exits what every strategy holds and what may still trade: now (`answers`), and when it `follows`.

    That is once, as soon as it differs from what they were told last.
    """

    answers: bool = True
    follows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposuresTold:
    """What every strategy holds and may still trade; a position that is flat is not there.

    Nor is one whose contract is over: `over` names these as long as something of them stands in a book.
    `awaited` are the positions of which a basket's leg is reserved and has not come to be sent yet.
    `begun_by`: the newest entry of this run and day for each position (command id).
    `answers`: the exits asked for it; else something of it has changed.
    """

    exposures: Mapping[PositionKey, Exposure]
    answers: bool = False
    over: frozenset[InstrumentKey] = frozenset()
    awaited: frozenset[PositionKey] = frozenset()
    begun_by: Mapping[PositionKey, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindExposures(Query[ExposuresTold]):
    """Which positions are there to make flat?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOffPosition(Query[int | None]):
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
class FindHoldings(Query[Holdings]):
    """What does each strategy hold?"""
