"""What speaks against new entries while trading is ACTIVE. Exits never ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self


class BlockerKind(StrEnum):
    """Why no entry is taken. A break may wait for a person; the others end with their cause."""

    NO_SESSION = "NO_SESSION"
    STARTUP_RECONCILIATION = "STARTUP_RECONCILIATION"
    LOGIN_RECONCILIATION = "LOGIN_RECONCILIATION"
    BROKER_UNREACHABLE = "BROKER_UNREACHABLE"
    BOOKS_UNAVAILABLE = "BOOKS_UNAVAILABLE"
    BOOKS_SILENT = "BOOKS_SILENT"
    RECONCILIATION_BREAK = "RECONCILIATION_BREAK"
    DATABASE_BEHIND = "DATABASE_BEHIND"
    STOPPING = "STOPPING"

    @property
    def label(self) -> str:
        """Say it in words that tell nothing of the account."""
        return _LABELS[self]


_LABELS: Final[Mapping[BlockerKind, str]] = {
    BlockerKind.NO_SESSION: "no session at the broker",
    BlockerKind.STARTUP_RECONCILIATION: "startup reconciliation has not finished",
    BlockerKind.LOGIN_RECONCILIATION: "reconciliation after the login has not finished",
    BlockerKind.BROKER_UNREACHABLE: "the broker could not be reached",
    BlockerKind.BOOKS_UNAVAILABLE: "the broker's order book is unreadable",
    BlockerKind.BOOKS_SILENT: "no order book has been compared with ours lately",
    BlockerKind.RECONCILIATION_BREAK: "the books differ",
    BlockerKind.DATABASE_BEHIND: "events wait for the database",
    BlockerKind.STOPPING: "the desk is stopping",
}


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that speaks against entries: its kind for programs, and its `detail` in words for a person."""

    kind: BlockerKind
    detail: str

    def __str__(self) -> str:
        return self.detail

    @classmethod
    def of(cls, kind: BlockerKind, detail: str = "") -> Self:
        """Return one whose words are its kind's label, and this detail after it."""
        return cls(kind, f"{kind.label}: {detail}" if detail else kind.label)
