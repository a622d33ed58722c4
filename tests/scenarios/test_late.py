"""What comes late, and a broker that hangs (SCENARIOS, R5 and R9): real seconds by `make long`, else a 25th."""

import threading
from typing import Final

import pytest

from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import remarks_tag_of
from domain.risk.checks import TradingState
from tests.scenarios.books import rows_of
from tests.scenarios.paper import Paper
from tests.scenarios.scene import RESTING, MakeScene, Scene
from tests.scenarios.waiting import LONG, WAIT_S, until
from tests.timing import patient

SECOND_S: Final = 1.0 if LONG else 1 / 25
"""How long one second of a broker's bad day takes here; the desk's own times are scaled with it."""
WINDOW_S: Final = 90 * SECOND_S
READ_TIMEOUT_S: Final = 7 * SECOND_S
HANG_S: Final = 60 * SECOND_S
TIMES: Final[dict[str, dict[str, float]]] = {
    "broker": {"read_timeout_s": READ_TIMEOUT_S, "rate_wait_s_max": 30 * SECOND_S},
    "watcher": {"poll_interval_s": SECOND_S, "books_unavailable_s_max": max(5 * SECOND_S, patient(1))},
    "proof": {"books": 3, "window_s": WINDOW_S},
}


@pytest.mark.timeout(WINDOW_S + 60)
@pytest.mark.parametrize("seconds", [1, 8, 85 if LONG else 70])
def test_an_order_that_enters_the_book_late_is_found_and_never_declared_absent(
    make_scene: MakeScene, paper: Paper, seconds: int
) -> None:
    """R5: so many seconds after its reply was given up, the last before the proof of absence would be whole."""
    scene = make_scene(paper, **TIMES)
    paper.fault("PlaceOrder", "late_acceptance", seconds=READ_TIMEOUT_S + seconds * SECOND_S)
    command = scene.command("late")

    assert scene.submit(command).state is State.UNCONFIRMED
    scene.until_state(command, State.FILLED, State.NOT_PLACED, within_s=WINDOW_S + WAIT_S)

    assert "PROVED_ABSENT" not in scene.events(command)
    found = next(line for line in scene.journal(command) if "matched_by" in line.inputs)
    assert found.inputs["matched_by"] == "tag"
    assert scene.order(command).tag is None
    scene.until_books_agree()
    assert scene.times_sent(command) == 1


def test_while_the_broker_hangs_an_exit_waits_for_one_request_only_and_a_halt_is_heard_at_once(
    make_scene: MakeScene, paper: Paper
) -> None:
    """R9: fifty entries are queued behind the hanging one; the exit passes them all."""
    scene = make_scene(paper, broker={"read_timeout_s": patient(1.5)})
    held = _hold(scene)
    paper.fault("PlaceOrder", "slow", seconds=patient(0.5))
    entries = _entries(scene)

    callers = [scene.send(one) for one in entries]
    until(lambda: scene.times_sent(entries[0]) == 1, "the first entry did not arrive")
    until(lambda: _are_on_the_way(scene, *entries), "the entries were not queued")
    exit_order = _exit_of(scene)
    callers.append(scene.send(exit_order))
    until(lambda: _are_on_the_way(scene, exit_order), "the exit was not queued")
    scene.desk.set_trading_state(TradingState.HALTED, "the broker hangs")
    blocked = scene.submit(scene.command("halted", strategy="halted"))

    assert blocked.tag is Reason.TRADING_HALTED
    assert callers[0].all() == [], "all this was heard while the broker hung"
    until(lambda: all(one.all() for one in callers), "not every order was answered")
    assert _place_orders(paper, after=held)[:2] == [remarks_tag_of(entries[0]), remarks_tag_of(exit_order)]
    scene.until_books_agree()
    assert all(len(one.all()) == 1 for one in callers)
    assert [scene.times_sent(one) for one in entries] == [1] + [0] * (len(entries) - 1)
    assert {scene.order(one).tag for one in entries[1:]} == {Reason.TRADING_HALTED}, "a halt stops what still waits"


@pytest.mark.timeout(HANG_S + WINDOW_S + 60)
def test_a_broker_that_hangs_for_a_minute_leaves_every_order_one_fate(make_scene: MakeScene, paper: Paper) -> None:
    """R9: the first entry is taken, the exit is next and never arrives, and a halt stops the entries that wait."""
    # So long that all are queued while the first one hangs, also on a busy machine.
    read_timeout_s = max(READ_TIMEOUT_S, patient(0.5))
    proof = {"books": 3, "window_s": WINDOW_S if LONG else 1.0}
    broker = {**TIMES["broker"], "read_timeout_s": read_timeout_s}
    scene = make_scene(paper, **{**TIMES, "broker": broker, "proof": proof})
    held = _hold(scene)
    paper.fault("PlaceOrder", "timeout_after", seconds=HANG_S)
    taken, *queued = _entries(scene)
    exit_order = _exit_of(scene)

    callers = [scene.send(taken)]
    until(lambda: scene.times_sent(taken) == 1, "the first entry did not arrive")
    paper.fault("*", "not_arrived", seconds=HANG_S, count=None)
    callers += [scene.send(one) for one in [*queued, exit_order]]
    until(lambda: _are_on_the_way(scene, taken, *queued, exit_order), "the orders were not queued")
    scene.desk.set_trading_state(TradingState.HALTED, "the broker hangs")
    assert not any(one.all() for one in callers), "the halt was heard while the first one hung"
    threading.Event().wait(HANG_S)
    paper.clear_faults()

    until(lambda: all(one.all() for one in callers), "not every order was answered")
    scene.until_state(exit_order, State.NOT_PLACED, within_s=WINDOW_S + WAIT_S)
    scene.until_books_agree()
    assert scene.order(taken).state is State.WORKING
    assert {scene.order(one).tag for one in queued} == {Reason.TRADING_HALTED}, "a halt stops what still waits"
    assert all(len(one.all()) == 1 for one in callers)
    assert _place_orders(paper, after=held) == [remarks_tag_of(taken), remarks_tag_of(exit_order)]
    scene.desk.set_trading_state(TradingState.ACTIVE, "the broker answers again")
    again = scene.submit(scene.command("exit-again", intent="EXIT", side="SELL", price="1499.00"))
    scene.until_state(again.command, State.FILLED)
    until(lambda: scene.held() == 0, "not flat")


def _hold(scene: Scene) -> OrderCommand:
    """Let the scene's strategy hold ten units."""
    held = scene.command("held")
    scene.submit(held)
    scene.until_state(held, State.FILLED)
    until(lambda: scene.held() == 10, "not held")
    return held


def _exit_of(scene: Scene) -> OrderCommand:
    return scene.command("exit", intent="EXIT", side="SELL", price="1499.00")


def _entries(scene: Scene) -> list[OrderCommand]:
    """Return the one that will hang, and fifty to stand behind it."""
    names = ["hangs", *(f"queued-{n}" for n in range(50))]
    return [scene.command(name, strategy=f"{scene.name}-{name}", price=RESTING) for name in names]


def _are_on_the_way(scene: Scene, *commands: OrderCommand) -> bool:
    rows = rows_of(scene.path)
    return all(rows.get(one.command_id, {}).get("state") == State.SENDING for one in commands)


def _place_orders(paper: Paper, after: OrderCommand) -> list[str | None]:
    """Return the tags of the requests to place an order, in the order of their arrival."""
    tags = [tag for tag, _, _ in paper.ledger().arrivals]
    return tags[tags.index(remarks_tag_of(after)) + 1 :]
