import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from actors.messages.books import PositionsRead
from console.api.server import ApiServer
from domain.blocker import Blocker, BlockerKind
from domain.broker.reply_types import Unavailable
from domain.orders.order import Order, OrderEvent
from domain.orders.reasons import EXPLANATIONS, Kind, Reason
from domain.reconciliation.breaks import Break, BreakKind
from tests.console.conftest import TOKEN
from tests.console.fakes import ACCEPTED, FILLED, LOST, REFUSED, SENT, TEN_O_CLOCK, FakeDesk, blocked
from tests.timing import patient

Ask = Callable[..., requests.Response]

ORDER: dict[str, Any] = {
    "command_id": "first",
    "strategy": "manual",
    "intent": "entry",
    "exchange": "NSE",
    "symbol": "reliance-eq",
    "side": "B",
    "quantity": "10",
    "product": "I",
    "order_type": "MKT",
}


def test_an_accepted_order_is_answered_with_200_and_its_fields(ask: Ask, desk: FakeDesk) -> None:
    answer = ask("POST", "/orders", json=ORDER)

    body = answer.json()
    assert answer.status_code == 200
    assert (body["order"]["state"], body["order"]["broker_order_id"]) == ("WORKING", "26100500000001")
    assert (body["order"]["limit_price"], body["repeated"], body["reason"]) == ("2461.60", False, None)
    assert "Accepted: BUY 10 RELIANCE-EQ at limit 2,461.60" in body["sentence"]
    assert desk.taken["first"].order.command.origin == "HUMAN"


@pytest.mark.parametrize(
    ("fate", "http_status", "reason"),
    [
        ((blocked(Reason.TRADING_HALTED),), 409, "TRADING_HALTED"),
        ((blocked(Reason.PRICE_OFF_TICK),), 422, "PRICE_OFF_TICK"),
        ((blocked(Reason.PRICE_UNAVAILABLE),), 503, "PRICE_UNAVAILABLE"),
        ((SENT, REFUSED), 502, "BROKER_REFUSED"),
        ((SENT, LOST), 202, "REPLY_LOST"),
        ((SENT, ACCEPTED), 200, None),
    ],
)
def test_a_repeated_order_gets_the_first_verdict_again(
    ask: Ask, desk: FakeDesk, fate: tuple[OrderEvent, ...], http_status: int, reason: str | None
) -> None:
    desk.fate = fate
    first = ask("POST", "/orders", json=ORDER)

    again = ask("POST", "/orders", json=ORDER | {"quantity": 20})

    body = again.json()
    assert (first.status_code, again.status_code) == (http_status, http_status)
    assert (body["repeated"], body["reason"]) == (True, reason)
    assert "nothing was sent again" in body["sentence"]
    assert "it differs in quantity" in body["sentence"]


@pytest.mark.parametrize(
    ("fate", "http_status", "reason"),
    [
        ((SENT, LOST), 202, "REPLY_LOST"),
        ((SENT,), 202, None),
        ((SENT, ACCEPTED, FILLED), 200, None),
        ((SENT, REFUSED), 502, "BROKER_REFUSED"),
        *[
            ((blocked(reason),), 409 if explained.kind is Kind.BLOCKED else 422, reason.value)
            for reason, explained in EXPLANATIONS.items()
            if explained.kind in {Kind.BLOCKED, Kind.INVALID}
        ],
        ((blocked(Reason.PRICE_UNAVAILABLE),), 503, "PRICE_UNAVAILABLE"),
    ],
)
def test_the_http_status_says_who_said_no(
    ask: Ask, desk: FakeDesk, fate: tuple[Any, ...], http_status: int, reason: str | None
) -> None:
    desk.fate = fate

    answer = ask("POST", "/orders", json=ORDER)

    assert (answer.status_code, answer.json()["reason"]) == (http_status, reason)
    assert answer.json()["sentence"].endswith((".", "”"))


def test_a_desk_that_is_not_ready_answers_503_and_names_the_reason(ask: Ask, desk: FakeDesk) -> None:
    desk.declines = Reason.DESK_NOT_READY

    answer = ask("POST", "/orders", json=ORDER)

    body = answer.json()
    assert (answer.status_code, body["order"], body["reason"]) == (503, None, "DESK_NOT_READY")
    assert "try again shortly" in body["sentence"]


def test_an_outcome_that_is_late_is_answered_with_202_and_the_state_so_far(ask: Ask, desk: FakeDesk) -> None:
    desk.is_silent = True
    desk.fate = (SENT,)

    answer = ask("POST", "/orders", json=ORDER)

    assert (answer.status_code, answer.json()["order"]["state"]) == (202, "SENDING")
    assert "never goes out twice" in answer.json()["sentence"]


def test_the_idempotency_key_names_the_order(ask: Ask, desk: FakeDesk) -> None:
    unnamed = {name: value for name, value in ORDER.items() if name != "command_id"}

    answers = [ask("POST", "/orders", json=unnamed, headers={"Idempotency-Key": "the-key"}) for _ in range(2)]

    assert [answer.json()["repeated"] for answer in answers] == [False, True]
    assert list(desk.taken) == ["the-key"]


@pytest.mark.parametrize(
    ("body", "headers", "http_status", "message"),
    [
        (ORDER | {"command_id": None}, {}, 422, "give the order a command_id"),
        (ORDER, {"Idempotency-Key": "another"}, 422, "differ"),
        (ORDER | {"client_id": "SOMEONE"}, {}, 422, "trades for 'PAPER' only"),
        (ORDER | {"client_id": ["PAPER"]}, {}, 422, "trades for 'PAPER' only"),
        (ORDER | {"quantity": 0}, {}, 422, "quantity must be a whole number"),
        (ORDER | {"quantity": "1e999999999"}, {}, 422, "quantity must be"),
        (ORDER | {"stoploss": 1}, {}, 422, "unknown field 'stoploss'"),
        (ORDER | {"side": "HOLD"}, {}, 422, "side must be one of BUY, SELL"),
        (ORDER | {"order_type": "LMT"}, {}, 422, "a LIMIT order needs a price"),
        ([ORDER], {}, 422, "one JSON object"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_a_sentence(
    ask: Ask, desk: FakeDesk, body: object, headers: dict[str, str], http_status: int, message: str
) -> None:
    answer = ask("POST", "/orders", json=body, headers=headers)

    assert answer.status_code == http_status
    assert message in answer.json()["sentence"]
    assert not desk.taken


@pytest.mark.parametrize(
    ("raw", "http_status", "message"),
    [
        (b"{", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (b"\xff\xfe{", 400, "not JSON"),
        (b"[" * 60_000, 400, "not JSON"),
        (b'{"quantity": ' + b"9" * 5_000 + b"}", 400, "not JSON"),
        (b'{"command_id": "a", "price": NaN}', 422, "NaN is not a number"),
        (b'{"command_id": "a", "price": -Infinity}', 422, "-Infinity is not a number"),
        (b'{"side": "BUY", "side": "SELL"}', 422, "twice"),
        (b'{"comment": "' + b"x" * 70_000 + b'"}', 413, "above 65536 bytes"),
    ],
)
def test_a_body_that_is_no_order_is_refused_with_a_sentence(
    ask: Ask, desk: FakeDesk, raw: bytes, http_status: int, message: str
) -> None:
    answer = ask("POST", "/orders", data=raw)

    assert answer.status_code == http_status
    assert message in answer.json()["sentence"]
    assert not desk.taken


def test_prices_in_json_are_taken_exactly(ask: Ask, desk: FakeDesk) -> None:
    body = b'{"command_id":"p","strategy":"m","intent":"ENTRY","exchange":"NSE","symbol":"INFY-EQ","side":"BUY",'
    body += b'"quantity":1,"product":"MIS","order_type":"LIMIT","price":1500.15}'

    ask("POST", "/orders", data=body)

    assert str(desk.taken["p"].order.command.price) == "1500.15"


@pytest.mark.parametrize("path", ["/orders", "/orders/x", "/orders/x/timeline", "/positions", "/status"])
def test_nothing_is_told_without_the_token(server: ApiServer, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic abc"}):
        answer = requests.get(server.url + path, headers=headers, timeout=patient(5))

        assert answer.status_code == 401
        assert "token" in answer.json()["sentence"]


def test_nothing_is_done_without_the_token(server: ApiServer, desk: FakeDesk) -> None:
    answers = [
        requests.post(server.url + "/orders", json=ORDER, timeout=patient(5)),
        requests.post(server.url + "/trading-state", json={"state": "HALTED"}, timeout=patient(5)),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert not desk.taken
    assert desk.trading.state == "ACTIVE"


@pytest.mark.parametrize("given", ["t", TOKEN[:-1], TOKEN + "x", TOKEN[1:], TOKEN.upper(), "x" * len(TOKEN)])
def test_only_the_whole_token_opens(server: ApiServer, given: str) -> None:
    answer = requests.get(server.url + "/orders", headers={"Authorization": f"Bearer {given}"}, timeout=patient(5))

    assert answer.status_code == 401


def test_health_needs_no_token_and_names_what_speaks_against_orders(server: ApiServer, desk: FakeDesk) -> None:
    assert requests.get(server.url + "/health", timeout=patient(5)).status_code == 200
    desk.blockers = (Blocker.of(BlockerKind.NO_SESSION, "user FA1 is locked"),)

    answer = requests.get(server.url + "/health", timeout=patient(5))

    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    told = answer.json()
    assert told["blockers"] == ["NO_SESSION"]
    assert told["sentence"] == "Not ready: no session at the broker; `status` says more."
    assert "FA1" not in answer.text


def test_health_tells_how_the_desk_is_and_nothing_of_the_account(server: ApiServer, desk: FakeDesk) -> None:
    sentence = "the account holds 5 RELIANCE-EQ (NSE MIS); this desk's fills make 0"
    desk.blockers = (Blocker.of(BlockerKind.RECONCILIATION_BREAK, sentence),) * 2
    desk.breaks = (Break(name="position:x", kind=BreakKind.POSITION, sentence=sentence),)

    answer = requests.get(server.url + "/health", timeout=patient(5))

    told = answer.json()
    assert (answer.status_code, told["blockers"]) == (503, ["RECONCILIATION_BREAK"])
    assert told["effective"] == "EXITS_ONLY for now: the books differ"
    assert (told["trading"], told["session_state"], told["feed"]) == ("ACTIVE", "LOGGED_IN", "logged in")
    assert told["breaks"] == 1
    assert told["book_age_s"] > 0
    assert not any(word in answer.text for word in ("RELIANCE", "PAPER", "position:"))


def test_status_tells_what_speaks_against_entries_and_what_is_in_effect(ask: Ask, desk: FakeDesk) -> None:
    assert ask("GET", "/status").json()["effective"] == "ACTIVE"
    desk.blockers = (Blocker.of(BlockerKind.NO_SESSION, "wrong password"),)

    told = ask("GET", "/status").json()

    assert told["blockers"] == [{"kind": "NO_SESSION", "detail": "no session at the broker: wrong password"}]
    assert told["effective"] == "EXITS_ONLY for now: no session at the broker: wrong password"
    assert told["trading"]["state"] == "ACTIVE"
    assert (told["broker"]["session_state"], told["broker"]["feed"]) == ("LOGGED_IN", "logged in")
    assert told["broker"]["book_asked_at"] == TEN_O_CLOCK.isoformat()


def test_orders_can_be_listed_and_found_by_the_start_of_their_id(ask: Ask, desk: FakeDesk) -> None:
    desk.fate = (SENT, ACCEPTED, FILLED)
    ask("POST", "/orders", json=ORDER)
    desk.fate = (SENT, ACCEPTED)
    ask("POST", "/orders", json=ORDER | {"command_id": "breakout.0123456789abcdef"})

    def listed(**query: object) -> list[str]:
        return [one["command_id"] for one in ask("GET", "/orders", params=query).json()["orders"]]

    assert listed() == ["breakout.0123456789abcdef", "first"]
    assert listed(open="true") == ["breakout.0123456789abcdef"]
    assert listed(limit=1) == ["breakout.0123456789abcdef"]
    assert listed(ref="01234567") == ["breakout.0123456789abcdef"]
    assert listed(ref="fir") == ["first"]
    assert listed(ref="26100500000001") == ["breakout.0123456789abcdef", "first"]
    assert ask("GET", "/orders", params={"most": 0}).status_code == 422


def test_an_order_is_read_by_its_whole_id_only(ask: Ask) -> None:
    ask("POST", "/orders", json=ORDER)

    assert ask("GET", "/orders/first").json()["status"] == "SENT_TO_BROKER"
    answer = ask("GET", "/orders/fir")
    assert (answer.status_code, answer.json()["sentence"][:22]) == (404, "there is no order 'fir")


def test_a_timeline_tells_each_step_in_words_and_milliseconds(ask: Ask, desk: FakeDesk) -> None:
    desk.fate = (SENT, ACCEPTED, FILLED)
    ask("POST", "/orders", json=ORDER)

    told = ask("GET", "/orders/first/timeline").json()

    assert [line["event"] for line in told["lines"]] == ["REGISTERED", "SENT", "ACCEPTED", "FILLED"]
    assert told["steps"] == {
        "registered_at": TEN_O_CLOCK.isoformat(),
        "sent_ms": 2.0,
        "answered_ms": 4.0,
        "filled_ms": 6.0,
    }
    assert all(line["sentence"].endswith(".") for line in told["lines"])


def test_positions_that_cannot_be_read_are_not_called_flat(ask: Ask, desk: FakeDesk) -> None:
    assert ask("GET", "/positions").json()["account"] == []
    desk.account = PositionsRead(book=Unavailable("session expired", TEN_O_CLOCK + timedelta(seconds=1)))

    body = ask("GET", "/positions").json()

    assert (body["account"], body["account_unavailable"]) == (None, "session expired")
    assert body["strategies"][0] | {"quantity": 10} == body["strategies"][0]


@pytest.mark.parametrize(
    ("given", "http_status", "state"),
    [
        ({"state": "halted", "reason": "lunch"}, 200, "HALTED"),
        ({"state": "exits-only"}, 200, "EXITS_ONLY"),
        ({"state": "closed"}, 422, "ACTIVE"),
        ({"state": "HALTED", "why": "typo"}, 422, "ACTIVE"),
        ({"state": ["HALTED"]}, 422, "ACTIVE"),
    ],
)
def test_trading_is_turned_by_a_known_word_only(
    ask: Ask, desk: FakeDesk, given: dict[str, Any], http_status: int, state: str
) -> None:
    answer = ask("POST", "/trading-state", json=given)

    assert (answer.status_code, desk.trading.state) == (http_status, state)


REASONS = {
    "two\nlines": "two lines",
    "x" * 201: "x" * 199 + "…",
    "stop now ⚠️ 🛑": "stop now ⚠️ 🛑",
    "\x1b[2J\ud800bell\x07": "[2J bell",
    "   ": "",
    "\u202eevil\u200b": "evil",
}
"""What people and programs write as a reason, and what is kept of it (FINDINGS A10)."""
ODD_REASONS = [None, 7, ["lunch"], {"why": "lunch"}, True]


@pytest.mark.parametrize("reason", [*REASONS, *ODD_REASONS])
@pytest.mark.parametrize("state", ["HALTED", "EXITS_ONLY"])
def test_no_reason_stops_a_halt(ask: Ask, desk: FakeDesk, reason: object, state: str) -> None:
    answer = ask("POST", "/trading-state", json={"state": state, "reason": reason, "force": "maybe"})

    assert (answer.status_code, answer.json()["state"], desk.trading.state) == (200, state, state)
    if isinstance(reason, str):
        assert desk.trading.reason == REASONS[reason]


@pytest.mark.parametrize("reason", [*REASONS, *ODD_REASONS])
def test_no_reason_stops_a_flatten_a_cancel_or_an_exit(ask: Ask, desk: FakeDesk, reason: object) -> None:
    assert ask("POST", "/orders", json=ORDER | {"intent": "EXIT", "comment": reason}).status_code == 200
    assert ask("POST", "/flatten", json={"reason": reason}).status_code == 200
    assert ask("POST", "/orders/first/cancel", json={"reason": reason}).status_code == 202

    kept = REASONS[reason] if isinstance(reason, str) else None
    assert desk.flattened[0][0] == (kept or desk.flattened[0][0])
    if kept is not None:
        assert desk.taken["first"].order.command.comment == desk.changes[0].reason == kept


def test_a_flatten_and_a_cancel_need_no_body(ask: Ask, desk: FakeDesk) -> None:
    ask("POST", "/orders", json=ORDER)

    assert ask("POST", "/flatten").status_code == 200
    assert ask("POST", "/orders/first/cancel").status_code == 202
    assert desk.flattened == [("no reason given", None)]
    assert len(desk.changes[0].change_id) == 16


def test_an_unknown_path_is_answered_with_a_sentence(ask: Ask) -> None:
    answer = ask("GET", "/order")

    assert (answer.status_code, answer.json()["sentence"]) == (404, "GET /order: Not Found; /docs lists what there is")


def test_resuming_over_a_broken_limit_has_to_be_meant(ask: Ask, desk: FakeDesk) -> None:
    desk.refuses_to_resume = "the day's loss limit is broken; `resume --force` lets the day lose as much again"

    answer = ask("POST", "/trading-state", json={"state": "ACTIVE", "reason": "again"})

    assert answer.status_code == 409
    assert answer.json()["sentence"].startswith("Trading is not resumed: the day's loss limit is broken")
    assert ask("POST", "/trading-state", json={"state": "ACTIVE", "force": 3}).status_code == 422
    ask("POST", "/trading-state", json={"state": "ACTIVE", "force": True})
    assert desk.knew == [False, True]


@pytest.mark.parametrize("query", ["ref=c1", "limit=50"])
def test_neither_a_named_order_nor_a_short_list_waits_behind_a_long_one(
    ask: Ask, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    long_began, may_end, orders = threading.Event(), threading.Event(), desk.orders

    def slow(limit: int, **given: Any) -> tuple[Order, ...]:  # noqa: ANN401  whatever the desk takes
        if limit == 9_999:
            long_began.set()
            may_end.wait(patient(10))
        return orders(limit, **given)

    monkeypatch.setattr(desk, "orders", slow)
    lists = threading.Thread(target=ask, args=("GET", "/orders?limit=9999"))
    lists.start()
    assert long_began.wait(patient(5))

    answer = ask("GET", f"/orders?{query}")

    may_end.set()
    lists.join(patient(5))
    assert answer.status_code == 200
