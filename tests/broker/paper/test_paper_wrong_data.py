"""What is untrue in an answer or a tick, through the real wire."""

# ruff: noqa: ANN401  the client has no types, and JSON has any

from typing import Any, Final

import pytest
import requests

from tests.broker.paper.harness import WAIT_S, Paper, Talk, buy, token_of, wait_until

RELIANCE: Final = {"tsym": "RELIANCE-EQ"}
TOKENS: Final = {"RELIANCE-EQ": "2885", "INFY-EQ": "1594"}


@pytest.fixture(autouse=True)
def _still(paper: Paper) -> None:
    paper.admin("POST", "market", exch="NSE", tsym="RELIANCE-EQ", price="1500.00")
    paper.admin("POST", "market", frozen=True)


@pytest.mark.parametrize("price", ["24631.20", "0.00", "-5.00", "NaN", ""])
def test_a_quote_has_a_price_that_nobody_traded_at(paper: Paper, api: Any, price: str) -> None:
    paper.fault("GetQuotes", "wrong_price", price=price, match=RELIANCE, count=2)

    other, first, second, after = (
        api.get_quotes("NSE", TOKENS[one]) for one in ("INFY-EQ", "RELIANCE-EQ", "RELIANCE-EQ", "RELIANCE-EQ")
    )

    assert [one.get("lp", "") for one in (first, second)] == [price, price]
    assert (first["token"], first["tsym"], first["uc"]) == ("2885", "RELIANCE-EQ", after["uc"])
    assert float(other["lp"]) > 0
    assert after["lp"] == "1500.00"


def test_a_quote_has_the_price_of_another_instrument(paper: Paper, api: Any) -> None:
    index = api.get_quotes("NSE", "26000")
    paper.fault("GetQuotes", "wrong_price", other="NSE|26000", match=RELIANCE)

    quote = api.get_quotes("NSE", "2885")

    assert (quote["tsym"], quote["lp"]) == ("RELIANCE-EQ", index["lp"])


@pytest.mark.parametrize("route", ["GetQuotes", "GetSecurityInfo", "SearchScrip"])
def test_an_answer_is_of_another_instrument(paper: Paper, api: Any, route: str) -> None:
    paper.fault(route, "wrong_instrument", other="NSE|1594", match=RELIANCE)
    asked = {"exch": "NSE", "token": "2885", "stext": "RELIANCE-EQ"}

    wrong, right = (paper.ask(route, token_of(api), **asked) for _ in range(2))

    (wrong, right) = (one["values"][0] if "values" in one else one for one in (wrong, right))
    assert (wrong["tsym"], wrong["token"]) == ("INFY-EQ", "1594")
    assert (right["tsym"], right["token"]) == ("RELIANCE-EQ", "2885")


def test_a_tick_has_a_price_that_nobody_traded_at_and_the_truth_comes_after_it(
    paper: Paper, api: Any, talk: Talk
) -> None:
    talk.log_in(token_of(api))
    talk.say(t="t", k="NSE|2885")
    assert talk.hear()["lp"] == "1500.00"

    paper.fault("tick", "wrong_price", price="24631.20", match=RELIANCE, count=3)

    assert [one.get("lp") for one in talk.hear_until("tf", 4)] == ["24631.20"] * 3 + ["1500.00"]


def test_a_tick_is_of_another_instrument_under_the_token_that_was_asked_for(paper: Paper, api: Any, talk: Talk) -> None:
    other = api.get_quotes("NSE", "1594")["lp"]
    talk.log_in(token_of(api))
    talk.say(t="t", k="NSE|2885")
    talk.hear()

    paper.fault("tick", "wrong_instrument", other="NSE|1594", match=RELIANCE)

    wrong, right = talk.hear_until("tf", 2)
    assert (wrong["tk"], wrong["ts"], wrong["lp"]) == ("2885", "INFY-EQ", other)
    assert (right["tk"], right["ts"], right["lp"]) == ("2885", "RELIANCE-EQ", "1500.00")


def test_a_fault_waits_for_a_tick_it_is_meant_for(paper: Paper, api: Any, talk: Talk) -> None:
    fault = paper.fault("tick", "wrong_price", price="1.00", match={"tsym": "INFY-EQ"})
    talk.log_in(token_of(api))
    talk.say(t="t", k="NSE|2885#NSE|1594")

    frames = {one["tk"]: one["lp"] for one in (talk.hear(), talk.hear())}

    assert frames == {"2885": "1500.00", "1594": "1.00"}
    assert next(one for one in paper.admin("GET", "faults")["faults"] if one["id"] == fault)["fired"] == 1


def test_a_position_has_a_price_that_nobody_traded_at(paper: Paper, api: Any) -> None:
    buy(api, "held", quantity=2)
    wait_until(lambda: paper.status("held") == "COMPLETE")
    paper.fault("PositionBook", "wrong_price", price="24631.20", match={"tsym": "RELIANCE-EQ", "prd": "I"})
    paper.fault("PositionBook", "wrong_price", price="NaN", match={"tsym": "RELIANCE-EQ", "prd": "I"}, after=1)

    high, nonsense, true = (_position(api) for _ in range(3))

    gain = (24631.20 - float(high["netavgprc"])) * int(high["netqty"])
    assert high["lp"] == "24631.20"
    assert float(high["urmtom"]) == pytest.approx(gain, abs=0.5)
    assert (nonsense["lp"], true["lp"]) == ("NaN", "1500.00")
    assert nonsense["urmtom"] == true["urmtom"]


def test_a_position_row_says_what_its_instrument_is(paper: Paper, api: Any) -> None:
    buy(api, "row")
    wait_until(lambda: paper.status("row") == "COMPLETE")

    row = _position(api)

    assert {name: row[name] for name in ("token", "ls", "ti", "pp", "lp")} == {
        "token": "2885",
        "ls": "1",
        "ti": "0.10",
        "pp": "2",
        "lp": "1500.00",
    }


def test_the_order_book_misses_an_order_that_trades_and_positions_have(paper: Paper, api: Any) -> None:
    fault = paper.fault("OrderBook", "missing_rows", match={"remarks": "hidden"}, count=2)
    buy(api, "seen")
    assert "seen" in _tags(api.get_order_book())
    buy(api, "hidden")
    wait_until(lambda: paper.status("hidden") == "COMPLETE")

    books = [_tags(api.get_order_book()) for _ in range(3)]

    assert ["hidden" in book for book in books] == [False, False, True]
    assert all("seen" in book for book in books)
    assert "hidden" in _tags(api.get_trade_book())
    assert next(one for one in paper.admin("GET", "faults")["faults"] if one["id"] == fault)["fired"] == 2


def test_a_book_without_its_only_row_is_empty(paper: Paper, api: Any) -> None:
    buy(api, "of a product")
    paper.fault("PositionBook", "missing_rows", match={"exch": "NSE"}, count=None)

    assert paper.ask("PositionBook", token_of(api))["emsg"] == 'Error Occurred : 5 "no data"'


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"route": "OrderBook", "kind": "missing_rows"}, "match"),
        ({"route": "GetQuotes", "kind": "wrong_price"}, "price"),
        ({"route": "GetQuotes", "kind": "wrong_instrument"}, "other"),
        ({"route": "GetQuotes", "kind": "wrong_instrument", "other": "NSE|1"}, "not listed"),
        ({"route": "Limits", "kind": "wrong_price", "price": "1"}, "route"),
        ({"route": "GetQuotes", "kind": "refuse", "match": "x"}, "match"),
    ],
)
def test_wrong_data_that_make_no_sense_are_refused(paper: Paper, given: dict[str, object], message: str) -> None:
    answer = requests.post(f"{paper.where['admin_url']}/faults", json=given, timeout=WAIT_S)

    assert answer.status_code == 400
    assert message in answer.json()["error"]


def _position(api: Any) -> dict[str, str]:
    row: dict[str, str] = next(one for one in api.get_positions() if one["tsym"] == "RELIANCE-EQ" and one["prd"] == "I")
    return row


def _tags(rows: list[dict[str, str]]) -> set[str | None]:
    return {one.get("remarks") for one in rows}
