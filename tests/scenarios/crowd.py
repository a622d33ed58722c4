"""Callers who keep at it: each order is sent again, under the same id, until it is answered; and some are changed."""

import random
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from tests.scenarios.paper import Paper
from tests.scenarios.process import Caller, an_order
from tests.scenarios.waiting import WAIT_S

MISBEHAVIOURS: Final = (
    ("timeout_after", 0.01),
    ("reset_after", 0.05),
    ("empty_after", 0.05),
    ("html_502_after", 0.03),
    ("truncated_after", 0.03),
    ("reset_before", 0.03),
    ("refuse", 0.03),
    ("partial_fill", 0.1),
    ("no_fill", 0.1),
    ("reject_later", 0.05),
)


def misbehave(paper: Paper) -> None:
    """Let a share of all orders meet trouble, for ever."""
    for kind, probability in MISBEHAVIOURS:
        paper.fault("PlaceOrder", kind, probability=probability, count=None, seconds=0.3)


@dataclass
class Crowd:
    """Owns the callers' threads: each sends orders, and again what was not answered, wherever the desk is now."""

    seed: int
    callers: int = 8
    url: str | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    answered: dict[str, int] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    sent_again: int = 0
    changes: set[str] = field(default_factory=set)

    def start(self) -> None:
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(self.callers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _call(self, number: int) -> None:
        chance = random.Random(self.seed * 100 + number)  # noqa: S311  a repeatable flood, not a secret
        caller = Caller()
        unanswered: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        count = 0
        while not self.stopping.is_set():
            url = self.url
            if url is None:
                self.stopping.wait(0.005)
                continue
            if unanswered and chance.random() < 0.7:
                order = unanswered.pop(0)
                self.sent_again += 1
            elif known and chance.random() < 0.3:
                order = chance.choice(known)
                if chance.random() < 0.7:
                    count += 1
                    order = _exit_of(order, f"x{number}-{count}")
            else:
                count += 1
                order = _some_order(f"k{number}-{count}", chance)
                known.append(order)
            if not self._send(caller, url, order):
                unanswered.append(order)
                self.stopping.wait(0.01)
            if known and chance.random() < 0.15:
                self._change(caller, url, chance.choice(known)["command_id"], f"{number}-{count}", chance)
        caller.close()

    def _change(self, caller: Caller, url: str, command_id: str, name: str, chance: random.Random) -> None:
        """Cancel or modify an order, and come again with the same id as an impatient caller does."""
        word = chance.choice(["cancel", "modify"])
        terms = {"quantity": chance.randint(21, 30)} if word == "modify" else {}
        self.changes.add(f"c{name}")
        for _ in range(2):
            with suppress(requests.RequestException):
                caller.ask(url, f"/orders/{command_id}/{word}", {"change_id": f"c{name}", **terms}, within_s=8.0)

    def _send(self, caller: Caller, url: str, order: dict[str, Any]) -> bool:
        """Send an order; an order that the desk did not take may come again, as one that was not answered must."""
        self.sent.add(order["command_id"])
        try:
            answer = caller.post(url, order, within_s=8.0)
        except requests.RequestException:
            return False
        if answer.status_code == 503:
            return False
        self.answered[order["command_id"]] = answer.status_code
        return True


def _some_order(command_id: str, chance: random.Random) -> dict[str, Any]:
    """Return an order that trades, rests, or waits for its trigger."""
    kind = chance.randrange(5)
    if kind == 0:
        return an_order(command_id, price="1450.00", quantity=chance.randint(1, 20))
    if kind == 1:
        return an_order(command_id, order_type="SL", price="1560.00", trigger_price="1550.00")
    return an_order(command_id, quantity=chance.randint(2, 20))


def _exit_of(entry: dict[str, Any], command_id: str) -> dict[str, Any]:
    """Return an exit that asks for more than its strategy can hold."""
    return {
        **an_order(command_id, intent="EXIT", side="SELL", quantity=100, price="1499.00"),
        "strategy": entry["strategy"],
    }
