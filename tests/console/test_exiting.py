"""Getting out, over the API and from the command line."""

from collections.abc import Callable

import pytest
import requests

from console.glance import status_view
from domain.exits import Scope
from domain.order import Exchange, InstrumentKey, Product
from tests.console.fakes import FakeDesk
from tests.console.test_render import drawn

Ask = Callable[..., requests.Response]
HELD = Scope("straddle", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))


def test_flatten_says_what_is_on_its_way(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way = [{HELD: 0}]

    answer = ask("POST", "/flatten", json={"because": "enough"})

    assert answer.status_code == 200
    assert answer.json()["positions"] == ["RELIANCE-EQ (NSE MIS) of straddle"]
    assert answer.json()["sentence"].startswith("On the way to flat: RELIANCE-EQ (NSE MIS) of straddle.")
    assert desk.flattened == [("enough", None)]


def test_flatten_of_one_strategy_with_nothing_says_so(ask: Ask, desk: FakeDesk) -> None:
    answer = ask("POST", "/flatten", json={"because": "enough", "strategy": "straddle"})

    assert answer.json() == {
        "positions": [],
        "stored": True,
        "sentence": "Nothing is held or working of straddle.",
    }
    assert desk.flattened == [("enough", "straddle")]


def test_a_flatten_that_the_database_does_not_take_says_so(ask: Ask, desk: FakeDesk) -> None:
    desk.under_way, desk.stored = [{HELD: 0}], False

    answer = ask("POST", "/flatten", json={"because": "enough"}).json()

    assert answer["stored"] is False
    assert answer["sentence"].endswith("a restart before it does would not know of it.")


@pytest.mark.parametrize("body", [{"strategy": 7}, {"because": "x", "strategy": ""}])
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
