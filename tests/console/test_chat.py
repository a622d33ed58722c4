"""What is said in the chat, and what is answered."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from console.chat import CONFIRM_S, HELP, WRONG_S, Chat
from console.cli.alerts import alerts_view
from console.views.status_tables import status_view
from domain.alerts.alert import Alert, AlertRecord, ChannelState, Level
from domain.exits.flatten import PositionKey
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.risk.checks import TradingState
from tests.console.fakes import TEN_O_CLOCK, FakeDesk
from tests.console.views.test_render import drawn
from tests.fakes import FakeClock

Ask = Callable[..., requests.Response]
HELD = PositionKey("straddle", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat(desk: FakeDesk, clock: FakeClock) -> Chat:
    return Chat(desk, clock)


def test_status_and_positions_are_told(chat: Chat, desk: FakeDesk) -> None:
    desk.under_way = [{HELD: 2}]

    status = chat.answer("/status@my_bot")

    assert status.splitlines()[:2] == ["Trading is ACTIVE.", "Entries are taken."]
    assert "RELIANCE-EQ (NSE MIS) of straddle, 2 exits sent." in status
    assert chat.answer("/positions") == ("manual: +10 RELIANCE-EQ (MIS)\nToday -120.50 (realised +0.00, open -120.50).")


def test_a_halt_is_done_at_once(chat: Chat, desk: FakeDesk) -> None:
    assert chat.answer("/halt").startswith("Trading is HALTED")
    assert desk.trading.state is TradingState.HALTED


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (TradingState.HALTED, "No entries: the desk takes exits of a person, a stop or a limit only, until `resume`."),
        (TradingState.EXITS_ONLY, "No entries: the desk takes exits only, until `resume`."),
    ],
)
def test_a_stopped_desk_is_not_said_to_take_entries(
    chat: Chat, desk: FakeDesk, state: TradingState, message: str
) -> None:
    desk.set_trading_state(state, "enough")

    assert chat.answer("/status").splitlines()[:2] == [f"Trading is {state} (enough).", message]


def test_a_flatten_asks_for_its_code_first(chat: Chat, desk: FakeDesk) -> None:
    asked = chat.answer("/flatten")
    assert asked.startswith("This gets out of 1 positions. Say /flatten ")
    code = asked.split("/flatten ")[1].split()[0]
    desk.under_way = [{HELD: 0}]

    assert desk.flattened == []
    assert chat.answer(f"/flatten {code}") == (
        "On the way to flat: RELIANCE-EQ (NSE MIS) of straddle. Entries stay stopped until `resume`."
    )
    assert desk.flattened == [("said in the chat", None)]
    assert chat.answer(f"/flatten {code}").startswith("That is not the code"), "a code counts once"


def test_a_flatten_that_the_database_does_not_take_says_so(chat: Chat, desk: FakeDesk) -> None:
    code = chat.answer("/flatten").split("/flatten ")[1].split()[0]
    desk.under_way, desk.stored = [{HELD: 0}], False

    assert chat.answer(f"/flatten {code}").endswith("a restart would not know of it.")


@pytest.mark.parametrize("late", [False, True])
def test_a_wrong_or_late_code_does_nothing(chat: Chat, desk: FakeDesk, clock: FakeClock, late: bool) -> None:  # noqa: FBT001
    code = chat.answer("/flatten").split("/flatten ")[1].split()[0]
    if late:
        clock.advance(CONFIRM_S + 1)

    answer = chat.answer(f"/flatten {code if late else 'x'}")

    assert answer.startswith("That is not the code, or it is too old. Nothing was done")
    assert desk.flattened == []


@pytest.mark.parametrize("wrong", ["0", "00000", "x", "١٢٣٤"])
def test_a_code_that_was_guessed_wrong_counts_no_more(chat: Chat, desk: FakeDesk, clock: FakeClock, wrong: str) -> None:
    code = chat.answer("/flatten").split("/flatten ")[1].split()[0]

    chat.answer(f"/flatten {wrong}")
    clock.advance(WRONG_S + 0.1)

    assert chat.answer(f"/flatten {code}").startswith("That is not the code, or it is too old. Nothing was done")
    assert desk.flattened == []


def test_anything_else_is_answered_with_what_can_be_said(chat: Chat) -> None:
    assert chat.answer("hello") == chat.answer("/help") == HELP


def record(level: Level = Level.CRITICAL) -> AlertRecord:
    alert = Alert(topic="risk", level=level, what="It broke.", means="No entries.", do="Look.")
    return AlertRecord(alert_id="1", alert=alert, raised_at=TEN_O_CLOCK)


def test_alarms_are_listed_and_taken_as_seen(ask: Ask, chat: Chat, desk: FakeDesk) -> None:
    desk.told = [record()]

    listed: dict[str, Any] = ask("GET", "/alerts").json()
    shown = drawn(alerts_view(listed))

    assert listed["open"] == ["risk"]
    assert "It broke. No entries." in shown
    assert "Open alarms: risk" in shown
    assert ask("POST", "/alerts/ack", json={"topic": "other"}).json()["sentence"] == "No such alarm is open."
    assert chat.answer("/ack") == "Seen: risk."
    assert chat.answer("/ack") == "No alarm is open."
    nobody = drawn(alerts_view({"alerts": [], "open": [], "channels": [], "trouble": "no channel is set up"}))
    assert "Nothing has been told." in nobody
    assert "Nobody is told: no channel is set up." in nobody


def test_after_a_wrong_code_the_next_is_slow_to_come(chat: Chat, desk: FakeDesk, clock: FakeClock) -> None:
    """FINDINGS B6: ten thousand codes can't be tried."""
    for wait_s in (WRONG_S, 2 * WRONG_S, 4 * WRONG_S):
        chat.answer("/flatten")
        assert f"in {wait_s:.0f} s" in chat.answer("/flatten x")
        assert chat.answer("/flatten").startswith("A code was wrong")
        clock.advance(wait_s - 0.1)
        assert chat.answer("/flatten").startswith("A code was wrong")
        clock.advance(0.2)

    desk.under_way = [{HELD: 0}]
    code = chat.answer("/flatten").split("/flatten ")[1].split()[0]
    assert chat.answer(f"/flatten {code}").startswith("On the way to flat")
    chat.answer("/flatten")
    assert f"in {WRONG_S:.0f} s" in chat.answer("/flatten x"), "a right code is a new beginning"


def test_a_channel_that_takes_nothing_is_named(ask: Ask, desk: FakeDesk) -> None:
    """FINDINGS A7: how each channel delivers stands in `alerts` and in `status`."""
    mail = ChannelState(name="mailto", failing_since=TEN_O_CLOCK, why="no route", waiting=3)
    desk.channels = (mail, ChannelState(name="Telegram", last_told_at=TEN_O_CLOCK))

    told = ask("GET", "/alerts").json()
    status = ask("GET", "/status").json()

    assert told["channels"] == status["alerts"]["channels"]
    assert told["channels"][0]["why"] == "no route"
    for shown in (drawn(alerts_view(told)), drawn(status_view(status))):
        assert "Alerts do not arrive by mailto since 10:00:00" in shown
    assert "Telegram: last told at 10:00:00." in drawn(alerts_view(told))
