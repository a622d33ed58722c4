import json
import socket
import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from loguru import logger
from pydantic import SecretStr

from broker.noren.adapter import NorenBroker
from broker.port import Broker
from domain.broker.reply_types import Accepted, LoggedIn, LoginFailed, Refused, Unavailable, Unknown
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, OrderType, Product, Side
from tests.broker.conftest import (
    API_SECRET,
    BEARER,
    LIMITS_OK,
    LOGIN_OK,
    PASSWORD,
    TOTP_SECRET,
    StubBroker,
    Talk,
    WallClock,
    an_order,
    reply,
    settings,
)
from tests.broker.trouble import EXPIRED, HTML, RATE, lost_replies, not_ok
from tests.broker.web import RELIANCE, TOKEN, WAIT_S

PLACED = {"request_time": "10:48:03 20-05-2020", "stat": "Ok", "norenordno": "20052000000017"}


def test_it_is_a_broker(broker: NorenBroker) -> None:
    port: Broker = broker

    assert port.session is not None


# Logging in


def test_a_login_sends_the_credentials_and_opens_a_session(stub: StubBroker, clock: WallClock) -> None:
    broker = NorenBroker(settings(stub.url), clock)
    assert broker.needs_login

    reply_to_login = broker.log_in()

    assert reply_to_login == LoggedIn("FA1")
    assert not broker.needs_login
    fields = stub.asked[0].fields
    assert (fields["uid"], fields["vc"], fields["imei"]) == ("FA1", "FA1_U", "imei-5150")
    assert len(fields["factor2"]) == 6
    assert broker.session is not None
    assert (broker.session.user_id, broker.session.token, broker.session.dialect) == ("FA1", TOKEN, "quickauth")
    assert TOKEN not in repr(broker.session)
    broker.close()


def test_what_is_read_before_the_first_login_says_so_and_asks_nothing(stub: StubBroker, clock: WallClock) -> None:
    broker = NorenBroker(settings(stub.url), clock)
    logged: list[str] = []
    sink = logger.add(logged.append, level="WARNING")

    replies = (broker.order_book(), broker.find_instrument(Exchange.NSE, "RELIANCE-EQ"))

    logger.remove(sink)
    assert [isinstance(one, Unavailable) and one.cause for one in replies] == ["not logged in yet"] * 2
    assert not stub.asked
    assert not logged


def test_the_one_time_code_is_that_of_our_clock(stub: StubBroker) -> None:
    class Still(WallClock):
        def now(self) -> datetime:
            return datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC)

    # RFC 6238, appendix B: the secret "12345678901234567890" makes 94287082 in second 59; the last six digits count.
    secret = SecretStr("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    broker = NorenBroker(settings(stub.url, totp_secret=secret), Still())

    broker.log_in()
    broker.close()

    assert stub.asked[0].fields["factor2"] == "287082"


def test_a_short_totp_secret_makes_codes_too(stub: StubBroker, clock: WallClock) -> None:
    broker = NorenBroker(settings(stub.url, totp_secret=SecretStr("JBSWY3DPEHPK3PXP")), clock)

    assert isinstance(broker.log_in(), LoggedIn)
    broker.close()


def test_a_secret_that_makes_no_code_is_final_and_sends_nothing(stub: StubBroker, clock: WallClock) -> None:
    broker = NorenBroker(settings(stub.url, totp_secret=SecretStr("not base32!")), clock)

    failed = broker.log_in()

    assert isinstance(failed, LoginFailed)
    assert failed.final
    assert not failed.answered
    assert not stub.asked


@pytest.mark.parametrize(
    "message",
    [
        "Invalid Input : Wrong Password",
        "Invalid Input :  Invalid Vendor code",
        "Invalid Input :  Invalid App Key",
        "Invalid Input : User Not enabled on : API",
        "Invalid Input : Password Expired",
        "Invalid Input :  uid or pwd or factor2 or imei or apkversion or vc or appkey or source is Missing.",
    ],
)
def test_refused_credentials_are_final(stub: StubBroker, clock: WallClock, message: str) -> None:
    stub.answer("QuickAuth", reply(not_ok(message), 400))
    broker = NorenBroker(settings(stub.url), clock)

    assert broker.log_in() == LoginFailed(" ".join(message.split()), final=True, answered=True)
    assert broker.needs_login
    assert broker.session is None
    broker.close()


@pytest.mark.parametrize(
    "answer",
    [
        reply(not_ok("Server Timeout :  "), 400),
        reply(HTML, 502),
        reply(""),
        reply({"stat": "Ok"}),
        reply({"stat": "Ok", "susertoken": ""}),
        reply([]),
        reply(not_ok(RATE), 400),
        Talk.close,
        Talk.reset,
    ],
)
def test_a_login_that_met_trouble_may_be_tried_again(stub: StubBroker, clock: WallClock, answer: object) -> None:
    stub.answer("QuickAuth", answer, LOGIN_OK)
    broker = NorenBroker(settings(stub.url), clock)

    failed = broker.log_in()

    assert isinstance(failed, LoginFailed)
    assert failed.cause
    assert not failed.final
    assert not failed.answered
    assert isinstance(broker.log_in(), LoggedIn)
    broker.close()


def test_a_refused_one_time_code_is_not_sent_again(stub: StubBroker) -> None:
    class HandClock(WallClock):
        at = datetime(2026, 1, 2, 10, 0, tzinfo=UTC)

        def now(self) -> datetime:
            return self.at

    clock = HandClock()
    stub.answer("QuickAuth", reply(not_ok("Invalid Input : Invalid OTP"), 400), LOGIN_OK)
    broker = NorenBroker(settings(stub.url), clock)

    first, second = broker.log_in(), broker.log_in()
    sent_meanwhile = len(stub.asked)
    clock.at = datetime(2026, 1, 2, 10, 0, 30, tzinfo=UTC)
    third = broker.log_in()
    broker.close()

    assert isinstance(first, LoginFailed)
    assert isinstance(second, LoginFailed)
    assert (first.final, second.final, sent_meanwhile) == (False, False, 1)
    # The second was never sent, so the broker judged nothing.
    assert (first.answered, second.answered) == (True, False)
    assert isinstance(third, LoggedIn)


@pytest.mark.parametrize(
    ("answer", "answered"),
    [
        (reply(not_ok("Invalid Input : something new"), 400), True),
        (reply(not_ok("Invalid Input : something new"), 500), False),
        (reply(not_ok("Server Timeout :  ")), False),
        (reply(not_ok(RATE)), False),
        (reply(not_ok("wait"), 429), False),
        (reply({"stat": "Not_Ok"}), False),
        (reply(HTML, 502), False),
        (Talk.close, False),
    ],
)
def test_only_the_brokers_judgement_counts_as_answered(
    stub: StubBroker, clock: WallClock, answer: object, *, answered: bool
) -> None:
    for route in ("QuickAuth", "Limits"):
        stub.answer(route, answer)
    brokers = [
        NorenBroker(settings(stub.url), clock),
        NorenBroker(settings(stub.url, dialect="oauth", access_token=SecretStr(BEARER)), clock),
    ]

    failures = [broker.log_in() for broker in brokers]
    for broker in brokers:
        broker.close()

    assert [isinstance(one, LoginFailed) and one.answered is answered for one in failures] == [True, True]


def test_an_access_token_is_verified_and_sent_as_bearer(stub: StubBroker, clock: WallClock) -> None:
    stub.answer("PlaceOrder", PLACED)
    broker = NorenBroker(settings(stub.url, dialect="oauth", access_token=SecretStr(BEARER)), clock)

    assert broker.log_in() == LoggedIn("FA1")
    assert isinstance(broker.place(an_order()), Accepted)
    broker.close()

    assert [one.route for one in stub.asked] == ["Limits", "PlaceOrder"]
    assert all(f"Authorization: Bearer {BEARER}" in one.head for one in stub.asked)
    assert not any("jKey" in one.body for one in stub.asked)
    assert stub.asked[1].fields["amo"] is None


@pytest.mark.parametrize(("token", "answer"), [("", LIMITS_OK), (BEARER, EXPIRED)])
def test_a_missing_or_expired_access_token_is_final(
    stub: StubBroker, clock: WallClock, token: str, answer: object
) -> None:
    stub.answer("Limits", answer)
    broker = NorenBroker(settings(stub.url, dialect="oauth", access_token=SecretStr(token)), clock)

    failed = broker.log_in()
    broker.close()

    assert isinstance(failed, LoginFailed)
    assert failed.final
    assert failed.answered is bool(token)


# Placing


def test_an_order_goes_out_in_the_brokers_words(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("PlaceOrder", PLACED)

    assert broker.place(an_order(quantity=7)) == Accepted("20052000000017")

    assert stub.requests("PlaceOrder")[0].fields == {
        "ordersource": "API",
        "uid": "FA1",
        "actid": "FA1",
        "trantype": "B",
        "prd": "I",
        "exch": "NSE",
        "tsym": "RELIANCE-EQ",
        "qty": "7",
        "dscqty": "0",
        "prctyp": "LMT",
        "prc": "2850.50",
        "trgprc": "None",
        "ret": "DAY",
        "remarks": "sdabcdefghij23456712",
        "amo": "NO",
    }
    assert stub.requests("PlaceOrder")[0].body.endswith(f"&jKey={TOKEN}")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"order_type": OrderType.MARKET}, {"prctyp": "LMT", "trgprc": "None"}),
        ({"limit_price": Decimal("1E+3")}, {"prc": "1000"}),
        ({"limit_price": Decimal("0.0025")}, {"prc": "0.0025"}),
        (
            {"order_type": OrderType.SL, "trigger_price": Decimal(2850), "limit_price": Decimal(2851)},
            {"prctyp": "SL-LMT", "trgprc": "2850", "prc": "2851"},
        ),
        (
            {"order_type": OrderType.SL_M, "side": Side.SELL, "trigger_price": Decimal("1E+2")},
            {"prctyp": "SL-LMT", "trantype": "S", "trgprc": "100"},
        ),
        (
            {"exchange": Exchange.NFO, "symbol": "NIFTY27OCT26F", "product": Product.NRML},
            {"exch": "NFO", "prd": "M", "tsym": "NIFTY27OCT26F"},
        ),
        ({"product": Product.CNC, "symbol": "NIFTY BANK"}, {"prd": "C", "tsym": "NIFTY+BANK"}),
    ],
)
def test_each_kind_of_order_has_its_words(
    broker: NorenBroker, stub: StubBroker, given: dict[str, Any], expected: dict[str, str]
) -> None:
    stub.answer("PlaceOrder", PLACED)

    broker.place(an_order(**given))

    fields = stub.requests("PlaceOrder")[0].fields
    assert {key: fields[key] for key in expected} == expected


@pytest.mark.parametrize("dialect", ["quickauth", "oauth"])
def test_an_after_market_order_says_yes_in_both_dialects(stub: StubBroker, clock: WallClock, dialect: str) -> None:
    stub.answer("PlaceOrder", PLACED)
    broker = NorenBroker(settings(stub.url, dialect=dialect, access_token=SecretStr(BEARER)), clock)
    broker.log_in()

    broker.place(an_order(amo=True))
    broker.close()

    assert stub.requests("PlaceOrder")[0].fields["amo"] == "Yes"


def test_an_order_before_the_login_is_refused_and_not_sent(stub: StubBroker, clock: WallClock) -> None:
    refused = NorenBroker(settings(stub.url), clock).place(an_order())

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.SESSION_EXPIRED
    assert not stub.asked


def test_an_order_that_found_nobody_listening_is_refused(broker: NorenBroker, stub: StubBroker) -> None:
    stub.stop()

    refused = broker.place(an_order())

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BROKER_UNREACHABLE
    assert not stub.requests("PlaceOrder")


def test_an_order_whose_connection_did_not_come_about_is_refused(hasty: NorenBroker, stub: StubBroker) -> None:
    address = ("127.0.0.1", stub.port)
    stub.stop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind(address)
        deaf.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:
            one.setblocking(False)  # noqa: FBT003  the socket's own way
            one.connect_ex(address)

        refused = hasty.place(an_order())

        for one in crowd:
            one.close()
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BROKER_UNREACHABLE


@pytest.mark.parametrize("http_status", [200, 400, 403])
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Rejected : ALGO_CHK: MKT Order type not allowed for API order", Reason.BROKER_REFUSED),
        ('Error Occurred : 2 "invalid input"', Reason.BROKER_REFUSED),
        ("RMS:Margin Exceeds, Required:10, Available:5", Reason.BROKER_REFUSED),
        ("RED:Order quantity exceeds limit", Reason.BROKER_REFUSED),
        (RATE, Reason.BROKER_RATE_LIMITED),
        (
            "Invalid Input : Order Recieved 121 in a current minute exceeds Limit 120 for user",
            Reason.BROKER_RATE_LIMITED,
        ),
        ("Rate_Limited: too many requests, retry after backoff", Reason.BROKER_RATE_LIMITED),
        ("Session Expired :  Invalid Session Key", Reason.SESSION_EXPIRED),
        ("Session Expired : Invalid Session Key", Reason.SESSION_EXPIRED),
        ("Invalid Session Key", Reason.SESSION_EXPIRED),
    ],
)
def test_the_brokers_no_is_proof(
    broker: NorenBroker, stub: StubBroker, message: str, reason: Reason, http_status: int
) -> None:
    stub.answer("PlaceOrder", reply(not_ok(message), http_status))

    assert broker.place(an_order()) == Refused(reason, " ".join(message.split()))

    assert broker.needs_login is (reason is Reason.SESSION_EXPIRED)
    assert len(stub.requests("PlaceOrder")) == 1


def test_http_429_with_a_no_is_a_rate_limit(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("PlaceOrder", reply(not_ok("slow down"), 429))

    assert broker.place(an_order()) == Refused(Reason.BROKER_RATE_LIMITED, "slow down")


LOST_REPLIES = lost_replies(PLACED) | {
    "ok without a number": reply({"stat": "Ok"}),
    "ok with a blank number": reply({"stat": "Ok", "norenordno": " "}),
    "ok with no number": reply({"stat": "Ok", "norenordno": None}),
    "ok with a truth for a number": reply({"stat": "Ok", "norenordno": True}),
    "ok with a page for a number": reply({"stat": "Ok", "norenordno": "x" * 100}),
}


@pytest.mark.parametrize("answer", LOST_REPLIES.values(), ids=LOST_REPLIES.keys())
def test_whatever_is_no_answer_leaves_the_order_unknown_and_is_asked_once(
    hasty: NorenBroker, stub: StubBroker, answer: object
) -> None:
    stub.answer("PlaceOrder", answer)

    unknown = hasty.place(an_order())
    hasty.close()

    assert isinstance(unknown, Unknown)
    assert unknown.cause
    assert len(unknown.cause) < 400
    assert len(stub.requests("PlaceOrder")) == 1


def test_an_order_number_is_believed_under_any_http_status(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("PlaceOrder", reply({"stat": "Ok", "norenordno": 20052000000017}, 500))

    assert broker.place(an_order()) == Accepted("20052000000017")


def test_a_connection_closed_while_idle_is_replaced_before_the_order_is_sent(
    broker: NorenBroker, stub: StubBroker
) -> None:
    closed = threading.Event()

    def answer_and_close(talk: Talk) -> None:
        talk.send(reply(PLACED))
        talk.close()
        closed.set()

    stub.answer("PlaceOrder", answer_and_close, PLACED)
    broker.place(an_order())
    assert closed.wait(WAIT_S)

    assert isinstance(broker.place(an_order()), Accepted)

    assert [one.connection for one in stub.requests("PlaceOrder")] == [1, 2]


def test_a_library_that_fails_before_it_sends_leaves_proof(
    broker: NorenBroker, stub: StubBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("routes")

    monkeypatch.setattr(broker._api, "place_order", broken)

    refused = broker.place(an_order())

    assert isinstance(refused, Refused)
    assert "KeyError" in refused.message
    assert not stub.requests("PlaceOrder")


# The house


def test_two_brokers_in_one_process_keep_their_hosts_apart(stub: StubBroker, clock: WallClock) -> None:
    other = StubBroker()
    other.answer("QuickAuth", LOGIN_OK)
    stub.answer("PlaceOrder", PLACED)
    other.answer("PlaceOrder", {"stat": "Ok", "norenordno": "other"})
    first, second = NorenBroker(settings(stub.url), clock), NorenBroker(settings(other.url), clock)
    first.log_in()
    second.log_in()

    replies = (first.place(an_order()), second.place(an_order()), first.place(an_order()))
    first.close()
    second.close()
    other.stop()

    assert replies == (Accepted("20052000000017"), Accepted("other"), Accepted("20052000000017"))


def test_nothing_is_printed(broker: NorenBroker, stub: StubBroker, capfd: pytest.CaptureFixture[str]) -> None:
    logger.remove()
    stub.answer("CancelOrder", {"stat": "Ok", "result": "1"})
    stub.answer("PlaceOrder", PLACED)

    broker.place(an_order())
    broker._api.cancel_order("1")  # the library prints the URL and the reply of this one

    assert capfd.readouterr() == ("", "")


def _logged_in(broker: NorenBroker, stub: StubBroker, said: list[object]) -> bool:
    """Log in; on a busy machine a reply may come too late, and its token is none that the desk could know."""
    stub.answer("QuickAuth", LOGIN_OK)
    said.append(broker.log_in())
    return not broker.needs_login


def test_no_secret_reaches_a_log_line_or_a_cause(stub: StubBroker, clock: WallClock) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="TRACE", format="{message} {exception} {extra}", diagnose=True)
    echo = f'{{"pwd":"{PASSWORD}","susertoken":"{TOKEN}"}} jKey={TOKEN} Bearer {BEARER} {PASSWORD} {TOKEN}'
    said: list[object] = []
    for answer in (
        *LOST_REPLIES.values(),
        reply(echo),
        reply(echo, 502),
        reply(not_ok(echo), 400),
        reply({"stat": "Ok", "echo": echo}),
        reply([echo]),
    ):
        for route in ("PlaceOrder", "OrderBook", "SearchScrip", "GetQuotes"):
            stub.answer(route, answer)
        broker = NorenBroker(settings(stub.url, read_timeout_s=0.1, access_token=SecretStr(BEARER)), clock)
        while not _logged_in(broker, stub, said):
            pass
        stub.answer("QuickAuth", answer)
        said += [broker.place(an_order()), broker.order_book(), broker.last_price(RELIANCE)]
        said += [broker.find_instrument(Exchange.NSE, "RELIANCE-EQ"), broker.log_in()]
        broker.close()
    logger.remove(sink)

    sent = "".join(one.head + one.body for one in stub.asked)
    hashes = {json.loads(f'"{one.fields[key]}"') for one in stub.requests("QuickAuth") for key in ("pwd", "appkey")}
    assert TOKEN in sent
    text = "".join(lines) + repr(said)
    assert lines
    for secret in (PASSWORD, TOTP_SECRET, API_SECRET, TOKEN, BEARER, *hashes):
        assert secret not in text
