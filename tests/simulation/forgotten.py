"""Exits that no disk knew when the process died: the next life meets them at the broker, nobody's.

It takes a database and an exit journal that can't be written, and a kill. The desk counts such an order as one of
others (docs/architecture.md, the exit journal). Which strategy got out by it nobody can tell where several trade in the
instrument: they are held to nothing there, but once all is told to get out the account has to be flat. Not so where
such an order still rested, or was on the wire, when the next life began, as what it trades then is unknown; nor where
an exit has left that could wait no longer for the database to take one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from domain.orders.types import EXTERNAL
from tests.simulation.disk import Disk
from tests.simulation.exchange import Key, Ledger


@dataclass(slots=True)
class Forgotten:
    """Owns the tags of such exits, and the keys they traded in."""

    disk: Disk
    ledger: Ledger
    read: Callable[..., list[Any]]
    tags: dict[str, Key] = field(default_factory=dict)
    late_keys: set[Key] = field(default_factory=set)
    """Those in which one has traded in a later life, or may have, or an exit could wait no longer for the database."""
    _late: set[str] = field(default_factory=set)
    _unwritten: dict[str, Key] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[Key]:
        """Return what they traded in."""
        return frozenset(self.tags.values())

    def see_unwritten(self, tag: str, key: Key) -> None:
        """An exit leaves without a row."""
        self._unwritten[tag] = key

    def begin_life(self) -> None:
        """A process begins: what neither the database nor the exit journal has by now is forgotten."""
        if not self._unwritten:
            return
        path = self.disk.journal_path
        kept = path.read_text(encoding="utf-8") if path.exists() else ""
        written = {tag for (tag,) in self.read("SELECT remarks_tag FROM orders")}
        for tag, key in self._unwritten.items():
            if tag not in written and tag not in kept:
                self.tags[tag] = key
                placed = self.ledger.by_tag.get(tag, [])
                if not placed or placed[0].is_live:
                    self.late_keys.add(key)
        self._unwritten.clear()

    def see_exit(self, key: Key) -> None:
        """An exit comes to the broker: it waits a bounded time for the database to take those of before."""
        if key in self.keys:
            counted = {note for (note,) in self.read("SELECT note FROM orders WHERE strategy = ?", EXTERNAL)}
            if any(tag not in counted for tag, traded in self.tags.items() if traded == key):
                self.late_keys.add(key)

    def comes_too_late(self, tag: str, asked_s: float | None) -> bool:
        """Say whether it came to the broker after a later life was asked for it, if that was asked at all."""
        there = self.ledger.by_tag.get(tag, [])
        if tag in self.tags and asked_s is not None and (not there or there[0].accepted_s > asked_s):
            self._late.add(tag)
        return self.came_late(tag)

    def came_late(self, tag: str) -> bool:
        """Say whether that was so: then two orders carry the tag, and the second alone is in its row."""
        return tag in self._late
