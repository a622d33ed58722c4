"""Alerts reach a person, delay nobody, and outlive the process (SCENARIOS, D8)."""

from collections.abc import Iterator
from typing import Any

import pytest

from console.run import listen_in_chat
from domain.lifecycle import State
from tests.notify.bot_api import CHAT, TOKEN, BotApi
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import MakeScene, Pushed, Scene
from tests.scenarios.test_stops import WATCHFUL, enter, price, until_armed
from tests.scenarios.waiting import WAIT_S, until


@pytest.fixture
def api() -> Iterator[BotApi]:
    api = BotApi()
    yield api
    api.stop()


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


def told(api: BotApi) -> dict[str, Any]:
    chat = {"telegram_token": TOKEN, "telegram_chat_id": CHAT, "telegram_api_url": api.url}
    return {**WATCHFUL, "alerts": {**chat, "digest_s": 0.2, "send_timeout_s": 2 * WAIT_S, "retry_s": 0.1}}


def test_a_stop_that_is_hit_is_told_from_the_entry_to_flat(make_scene: MakeScene, paper: Paper, api: BotApi) -> None:
    scene = make_scene(paper, kind=Pushed, **told(api))
    enter(scene, stop_loss="1490")
    until_armed(scene, "1490")

    price(paper, "1489.00")

    until(lambda: any("is flat after" in one for one in api.texts), lambda: f"told: {api.texts}")
    story = "\n".join(api.texts)
    for words in ("BUY 10 RELIANCE-EQ has filled", "is under stops: stop 1490", "stop 1490 reached at 1489"):
        assert words in story
    assert any(one.startswith("WARNING:") and "stop 1490 reached" in one and "\n" in one for one in api.texts)


def test_a_chat_that_hangs_delays_no_order_and_the_alarm_comes_when_it_is_back(
    make_scene: MakeScene, paper: Paper, api: BotApi
) -> None:
    """D8."""
    scene = make_scene(paper, kind=Pushed, **told(api))
    api.hangs.set()
    paper.fault("PlaceOrder", "refuse", count=1)
    scene.submit(scene.command("refused", strategy="refused"))

    for number in range(10):
        command = scene.command(f"e{number}", strategy=f"e{number}")
        assert scene.submit(command).state in {State.WORKING, State.FILLED}
    enter(scene, "stopped", stop_loss="1490")
    until_armed(scene, "1490")
    price(paper, "1489.00")
    until(lambda: scene.held() == 0, "the stop waits for the chat")

    assert api.texts == [], "all this was done while the chat hung"
    api.hangs.clear()
    api.let_go.set()
    until(lambda: any("was refused" in one for one in api.texts), lambda: f"told: {api.texts}")


def test_what_could_not_be_told_is_told_by_the_next_start(make_scene: MakeScene, paper: Paper, api: BotApi) -> None:
    scene = make_scene(paper, kind=Pushed, **told(api))
    api.troubles.extend(["502"] * 1_000)
    paper.fault("PlaceOrder", "refuse", count=1)
    scene.submit(scene.command("refused", strategy="refused"))
    until(lambda: scene.desk.alerts().records, "no alert was raised")
    scene.stop(grace_s=0)
    api.troubles.clear()

    scene.start()

    until(
        lambda: any("was refused" in one and "before the desk was started" in one for one in api.texts),
        lambda: f"told: {api.texts}",
    )


def test_a_person_stops_trading_from_the_chat(make_scene: MakeScene, paper: Paper, api: BotApi) -> None:
    scene = make_scene(paper, kind=Pushed, **told(api))
    enter(scene)
    hear(scene)
    try:
        api.say("/flatten")
        until(lambda: any("Say /flatten" in one for one in api.texts), lambda: f"told: {api.texts}")
        code = next(one for one in api.texts if "Say /flatten" in one).split("/flatten ")[1].split()[0]
        api.say(f"/flatten {code}")

        until(lambda: scene.held() == 0, "not flat")
        api.say("/status")
        until(lambda: any("Trading is EXITS_ONLY" in one for one in api.texts), lambda: f"told: {api.texts}")
    finally:
        scene.stop()


def hear(scene: Scene) -> None:

    assert listen_in_chat(scene.desk, scene.settings) is not None
