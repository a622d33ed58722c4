"""A repository's actor without a thread, and what it is told in its tests."""

from pathlib import Path
from typing import Any

from actors.messages.persistence import FindUnwritten, RecordEvent, RegisterOrder
from actors.order_history import OrderHistory
from actors.repo.actor import RepoActor
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event
from domain.orders.order import JournalLine, Order, OrderEvent
from domain.settings import StorageSettings
from storage.history import History
from tests.actors.rooms import own_mailbox, resolve
from tests.fakes import FakeClock, ManualTimer, Probe, command, mailboxes, runtime

SEND = OrderEvent(kind=Event.SENT)
ACCEPT = OrderEvent(kind=Event.ACCEPTED, broker_order_id="B1")


class RepoRoom:
    """A RepoActor on a real file, without a thread; `drain` lets it read its mailbox to the end."""

    def __init__(self, path: Path, **settings: Any) -> None:  # noqa: ANN401  any setting of the storage
        self.path = path
        self.clock = FakeClock()
        self.timer = ManualTimer(self.clock)
        self.supervisor, self.command = Probe(), Probe()
        self.actor = RepoActor(
            mail=mailboxes(supervisor=self.supervisor, command=self.command),
            runtime=runtime(self.clock, timer=self.timer),
            settings=StorageSettings(path=path, **({"busy_timeout_ms": 20} | settings)),
            client_id="FA1",
        )
        self.history = OrderHistory(History(path, "FA1"), lambda: self.actor.on_receive(FindUnwritten()))
        self.own = own_mailbox(self.actor, is_busy=False)
        self.actor.on_start()
        self.statements: list[Any] = []
        if self.actor._trouble is None:
            self.actor._database.connection().set_trace_callback(self.statements.append)

    def tell(self, *messages: Any) -> None:  # noqa: ANN401  any message of the inbox
        """Put the messages into the mailbox, all before the first is read."""
        for message in messages:
            self.own.tell(message)

    def drain(self) -> None:
        resolve(self.actor, self.own)

    def give(self, *messages: Any) -> list[Any]:  # noqa: ANN401  any message of the inbox
        """Tell, drain, let every timer come due, and return the letters."""
        self.tell(*messages)
        self.drain()
        self.clock.advance(0.1)
        self.timer.fire_due()
        self.drain()
        taken: list[Any] = self.command.take()
        return taken

    def live(self, *messages: Any) -> list[Any]:  # noqa: ANN401  any message of the inbox
        """Give the messages one after the other, each written before the next."""
        return [letter for message in messages for letter in self.give(message)]

    def orders(self, reference: str | None = None) -> tuple[Order, ...]:
        """Return the newest orders, as people are told them."""
        return self.history.orders(9, open_only=False, reference=reference, between=lambda: None)

    def lines(self, command_id: str) -> tuple[JournalLine, ...]:
        """Return the order's journal, as people are told it."""
        timeline = self.history.timeline(command_id)
        assert timeline is not None
        return timeline.lines

    @property
    def commits(self) -> int:
        return sum(str(one).strip().upper().startswith("COMMIT") for one in self.statements)

    @property
    def begins(self) -> int:
        return sum(str(one).strip().upper().startswith("BEGIN") for one in self.statements)

    def register(self, asked: OrderCommand | None = None) -> RegisterOrder:
        asked = asked or command()
        return RegisterOrder(command=asked, remarks_tag=f"sd{asked.command_id}")

    def event(self, event: OrderEvent, command_id: str = "c1") -> RecordEvent:
        return RecordEvent(command_id=command_id, event=event, at=self.clock.now())
