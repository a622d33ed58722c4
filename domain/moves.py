"""Units of the account that no order of ours explains, and why they are counted: EXTERNAL moves."""

from enum import StrEnum
from typing import Final


class MoveKind(StrEnum):
    """Why units count under EXTERNAL without an order.

    CARRIED into the day by others; ACCEPTED by a person; UNDONE takes back what was accepted.
    """

    CARRIED = "CARRIED"
    ACCEPTED = "ACCEPTED"
    UNDONE = "UNDONE"


BY_A_PERSON: Final = frozenset({MoveKind.ACCEPTED, MoveKind.UNDONE})
"""The kinds whose sum is what a person's acceptances still count."""
