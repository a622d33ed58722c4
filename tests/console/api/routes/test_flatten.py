"""Getting out, over the API and from the command line."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from console.views.status_tables import status_view
from domain.exits.flatten import PositionKey
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Product
from tests.console.fakes import ACCEPTED, LOST, REFUSED, SENT, FakeDesk
from tests.console.views.test_render import drawn

Ask = Callable[..., requests.Response]
HELD = PositionKey("straddle", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))


def test_flatten_says_what_is_on_its_way(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way = [{HELD: 0}]

    answer = ask("POST", "/flatten", json={"reason": "enough"})

    assert answer.status_code == 200
    assert answer.json()["positions"] == ["RELIANCE-EQ (NSE MIS) of straddle"]
    assert answer.json()["sentence"].startswith("On the way to flat: RELIANCE-EQ (NSE MIS) of straddle.")
    assert desk.flattened == [("enough", None)]


def test_flatten_of_one_strategy_with_nothing_says_so(ask: Ask, desk: FakeDesk) -> None:
    answer = ask("POST", "/flatten", json={"reason": "enough", "strategy": "straddle"})

    assert answer.json() == {
        "positions": [],
        "stored": True,
        "sentence": "Nothing is held or working of straddle.",
    }
    assert desk.flattened == [("enough", "straddle")]


def test_a_flatten_that_the_database_does_not_take_says_so(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way, desk.stored = [{HELD: 0}], False

    answer = ask("POST", "/flatten", json={"reason": "enough"}).json()

    assert answer["stored"] is False
    assert answer["sentence"].endswith("a restart before it does would not know of it.")


@pytest.mark.parametrize("body", [{"strategy": 7}, {"reason": "x", "strategy": ""}])
def test_a_flatten_that_cannot_be_meant_changes_nothing(ask: Ask, desk: FakeDesk, body: dict[str, object]) -> None:
    assert ask("POST", "/flatten", json=body).status_code == 422
    assert desk.flattened == []


def test_exits_tells_how_often_each_was_tried(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way = [{HELD: 2}]

    assert ask("GET", "/exits").json() == {
        "exits": [{"position": "RELIANCE-EQ (NSE MIS) of straddle", "tries": 2}],
        "stays": [],
    }


def test_what_stays_held_after_its_way_out_has_ended_is_named(ask: Ask, desk: FakeDesk) -> None:
    desk.stays = {HELD: 10}
    stays = [{"position": "RELIANCE-EQ (NSE MIS) of straddle", "units": 10}]

    status = ask("GET", "/status").json()

    assert ask("GET", "/exits").json() == {"exits": [], "stays": stays}
    assert status["stays"] == stays
    assert "Not flat: RELIANCE-EQ (NSE MIS) of straddle, 10 units" in drawn(status_view(status))


def test_status_names_what_is_on_its_way_to_flat(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way = [{HELD: 2}]

    status = ask("GET", "/status").json()

    assert status["exits"] == [{"position": "RELIANCE-EQ (NSE MIS) of straddle", "tries": 2}]
    assert "On its way to flat: RELIANCE-EQ (NSE MIS) of straddle, 2 exits sent." in drawn(status_view(status))


def test_status_says_that_the_broker_refuses_our_address(ask: Ask, desk: FakeDesk) -> None:
    desk.address_refused = "ALGO_CHK: Invalid IP address (asked from 10.0.0.5)"

    status = ask("GET", "/status").json()

    assert status["broker"]["address_refused"] == desk.address_refused
    told = " ".join(drawn(status_view(status)).split())
    assert "The broker refuses orders for the address they come from, exits included" in told
    assert desk.address_refused in told


AWAY = OrderEvent(kind=Event.REFUSED, tag=Reason.SESSION_EXPIRED, note="the broker refused the login")
EXIT: dict[str, Any] = {
    "command_id": "out",
    "strategy": "straddle",
    "intent": "EXIT",
    "exchange": "NSE",
    "symbol": "RELIANCE-EQ",
    "side": "SELL",
    "quantity": 10,
    "product": "MIS",
    "order_type": "MARKET",
}


def test_an_exit_that_finds_no_session_becomes_a_flatten_where_that_was_asked_for(ask: Ask, desk: FakeDesk) -> None:
    """FINDINGS D14."""
    desk.fate = (SENT, AWAY)

    answer = ask("POST", "/orders", json=EXIT | {"until_flat": True})

    assert answer.status_code == 202
    assert desk.seen_to_flat == [((HELD,), "exit out could not leave")]
    told = answer.json()["sentence"]
    assert told.startswith("Not accepted, no session (SESSION_EXPIRED): SELL 10 RELIANCE-EQ.")
    assert "RELIANCE-EQ (NSE MIS) of straddle is on its way to flat instead" in told
    assert "--until-flat" not in told


def test_an_exit_that_finds_no_session_names_what_goes_on(ask: Ask, desk: FakeDesk) -> None:
    desk.fate = (SENT, AWAY)

    answer = ask("POST", "/orders", json=EXIT)

    assert (answer.status_code, desk.seen_to_flat) == (502, [])
    assert "`flatten --strategy straddle` goes on until the strategy is flat" in answer.json()["sentence"]
    assert "`--until-flat`" in answer.json()["sentence"]


@pytest.mark.parametrize("fate", [(SENT, ACCEPTED), (SENT, LOST), (SENT, REFUSED)])
def test_an_exit_that_reached_the_broker_becomes_no_flatten(
    ask: Ask, desk: FakeDesk, fate: tuple[OrderEvent, ...]
) -> None:
    desk.fate = fate

    ask("POST", "/orders", json=EXIT | {"until_flat": True})

    assert desk.seen_to_flat == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until_flat": 1}, "true or false"),
        ({"until_flat": True, "intent": "ENTRY"}, "for an order with the intent EXIT"),
    ],
)
def test_until_flat_that_cannot_be_meant_sends_nothing(
    ask: Ask, desk: FakeDesk, changes: dict[str, Any], message: str
) -> None:
    answer = ask("POST", "/orders", json=EXIT | changes)

    assert (answer.status_code, desk.taken) == (422, {})
    assert message in answer.json()["sentence"]
