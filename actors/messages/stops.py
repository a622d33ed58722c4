"""Stops, targets and trails."""

from dataclasses import dataclass

from actors.messages.query import Query
from actors.runtime.address import Address
from domain.exits.flatten import PositionKey
from domain.exits.stops import ArmedStop
from domain.orders.stop_terms import StopTerms
from domain.read_models import StopsNow


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStops:
    """Put a position that is held under these stops, in place of those it has; None removes them."""

    position_key: PositionKey
    terms: StopTerms | None
    reason: str
    reply_to: "Address[StopsAnswered] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopsAnswered:
    """What stands now, and of what to beware. Where `refused` says why, nothing was changed."""

    armed_stop: ArmedStop | None
    refused: str = ""
    beware: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindStops(Query[StopsNow]):
    """Which positions are under stops?"""
