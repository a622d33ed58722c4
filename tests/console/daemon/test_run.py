from collections import deque

import pytest

from actors.errors import DeskUnavailableError
from console.daemon.run import Ending, end_desk, wait_until_ready, watch
from console.daemon.systemd import Notifier
from domain.blocker import Blocker, BlockerKind
from domain.read_models import Readiness, TradingStateNow
from domain.risk.checks import TradingState


def blockers_of(details: tuple[str, ...]) -> tuple[Blocker, ...]:
    return tuple(Blocker(BlockerKind.NO_SESSION, one) for one in details)


class EndingDesk:
    """A desk that says one thing after the other about itself."""

    has_lost_a_file = False

    def __init__(self, *reasons: tuple[str, ...], failure: str | None = None, orphans: tuple[str, ...] = ()) -> None:
        self.says = deque(reasons)
        self.failure = failure
        self.orphans = orphans
        self.state = TradingState.ACTIVE

    def readiness(self) -> Readiness:
        reasons = self.says.popleft() if len(self.says) > 1 else self.says[0]
        return Readiness(blockers=blockers_of(reasons), in_flight=())

    def trading_state(self) -> TradingStateNow:
        return TradingStateNow(state=self.state, reason="", orders_today=0)

    def wait_for_failure(self, timeout_s: float) -> str | None:
        del timeout_s
        return self.failure

    def stop(self, grace_s: float | None = None) -> tuple[str, ...]:
        del grace_s
        return self.orphans


def test_each_reason_is_said_once_until_the_desk_is_ready() -> None:
    said: list[str] = []

    failure = wait_until_ready(EndingDesk(("no session",), ("no session",), ("blind",), ()), Ending(), said.append)

    assert (failure, said) == (None, ["not ready yet: no session", "not ready yet: blind"])


def test_a_death_ends_the_wait_for_readiness() -> None:
    assert wait_until_ready(EndingDesk(("no",), failure="it died"), Ending(), lambda _message: None) == "it died"


def test_a_desk_that_does_not_become_ready_in_time_is_given_up() -> None:
    failure = wait_until_ready(EndingDesk(("no session",)), Ending(), lambda _message: None, within_s=0)

    assert failure == "it was not ready within 0 s (no session)"


def test_an_actors_death_is_exit_code_1_and_names_what_is_in_flight(capsys: pytest.CaptureFixture[str]) -> None:
    code = end_desk(EndingDesk((), orphans=("one", "two")), "GuardActor died")

    said = capsys.readouterr().err
    assert code == 1
    assert "which the next start finds at the broker: one, two" in said
    assert "the desk ended because GuardActor died; start it again" in said


def test_an_end_that_was_asked_for_is_exit_code_0() -> None:
    assert end_desk(EndingDesk(()), None) == 0


class WatchedDesk(EndingDesk):
    """A desk that says one thing a look, or nothing (None), and dies when it has said all."""

    def __init__(self, *looks: tuple[str, ...] | None) -> None:
        super().__init__(())
        self.looks = deque(looks)

    def readiness(self) -> Readiness:
        reasons = self.looks.popleft()
        if reasons is None:
            raise DeskUnavailableError("CommandActor did not answer within 10 s; try again")
        return Readiness(blockers=blockers_of(reasons), in_flight=())

    def trading_state(self) -> TradingStateNow:
        return TradingStateNow(state=self.state, reason="", orders_today=0)

    def wait_for_failure(self, timeout_s: float) -> str | None:
        del timeout_s
        return None if self.looks else "it died"


class KeepingNotifier(Notifier):
    """Keeps what it would say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    @property
    def watchdog_s(self) -> float | None:
        return 0.0001

    def _send(self, message: str) -> None:
        self.said.append(message)


def test_the_watchdog_is_fed_only_while_the_desk_answers() -> None:
    notifier = KeepingNotifier()

    failure = watch(WatchedDesk((), ("the feed is\nblind",), None, ()), Ending(), notifier)

    assert failure == "it died"
    assert notifier.said == [
        "WATCHDOG=1",
        "STATUS=takes orders",
        "WATCHDOG=1",
        "STATUS=exits only: the feed is blind",
        "STATUS=does not answer: CommandActor did not answer within 10 s; try again",
        "WATCHDOG=1",
        "STATUS=takes orders",
    ]


def test_the_service_manager_is_told_that_a_halted_desk_takes_no_orders() -> None:
    notifier, desk = KeepingNotifier(), WatchedDesk((), ())
    desk.state = TradingState.HALTED

    watch(desk, Ending(), notifier)

    assert "STATUS=takes exits of a person, a stop or a limit only, until `resume`" in notifier.said
    assert "STATUS=takes orders" not in notifier.said


def test_a_desk_that_does_not_answer_at_its_start_is_waited_for() -> None:
    said: list[str] = []

    failure = wait_until_ready(WatchedDesk(None, (), ()), Ending(), said.append)

    assert (failure, said) == (None, ["not ready yet: CommandActor did not answer within 10 s; try again"])
