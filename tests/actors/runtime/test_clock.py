from datetime import timedelta

import pytest
from loguru import logger

from actors.runtime.clock import SteadyClock
from tests.fakes import TEN_O_CLOCK, FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
def machine() -> FakeClock:
    return FakeClock()


@pytest.fixture
def clock(machine: FakeClock) -> SteadyClock:
    return SteadyClock(machine)


def test_it_tells_the_machines_time(clock: SteadyClock, machine: FakeClock) -> None:
    machine.advance(90)

    assert clock.now() == machine.now() == TEN_O_CLOCK + timedelta(seconds=90)
    assert clock.monotonic() == machine.monotonic()


def test_set_forward_it_is_followed_at_once(clock: SteadyClock, machine: FakeClock) -> None:
    machine.now_is += HOUR

    assert clock.now() == TEN_O_CLOCK + HOUR


def test_set_back_it_goes_on_by_its_own_time(clock: SteadyClock, machine: FakeClock) -> None:
    machine.now_is -= HOUR
    machine.advance(5)

    assert clock.now() == TEN_O_CLOCK + timedelta(seconds=5)
    machine.now_is += 2 * HOUR
    assert clock.now() == machine.now(), "the wall has overtaken it"


def test_each_time_it_is_set_back_is_told_once(clock: SteadyClock, machine: FakeClock) -> None:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="CRITICAL")

    for step in (timedelta(milliseconds=500), HOUR, timedelta(), HOUR):
        machine.now_is -= step
        clock.now()
        clock.now()
    logger.remove(sink)

    assert [text.partition(";")[0] for text in said] == [
        "the machine's clock was set back by 3600 s",
        "the machine's clock was set back by 7200 s",
    ]


def test_set_back_by_less_than_can_be_told_it_stands_still(clock: SteadyClock, machine: FakeClock) -> None:
    machine.now_is -= timedelta(microseconds=600)
    assert clock.now() == TEN_O_CLOCK

    machine.now_is -= timedelta(microseconds=600)
    machine.advance(0.25)
    assert clock.now() == TEN_O_CLOCK + timedelta(seconds=0.25), "twice is a step, and none is lost"
