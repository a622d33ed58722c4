"""Alerts reach a person, delay nobody, and outlive the process (SCENARIOS, D8)."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.messages.alerts import RaiseAlert
from actors.runtime.address import post
from console.daemon.run import listen_in_chat
from domain.alerts.alert import Alert, Level
from domain.orders.lifecycle import State
from notify.port import ChannelError
from tests.notify.bot_api import CHAT, TOKEN, BotApi
from tests.scenarios.paper import MakePaper, Paper
from tests.scenarios.scene import MakeScene, Pushed, Scene
from tests.scenarios.test_stops import WATCHFUL, enter, price, until_armed
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient


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
    for message in ("BUY 10 RELIANCE-EQ has filled", "is under stops: stop 1490", "stop 1490 reached at 1489"):
        assert message in story
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


class Played:
    """A channel that works in its own way; what it has taken outlives the desk."""

    def __init__(self, name: str, way: Callable[[], None]) -> None:
        self.name = name
        self.taken: list[str] = []
        self._way = way

    def send(self, text: str) -> None:
        self._way()
        self.taken.append(text)


def is_dead() -> None:
    raise ChannelError("no route to it")


def talks_nonsense() -> None:
    raise KeyError("nonsense")


def tell_of(scene: Scene, story: int, number: int, *, ends: bool = False) -> None:
    alert = Alert(
        topic=f"story {story}",
        level=Level.INFO if ends else Level.CRITICAL,
        what=f"Story {story} ends." if ends else f"Story {story} begins." if number == 0 else f"Story {story} again.",
        means="Something.",
        do="" if ends else "Look.",
        ends=ends,
    )
    post(scene.desk._wiring.notifier, RaiseAlert(alert=alert))


def test_one_channel_that_is_well_tells_everything_whatever_the_others_do(
    make_scene: MakeScene, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A7 and B7: a hundred alarms of twenty stories, a restart in the middle; one channel dead, one slow, one mad."""
    well = Played("well", lambda: None)
    others = (Played("dead", is_dead), Played("slow", lambda: time.sleep(0.5)), Played("mad", talks_nonsense))
    monkeypatch.setattr("actors.wiring.channels_of", lambda _: (*others, well))
    scene = make_scene(paper, kind=Pushed, alerts={"retry_s": 0.05, "retry_s_max": 0.1, "send_timeout_s": 0.5})
    stories = range(20)
    for number in range(3):
        for story in stories:
            tell_of(scene, story, number)
    for story in stories[:5]:
        tell_of(scene, story, 3, ends=True)
    until(lambda: all(f"Story {story} begins" in "".join(well.taken) for story in stories), lambda: f"{well.taken}")
    until(lambda: is_stored(scene), "not on the disk")

    scene.stop(grace_s=0)
    before = len(well.taken)
    scene.start()
    raised_at = time.monotonic()
    for number in (3, 4):
        for story in stories[5:]:
            tell_of(scene, story, number)
    for story in stories[5:10]:
        tell_of(scene, story, 5, ends=True)

    until(lambda: sum("ends." in one for one in well.taken) == 10, lambda: f"told: {well.taken}")
    assert time.monotonic() - raised_at < patient(5)
    for story in stories:
        told = [one for one in well.taken if f"Story {story} " in one]
        assert "begins." in told[0], told
        assert ("ends." in told[-1]) is (story < 10), told
    resumed = {one.split(" begins")[0].split(" again")[0] for one in well.taken[before:] if "before the desk" in one}
    assert resumed == {f"CRITICAL: Story {story}" for story in stories[5:]}, "what was open goes on, and nothing else"
    now = scene.desk.alerts()
    assert {f"story {story}" for story in stories[10:]} <= set(now.open)
    failing = {one.name for one in now.channels if one.failing_since is not None}
    assert failing == {"dead", "mad"}
    scene.desk.acknowledge(None)
    until(lambda: is_stored(scene), "not on the disk")
    scene.stop(grace_s=0)
    told_in_all = len(well.taken)
    scene.start()
    assert not [one for one in well.taken[told_in_all:] if "Story" in one], "seen is seen"


def is_stored(scene: Scene) -> bool:
    return scene.desk.is_stored()


def test_a_person_stops_trading_from_the_chat(make_scene: MakeScene, paper: Paper, api: BotApi) -> None:
    scene = make_scene(paper, kind=Pushed, **told(api))
    enter(scene)
    chat = listen_in_chat(scene.desk, scene.settings)
    assert chat is not None
    try:
        api.say("/flatten")
        until(lambda: any("Say /flatten" in one for one in api.texts), lambda: f"told: {api.texts}")
        code = next(one for one in api.texts if "Say /flatten" in one).split("/flatten ")[1].split()[0]
        api.say(f"/flatten {code}")

        until(lambda: scene.held() == 0, "not flat")
        api.say("/status")
        until(lambda: any("Trading is EXITS_ONLY" in one for one in api.texts), lambda: f"told: {api.texts}")
    finally:
        chat.stop()
        scene.stop()
