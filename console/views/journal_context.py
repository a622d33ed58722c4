"""One line of an order's journal, with the order as it stood before and after it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.orders.lifecycle import TERMINAL, Event, State, is_late_truth
from domain.orders.order import JournalLine, Order


@dataclass(frozen=True, slots=True)
class JournalContext:
    """What a line of the journal is told from. `before` and `row` are the order's row before and after it.

    `books_needed` is how many healthy books complete a proof of absence.
    """

    order: Order
    line: JournalLine
    before: Mapping[str, Any]
    row: Mapping[str, Any]
    books_needed: int

    @property
    def number(self) -> object:
        """Return the broker's number of the order, as it is known now."""
        return self.row.get("broker_order_id") or "of an unknown number"

    @property
    def pending(self) -> str:
        """Return the change that was under way before this line: "cancel", "modify" or nothing."""
        kept = self.before.get("change")
        return str(json.loads(kept)["kind"]).lower() if kept else ""

    @property
    def is_terminal(self) -> bool:
        """Say whether the order is over with this line."""
        return State(self.line.state_after) in TERMINAL

    @property
    def has_moved(self) -> bool:
        """Say whether the line led to another state."""
        return self.line.state_before != self.line.state_after

    @property
    def is_late(self) -> bool:
        """Say whether the line contradicts an end that was recorded before."""
        before, event = self.line.state_before, self.line.event
        return before is not None and event in set(Event) and is_late_truth(State(before), Event(event))
