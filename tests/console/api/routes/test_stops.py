"""Stops of what is held, over the API and from the command line."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from console.cli.stops import stops_view, trail_terms
from console.errors import PlainError
from tests.console.fakes import FakeDesk
from tests.console.views.test_render import drawn

Ask = Callable[..., requests.Response]
WHERE = {"strategy": "dip", "symbol": "RELIANCE-EQ", "reason": "sleep well"}


def test_stops_are_set_listed_and_removed(ask: Ask, desk: FakeDesk) -> None:
    trail = {"trailing_type": "points", "trailing_value": "12.5", "trail_activation": 1550}
    answer = ask("POST", "/stops", json=WHERE | {"stop_loss": "1490", "target": 1600.5} | trail)

    assert answer.status_code == 200
    message = "stop 1490, trail 12.5 points from 1550, target 1600.5"
    assert answer.json()["sentence"] == f"RELIANCE-EQ (NSE MIS) of dip is under stops: {message}."
    far = ask("POST", "/stops", json=WHERE | {"stop_loss": "1"}).json()["sentence"]
    assert far == "RELIANCE-EQ (NSE MIS) of dip is under stops: stop 1. Beware: no price of today gets there."
    ask("POST", "/stops", json=WHERE | {"stop_loss": "1490", "target": 1600.5} | trail)
    (listed,) = ask("GET", "/stops").json()["stops"]
    assert (listed["stop"], listed["target"], listed["last_price"]) == ("1490", "1600.5", "1495.50")
    shown = drawn(stops_view([listed]))
    assert "dip" in shown
    assert shown.split("RELIANCE-EQ")[1].split()[1:5] == ["1495.50", "2", "s", "ago"]
    assert max(map(len, drawn(stops_view([listed]), 80).splitlines())) <= 80
    assert set(message.split()) <= set(drawn(stops_view([listed]), 80).split()), "nothing of it is cut"
    told = [{"raised_at": "2026-10-05T10:00:00+05:30", "topic": "stops:x", "what": "x: stop 1490 reached at 1489."}]
    assert "10:00:00 x: stop 1490 reached at 1489." in drawn(stops_view([], told))
    gone = ask("POST", "/stops/remove", json=WHERE)
    assert gone.json()["sentence"].startswith("RELIANCE-EQ (NSE MIS) of dip is under no stops any more")
    assert desk.protected == {}
    assert "Nothing is under stops" in drawn(stops_view([]))


def test_a_trail_is_written_in_one_word() -> None:
    assert trail_terms("points:12.5", "1550") == {
        "trailing_type": "points",
        "trailing_value": "12.5",
        "trail_activation": "1550",
    }
    assert trail_terms(None, None) == {}
    for wrong in ("points", "points:", "12.5"):
        with pytest.raises(PlainError, match="--trail must be points:10"):
            trail_terms(wrong, None)


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ({}, 422, "give a stop_loss, a target or a trail"),
        ({"stop_los": 1}, 422, "unknown field 'stop_los'; the fields are: exchange, product,"),
        ({"stop_loss": -1}, 422, "stop_loss must be a number above 0"),
        ({"stop_loss": "cheap"}, 422, "stop_loss must be a number"),
        ({"trailing_type": "POINTS"}, 422, "trailing_type and trailing_value must be given together"),
        ({"trailing_type": "DOTS", "trailing_value": 1}, 422, "trailing_type must be one of POINTS, PERCENT, ABSOLUTE"),
        ({"stop_loss": 1, "product": "XYZ"}, 422, "product must be one of"),
        ({"stop_loss": 1, "reason": ""}, 422, "reason must be given"),
        ({"stop_loss": 1, "symbol": "TCS-EQ"}, 409, "Nothing was changed: nothing is held of TCS-EQ (NSE MIS) of dip."),
    ],
)
def test_stops_that_cannot_be_meant_change_nothing(
    ask: Ask, desk: FakeDesk, given: dict[str, Any], status: int, message: str
) -> None:
    answer = ask("POST", "/stops", json=WHERE | given)

    assert (answer.status_code, message in answer.json()["sentence"]) == (status, True), answer.json()
    assert desk.protected == {}
