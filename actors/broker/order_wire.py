"""The note that an order's request is about to be made, for the next start to read."""

from typing import Protocol


class OrderWire(Protocol):
    """Where it is noted that an order's request is about to be made."""

    def hand_over(self, remarks_tag: str) -> bool:
        """Note it; return False where the next start could take the order for one that never left."""

    def close(self) -> None:
        """Note no more: the last request was made."""


class NoWire:
    """Notes nothing, so that nothing is ever proved by it."""

    def hand_over(self, remarks_tag: str) -> bool:
        """Note nothing."""
        del remarks_tag
        return True

    def close(self) -> None:
        """Do nothing."""
