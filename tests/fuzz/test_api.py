"""Whatever is sent to the HTTP API, by its own description of itself or against it, is answered in a sentence."""

import json
from decimal import Decimal
from typing import Any, Final
from zlib import crc32

import pytest
import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.api.app import make_api
from console.settings_file import load_settings
from domain.alerts.alert import ChannelState
from domain.baskets import BasketState
from domain.blocker import Blocker, BlockerKind
from domain.exits.flatten import PositionKey
from domain.orders.reasons import Reason
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Product
from domain.reconciliation.breaks import Break, BreakKind
from tests.console.fakes import ACCEPTED, FILLED, LOST, REFUSED, SENT, TEN_O_CLOCK, FakeDesk, blocked, order_of
from tests.fuzz.hostile import ANYTHING, shaped

TOKEN: Final = "the-token-of-the-tests"
HOST: Final = {"Host": "127.0.0.1"}
HEADERS: Final = {**HOST, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
OUR_OWN: Final = frozenset({502, 503, 504})
"""What the desk itself says with a sentence: the broker refused, the desk is not ready, nobody answered."""
DESK: Final = FakeDesk()
SETTINGS: Final = load_settings(None, mode="paper", client_id="PAPER", api={"answer_wait_s_max": 0.02})
SCHEMA: Final = schemathesis.openapi.from_asgi("/openapi.json", make_api(DESK, SETTINGS, TOKEN), headers=HOST)

WHERE: Final[dict[str, Any]] = {"strategy": "dip", "exchange": "NSE", "symbol": "RELIANCE-EQ", "product": "MIS"}
ORDER: Final[dict[str, Any]] = {
    **WHERE,
    "command_id": "second",
    "intent": "entry",
    "side": "BUY",
    "quantity": 10,
    "order_type": "LIMIT",
    "price": "100.05",
    "stop_loss": 99,
}
CHANGE: Final[dict[str, Any]] = {"change_id": "x1", "reason": "a test"}
GOOD: Final[dict[str, dict[str, Any]]] = {
    "/orders": ORDER,
    "/orders/{command_id}/cancel": CHANGE,
    "/orders/{command_id}/modify": {**CHANGE, "quantity": 5, "price": 100.05},
    "/orders/{command_id}/resolve": {"placed": True, "reason": "seen", "filled_quantity": 5, "average_price": "10.5"},
    "/trading-state": {"state": "HALTED", "reason": "lunch"},
    "/flatten": {"reason": "a test", "strategy": "dip"},
    "/stops": {**WHERE, "stop_loss": "99", "reason": "a test"},
    "/stops/remove": {**WHERE, "reason": "a test"},
    "/baskets": {"basket_id": "b1", "strategy": "dip", "legs": [ORDER | {"command_id": "leg"}]},
    "/positions/write-off": {**WHERE, "reason": "a test", "force": True},
    "/breaks/accept": {"name": "position:x", "reason": "a test"},
    "/alerts/ack": {"topic": "feed"},
}
"""For each route that takes a body, one that is taken."""


def _bodies(path: str) -> st.SearchStrategy[tuple[str, str]]:
    near = shaped(tuple(GOOD[path]), GOOD[path]).map(json.dumps)
    return st.tuples(st.just(path), st.one_of(near, ANYTHING.map(json.dumps), st.text(max_size=60)))


AS_DESCRIBED: Final = [status_code_conformance, content_type_conformance, response_schema_conformance]
HELD: Final = PositionKey("dip", InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.MIS))
ENDS: Final = (
    (SENT, ACCEPTED),
    (SENT, ACCEPTED, FILLED),
    (SENT, REFUSED),
    (SENT, LOST),
    (blocked(Reason.TRADING_HALTED),),
    (blocked(Reason.PRICE_OFF_TICK),),
    (blocked(Reason.PRICE_UNAVAILABLE),),
)
"""What becomes of an order: each kind of answer to one."""


def _begin_anew(seed: str) -> None:
    """Let the desk have an order, and a fate for the next, that the request alone decides."""
    number = crc32(seed.encode("utf-8", "surrogatepass"))
    DESK.begin_anew()
    DESK.submit(order_of(command_id="first"), 0)
    DESK.blockers = (Blocker.of(BlockerKind.NO_SESSION, "wrong password"),)
    DESK.breaks = (Break(name="position:x", kind=BreakKind.POSITION, sentence="it holds 5", difference=5),)
    DESK.channels = (ChannelState(name="mail", last_told_at=TEN_O_CLOCK, why="refused", waiting=2),)
    DESK.under_way, DESK.stays = [{HELD: 2}], {HELD: 3}
    DESK.protect(HELD, StopTerms(stop_loss=Decimal(1)), "a test")
    DESK.basket_ends = (BasketState.STOPPED, "leg failed") if number % 2 else None
    DESK.fate = ENDS[number % len(ENDS)]


def _assert_as_described(case: Any, answer: Any) -> None:  # noqa: ANN401  schemathesis' own
    own = [] if answer.status_code in OUR_OWN else [not_a_server_error]
    case.validate_response(answer, checks=[*own, *AS_DESCRIBED])
    if answer.status_code >= 400:
        said = answer.json()
        assert isinstance(said.get("sentence", said.get("detail")), str), said


@SCHEMA.parametrize()
@examples(max_examples=15)
def test_no_request_breaks_the_desk(case: Any) -> None:  # noqa: ANN401  schemathesis' own
    _begin_anew(repr(case.body))

    _assert_as_described(case, case.call(headers=HEADERS))


@pytest.mark.parametrize("path", GOOD)
def test_the_bodies_to_begin_with_are_taken(path: str) -> None:
    for number in range(20):
        _begin_anew(str(number))
        case = SCHEMA[path]["POST"].Case(path_parameters={"command_id": "first"} if "{" in path else {})

        answer = case.call(headers=HEADERS, data=json.dumps(GOOD[path]).encode())

        assert answer.status_code not in {400, 413}
        assert not str(answer.json().get("sentence")).startswith("Invalid")
        _assert_as_described(case, answer)


@examples(max_examples=300)
@given(st.sampled_from(sorted(GOOD)).flatmap(_bodies))
def test_no_body_breaks_the_desk_and_what_is_invalid_reaches_nobody(asked: tuple[str, str]) -> None:
    path, body = asked
    _begin_anew(body)
    case = SCHEMA[path]["POST"].Case(path_parameters={"command_id": "first"} if "{" in path else {})

    answer = case.call(headers=HEADERS, data=body.encode("utf-8", "surrogatepass"))

    _assert_as_described(case, answer)
    if 400 <= answer.status_code < 500 and answer.status_code != 409:
        told = answer.json()
        assert set(DESK.taken) == {"first"} or told["order"], "an order that was called invalid was taken all the same"
