# ruff: noqa: ANN401  the client has no types, and JSON has any
import http.client
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import requests

from tests.broker.paper.harness import WAIT_S, Paper, buy, token_of, wait_until
from tests.timing import patient

_LOST = (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.mark.parametrize(
    "kind", ["timeout_after", "reset_after", "empty_after", "html_502_after", "html_200_after", "truncated_after"]
)
def test_the_order_is_in_the_book_though_its_answer_was_lost(paper: Paper, api: Any, kind: str) -> None:
    paper.fault("PlaceOrder", kind, seconds=0.1)

    with pytest.raises((*_LOST, requests.exceptions.JSONDecodeError, ValueError)):
        buy(api, kind)

    assert paper.order(kind) is not None
    assert buy(api, f"{kind}-next") is not None


@pytest.mark.parametrize("kind", ["not_arrived", "reset_before", "html_502", "html_504"])
def test_the_order_is_nowhere_though_its_bytes_arrived(paper: Paper, api: Any, kind: str) -> None:
    paper.fault("PlaceOrder", kind, seconds=0.1)

    with pytest.raises((*_LOST, ValueError)):
        buy(api, kind)

    assert paper.order(kind) is None
    assert paper.admin("GET", "ledger")["place_arrivals"][-1]["remarks"] == kind


def test_a_timeout_is_held_until_the_client_goes(paper: Paper, api: Any) -> None:
    paper.fault("Limits", "timeout_after", seconds=60)
    body = f'jData={{"uid":"PAPER","actid":"PAPER"}}&jKey={token_of(api)}'

    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(paper.where["rest_url"] + "Limits", data=body, timeout=patient(0.2))

    assert api.get_limits()["stat"] == "Ok"


def test_a_dripping_answer_comes_byte_by_byte(paper: Paper, api: Any) -> None:
    paper.fault("Limits", "drip_after")
    body = f'jData={{"uid":"PAPER","actid":"PAPER"}}&jKey={token_of(api)}'

    with requests.post(paper.where["rest_url"] + "Limits", data=body, timeout=patient(2), stream=True) as answer:
        started = time.monotonic()
        first = next(answer.iter_content(1)), next(answer.iter_content(1))

    assert b"".join(first) == b'{"'
    assert time.monotonic() - started > 0.1
    assert int(answer.headers["Content-Length"]) > 100


def test_a_refusal_has_its_text_and_status(paper: Paper, api: Any) -> None:
    paper.fault("PlaceOrder", "refuse", text="RMS:Margin Exceeds", http_status=200)

    answer = paper.ask("PlaceOrder", token_of(api), remarks="refused")

    assert (answer["stat"], answer["emsg"]) == ("Not_Ok", "RMS:Margin Exceeds")
    assert paper.order("refused") is None


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_a_slow_answer_comes(paper: Paper, api: Any, kind: str) -> None:
    paper.fault("PlaceOrder", kind, seconds=0.2)
    started = time.monotonic()

    assert buy(api, kind)["stat"] == "Ok"

    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("kind", ["slow", "slow_after"])
def test_a_slow_answer_comes_when_its_fault_is_ended(paper: Paper, api: Any, kind: str) -> None:
    name = f"{kind}-until-then"
    held, other = (paper.fault("PlaceOrder", kind, seconds=3600, match={"remarks": one}) for one in (name, "other"))
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(buy(api, name)))
    caller.start()
    wait_until(lambda: paper.admin("GET", "faults")["faults"][0]["fired"] == 1)
    assert not answers

    paper.admin("DELETE", "faults", id=held)

    caller.join(WAIT_S)
    assert answers[0]["stat"] == "Ok"
    assert [one["id"] for one in paper.admin("GET", "faults")["faults"]] == [other]
    assert paper.order(name) is not None


def test_a_session_expires_for_one_request_or_for_all(paper: Paper, api: Any) -> None:
    token = token_of(api)
    paper.fault("PlaceOrder", "session_expired", keep_tokens=True)
    assert buy(api, "expired") is None
    assert api.get_limits()["stat"] == "Ok"

    paper.fault("PlaceOrder", "session_expired")
    assert buy(api, "expired") is None

    assert paper.ask("Limits", token)["emsg"] == "Session Expired :  Invalid Session Key"
    assert paper.order("expired") is None


def test_an_order_is_accepted_late(paper: Paper, api: Any) -> None:
    late = paper.fault("PlaceOrder", "late_acceptance", seconds=patient(0.4))
    body = (
        'jData={"uid":"PAPER","actid":"PAPER","exch":"NSE","tsym":"RELIANCE-EQ","qty":"1","prc":"1600","prd":"I",'
        f'"trantype":"B","prctyp":"LMT","ret":"DAY","remarks":"late"}}&jKey={token_of(api)}'
    )
    url = urlsplit(paper.where["rest_url"] + "PlaceOrder")

    with closing(http.client.HTTPConnection(url.netloc, timeout=WAIT_S)) as client:
        client.request("POST", url.path, body)
        wait_until(lambda: any(one["id"] == late and one["fired"] for one in paper.admin("GET", "faults")["faults"]))
        at_first = paper.order("late")

    assert at_first is None
    wait_until(lambda: paper.order("late"))


def test_an_order_is_rejected_later(paper: Paper, api: Any) -> None:
    paper.fault("PlaceOrder", "reject_later", seconds=patient(0.2), text="RED:Margin Shortfall:INR 1.00")
    buy(api, "later")
    assert paper.status("later") == "OPEN"

    wait_until(lambda: paper.status("later") == "REJECTED")

    row = next(one for one in api.get_order_book() if one.get("remarks") == "later")
    assert (row["rejreason"], row["rejby"]) == ("RED:Margin Shortfall:INR 1.00", "RED")


def test_an_order_fills_partly_or_not_at_all_and_its_answer_may_be_lost_too(paper: Paper, api: Any) -> None:
    paper.fault("PlaceOrder", "partial_fill", fraction=0.9)
    paper.fault("PlaceOrder", "reset_after")
    with pytest.raises(_LOST):
        buy(api, "partly", quantity=10)
    paper.fault("PlaceOrder", "no_fill")
    buy(api, "never")
    buy(api, "normal")

    wait_until(lambda: paper.status("normal") == "COMPLETE")

    partly, never = paper.order("partly"), paper.order("never")
    assert partly is not None
    assert never is not None
    assert (partly["status"], partly["fillshares"]) == ("OPEN", 9)
    assert (never["status"], never["fillshares"]) == ("OPEN", 0)


def test_a_book_is_stale_or_one_row_short(paper: Paper, api: Any) -> None:
    buy(api, "before")
    wait_until(lambda: paper.status("before") == "COMPLETE")
    rows = len(api.get_order_book())
    paper.fault("OrderBook", "stale_book")
    buy(api, "after")
    wait_until(lambda: paper.status("after") == "COMPLETE")

    stale, now = api.get_order_book(), api.get_order_book()
    paper.fault("OrderBook", "shrunk_book")
    shrunk = api.get_order_book()

    assert (len(stale), len(now), len(shrunk)) == (rows, rows + 1, rows)
    assert now[:-1] == shrunk


def test_a_fault_passes_over_the_first_and_ends_by_its_count(paper: Paper, api: Any) -> None:
    paper.fault("Limits", "refuse", after=1, count=2)

    stats = [api.get_limits()["stat"] for _ in range(4)]

    assert stats == ["Ok", "Not_Ok", "Not_Ok", "Ok"]
    shown = paper.admin("GET", "faults")["faults"][0]
    assert (shown["remaining"], shown["fired"]) == (0, 2)


def test_a_fault_for_ever_ends_when_it_is_cleared(paper: Paper, api: Any) -> None:
    paper.fault("*", "refuse", count=None)
    assert [api.get_limits()["stat"] for _ in range(3)] == ["Not_Ok"] * 3

    paper.admin("DELETE", "faults")

    assert api.get_limits()["stat"] == "Ok"


def test_chances_are_those_of_the_seed(start: Callable[..., Paper]) -> None:
    def outcomes(paper: Paper) -> list[str]:
        api = paper.client()
        paper.fault("Limits", "refuse", count=None, probability=0.5)
        return [api.get_limits()["stat"] for _ in range(20)]

    begun = start("--seed", "5")
    first = outcomes(begun)
    begun.end()
    second = outcomes(start("--seed", "5"))

    assert first == second
    assert set(first) == {"Ok", "Not_Ok"}


def test_a_seed_of_its_own_makes_the_same_trouble_again(paper: Paper, api: Any) -> None:
    def met() -> list[bool]:
        paper.admin("DELETE", "faults")
        paper.fault("Limits", "refuse", count=None, probability=0.5, seed=7)
        return [api.get_limits()["stat"] == "Ok" for _ in range(12)]

    first = met()

    assert first == met()
    assert {True, False} == set(first)


def test_a_change_is_done_later(paper: Paper, api: Any) -> None:
    number = _rests(api, "cancelled later")
    paper.fault("CancelOrder", "change_later", seconds=patient(0.2))

    assert api.cancel_order(number)["stat"] == "Ok"

    assert paper.status("cancelled later") == "OPEN"
    wait_until(lambda: paper.status("cancelled later") == "CANCELED")


@pytest.mark.parametrize(("route", "report"), [("CancelOrder", "CancelRejected"), ("ModifyOrder", "ReplaceRejected")])
def test_a_change_is_accepted_and_refused_later(paper: Paper, api: Any, route: str, report: str) -> None:
    number = _rests(api, route)
    paper.fault(route, "reject_change_later", seconds=0.05, text="16387 no")

    _change(api, route, number)

    wait_until(lambda: paper.order(route)["reporttypes"][-1] == report)  # type: ignore[index]
    assert paper.status(route) == "OPEN"
    assert api.single_order_history(number)[0]["rejreason"] == "16387 no"


@pytest.mark.parametrize("route", ["CancelOrder", "ModifyOrder"])
def test_a_fill_wins_over_a_change(paper: Paper, api: Any, route: str) -> None:
    number = _rests(api, f"{route} loses")
    paper.fault(route, "fill_wins")

    _change(api, route, number)

    order = paper.order(f"{route} loses")
    assert order is not None
    assert (order["status"], order["fillshares"]) == ("COMPLETE", 10)
    assert order["reporttypes"][-2:] == ["Fill", "CancelRejected" if route == "CancelOrder" else "ReplaceRejected"]


def test_an_order_is_partly_filled_before_it_is_cancelled(paper: Paper, api: Any) -> None:
    number = _rests(api, "in part")
    paper.fault("CancelOrder", "partial_fill_first", fraction="0.4")

    _change(api, "CancelOrder", number)

    order = paper.order("in part")
    assert order is not None
    assert (order["status"], order["fillshares"], order["cancelqty"]) == ("CANCELED", 4, 6)


def test_changes_that_arrive_are_written_down(paper: Paper, api: Any) -> None:
    number = _rests(api, "counted")
    paper.fault("CancelOrder", "not_arrived", seconds=0.05)

    with pytest.raises((*_LOST, ValueError)):
        api.cancel_order(number)

    last = paper.admin("GET", "ledger")["change_arrivals"][-1]
    assert (last["route"], last["norenordno"]) == ("CancelOrder", number)


def test_a_late_book_shows_what_was_so_some_seconds_ago(paper: Paper, api: Any) -> None:
    late_s = patient(0.3)
    buy(api, "earlier")
    wait_until(lambda: paper.status("earlier") == "COMPLETE")
    time.sleep(late_s)
    before = {name: read(api) for name, read in _BOOKS.items()}
    for name in _BOOKS:
        paper.fault(name, "late_book", seconds=late_s)

    buy(api, "just now")

    assert {name: read(api) for name, read in _BOOKS.items()} == before
    assert "just now" in {one.get("remarks") for one in api.get_order_book()}


def test_a_book_is_empty_though_there_are_orders(paper: Paper, api: Any) -> None:
    buy(api, "there")
    paper.fault("OrderBook", "empty_book")

    assert paper.ask("OrderBook", token_of(api))["emsg"] == 'Error Occurred : 5 "no data"'
    assert api.get_order_book()


def test_a_ghost_is_in_the_order_book_alone(paper: Paper, api: Any) -> None:
    buy(api, "real")
    paper.fault("OrderBook", "ghost_row")

    ghost = api.get_order_book()[-1]

    assert (ghost["status"], ghost["fillshares"], ghost.get("remarks")) == ("COMPLETE", "1", None)
    assert ghost["norenordno"] not in {one["norenordno"] for one in [*api.get_trade_book(), *api.get_order_book()]}


_BOOKS: Final[dict[str, Callable[[Any], Any]]] = {
    "OrderBook": lambda api: api.get_order_book(),
    "TradeBook": lambda api: api.get_trade_book(),
    "PositionBook": lambda api: [(one["prd"], one["netqty"]) for one in api.get_positions()],
}


def _rests(api: Any, remarks: str) -> str:
    """Place an order that the market does not reach; return its number."""
    return str(buy(api, remarks, price=1350.1, quantity=10)["norenordno"])


def _change(api: Any, route: str, number: str) -> None:
    if route == "CancelOrder":
        answer = api.cancel_order(number)
    else:
        answer = api.modify_order(number, "NSE", "RELIANCE-EQ", 12, "LMT", 1351.0)
    assert answer["stat"] == "Ok"


def test_a_fault_with_a_field_that_nobody_knows_is_refused(paper: Paper) -> None:
    fault = {"route": "PlaceOrder", "kind": "refuse", "reason": "x"}

    answer = requests.post(f"{paper.where['admin_url']}/faults", json=fault, timeout=WAIT_S)

    assert answer.status_code == 400
    assert "a fault has no reason; its fields are after, count" in answer.text


def test_a_refusal_after_the_fact_hides_an_order_that_lives(paper: Paper, api: Any) -> None:
    paper.fault("PlaceOrder", "refuse_after", text="Request timed out", http_status=200)

    assert buy(api, "hidden") is None
    assert paper.order("hidden") is not None
