# ruff: noqa: ANN401  the client has no types, and JSON has any
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from broker.paper.api.routes import answer
from broker.paper.clock import Clock
from broker.paper.engine.venue import Venue
from broker.paper.settings import PaperSettings
from tests.broker.paper.harness import (
    API_SECRET,
    PASSWORD,
    USER,
    VENDOR,
    WAIT_S,
    Paper,
    buy,
    code_now,
    token_of,
    wait_until,
)
from tests.timing import patient


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def login_fields() -> dict[str, str]:
    return {
        "source": "API",
        "apkversion": "1.0.0",
        "uid": USER,
        "pwd": sha256(PASSWORD),
        "factor2": code_now(),
        "vc": VENDOR,
        "appkey": sha256(f"{USER}|{API_SECRET}"),
        "imei": "x",
    }


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"pwd": sha256("no")}, "Invalid Input : Wrong Password"),
        ({"factor2": "12345"}, "Invalid Input : Wrong OTP"),
        ({"factor2": "abcdef"}, "Invalid Input : Wrong OTP"),
        ({"vc": "no"}, "Invalid Input :  Invalid Vendor code"),
        ({"appkey": sha256("no")}, "Invalid Input :  Invalid App Key"),
        ({"uid": "no"}, "Invalid Input : User Not enabled on : API"),
        (
            {"imei": ""},
            "Invalid Input :  uid or pwd or factor2 or imei or apkversion or vc or appkey or source is Missing.",
        ),
    ],
)
def test_a_login_that_is_wrong_is_refused_in_the_brokers_words(paper: Paper, wrong: dict[str, str], text: str) -> None:
    answer = paper.post("QuickAuth", "jData=" + json.dumps(login_fields() | wrong))

    assert (answer.status_code, answer.json()["stat"], answer.json()["emsg"]) == (400, "Not_Ok", text)


def test_the_other_dialect_changes_a_code_for_a_bearer_token(paper: Paper) -> None:
    code = "any-code"
    wrong = paper.post("GenAcsTok", 'jData={"code":"x","checksum":"y","uid":"PAPER"}')
    checksum = sha256(VENDOR + API_SECRET + code)
    right = paper.post("GenAcsTok", "jData=" + json.dumps({"code": code, "checksum": checksum, "uid": USER})).json()

    limits = paper.post(
        "Limits",
        'jData={"uid":"PAPER","actid":"PAPER"}',
        headers={"Authorization": f"Bearer {right['access_token']}"},
    ).json()

    assert (wrong.status_code, wrong.json()["emsg"]) == (400, "Invalid Input : INVALID_VERIFIER")
    assert isinstance(right["expires_in"], int)
    assert (limits["stat"], limits["actid"]) == ("Ok", USER)


def test_any_folder_before_the_route_will_do(paper: Paper, api: Any) -> None:
    root = paper.where["rest_url"].removesuffix("NorenWClientTP/")
    body = f'jData={{"uid":"PAPER","actid":"PAPER"}}&jKey={token_of(api)}'

    for path in ("Limits", "NorenWClientAPI//Limits", "a/b//c/Limits"):
        assert requests.post(root + path, data=body, timeout=WAIT_S).json()["stat"] == "Ok"


def test_a_session_ends_by_logout_and_every_route_says_so(paper: Paper, api: Any) -> None:
    token = token_of(api)
    assert api.logout()["stat"] == "Ok"

    for route in ("PlaceOrder", "OrderBook", "PositionBook", "Limits", "SearchScrip", "Logout"):
        assert paper.ask(route, token)["emsg"] == "Session Expired :  Invalid Session Key"


def test_a_body_that_is_cut_by_an_ampersand_is_refused(paper: Paper, api: Any) -> None:
    assert buy(api, "a&b") is None

    arrived = paper.admin("GET", "ledger")["place_arrivals"][-1]
    assert arrived["remarks"] is None


def test_an_order_is_placed_filled_and_found_in_every_book(paper: Paper, api: Any) -> None:
    number = buy(api, "found", quantity=3)["norenordno"]

    wait_until(lambda: paper.status("found") == "COMPLETE")

    row = next(one for one in api.get_order_book() if one["norenordno"] == number)
    trade = next(one for one in api.get_trade_book() if one["norenordno"] == number)
    position = next(one for one in api.get_positions() if one["tsym"] == "RELIANCE-EQ" and one["prd"] == "I")
    history = api.single_order_history(number)
    assert (row["status"], row["remarks"], row["fillshares"]) == ("COMPLETE", "found", "3")
    assert (trade["flqty"], trade["remarks"], trade["flprc"]) == ("3", "found", row["avgprc"])
    assert int(position["netqty"]) >= 3
    assert [one["rpt"] for one in history] == ["Fill", "New", "PendingNew", "NewAck"]
    assert all(isinstance(value, str) for one in (row, trade, position) for value in one.values())


def test_orders_are_modified_and_cancelled_by_their_number(paper: Paper, api: Any) -> None:
    number = buy(api, "change", price=1350.1)["norenordno"]

    modified = api.modify_order(number, "NSE", "RELIANCE-EQ", 7, "LMT", 1350.2)
    cancelled = api.cancel_order(number)

    assert (modified["result"], cancelled["result"]) == (number, number)
    row = next(one for one in api.get_order_book() if one["norenordno"] == number)
    assert (row["status"], row["kidid"], row["qty"], row["prc"], row["cancelqty"]) == (
        "CANCELED",
        "2",
        "7",
        "1350.20",
        "7",
    )
    token = token_of(api)
    unknown = {"norenordno": "1", "exch": "NSE", "tsym": "X", "qty": "1", "prctyp": "LMT", "prc": "1"}
    assert paper.ask("CancelOrder", token, norenordno="1")["emsg"] == "Rejected : ORA:Order not found to Cancel"
    assert paper.ask("ModifyOrder", token, **unknown)["emsg"] == "Rejected : ORA:Order not found"
    assert paper.ask("SingleOrdHist", token, norenordno="1")["emsg"] == 'Error Occurred : 5 "no data"'


ORDER = {
    "exch": "NSE",
    "tsym": "RELIANCE-EQ",
    "qty": "1",
    "prc": "1500.0",
    "prd": "I",
    "trantype": "B",
    "prctyp": "LMT",
    "ret": "DAY",
    "trgprc": "None",
    "amo": "NO",
}


@pytest.mark.parametrize(
    ("changed", "status", "text"),
    [
        ({"tsym": "NOPE-EQ"}, 200, '"NOPE-EQ" is Invalid Trading Symbol'),
        ({"tsym": "Nifty+50"}, 200, '"Nifty 50" is Invalid Trading Symbol'),
        ({"prctyp": "MKT"}, 200, "Rejected : ALGO_CHK: MKT Order type not allowed for API order"),
        ({"prc": "0.0"}, 200, "Order price cannot be zero"),
        ({"prctyp": "SL-LMT"}, 200, "Trigger price invalid - 0.00"),
        ({"trantype": "BUY"}, 400, 'Error Occurred : 2 "invalid input"'),
        ({"qty": "0"}, 400, 'Error Occurred : 2 "invalid input"'),
        ({"qty": "1.5"}, 400, 'Error Occurred : 2 "invalid input"'),
        (
            {"prc": ""},
            400,
            "Invalid Input :  basic_string::at: __n (which is 0) >= this->size() (which is 0)",
        ),
        (
            {"qty": None},
            400,
            "Invalid Input : Missing uid or actid or exch or tsym or qty or prc or prd or trantype or prctyp or ret.",
        ),
    ],
)
def test_the_front_refuses_what_is_no_order(
    paper: Paper, api: Any, changed: dict[str, str | None], status: int, text: str
) -> None:
    body = "jData=" + json.dumps({"uid": USER, "actid": USER, **ORDER, **changed}) + f"&jKey={token_of(api)}"

    answer = paper.post("PlaceOrder", body)

    assert (answer.status_code, answer.json()["emsg"]) == (status, text)


def test_scrips_are_found_described_and_quoted(paper: Paper, api: Any) -> None:
    found = api.searchscrip("NFO", "NIFTY")["values"]
    future = next(one for one in found if one["tsym"].startswith("NIFTY") and one["tsym"].endswith("F"))
    info = api.get_security_info("NFO", future["token"])
    quote = api.get_quotes("NSE", "26000")
    missing = paper.post("SearchScrip", f'jData={{"uid":"PAPER","exch":"NSE","stext":"NOPE"}}&jKey={token_of(api)}')

    assert (info["ls"], info["frzqty"], info["optt"]) == ("65", "1800", "XX")
    assert float(info["lc"]) < 26_000 < float(info["uc"])
    assert quote["tsym"] == "Nifty 50"
    assert "bp1" not in quote
    assert (missing.status_code, missing.json()["emsg"]) == (404, "No Data :   ")
    assert api.get_quotes("NSE", "1") is None


def test_candles_grow_as_the_market_moves(api: Any) -> None:
    wait_until(lambda: api.get_time_price_series("NSE", "2885", starttime=0, interval=1))

    row = api.get_time_price_series("NSE", "2885", starttime=0.0, interval=1)[0]
    assert float(row["intl"]) <= float(row["intc"]) <= float(row["inth"])


def test_a_phone_order_has_no_tag_and_can_be_cancelled_filled_and_squared_off(paper: Paper, api: Any) -> None:
    order = {"exch": "NSE", "tsym": "INFY-EQ", "trantype": "B", "prd": "I", "qty": 5, "prc": 1450}
    number = paper.admin("POST", "orders", **order)["norenordno"]

    cancelled = paper.admin("POST", "cancel", norenordno=number)
    filled = paper.admin("POST", "fill", norenordno=number, qty=2, prc="1450.00")
    row = next(one for one in api.get_order_book() if one["norenordno"] == number)
    squared = paper.admin("POST", "square_off")["norenordnos"]

    assert (cancelled["status"], cancelled["cancelqty"]) == ("CANCELED", 5)
    assert (filled["status"], filled["fillshares"], filled["avgprc"]) == ("CANCELED", 2, "1450.00")
    assert row["ordersource"] == "MOB"
    assert "remarks" not in row
    assert squared
    assert next(one for one in api.get_positions() if one["tsym"] == "INFY-EQ")["netqty"] == "0"


def test_a_set_price_holds_and_fills_what_waited_for_it(paper: Paper, api: Any) -> None:
    buy(api, "waits", price=1351.0)

    answer = paper.admin("POST", "market", exch="NSE", tsym="RELIANCE-EQ", price="1350.50", frozen=True)

    assert answer == {"frozen": True, "last": "1350.50"}
    wait_until(lambda: paper.status("waits") == "COMPLETE")
    assert api.get_quotes("NSE", "2885")["lp"] == "1350.50"
    paper.admin("POST", "market", exch="NSE", tsym="RELIANCE-EQ", price="1500.00", frozen=False)


def test_statuses_are_spelled_as_told(paper: Paper, api: Any) -> None:
    number = buy(api, "spelled", price=1350.1)["norenordno"]
    api.cancel_order(number)

    paper.admin("POST", "words", CANCELED="Cancelled")

    assert next(one for one in api.get_order_book() if one["norenordno"] == number)["status"] == "Cancelled"


def test_a_request_to_the_tester_that_makes_no_sense_is_explained(paper: Paper) -> None:
    url = paper.where["admin_url"]

    unknown = requests.post(f"{url}/faults", json={"route": "PlaceOrder", "kind": "nope"}, timeout=WAIT_S)
    misplaced = requests.post(f"{url}/faults", json={"route": "Limits", "kind": "no_fill"}, timeout=WAIT_S)
    nowhere = requests.get(f"{url}/nope", timeout=WAIT_S)

    assert (unknown.status_code, misplaced.status_code, nowhere.status_code) == (400, 400, 404)
    assert "PlaceOrder" in misplaced.json()["error"]


def test_who_was_not_told_the_key_asks_for_no_trouble(paper: Paper) -> None:
    """FINDINGS B10: every user of the machine reaches the port."""
    root, _, key = paper.where["admin_url"].rpartition("/")

    for url in (f"{root}/faults", f"{root}/x/faults", f"{root}/{key[:-1]}/faults", f"{root}/{key}/x/faults"):
        fault = {"route": "PlaceOrder", "kind": "refuse"}
        assert requests.post(url, json=fault, timeout=WAIT_S).status_code == 403
        assert requests.get(url.replace("faults", "ledger"), timeout=WAIT_S).status_code == 403
    assert paper.admin("GET", "faults")["faults"] == []


def test_two_brokers_never_keep_the_same_books(paper: Paper) -> None:
    """FINDINGS B10."""
    command = [sys.executable, "-m", "broker.paper", "--data-dir", str(paper.data_dir)]

    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_S)

    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith("Another paper broker keeps its books in")
    assert paper.admin("GET", "health")["ok"]


def test_the_rate_limit_refuses_the_eleventh_order_of_a_second(start: Callable[..., Paper]) -> None:
    paper = start()
    token = token_of(paper.client())
    with requests.Session() as session:
        body = "jData=" + json.dumps({"uid": USER, "actid": USER, **ORDER}) + f"&jKey={token}"
        answers = [session.post(paper.where["rest_url"] + "PlaceOrder", data=body, timeout=WAIT_S) for _ in range(11)]

    refused = [one for one in answers if one.status_code == 400]
    assert refused[0].json()["emsg"] == (
        "Invalid Input :  Order Recieved 11 in a current second exceeds Limit 10 for user"
    )
    assert len(paper.admin("GET", "ledger")["place_arrivals"]) == 11


def test_the_day_and_the_session_survive_a_kill(start: Callable[..., Paper]) -> None:
    first = start()
    api = first.client()
    token = token_of(api)
    filled, resting = buy(api, "filled")["norenordno"], buy(api, "resting", price=1350.1)["norenordno"]
    wait_until(lambda: first.status("filled") == "COMPLETE")
    books = [first.ask(route, token) for route in ("OrderBook", "TradeBook")]
    first.kill()

    second = start()
    assert [second.ask(route, token) for route in ("OrderBook", "TradeBook")] == books
    assert second.ask("PositionBook", token)[0]["netqty"] == "1"
    heir = second.stranger()
    heir.set_session(USER, "", token)
    third = buy(heir, "third")["norenordno"]
    wait_until(lambda: second.status("third") == "COMPLETE")
    flids = [one["flid"] for one in second.ask("TradeBook", token)]

    assert int(filled) + 2 == int(resting) + 1 == int(third)
    assert len(set(flids)) == len(flids) == 2
    assert heir.cancel_order(resting)["result"] == resting


def test_a_single_session_broker_ends_the_older_one(start: Callable[..., Paper]) -> None:
    paper = start("--single-session", "--session-expired-http-status", "403")
    older, newer = paper.client(), paper.client()

    answer = paper.post("Limits", f'jData={{"uid":"PAPER","actid":"PAPER"}}&jKey={token_of(older)}')

    assert (answer.status_code, answer.json()["stat"]) == (403, "Not_Ok")
    assert newer.get_limits()["stat"] == "Ok"


def test_a_host_that_is_not_loopback_is_refused_in_a_sentence() -> None:
    command = [sys.executable, "-m", "broker.paper", "--host", "0.0.0.0"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "The paper broker listens on loopback only, and 0.0.0.0 is not loopback.\n"


def test_it_ends_soon_though_a_request_is_held(start: Callable[..., Paper]) -> None:
    paper = start()
    paper.fault("QuickAuth", "not_arrived", seconds=60)
    command = [sys.executable, "-c", f"import requests; requests.post({paper.where['rest_url'] + 'QuickAuth'!r})"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as caller:
        wait_until(lambda: paper.admin("GET", "faults")["faults"][0]["fired"] == 1)

        paper.process.terminate()

        assert paper.process.wait(timeout=patient(1)) == 0
        caller.wait(timeout=WAIT_S)


def test_what_is_due_after_the_end_is_not_done(tmp_path: Path) -> None:
    """An order that would have filled a moment later: the file is closed, and its number may be another file's."""
    waiting: list[Callable[[], None]] = []
    venue = Venue(PaperSettings(data_dir=tmp_path), Clock(), lambda _, what: waiting.append(what))
    order = {"uid": USER, "actid": USER, "exch": "NSE", "tsym": "RELIANCE-EQ", "qty": "1", "prc": "1650.00", "prd": "I"}
    order |= {"trantype": "B", "prctyp": "LMT", "ret": "DAY", "remarks": "due"}
    token = venue.log_in(venue.moment())
    reply = answer(venue, "PlaceOrder", f"jData={json.dumps(order)}&jKey={token}", "", venue.faults.meet("PlaceOrder"))
    assert json.loads(reply.body)["stat"] == "Ok", reply.body
    wait_until(lambda: venue.exchange.next_due is not None and venue.clock.moment().monotonic > venue.exchange.next_due)
    books = {file: file.read_bytes() for file in tmp_path.iterdir()}

    venue.close()
    for one in waiting:
        one()

    assert waiting
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == books
