"""The wall's clock is wrong, or is set: what waits, and the trading day, stay right (SCENARIOS, D10)."""

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import Final

import pytest

from domain.orders.lifecycle import State
from domain.ports import IST, trading_day
from tests.scenarios.books import journal_of
from tests.scenarios.paper import MakePaper, Paper, until_books_are_read
from tests.scenarios.scene import READ_TIMEOUT_S, RESTING, MakeScene, Scene, ShiftedClock
from tests.scenarios.waiting import until
from tests.timing import patient

HOUR_S: Final = 3_600.0
WINDOW_S: Final = patient(0.5)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper, clock: ShiftedClock) -> Scene:
    pace = {"orders_per_second_max": 5, "orders_reserved_for_exits": 0}
    return make_scene(paper, clock, proof={"books": 3, "window_s": WINDOW_S}, broker=pace)


def test_an_order_lost_before_the_clock_is_set_back_is_still_proved_absent(
    scene: Scene, paper: Paper, clock: ShiftedClock
) -> None:
    """The books after it are younger, whatever the wall says."""
    paper.fault("PlaceOrder", "not_arrived")
    command = scene.command("void")
    assert scene.submit(command).state is State.UNCONFIRMED

    clock.offset_s += -HOUR_S

    scene.until_state(command, State.NOT_PLACED)
    assert scene.submit(scene.command("again")).state is State.WORKING
    scene.until_state(scene.command("again"), State.FILLED)
    scene.until_books_agree()
    _assert_journal_is_in_order(scene)


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S])
def test_no_order_is_declared_absent_because_the_clock_was_set(
    scene: Scene, paper: Paper, clock: ShiftedClock, seconds: float
) -> None:
    """An hour on the wall is no hour of books: the order enters the book just before the proof would be whole."""
    paper.fault("PlaceOrder", "late_acceptance", seconds=READ_TIMEOUT_S + WINDOW_S * 0.75)
    command = scene.command("late")
    assert scene.submit(command).state is State.UNCONFIRMED
    until_books_are_read(paper, 2)

    clock.offset_s += seconds

    scene.until_state(command, State.FILLED)
    assert "PROVED_ABSENT" not in scene.events(command)
    scene.until_books_agree()
    assert scene.times_sent(command) == 1
    _assert_journal_is_in_order(scene)


def test_a_late_fill_counts_after_the_clock_was_set_back(scene: Scene, paper: Paper, clock: ShiftedClock) -> None:
    """A finished order is seen alive by a book that is younger than its end."""
    command = scene.command("canceled", price=RESTING)
    scene.submit(command)
    number = scene.at_broker(command).number
    paper.cancel(number)
    scene.until_state(command, State.CANCELED)

    clock.offset_s += -HOUR_S
    paper.fill(number, 10)

    scene.until_state(command, State.FILLED)
    scene.until_books_agree()
    _assert_journal_is_in_order(scene)


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S])
def test_what_waits_waits_as_long_as_ever_when_the_clock_is_set(
    scene: Scene, paper: Paper, clock: ShiftedClock, seconds: float
) -> None:
    """The throttle and the polls go by a clock that nobody sets."""
    commands = [scene.command(f"n{n}", strategy=f"{scene.name}-{n}", price=RESTING) for n in range(8)]
    callers = [scene.send(one) for one in commands]
    until(lambda: scene.times_sent(commands[0]), "the first was not sent")

    clock.offset_s += seconds

    until(lambda: all(one.all() for one in callers), "not every order was answered")
    scene.until_books_agree()
    assert not scene.desk.readiness().blockers
    arrived = sorted(monotonic for _, monotonic, _ in paper.ledger().arrivals)[-len(commands) :]
    assert all(last - first >= 1.0 for first, last in zip(arrived, arrived[5:], strict=False)), "the ceiling is kept"
    assert arrived[-1] - arrived[0] < patient(10), "and nobody waits for an hour"


def test_a_session_is_opened_again_after_the_clock_was_put_right(
    scene: Scene, paper: Paper, clock: ShiftedClock
) -> None:
    """One-time codes are made by the time that the machine has now, though the desk goes on by its own."""
    clock.offset_s += HOUR_S
    until_books_are_read(paper, 2)
    clock.offset_s += -HOUR_S
    logins = paper.ledger().requests["QuickAuth"]

    paper.fault("OrderBook", "session_expired")

    until(lambda: paper.ledger().requests["QuickAuth"] == logins + 1, "no login was tried")
    scene.until_ready()
    assert scene.submit(scene.command("on")).state is State.WORKING
    scene.until_state(scene.command("on"), State.FILLED)
    scene.until_books_agree()


def test_a_trading_day_begins_once_also_when_the_clock_is_set_back(
    make_scene: MakeScene, make_paper: MakePaper, clock: ShiftedClock
) -> None:
    """At 06:30 an hour back is yesterday: what is held for the day stays held, and is sold."""
    paper = make_paper()
    scene = make_scene(paper, clock)
    tomorrow = datetime.combine(clock.now().date() + timedelta(days=1), time(6, 30), IST)
    clock.offset_s += (tomorrow - clock.now()).total_seconds()
    today = trading_day(clock.now())
    entry = scene.command("in")
    scene.submit(entry)
    scene.until_state(entry, State.FILLED)
    until(lambda: scene.held() == 10, "not held")

    clock.offset_s += -HOUR_S
    until_books_are_read(paper, 3)

    assert trading_day(clock.now()) < today
    assert scene.held() == 10
    assert scene.desk.status().trading.orders_today == 1
    out = scene.submit(scene.command("out", intent="EXIT", side="SELL", price="1499.00"))
    assert (scene.order(entry).day, out.day) == (today, today)
    scene.until_state(out.command, State.FILLED)
    until(lambda: scene.held() == 0, "not flat")
    scene.until_books_agree()
    _assert_journal_is_in_order(scene)


def _assert_journal_is_in_order(scene: Scene) -> None:
    """What is written later of an order happened later."""
    times: defaultdict[str, list[str]] = defaultdict(list)
    for line in journal_of(scene.path):
        times[line.command_id].append(line.at)
    assert all(of_one == sorted(of_one) for of_one in times.values()), times
