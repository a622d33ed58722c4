"""One request, as every route sees it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from broker.paper.api.wire import Fields, Reply
from broker.paper.clock import Moment
from broker.paper.control.faults import Fault
from broker.paper.engine.orders import Behaviour
from broker.paper.engine.venue import Venue


@dataclass(frozen=True, slots=True)
class Asked:
    """Owns nothing: the fields, the caller's token, when it came, and what faults make of the order, change or book."""

    fields: Fields
    token: str | None
    moment: Moment
    behaviour: Behaviour | None = None
    on_change: Fault | None = None
    as_of: datetime | None = None
    """The book that is read is the one of this earlier moment."""


Route: TypeAlias = Callable[[Venue, Asked], Reply]
