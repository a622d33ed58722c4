"""How far a request to cancel or modify an order has come.

A change never moves the order by itself. The broker's Ok means that the request was taken; whether the order was
changed is told by the books and updates, and a fill may win (docs/protocol.md, cancel and modify).
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class ChangeKind(StrEnum):
    """What is asked for."""

    CANCEL = "CANCEL"
    MODIFY = "MODIFY"


class ChangeStage(StrEnum):
    """How far the request has come: on its way, accepted by the broker, or its reply was lost."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    REPLY_LOST = "REPLY_LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of an order whose outcome is not known yet. An order has at most one.

    A CANCEL has no terms; one that overtook a MODIFY keeps its `quantity`, as that may have taken effect. A MODIFY has
    all of them: `quantity` is the new total in units, what has traded included; `limit_price` and `trigger_price` are
    rupees, as they go on the wire.
    """

    change_id: str
    kind: ChangeKind
    asked_at: datetime
    stage: ChangeStage = ChangeStage.REQUESTED
    quantity: int | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
