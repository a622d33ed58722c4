"""Updates of orders wait a moment for more: an order's updates often come together, and are compared together."""

from typing import Final

from domain.broker.snapshots import OrderUpdate

UPDATES_AT_ONCE_MAX: Final = 64
UPDATE_LINGER_S: Final = 0.1
"""So long an update that tells of no trade and no end waits for more."""


class HeldUpdates:
    """Owns the updates that were heard and not told yet, and from when on they are told (monotonic seconds)."""

    def __init__(self) -> None:
        self._updates: list[OrderUpdate] = []
        self._due_s: float | None = None

    def hold(self, update: OrderUpdate, now_s: float) -> None:
        """Let an update wait for more: `UPDATE_LINGER_S`, or for nothing where it tells of a trade or an end."""
        self._updates.append(update)
        if update.row.tells_of_more_than_life:
            self._due_s = now_s
        elif self._due_s is None:
            self._due_s = now_s + UPDATE_LINGER_S

    @property
    def is_full(self) -> bool:
        """Say whether no more is to be waited for: a stream of updates is told in parts."""
        return len(self._updates) >= UPDATES_AT_ONCE_MAX

    def wait_s(self, longest_s: float, now_s: float) -> float:
        """Return how long to wait for the next frame: until what is held is due, at most `longest_s`."""
        return longest_s if self._due_s is None else min(longest_s, max(0.0, self._due_s - now_s))

    def take_due(self, now_s: float) -> tuple[OrderUpdate, ...]:
        """Return what has waited long enough, and what came after it; empty where nothing is due."""
        return self.take() if self._due_s is not None and now_s >= self._due_s else ()

    def take(self) -> tuple[OrderUpdate, ...]:
        """Return all that is held, in its order, and hold it no more."""
        taken, self._updates, self._due_s = tuple(self._updates), [], None
        return taken
