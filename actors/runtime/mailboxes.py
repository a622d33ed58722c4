"""What every actor is made with: the others' mailboxes, and the seams of time and chance."""

from dataclasses import dataclass

from actors.messages.inboxes import (
    BasketsInbox,
    BrokerInbox,
    CommandInbox,
    ExitsInbox,
    GuardInbox,
    MarketInbox,
    NotifierInbox,
    RepoInbox,
    RiskInbox,
    SupervisorInbox,
    WatcherInbox,
)
from actors.runtime.address import Address
from actors.runtime.timer import Timer
from domain.ports import Clock, Ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """Where each actor is told something; wired before the actors are there, and again when one is replaced."""

    command: Address[CommandInbox]
    risk: Address[RiskInbox]
    guard: Address[GuardInbox]
    broker: Address[BrokerInbox]
    watcher: Address[WatcherInbox]
    repo: Address[RepoInbox]
    market: Address[MarketInbox]
    exits: Address[ExitsInbox]
    baskets: Address[BasketsInbox]
    notifier: Address[NotifierInbox]
    supervisor: Address[SupervisorInbox]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Time, names and waiting, as a test can own them."""

    clock: Clock
    ids: Ids
    timer: Timer
