"""Whatever is sent to the HTTP API, by its own description of itself or against it, is answered in a sentence."""

import json
from typing import Any, Final

import schemathesis
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from console.api.app import make_api
from console.settings_file import load_settings
from tests.console.fakes import FakeDesk
from tests.fuzz.hostile import ANYTHING, shaped

TOKEN: Final = "the-token-of-the-tests"
HOST: Final = {"Host": "127.0.0.1"}
HEADERS: Final = {**HOST, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
OUR_OWN: Final = frozenset({502, 503, 504})
"""What the desk itself says with a sentence: the broker refused, the desk is not ready, nobody answered."""
DESK: Final = FakeDesk()
SETTINGS: Final = load_settings(None, mode="paper", client_id="PAPER", api={"answer_wait_s_max": 0.02})
SCHEMA: Final = schemathesis.openapi.from_asgi("/openapi.json", make_api(DESK, SETTINGS, TOKEN), headers=HOST)

ORDER: Final[dict[str, Any]] = {
    "command_id": "first",
    "strategy": "manual",
    "intent": "entry",
    "exchange": "NSE",
    "symbol": "RELIANCE-EQ",
    "side": "BUY",
    "quantity": 10,
    "product": "MIS",
    "order_type": "LIMIT",
    "price": "100.05",
    "stop_loss": "99",
    "reason": "a test",
    "kind": "CANCEL",
    "placed": True,
    "state": "HALTED",
    "change_id": "x1",
    "topic": "feed",
    "name": "one",
    "legs": [],
    "basket_id": "b1",
}
WRITES: Final = (
    "/orders",
    "/orders/{command_id}/cancel",
    "/orders/{command_id}/modify",
    "/orders/{command_id}/resolve",
    "/trading-state",
    "/flatten",
    "/stops",
    "/stops/remove",
    "/baskets",
    "/positions/write-off",
    "/breaks/accept",
    "/alerts/ack",
)


def _assert_a_sentence(case: Any, answer: Any) -> None:  # noqa: ANN401  schemathesis' own
    if answer.status_code not in OUR_OWN:
        case.validate_response(answer, checks=[not_a_server_error])
    if answer.status_code >= 400:
        said = answer.json()
        assert isinstance(said.get("sentence", said.get("detail")), str), said


@SCHEMA.parametrize()
@examples(max_examples=15)
def test_no_request_breaks_the_desk(case: Any) -> None:  # noqa: ANN401  schemathesis' own
    DESK.begin_anew()

    _assert_a_sentence(case, case.call(headers=HEADERS))


@examples(max_examples=300)
@given(
    st.sampled_from(WRITES),
    st.one_of(shaped(tuple(ORDER), ORDER).map(json.dumps), ANYTHING.map(json.dumps), st.text(max_size=60)),
)
def test_no_body_breaks_the_desk_and_what_is_invalid_reaches_nobody(path: str, body: str) -> None:
    DESK.begin_anew()
    case = SCHEMA[path]["POST"].Case(path_parameters={"command_id": "first"} if "{" in path else {})

    answer = case.call(headers=HEADERS, data=body.encode("utf-8", "surrogatepass"))

    _assert_a_sentence(case, answer)
    if 400 <= answer.status_code < 500 and answer.status_code != 409:
        assert not DESK.taken, "an order that was called invalid was taken all the same"
