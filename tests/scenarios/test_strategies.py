"""A strategy that never returns, raises or floods hurts itself alone (SCENARIOS, D7)."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from actors.runtime.address import backlog
from actors.runtime.clock import SystemClock
from actors.runtime.subscribers import TICK_BACKLOG_MAX
from domain.broker.snapshots import Tick
from domain.orders.lifecycle import State
from domain.orders.reasons import Reason
from domain.orders.types import Exchange
from domain.risk.checks import TradingState
from tests.scenarios.books import own_rows_of
from tests.scenarios.paper import Paper
from tests.scenarios.process import DeskProcess, write_config
from tests.scenarios.scene import MakeScene, Scene
from tests.scenarios.strategies import let_go
from tests.scenarios.waiting import until
from tests.timing import patient

TROUBLED: Final = {"class": "tests.scenarios.strategies:Troubled", "name": "troubled"}
LIVELY: Final = {"class": "examples.one_shot:OneShot", "name": "lively", "hold_ticks": 3}


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    let_go.clear()
    yield
    let_go.set()


@pytest.mark.parametrize(
    ("hook", "how"),
    [
        ("on_tick", "waits"),
        ("on_order", "waits"),
        ("on_tick", "computes"),
        ("on_tick", "raises"),
        ("on_tick", "floods"),
    ],
)
def test_a_strategy_that_goes_wrong_hurts_nobody_else(make_scene: MakeScene, paper: Paper, hook: str, how: str) -> None:
    """D7: the other strategy enters and gets out, callers and a halt are heard, and the desk ends when it is told."""
    scene = make_scene(paper, strategies=[{**TROUBLED, "hook": hook, "how": how}, LIVELY])
    scene.desk.start_strategies()
    strategies = list(scene.desk._strategies)

    until(lambda: _ticks(scene, 1) and _filled_of(scene, "lively") == ["ENTRY", "EXIT"], "the other one stands still")
    _ticks(scene, 2 * TICK_BACKLOG_MAX)
    command = scene.command("by-hand")
    assert scene.submit(command).state is State.WORKING
    scene.until_state(command, State.FILLED)
    until(lambda: "ENTRY" in _filled_of(scene, "troubled"), "its own order has no fate")
    scene.until_books_agree()
    scene.desk.set_trading_state(TradingState.HALTED, "a strategy has lost its mind")
    assert scene.submit(scene.command("halted", strategy="halted")).tag is Reason.TRADING_HALTED

    assert scene.desk.wait_for_failure(0) is None
    assert all(backlog(one) <= TICK_BACKLOG_MAX + 10 for one in strategies), "nothing is heaped up for it"
    began = monotonic()
    scene.stop()
    assert monotonic() - began < patient(5), "the desk does not wait for it"
    let_go.set()
    until(lambda: not any(one.is_alive() for one in strategies), "a strategy did not end")


def test_a_desk_whose_strategy_never_returns_ends_by_sigterm(paper: Paper, tmp_path: Path) -> None:
    """D7 and D9: a thread that hangs does not keep the process."""
    config = write_config(tmp_path / "desk", paper)
    with config.open("a", encoding="utf-8") as settings:
        settings.write("\n[[strategies]]\n" + "".join(f'{name} = "{value}"\n' for name, value in TROUBLED.items()))
        settings.write('hook = "on_start"\nhow = "waits"\n')
    desk = DeskProcess(config)
    try:
        desk.until_ready()
        assert desk.terminate() == 0, desk.said
    finally:
        desk.close()


def _ticks(scene: Scene, many: int) -> bool:
    """Let the feed bring so many prices."""
    for _ in range(many):
        seen_at = SystemClock().now()
        scene.desk._wiring.adapters.see_tick(
            Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal("1500.00"), seen_at=seen_at)
        )
    return True


def _filled_of(scene: Scene, strategy: str) -> list[str]:
    """Return what the strategy's filled orders were meant for, oldest first."""
    rows = own_rows_of(scene.path).values()
    return [row["intent"] for row in rows if row["strategy"] == strategy and row["state"] == State.FILLED]
