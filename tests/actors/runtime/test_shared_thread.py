"""Several actors on one thread: each knows whether more waits for it."""

import threading

import pytest

from actors.runtime.shared_thread import SharedThread, SharedThreadActor
from tests.fakes import Probe

WAIT_S = 10.0


class Noting(SharedThreadActor):
    """Notes with every message whether it was the last."""

    def __init__(self, noted: list[tuple[str, bool, int]], go_on: threading.Event) -> None:
        super().__init__(Probe())
        self._noted = noted
        self._go_on = go_on

    def on_receive(self, message: str) -> None:
        assert self._go_on.wait(WAIT_S)
        self._noted.append((message, self.actor_inbox.empty(), self.actor_inbox.qsize()))


@pytest.mark.parametrize("others", [0, 3])
def test_a_mailbox_is_empty_when_nothing_waits_for_its_own_actor(others: int) -> None:
    loop, go_on, noted = SharedThread(), threading.Event(), list[tuple[str, bool, int]]()
    one, other = (Noting.start_on(loop, noted=into, go_on=go_on) for into in (noted, []))
    try:
        for message in ("a", "b", "c", "d"):
            one.tell(message)
        for _ in range(others):
            other.tell("for another")
        go_on.set()
        other.ask("served after all of them", timeout=WAIT_S)
    finally:
        one.stop(timeout=WAIT_S)
        other.stop(timeout=WAIT_S)
        loop.stop()

    assert [is_last for _, is_last, _ in noted] == [False] * 3 + [True]
    assert [waiting for _, _, waiting in noted] == [3, 2, 1, 0]
