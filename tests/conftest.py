"""What every test is held to: no actor and no thread left behind, and no actor dead unnoticed."""

import logging
import os
import threading
from collections.abc import Iterator

import loguru  # noqa: F401  loaded while pytest captures: its lines are shown beside a test that fails, and nowhere else
import pykka
import pytest
from hypothesis import HealthCheck, settings

from tests.timing import patient

STOP_WAIT_S = patient(5)

_CALM = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
settings.register_profile("desk", deadline=None, max_examples=60, suppress_health_check=_CALM, print_blob=True)
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


LONGEST_FIRST = (
    "tests/simulation/",
    "tests/scenarios/",
    "tests/console/test_processes.py",
    "tests/proofs/",
    "tests/console/",
)
"""Where whole files take long: begun last, they would run alone at the end (--no-loadscope-reorder keeps the order)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next(
            (place for place, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST)
        )

    items.sort(key=rank)


class DeathWatch(logging.Handler):
    """Listens to pykka's own log: the only place where some deaths are told."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.deaths: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith("Unhandled exception") or message.endswith("Stopping all actors."):
            cause = record.exc_info[1] if record.exc_info else None
            self.deaths.append(f"{message} {cause!r}")


@pytest.fixture
def deaths() -> Iterator[list[str]]:
    """Expect actors to die: asking for this says so. Holds what pykka said of each, and fails when none died."""
    watch = DeathWatch()
    logging.getLogger("pykka").addHandler(watch)
    yield watch.deaths
    logging.getLogger("pykka").removeHandler(watch)
    assert watch.deaths, "the test expected an actor to die, and none did"


@pytest.fixture(autouse=True)
def _leave_nothing_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves an actor or a thread running, or in which an actor died unnoticed."""
    log, watch = logging.getLogger("pykka"), DeathWatch()
    level, threads = log.level, set(threading.enumerate())
    actors = {ref.actor_urn for ref in pykka.ActorRegistry.get_all()}
    log.addHandler(watch)
    log.setLevel(logging.DEBUG)
    yield
    log.removeHandler(watch)
    log.setLevel(level)
    left = [ref for ref in pykka.ActorRegistry.get_all() if ref.actor_urn not in actors]
    stuck = [str(ref) for ref in left if not _stop(ref)]
    running = [one for one in threading.enumerate() if one not in threads and not one.daemon]
    assert not left, f"actors left running: {[str(ref) for ref in left]}, of which would not stop: {stuck}"
    assert not running, f"threads left running: {running}"
    expected = "deaths" in request.fixturenames
    assert expected or not watch.deaths, f"actors died unnoticed: {watch.deaths}"


def _stop(ref: "pykka.ActorRef[pykka.Actor]") -> bool:
    try:
        ref.stop(timeout=STOP_WAIT_S)
    except pykka.Timeout:
        return False
    return True
