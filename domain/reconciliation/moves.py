"""Units of the account that no order of ours explains, and why they are counted: EXTERNAL moves."""

from enum import StrEnum
from typing import Final


class MoveKind(StrEnum):
    """Why units count under EXTERNAL without an order.

    CARRIED into the day by others; ACCEPTED by a person; UNDONE takes back what was accepted; EXPIRED ends a contract's
    positions; VANISHED units of ours are gone in the morning, and are RETURNED, or a person DECIDED that they are gone.
    SQUARED_OFF moves none: the broker has closed strategies' positions, which EXTERNAL counts already.
    """

    CARRIED = "CARRIED"
    ACCEPTED = "ACCEPTED"
    UNDONE = "UNDONE"
    EXPIRED = "EXPIRED"
    VANISHED = "VANISHED"
    RETURNED = "RETURNED"
    DECIDED = "DECIDED"
    SQUARED_OFF = "SQUARED_OFF"


BY_A_PERSON: Final = frozenset({MoveKind.ACCEPTED, MoveKind.UNDONE})
"""The kinds whose sum is what a person's acceptances still count."""

AGAINST_OURS: Final = frozenset({MoveKind.EXPIRED, MoveKind.VANISHED, MoveKind.RETURNED})
"""The kinds that stand against units of our strategies: they count in the day's profit and loss as those do."""
