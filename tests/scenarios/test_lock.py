"""K7: another process has locked the database. Exits leave within 3 s, once, whatever is killed; halt acts at once."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import requests

from actors.desk import Desk
from actors.messages.orders import OrderAnswered, OrderDeclined
from domain.orders.change import ChangeKind
from domain.orders.change_command import ChangeCommand
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.reconciliation.order_rows import remarks_tag_of
from domain.risk.checks import TradingState
from tests.scenarios.books import assert_journal_replays, breaks, rows_of
from tests.scenarios.paper import Paper
from tests.scenarios.process import Caller, DeskProcess, an_order, write_config
from tests.scenarios.scene import CLIENT, MakeScene, NoFeed, Scene
from tests.scenarios.waiting import LONG, until
from tests.timing import patient

LEAVES_S: Final = patient(3)
HOLDER: Final = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=40)
database.execute(f"BEGIN {sys.argv[2]}")
print("locked", flush=True)
sys.stdin.read()
"""
"""A process that is not ours: it holds the lock until its standard input ends."""
Hold: TypeAlias = Callable[[Path], AbstractContextManager[None]]


@contextmanager
def held(path: Path, how: str = "IMMEDIATE") -> Iterator[None]:
    """Let another process hold the database."""
    message = [sys.executable, "-c", HOLDER, str(path), how]
    with subprocess.Popen(message, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        yield


@contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """Let another process hold the database, and the exit journal be something that nobody can write."""
    journal = path.with_name(f"{path.name}-exits.jsonl")
    kept = journal.with_name("kept")
    with held(path):
        journal.rename(kept)
        journal.mkdir()
        yield
        journal.rmdir()
        kept.rename(journal)


LOCKS: Final = ("IMMEDIATE", "EXCLUSIVE")


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    """Return a desk that holds 10 RELIANCE and waits for the database as long as it does by default."""
    made = make_scene(paper)
    bought = made.submit(made.command("bought"))
    made.until_state(bought.command, State.FILLED)
    until(lambda: made.held() == 10, "the guard does not know of it")
    return made


def way_out(scene: Scene, name: str = "out", **given: Any) -> OrderCommand:  # noqa: ANN401  any field of a command
    return scene.command(name, **{"intent": "EXIT", "side": "SELL", "price": "1498.00", **given})


def assert_caught_up(scene: Scene) -> None:
    """The lock is gone: everything is written, in order, and the exit journal is empty."""
    until(scene.desk.is_stored, "the database does not catch up")
    until(lambda: not scene.desk.readiness().blockers, "entries still pause")
    scene.until_books_agree()
    assert b"command_id" not in scene.path.with_name(f"{scene.path.name}-exits.jsonl").read_bytes()


@pytest.mark.parametrize("how", LOCKS)
def test_an_exit_leaves_while_the_database_is_locked_and_is_written_later(scene: Scene, how: str) -> None:
    out = way_out(scene)

    with held(scene.path, how):
        began = time.monotonic()
        answer = scene.answer(out)
        took_s = time.monotonic() - began
        assert isinstance(answer, OrderAnswered), answer
        assert took_s < LEAVES_S
        again = scene.answer(out)
        assert isinstance(again, OrderAnswered)
        assert again.repeated
        assert again.order.state is not State.CREATED
        until(lambda: scene.held() == 0, "the guard does not hear of the fill")
        assert out.command_id not in rows_of(scene.path)

    scene.until_state(out, State.FILLED)
    assert_caught_up(scene)
    assert scene.times_sent(out) == 1
    assert scene.journal(out)[0].inputs == {"kept_in": "exit journal"}


def test_everything_is_flat_while_the_database_is_locked(scene: Scene, paper: Paper) -> None:
    with held(scene.path):
        began = time.monotonic()
        scene.desk.flatten("enough")
        stored = scene.desk.is_stored()
        until(lambda: any(one.side == "S" for one in paper.ledger().orders if one.number not in scene.earlier), "stays")
        took_s = time.monotonic() - began
        until(lambda: not scene.desk.exits().under_way, "it is not seen through")
        assert scene.held() == 0

    assert took_s < LEAVES_S
    assert not stored
    assert_caught_up(scene)


def test_a_halt_acts_at_once_and_is_written_when_the_lock_is_gone(scene: Scene) -> None:
    with held(scene.path):
        scene.send(way_out(scene))
        began = time.monotonic()
        now = scene.desk.set_trading_state(TradingState.HALTED, "enough")
        took_s = time.monotonic() - began
        refused = scene.answer(scene.command("more"))

    assert (now.state, now.stored) == (TradingState.HALTED, False)
    assert took_s < LEAVES_S
    assert isinstance(refused, OrderDeclined)
    until(scene.desk.is_stored, "it is not written")


def test_an_order_is_canceled_and_an_exit_re_priced_while_the_database_is_locked(scene: Scene) -> None:
    resting = way_out(scene, price="1550.00")
    with held(scene.path):
        scene.submit(resting)
        cancel = ChangeCommand(
            change_id=f"{scene.name}-h", client_id=CLIENT, command_id=resting.command_id, kind=ChangeKind.CANCEL
        )
        answer = scene.desk.change(cancel, LEAVES_S)
        assert isinstance(answer, OrderAnswered), answer
        until(lambda: scene.at_broker(resting).state == State.CANCELED, "it was not canceled")
        tries = count()

        def is_out() -> bool:
            answer = scene.answer(way_out(scene, f"better-{next(tries)}"))
            return isinstance(answer, OrderAnswered) and answer.order.state is not State.BLOCKED

        until(is_out, "no second exit leaves")
        until(lambda: scene.held() == 0, "the second exit did not fill")

    assert_caught_up(scene)
    assert scene.times_sent(resting) == 1


def test_a_desk_starts_beside_the_lock_and_sends_nothing_twice(scene: Scene) -> None:
    out = way_out(scene)
    with held(scene.path):
        scene.submit(out)
        scene.stop(grace_s=0)
        scene.desk = Desk(scene.settings, feed=NoFeed(), clock=scene.clock)
        scene.desk.start()
        scene._running = True
        again = scene.answer(out)
        assert isinstance(again, OrderAnswered)
        assert again.repeated
        until(lambda: scene.held() == 0, "it was not found by its tag")

    scene.until_state(out, State.FILLED)
    assert_caught_up(scene)
    assert scene.times_sent(out) == 1


def test_an_exit_that_no_disk_takes_is_looked_for_at_the_broker_and_sent_once(scene: Scene, paper: Paper) -> None:
    out = way_out(scene)
    with unwritable(scene.path):
        paper.fault("TradeBook", "html_502", count=None)
        declined = scene.answer(out)
        paper.clear_faults()
        answer = scene.answer(out)
        repeat = scene.answer(out)

    assert isinstance(declined, OrderDeclined)
    assert declined.reason is Reason.DATABASE_UNAVAILABLE
    assert isinstance(answer, OrderAnswered)
    assert isinstance(repeat, OrderAnswered)
    assert repeat.repeated
    scene.until_state(out, State.FILLED)
    assert_caught_up(scene)
    assert scene.times_sent(out) == 1


# Killed meanwhile, as a process of its own.


def tell(url: str, order: dict[str, Any]) -> None:
    """Send an order as somebody whose line may break."""
    caller = Caller()
    with suppress(requests.RequestException):
        caller.post(url, order)
    caller.close()


@pytest.mark.parametrize("no_disk", [False, True], ids=["exit-journal", "no-disk"])
@pytest.mark.parametrize("kill_after_s", [0.0, 0.02, 0.06, 0.15, 0.4, None] if LONG else [0.06, None])
def test_an_exit_is_sent_once_whenever_the_desk_is_killed_while_the_database_is_locked(
    paper: Paper, tmp_path: Path, kill_after_s: float | None, *, no_disk: bool
) -> None:
    """None: as soon as the order is at the broker, and its reply is on the way."""
    earlier = frozenset(one.number for one in paper.ledger().orders)
    config = write_config(tmp_path / "desk", paper)
    database, name = config.parent / "desk.db", f"{tmp_path.name}"[-40:]
    out = an_order(f"{name}-out", strategy=name, intent="EXIT", side="SELL", price="1498.00")
    tag = remarks_tag_of(OrderCommand.parse({**out, "client_id": CLIENT}))
    runs: list[DeskProcess] = []

    def run(*, ready: bool = True) -> str:
        runs.append(DeskProcess(config, len(runs)))
        if ready:
            runs[-1].until_ready()
        return str(until(lambda: runs[-1].url, "its API does not listen"))

    try:
        url = run()
        tell(url, an_order(f"{name}-in", strategy=name))
        until(lambda: rows_of(database)[f"{name}-in"]["state"] == State.FILLED, "nothing is held")
        paper.fault("PlaceOrder", "slow_after", seconds=0.3)
        with (unwritable if no_disk else held)(database):
            sender = threading.Thread(target=tell, args=(url, out))
            sender.start()
            if kill_after_s is None:
                until(lambda: paper.ledger().times_sent(tag), "it did not leave", LEAVES_S)
            else:
                threading.Event().wait(kill_after_s)
            runs[-1].kill()
            sender.join()
        url = run(ready=False)
        tell(url, out)
        runs[-1].until_ready()
        tell(url, out)

        def differences() -> list[str]:
            ledger = paper.ledger()
            ours = frozenset(one.number for one in ledger.orders) - earlier
            # What no disk knew is EXTERNAL: the account's sum is right, and it is sent no second time.
            return [one for one in breaks(database, ledger, ours) if not (no_disk and "has no row" in one)]

        until(lambda: not differences(), lambda: "; ".join(differences()), 30)
        sold = sum(one.filled for one in paper.ledger().orders if one.number not in earlier and one.side == "S")
        assert sold == paper.ledger().times_sent(tag) <= 1
        assert runs[-1].terminate() == 0
        assert_journal_replays(database)
    finally:
        for one in runs:
            one.close()
