"""Corrections of our own books and baskets, over the API."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from console.cli.baskets import baskets_view
from domain.baskets import BasketState, OnFailure, Pace
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.reconciliation.write_off import Difference
from tests.console.fakes import FakeDesk
from tests.console.views.test_render import drawn

Ask = Callable[..., requests.Response]
WHERE = {"strategy": "dip", "symbol": "RELIANCE-EQ", "reason": "sold by phone"}
HEDGE = {"exchange": "NFO", "symbol": "NIFTY24NOV26C26250", "side": "BUY", "quantity": 65, "product": "NRML"}
SHORT = {**HEDGE, "symbol": "NIFTY24NOV26C26000", "side": "SELL", "stop_loss": 90}
LEGS = [{**leg, "order_type": "MARKET"} for leg in (HEDGE, SHORT)]


def test_a_position_is_cleared_only_when_it_is_gone_or_the_person_knows(ask: Ask, desk: FakeDesk) -> None:
    refused = ask("POST", "/positions/write-off", json=WHERE)
    done = ask("POST", "/positions/write-off", json=WHERE | {"force": True})

    assert refused.status_code == 409
    assert refused.json()["sentence"].startswith("Nothing was written off: the broker shows +10 RELIANCE-EQ")
    assert done.json()["sentence"].startswith("RELIANCE-EQ (NSE MIS) of dip is written off")
    assert [force for _, _, force in desk.written_off] == [False, True]


@pytest.mark.parametrize("product", [Product.MIS, Product.CNC])
def test_a_clearing_is_of_the_product_that_is_named(ask: Ask, desk: FakeDesk, product: Product) -> None:
    ask("POST", "/positions/write-off", json=WHERE | {"product": product.value, "force": True})

    assert [position_key.key.product for position_key, *_ in desk.written_off] == [product]


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"force": 3}, {"symbl": "x"}])
def test_a_clearing_that_cannot_be_meant_changes_nothing(ask: Ask, desk: FakeDesk, wrong: dict[str, Any]) -> None:
    assert ask("POST", "/positions/write-off", json=WHERE | wrong).status_code == 422
    assert desk.written_off == []


def test_differences_are_named_and_an_unread_book_is_not_flat(ask: Ask, desk: FakeDesk) -> None:
    assert ask("POST", "/reconcile").json()["sentence"] == "Our fills and the broker agree."
    desk.reconciled = (Difference(InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS), 10, 0),)
    message = "RELIANCE-EQ (NSE MIS): +10 by our fills, +0 at the broker"
    assert ask("POST", "/reconcile").json()["sentence"] == f"Our fills and the broker differ: {message}."
    desk.reconciled = "HTTP 502"
    unread = ask("POST", "/reconcile")
    assert (unread.status_code, "does not mean flat" in unread.json()["sentence"]) == (503, True)


def test_a_basket_is_answered_when_it_has_ended(ask: Ask, desk: FakeDesk) -> None:
    asked = {"basket_id": "b1", "strategy": "straddle", "legs": LEGS, "on_failure": "compensate", "pace": "together"}

    assert ask("POST", "/baskets", json=asked).status_code == 202
    desk.basket_ends = (BasketState.DONE, "all 2 legs have filled")
    done = ask("POST", "/baskets", json=asked)
    desk.basket_ends = (BasketState.STOPPED, "leg failed")
    stopped = ask("POST", "/baskets", json=asked)

    assert (done.status_code, stopped.status_code) == (200, 409)
    assert done.json()["sentence"] == "Basket b1: all 2 legs have filled."
    sent = desk.sent_baskets[0].basket
    assert (sent.pace, sent.on_failure) == (Pace.TOGETHER, OnFailure.COMPENSATE)
    assert [leg.command_id for leg in sent.legs] == ["b1.1", "b1.2"]
    listed = ask("GET", "/baskets").json()["baskets"]
    assert "SELL 65 NIFTY24NOV26C26000" in drawn(baskets_view(listed))
    assert "No basket has been sent." in drawn(baskets_view([]))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"basket_id": ""}, "give the basket a basket_id"),
        ({"legs": {}}, "legs must be a list of orders"),
        ({"legs": []}, "a basket has 1 to 20 legs, not 0"),
        ({"legs": LEGS[::-1]}, "put the hedge first"),
        ({"pace": "slow"}, "pace must be one of SEQUENTIAL, TOGETHER"),
        ({"leg_wait_s": "long"}, "Invalid: "),
        ({"leg": 1}, "unknown field 'leg'"),
        ({"legs": [{**LEGS[0], "quantity": 0}]}, "quantity must be a whole number of units"),
    ],
)
def test_a_basket_that_cannot_be_meant_is_refused_in_a_sentence(
    ask: Ask, desk: FakeDesk, wrong: dict[str, Any], sentence: str
) -> None:
    answer = ask("POST", "/baskets", json={"basket_id": "b1", "strategy": "straddle", "legs": LEGS} | wrong)

    assert (answer.status_code, sentence in answer.json()["sentence"]) == (422, True), answer.json()
    assert desk.sent_baskets == []
