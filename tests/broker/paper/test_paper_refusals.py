"""Refusals in the broker's own words, on every route they come on, through the real wire."""

# ruff: noqa: ANN401  the client has no types, and JSON has any

from typing import Any, Final

import pytest
import requests

from tests.broker.paper.harness import Paper, buy, token_of

OVER_QUOTA: Final = "Invalid Input :  Order Recieved 121 in a current minute exceeds Limit 120 for user"
READ: Final[dict[str, dict[str, str]]] = {
    "GetQuotes": {"exch": "NSE", "token": "2885"},
    "SearchScrip": {"exch": "NSE", "stext": "RELIANCE"},
    "GetSecurityInfo": {"exch": "NSE", "token": "2885"},
    "Limits": {},
    "Holdings": {"prd": "C"},
}
ORDER: Final = {
    "exch": "NSE",
    "tsym": "RELIANCE-EQ",
    "qty": "1",
    "prc": "1350.1",
    "prd": "I",
    "trantype": "B",
    "prctyp": "LMT",
    "ret": "DAY",
}


@pytest.mark.parametrize("route", [*READ, "OrderBook", "PlaceOrder", "CancelOrder"])
def test_any_route_is_refused_for_quota_until_that_is_cleared(paper: Paper, api: Any, route: str) -> None:
    body = _body(api, route)
    paper.fault(route, "over_quota", count=None)

    refused = [paper.post(route, body) for _ in range(3)]
    paper.admin("DELETE", "faults")

    assert [(one.status_code, one.json()["emsg"]) for one in refused] == [(400, OVER_QUOTA)] * 3
    assert paper.post(route, body).json() != refused[0].json()


@pytest.mark.parametrize("route", READ)
@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("html_502", "502"),
        ("html_504", "504"),
        ("not_arrived", "lost"),
        ("timeout_after", "lost"),
        ("reset_before", "lost"),
        ("reset_after", "lost"),
        ("empty_after", "no JSON"),
        ("session_expired", "Session Expired :  Invalid Session Key"),
    ],
)
def test_a_reading_meets_the_faults_of_an_order(paper: Paper, api: Any, route: str, kind: str, seen: str) -> None:
    paper.fault(route, kind, seconds=0.05, keep_tokens=True, count=2)
    body = _body(api, route)

    outcomes = [_outcome(paper, route, body) for _ in range(3)]

    assert outcomes[:2] == [seen, seen]
    assert outcomes[2] != seen


def test_orders_from_another_address_are_refused_on_each_route_while_books_are_answered(paper: Paper, api: Any) -> None:
    number = buy(api, "rests", price=1350.1)["norenordno"]
    paper.fault("orders", "ip_refused", count=None)
    changed = {**ORDER, "norenordno": number}

    answers = [
        paper.ask("PlaceOrder", token_of(api), **ORDER, remarks="elsewhere"),
        paper.ask("ModifyOrder", token_of(api), **changed),
        paper.ask("CancelOrder", token_of(api), norenordno=number),
    ]

    assert {one["emsg"] for one in answers} == {"Rejected : ALGO_CHK: Invalid IP address"}
    assert api.get_order_book()
    assert (paper.order("elsewhere"), paper.status("rests")) == (None, "OPEN")


@pytest.mark.parametrize(
    ("kind", "message"),
    [("margin_refused", "RED:Margin Shortfall:INR"), ("product_refused", "RED:RULE:{Allowed Basket}")],
)
def test_the_risk_engine_refuses_what_the_front_accepted(paper: Paper, api: Any, kind: str, message: str) -> None:
    paper.fault("PlaceOrder", kind)

    assert buy(api, kind)["stat"] == "Ok"

    row = next(one for one in api.get_order_book() if one.get("remarks") == kind)
    assert (row["status"], row["rejby"], row.get("exchordid")) == ("REJECTED", "RED", None)
    assert row["rejreason"].startswith(message)


def test_a_fault_meets_only_requests_with_the_fields_it_names(paper: Paper, api: Any) -> None:
    paper.fault("GetQuotes", "over_quota", count=None, match={"token": "1594"})
    paper.fault("PlaceOrder", "margin_refused", count=None, match={"trantype": "S"})

    assert api.get_quotes("NSE", "1594") is None
    assert api.get_quotes("NSE", "2885")["stat"] == "Ok"
    buy(api, "bought", price=1350.1)
    assert paper.status("bought") == "OPEN"
    paper.ask("PlaceOrder", token_of(api), **{**ORDER, "trantype": "S"}, remarks="sold")
    assert paper.status("sold") == "REJECTED"


def _body(api: Any, route: str) -> str:
    given = {**READ.get(route, ORDER), "uid": "PAPER", "actid": "PAPER", "norenordno": "1"}
    fields = ",".join(f'"{name}":"{value}"' for name, value in given.items())
    return f"jData={{{fields}}}&jKey={token_of(api)}"


def _outcome(paper: Paper, route: str, body: str) -> str:
    try:
        answer = paper.post(route, body)
        if answer.status_code >= 500:
            assert answer.text.startswith("<html>")
            return str(answer.status_code)
        return str(answer.json().get("emsg")) if isinstance(answer.json(), dict) else "rows"
    except requests.exceptions.JSONDecodeError:
        return "no JSON"
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
        return "lost"
