"""Instruments, shares and money that are not today what they were this morning, through the real wire."""

# ruff: noqa: ANN401  the client has no types, and JSON has any

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
import requests

from tests.broker.paper.harness import WAIT_S, Paper, Talk, buy, seconds_to_wednesday_noon, token_of, wait_until

NO_DATA: Final = 'Error Occurred : 5 "no data"'
SHARE: Final = {"exch": "NSE", "tsym": "RELIANCE-EQ"}
USUAL: Final = {
    **SHARE,
    "qty": "10",
    "prc": "1502.00",
    "prd": "I",
    "trantype": "B",
    "prctyp": "LMT",
    "ret": "DAY",
}


@dataclass
class Days:
    """A broker whose day begins at noon, the session at it, and how far its clock is ahead."""

    paper: Paper
    ahead_s: float
    token: str = ""

    def __post_init__(self) -> None:
        self.paper.admin("POST", "market", frozen=True)
        self.log_in()

    def log_in(self) -> None:
        self.token = token_of(self.paper.client(ahead_s=self.ahead_s))

    def turn(self) -> None:
        """Go on to the next opening, and log in there."""
        self.ahead_s = self.paper.admin("POST", "clock", next_day=True)["offset_s"]
        self.log_in()

    def ask(self, route: str, **given: object) -> Any:
        return self.paper.ask(route, self.token, **given)

    def order(self, remarks: str, **given: str) -> dict[str, Any]:
        """Place an order; return what the broker's own ledger says once it has ended or rests."""
        answer = self.ask("PlaceOrder", **{**USUAL, "remarks": remarks, **given})
        assert answer["stat"] == "Ok", answer
        wait_until(lambda: self.paper.status(remarks) in {"COMPLETE", "REJECTED"} or given.get("rests"))
        order = self.paper.order(remarks)
        assert order is not None
        return order

    def price(self, symbol: str, price: str) -> None:
        exchange = "NSE" if symbol.endswith("-EQ") else "NFO"
        self.paper.admin("POST", "market", exch=exchange, tsym=symbol, price=price)

    def nets(self) -> dict[tuple[str, str], str]:
        rows = self.ask("PositionBook")
        return {(one["tsym"], one["prd"]): one["netqty"] for one in rows} if isinstance(rows, list) else {}

    def held(self) -> list[tuple[str, str, str]]:
        rows = self.ask("Holdings", prd="C")
        if not isinstance(rows, list):
            assert rows["emsg"] == NO_DATA
            return []
        return [(one["exch_tsym"][0]["tsym"], one["holdqty"], one["usedqty"]) for one in rows]

    def option(self, step: int = 0, right: str = "C") -> dict[str, str]:
        """Return the SearchScrip row of a listed option, `step` strikes above the middle."""
        rows = self.ask("SearchScrip", exch="NFO", stext="NIFTY")["values"]
        found = [one for one in rows if one["symname"] == "NIFTY" and one["optt"] == f"{right}E"]
        row: dict[str, str] = sorted(found, key=lambda one: float(one["strprc"]))[len(found) // 2 + step]
        return row


@pytest.fixture
def days(start: Callable[..., Paper]) -> Days:
    ahead_s = seconds_to_wednesday_noon()
    return Days(start("--clock-offset-s", str(ahead_s), "--orders-per-s-max", "0"), ahead_s)


def test_a_band_widens_and_narrows_within_the_day(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    before = days.order("before", prc="1700.00", trantype="S")

    days.paper.admin("POST", "instruments", **SHARE, lc="1200.00", uc="1800.00")
    wide = days.order("wide", prc="1700.00")
    days.paper.admin("POST", "instruments", **SHARE, lc="1450.00", uc="1550.00")
    narrow = days.order("narrow", prc="1700.00")

    assert [one["status"] for one in (before, wide, narrow)] == ["REJECTED", "COMPLETE", "REJECTED"]
    assert "LowerCircuit:INR 1,450.00 UpperCircuit:INR 1,550.00" in narrow["rejreason"]
    for route in ("GetSecurityInfo", "GetQuotes"):
        told = days.ask(route, exch="NSE", token="2885")
        assert (told["lc"], told["uc"]) == ("1450.00", "1550.00")


def test_a_resting_order_is_changed_within_the_band_of_now(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    number = days.order("rests", prc="1450.00", rests="yes")["norenordno"]
    days.paper.admin("POST", "instruments", **SHARE, lc="1440.00", uc="1560.00")

    days.ask("ModifyOrder", **{**USUAL, "prc": "1420.00", "norenordno": number})

    changed = days.paper.order("rests")
    assert changed is not None
    assert (changed["reporttypes"][-1], changed["prc"], changed["status"]) == ("ReplaceRejected", "1450.00", "OPEN")


def test_the_depth_tells_the_band_of_now(paper: Paper, api: Any, talk: Talk) -> None:
    talk.log_in(token_of(api))
    talk.say(t="d", k="NSE|1594")
    talk.hear()

    paper.admin("POST", "instruments", exch="NSE", tsym="INFY-EQ", uc="1999.00")

    frame = next(one for one in iter(lambda: talk.hear_until("df")[0], None) if "uc" in one)
    assert frame["uc"] == "1999.00"


@pytest.mark.parametrize(
    ("changed", "order", "message"),
    [
        ({"ls": 4}, {"qty": "10"}, "LotSize:4"),
        ({"ti": "0.50"}, {"prc": "1500.10"}, "TickSize:INR 0.50"),
        ({"frzqty": 10}, {"qty": "10"}, "Freeze qty Set:10 Current:10"),
    ],
)
@pytest.mark.parametrize("begins", ["now", "tomorrow"])
def test_lot_tick_and_freeze_quantity_change(
    days: Days, changed: dict[str, object], order: dict[str, str], message: str, begins: str
) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    days.paper.admin("POST", "instruments", **SHARE, **changed, **{"from": begins})
    first = days.order("first", **order)
    if begins == "tomorrow":
        assert first["status"] == "COMPLETE"
        days.turn()
        days.price("RELIANCE-EQ", "1500.00")

    last = days.order("last", **order)

    assert last["status"] == "REJECTED"
    assert message in last["rejreason"]
    told = days.ask("GetSecurityInfo", exch="NSE", token="2885")
    assert all(float(told[name]) == float(str(value)) for name, value in changed.items())


def test_a_position_row_tells_the_lot_of_today(days: Days) -> None:
    option = days.option()
    at = {"exch": "NFO", "tsym": option["tsym"], "prd": "M", "qty": "65"}
    days.price(option["tsym"], "200.00")
    days.order("held", **at, prc="210.00")
    days.paper.admin("POST", "instruments", exch="NFO", tsym=option["tsym"], ls=50, ti="0.10", **{"from": "tomorrow"})

    days.turn()

    (row,) = days.ask("PositionBook")
    assert {name: row[name] for name in ("netqty", "ls", "ti", "token", "cfbuyqty")} == {
        "netqty": "65",
        "ls": "50",
        "ti": "0.10",
        "token": option["token"],
        "cfbuyqty": "65",
    }


def test_a_contract_expires_over_night(days: Days) -> None:
    option, other = days.option(), days.option(1)
    for one in (option, other):
        days.price(one["tsym"], "200.00")
        days.order(one["tsym"], exch="NFO", tsym=one["tsym"], prd="M", qty="65", trantype="S", prc="190.00")
    days.paper.admin("POST", "instruments", exch="NFO", tsym=option["tsym"], exd="today")
    told = days.ask("GetSecurityInfo", exch="NFO", token=option["token"])
    assert told["exd"] != days.ask("GetSecurityInfo", exch="NFO", token=other["token"])["exd"]
    assert days.nets() == {(option["tsym"], "M"): "-65", (other["tsym"], "M"): "-65"}

    days.turn()

    assert days.nets() == {(other["tsym"], "M"): "-65"}
    for route in ("GetSecurityInfo", "GetQuotes"):
        assert days.ask(route, exch="NFO", token=option["token"])["emsg"] == NO_DATA
    assert days.ask("SearchScrip", exch="NFO", stext=option["tsym"])["emsg"] == "No Data :   "
    refused = days.ask("PlaceOrder", **{**USUAL, "exch": "NFO", "tsym": option["tsym"], "prd": "M", "qty": "65"})
    assert refused["emsg"] == f'"{option["tsym"]}" is Invalid Trading Symbol'


def test_a_share_gets_another_name_over_night_and_what_is_held_goes_on_under_it(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    days.order("delivered", prd="C", prc="1502.00")
    days.paper.admin("POST", "instruments", **SHARE, becomes="RELINEW-EQ", token="99885", **{"from": "tomorrow"})
    assert days.nets() == {("RELIANCE-EQ", "C"): "10"}

    days.turn()

    assert days.held() == [("RELINEW-EQ", "10", "0")]
    assert days.ask("GetQuotes", exch="NSE", token="99885")["lp"] == "1500.00"
    assert days.ask("GetQuotes", exch="NSE", token="2885")["emsg"] == NO_DATA
    assert days.ask("SearchScrip", exch="NSE", stext="RELIANCE-EQ")["emsg"] == "No Data :   "
    sold = days.order("sold", tsym="RELINEW-EQ", prd="C", trantype="S", prc="1490.00")
    assert sold["status"] == "COMPLETE"


def test_a_contract_gets_another_name_over_night_and_its_position_goes_on_under_it(days: Days) -> None:
    option = days.option()
    renamed = option["tsym"].replace("NIFTY", "NIFTYX")
    days.price(option["tsym"], "200.00")
    days.order("held", exch="NFO", tsym=option["tsym"], prd="M", qty="65", prc="210.00")
    days.paper.admin("POST", "instruments", exch="NFO", tsym=option["tsym"], becomes=renamed, **{"from": "tomorrow"})

    days.turn()

    assert days.nets() == {(renamed, "M"): "65"}
    closed = days.order("closed", exch="NFO", tsym=renamed, prd="M", qty="65", trantype="S", prc="190.00")
    assert closed["status"] == "COMPLETE"
    assert days.nets() == {(renamed, "M"): "0"}


def test_one_share_becomes_two_at_half_the_price(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    days.paper.admin("POST", "holdings", **SHARE, qty=10, price="1400.00")
    days.paper.admin("POST", "instruments", **SHARE, ratio=2, **{"from": "tomorrow"})

    days.turn()

    (row,) = days.ask("Holdings", prd="C")
    quote = days.ask("GetQuotes", exch="NSE", token="2885")
    assert (row["holdqty"], row["upldprc"]) == ("20", "700.00")
    assert (quote["lp"], quote["c"], quote["uc"]) == ("750.00", "750.00", "825.00")


def test_what_became_of_instruments_outlives_the_server(days: Days, start: Callable[..., Paper]) -> None:
    days.paper.admin("POST", "instruments", **SHARE, uc="1777.00")
    days.paper.admin("POST", "instruments", **SHARE, becomes="RELINEW-EQ", ratio=2, **{"from": "tomorrow"})
    days.paper.admin("POST", "holdings", **SHARE, qty=10)
    days.turn()
    days.paper.kill()

    again = Days(start("--clock-offset-s", str(days.ahead_s)), days.ahead_s)

    assert again.held() == [("RELINEW-EQ", "20", "0")]
    told = again.ask("GetSecurityInfo", exch="NSE", token="2885")
    assert (told["tsym"], told["uc"]) == ("RELINEW-EQ", "888.50")


def test_shares_of_the_demat_account_are_sold_and_no_more_than_there_are(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    none = days.order("none", prd="C", trantype="S", prc="1490.00")
    days.paper.admin("POST", "holdings", **SHARE, qty=10, price="1400.00")

    sold = days.order("sold", prd="C", trantype="S", qty="6", prc="1490.00")
    rests = days.order("rests", prd="C", trantype="S", qty="3", prc="1510.00", rests="yes")
    beyond = days.order("beyond", prd="C", trantype="S", qty="2", prc="1490.00")
    last = days.order("last", prd="C", trantype="S", qty="1", prc="1490.00")
    days.order("bought", prd="C", qty="4", prc="1510.00")
    again = days.order("again", prd="C", trantype="S", qty="4", prc="1490.00")

    assert [one["status"] for one in (none, sold, rests, beyond, last, again)] == [
        "REJECTED",
        "COMPLETE",
        "OPEN",
        "REJECTED",
        "COMPLETE",
        "COMPLETE",
    ]
    assert none["rejreason"] == ("RED:RULE:{Check Holdings Including BTST}No Holdings uploaded for C-PAPER [DEFAULT]")
    assert beyond["rejreason"] == "RED:RULE:{Check Holdings Including BTST}Eligible Sell:1 for C-PAPER [DEFAULT]"
    assert days.nets() == {("RELIANCE-EQ", "C"): "-7"}
    assert days.held() == [("RELIANCE-EQ", "10", "7")]

    days.turn()

    assert days.nets() == {}
    assert days.held() == [("RELIANCE-EQ", "3", "0")]


def test_a_resting_sale_is_changed_up_to_what_is_held(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    days.paper.admin("POST", "holdings", **SHARE, qty=10)
    number = days.order("rests", prd="C", trantype="S", prc="1510.00", rests="yes")["norenordno"]
    terms = {**USUAL, "prd": "C", "trantype": "S", "norenordno": number, "prc": "1511.00"}

    days.ask("ModifyOrder", **terms)
    days.ask("ModifyOrder", **{**terms, "qty": "11"})

    order = days.paper.order("rests")
    assert order is not None
    assert (order["prc"], order["qty"], order["reporttypes"][-1]) == ("1511.00", 10, "ReplaceRejected")


def test_sales_of_what_nobody_holds_can_be_accepted(days: Days) -> None:
    days.price("RELIANCE-EQ", "1500.00")
    days.paper.admin("POST", "rules", short_delivery=True)

    assert days.order("short", prd="C", trantype="S", prc="1490.00")["status"] == "COMPLETE"

    days.turn()
    assert (days.nets(), days.held()) == ({}, [])


def test_the_hedge_of_a_short_can_not_be_sold_first(days: Days) -> None:
    short, hedge = days.option(), days.option(3)
    at = {"exch": "NFO", "prd": "M", "qty": "65"}
    days.price(short["tsym"], "200.00")
    days.price(hedge["tsym"], "50.00")
    days.paper.admin("POST", "rules", hedged_margin=True, cash="150000.00")

    naked = days.order("naked", **at, tsym=short["tsym"], trantype="S", prc="190.00")
    bought = days.order("bought", **at, tsym=hedge["tsym"], prc="60.00")
    hedged = days.order("hedged", **at, tsym=short["tsym"], trantype="S", prc="190.00")
    used = float(days.ask("Limits")["marginused"])
    first = days.order("first", **at, tsym=hedge["tsym"], trantype="S", prc="40.00")
    back = days.order("back", **at, tsym=short["tsym"], prc="210.00")
    then = days.order("then", **at, tsym=hedge["tsym"], trantype="S", prc="40.00")

    assert [one["status"] for one in (naked, bought, hedged, first, back, then)] == [
        "REJECTED",
        "COMPLETE",
        "COMPLETE",
        "REJECTED",
        "COMPLETE",
        "COMPLETE",
    ]
    assert first["rejreason"].startswith("RED:Margin Shortfall:INR ")
    assert 0 < used < 150000
    assert float(days.ask("Limits")["marginused"]) == 0


def test_a_put_is_no_hedge_of_a_call(days: Days) -> None:
    short, put = days.option(), days.option(-3, "P")
    at = {"exch": "NFO", "prd": "M", "qty": "65"}
    days.price(short["tsym"], "200.00")
    days.price(put["tsym"], "50.00")
    days.paper.admin("POST", "rules", hedged_margin=True, cash="150000.00")
    days.order("bought", **at, tsym=put["tsym"], prc="60.00")

    assert days.order("naked", **at, tsym=short["tsym"], trantype="S", prc="190.00")["status"] == "REJECTED"


def test_all_routes_together_are_limited_where_that_is_asked_for(paper: Paper) -> None:
    api = paper.client()
    paper.admin("POST", "rules", requests_per_min_max=3)
    try:
        answers = [api.get_quotes("NSE", "2885"), api.get_order_book(), api.get_limits(), api.get_limits()]
        refused = paper.post("GetQuotes", f'jData={{"uid":"PAPER"}}&jKey={token_of(api)}')
    finally:
        paper.admin("POST", "rules", requests_per_min_max=None)

    assert answers[3]["emsg"] == "Invalid Input :  Order Recieved 4 in a current minute exceeds Limit 3 for user"
    assert (refused.status_code, answers[0]["stat"]) == (400, "Ok")
    assert api.get_limits()["stat"] == "Ok"


@pytest.mark.parametrize(
    ("what", "given", "message"),
    [
        ("instruments", {**SHARE, "size": 4}, "size"),
        ("instruments", {**SHARE, "ls": 0}, "above zero"),
        ("instruments", {**SHARE, "ls": "1.5"}, "whole"),
        ("instruments", {**SHARE, "lc": "2000"}, "lc"),
        ("instruments", {**SHARE, "becomes": "X-EQ"}, "tomorrow"),
        ("instruments", {**SHARE, "from": "later", "ls": 2}, "from"),
        ("instruments", {"exch": "NSE", "tsym": "NOPE-EQ"}, "not listed"),
        ("holdings", {**SHARE, "qty": -1}, "zero"),
        ("holdings", {"exch": "NSE", "tsym": "Nifty 50", "qty": 1}, "shares"),
        ("rules", {"speed": 2}, "rule"),
    ],
)
def test_what_makes_no_sense_is_refused(paper: Paper, what: str, given: dict[str, object], message: str) -> None:
    answer = requests.post(f"{paper.where['admin_url']}/{what}", json=given, timeout=WAIT_S)

    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert buy(paper.client(), None)["stat"] == "Ok"
