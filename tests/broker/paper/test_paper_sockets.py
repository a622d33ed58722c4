# ruff: noqa: ANN401  the client has no types, and JSON has any
import time
from collections.abc import Callable
from typing import Any

import pytest
import websocket

from tests.broker.paper.harness import USER, WAIT_S, Paper, Talk, buy, token_of, wait_until


def test_both_dialects_log_in_and_hearts_beat(api: Any, talk: Talk) -> None:
    assert talk.log_in(token_of(api)) == {"t": "ck", "s": "OK", "uid": USER}

    talk.say(t="a", uid=USER, actid=USER, accesstoken=token_of(api), source="API")
    assert talk.hear() == {"t": "ak", "s": "OK", "uid": USER}
    talk.say(t="h")
    assert talk.hear() == {"t": "hk"}
    talk.socket.ping('{"t":"h"}')
    opcode, frame = talk.socket.recv_data_frame(control_frame=True)
    assert (opcode, frame.data) == (websocket.ABNF.OPCODE_PONG, b'{"t":"h"}')


def test_a_wrong_token_leaves_the_line_open_and_mute(api: Any, talk: Talk) -> None:
    talk.say(t="o", actid=USER)
    assert talk.log_in("wrong") == {"t": "ck", "s": "NOT_OK", "uid": USER}
    talk.say(t="o", actid=USER)
    talk.socket.send("no json")

    assert talk.log_in(token_of(api))["s"] == "OK"


def test_order_updates_come_after_they_were_asked_for(api: Any, talk: Talk) -> None:
    talk.log_in(token_of(api))
    buy(api, "unheard")
    talk.say(t="o", actid=USER)
    assert talk.hear() == {"t": "ok"}

    number = buy(api, "heard")["norenordno"]
    frames = [one for one in talk.hear_until("om", 4) if one["norenordno"] == number]
    while len(frames) < 4:
        frames += [one for one in talk.hear_until("om") if one["norenordno"] == number]

    assert [(one["reporttype"], one["status"]) for one in frames] == [
        ("NewAck", "PENDING"),
        ("PendingNew", "PENDING"),
        ("New", "OPEN"),
        ("Fill", "COMPLETE"),
    ]
    assert (frames[3]["remarks"], frames[3]["pcode"], frames[3]["flqty"]) == ("heard", "I", "1")
    assert "avgprc" not in frames[0]
    talk.say(t="uo")
    assert talk.hear_until("uok")


def test_ticks_come_whole_first_and_then_what_changed(api: Any, talk: Talk) -> None:
    talk.log_in(token_of(api))
    talk.say(t="t", k="NSE|2885#NSE|26000#NSE|nothing")

    first, second = talk.hear(), talk.hear()
    change = next(one for one in iter(lambda: talk.hear_until("tf")[0], None) if one["tk"] == "2885")

    assert ({first["tk"], second["tk"]}, first["t"]) == ({"2885", "26000"}, "tk")
    assert change.keys() < first.keys()
    assert {"t", "e", "tk"} < change.keys()
    talk.say(t="u", k="NSE|2885#NSE|26000")
    assert talk.hear_until("uk") == [{"t": "uk", "k": "NSE|2885#NSE|26000"}]


def test_depth_has_five_levels_and_ends_when_told(api: Any, talk: Talk) -> None:
    talk.log_in(token_of(api))
    talk.say(t="d", k="NSE|1594")

    whole = talk.hear()

    assert whole["t"] == "dk"
    assert {"bp5", "sq5", "bo1", "lc", "uc", "ltq"} <= whole.keys()
    assert talk.hear_until("df")[0]["tk"] == "1594"
    talk.say(t="ud", k="NSE|1594")
    assert talk.hear_until("udk")


def test_a_line_falls_silent_when_its_session_ends(paper: Paper, api: Any, talk: Talk) -> None:
    talk.log_in(token_of(api))
    talk.say(t="o", actid=USER)
    assert talk.hear() == {"t": "ok"}

    paper.admin("POST", "sessions", expire=True)
    buy(paper.client(), "unheard")

    assert talk.log_in(token_of(api)) == {"t": "ck", "s": "NOT_OK", "uid": USER}


@pytest.mark.parametrize(
    ("kind", "reports"),
    [
        ("drop", ["PendingNew", "New"]),
        ("duplicate", ["NewAck", "NewAck", "PendingNew", "New"]),
        ("reorder", ["PendingNew", "NewAck", "New"]),
        ("delay", ["PendingNew", "New", "NewAck"]),
    ],
)
def test_frames_are_lost_doubled_swapped_or_late(
    paper: Paper, api: Any, talk: Talk, kind: str, reports: list[str]
) -> None:
    paper.admin("POST", "market", frozen=True)
    # What an earlier test bought is still filling, and its frames would meet the fault.
    wait_until(lambda: all(one["status"] != "OPEN" for one in crossing(paper)))
    talk.log_in(token_of(api))
    talk.say(t="o", actid=USER)
    assert talk.hear() == {"t": "ok"}
    paper.fault("om", kind, seconds=0.1)

    number = buy(api, kind, price=1350.1)["norenordno"]

    frames = talk.hear_until("om", len(reports))
    assert [(one["norenordno"], one["reporttype"]) for one in frames] == [(number, report) for report in reports]


def crossing(paper: Paper) -> list[dict[str, Any]]:
    """Return the orders whose price the market has reached."""
    return [one for one in paper.admin("GET", "ledger")["orders"] if float(one["prc"]) >= 1600]


def test_a_login_is_refused_late_or_followed_by_silence_or_the_end(paper: Paper, api: Any, talk: Talk) -> None:
    token = token_of(api)
    paper.fault("ws", "refuse_login")
    assert talk.log_in(token)["s"] == "NOT_OK"

    paper.fault("ws", "late_login", seconds=0.1)
    began = time.monotonic()
    assert talk.log_in(token)["s"] == "OK"
    assert time.monotonic() - began >= 0.1

    paper.fault("ws", "mute")
    assert talk.log_in(token)["s"] == "OK"
    talk.say(t="h")
    talk.socket.settimeout(0.2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        talk.hear()


def test_a_line_may_be_closed_right_after_its_login(paper: Paper, api: Any, talk: Talk) -> None:
    paper.fault("ws", "close")

    talk.say(t="c", uid=USER, actid=USER, susertoken=token_of(api), source="API")

    assert closed_with(talk) == 1000


def test_where_one_session_may_live_the_next_login_closes_the_line_of_the_last(start: Callable[..., Paper]) -> None:
    paper = start("--single-session")
    talk = Talk(paper)
    talk.log_in(token_of(paper.client()))

    paper.client()

    assert closed_with(talk) == 1000
    talk.socket.shutdown()


def closed_with(talk: Talk) -> int:
    """Listen until the line is closed, and return the code that says why."""
    while True:
        opcode, data = talk.socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big")


def test_the_library_hears_ticks_and_orders_and_comes_back_after_a_drop(paper: Paper, api: Any) -> None:
    ticks: list[dict[str, str]] = []
    orders: list[dict[str, str]] = []
    opened: list[Any] = []

    def on_open() -> None:
        opened.append(api._NorenApi__websocket.sock)
        api.subscribe_orders()
        api.subscribe(["NSE|2885"])

    api.start_websocket(
        subscribe_callback=ticks.append,
        order_update_callback=orders.append,
        socket_open_callback=on_open,
        socket_close_callback=lambda: None,
        socket_error_callback=lambda _: None,
    )
    wait_until(lambda: ticks)
    paper.admin("POST", "sockets", close=True)
    wait_until(lambda: len(opened) == 2)
    wait_until(lambda: ticks[-1]["t"] == "tf")
    buy(api, "again")

    wait_until(lambda: any(one["reporttype"] == "Fill" and one.get("remarks") == "again" for one in orders))
    api._NorenApi__stop_event.set()
    paper.admin("POST", "sockets", close=True)
    api._NorenApi__ws_thread.join(WAIT_S)
    assert not api._NorenApi__ws_thread.is_alive()
    for one in opened:
        # The library underneath leaves a socket open that the server closed.
        one.shutdown()


def test_a_second_socket_evicts_the_first_where_told_so(start: Callable[..., Paper]) -> None:
    paper = start("--one-socket-per-token", "--order-updates-unasked")
    token = token_of(paper.client())
    first, second = Talk(paper), Talk(paper)
    first.log_in(token)

    second.log_in(token)

    opcode, data = first.socket.recv_data()
    assert (opcode, data[:2]) == (websocket.ABNF.OPCODE_CLOSE, (1000).to_bytes(2, "big"))
    heir = paper.stranger()
    heir.set_session(USER, "", token)
    buy(heir, "unasked")
    assert second.hear()["reporttype"] == "NewAck"
    for one in (first, second):
        one.socket.shutdown()
