"""Cancel and modify: asked once, in the broker's words, and judged by the same evidence as an order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from loguru import logger
from pydantic import SecretStr

from broker.noren.adapter import NorenBroker
from domain.broker.reply_types import Accepted, ChangeReply, LoggedIn, Refused, Unknown
from domain.orders.change import Change, ChangeKind
from domain.orders.order import Order
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, OrderType, Product
from tests.broker.conftest import BEARER, LOGIN_OK, StubBroker, WallClock, an_order, reply, settings
from tests.broker.trouble import EXPIRED, RATE, lost_replies, not_ok
from tests.broker.web import TOKEN

NUMBER = "26010200000017"
TAKEN = {"request_time": "10:48:03 02-01-2026", "stat": "Ok", "result": NUMBER}
ROUTES = ("CancelOrder", "ModifyOrder")


def a_working_order(**given: Any) -> Order:  # noqa: ANN401  any field of a command
    return replace(an_order(**given), broker_order_id=NUMBER)


def a_change(**given: Any) -> Change:  # noqa: ANN401  any field of a change
    values: dict[str, Any] = {
        "change_id": "ch-1",
        "kind": ChangeKind.MODIFY,
        "asked_at": datetime(2026, 1, 2, 10, 1, tzinfo=UTC),
        "quantity": 7,
        "limit_price": Decimal("2849.00"),
    }
    return Change(**{**values, **given})


def ask(broker: NorenBroker, route: str) -> ChangeReply:
    if route == "CancelOrder":
        return broker.cancel(a_working_order())
    return broker.modify(a_working_order(), a_change())


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def asked(broker: NorenBroker, stub: StubBroker) -> Callable[..., dict[str, Any]]:
    """Modify an order of this kind, and return what arrived."""

    def modify(change: Change, **given: Any) -> dict[str, Any]:  # noqa: ANN401  any field of a command
        stub.answer("ModifyOrder", TAKEN)
        assert broker.modify(a_working_order(**given), change) == Accepted(NUMBER)
        return stub.requests("ModifyOrder")[0].fields

    return modify


# What goes out


def test_a_cancel_names_the_order_and_nothing_else(broker: NorenBroker, stub: StubBroker) -> None:
    stub.answer("CancelOrder", TAKEN)

    assert broker.cancel(a_working_order()) == Accepted(NUMBER)

    assert stub.requests("CancelOrder")[0].fields == {"ordersource": "API", "uid": "FA1", "norenordno": NUMBER}
    assert stub.requests("CancelOrder")[0].body.endswith(f"&jKey={TOKEN}")


def test_a_modify_names_all_terms_and_no_retention(asked: Callable[..., dict[str, Any]]) -> None:
    assert asked(a_change(), quantity=10) == {
        "ordersource": "API",
        "uid": "FA1",
        "actid": "FA1",
        "norenordno": NUMBER,
        "exch": "NSE",
        "tsym": "RELIANCE-EQ",
        "qty": "7",
        "prctyp": "LMT",
        "prc": "2849.00",
    }


@pytest.mark.parametrize("order_type", [OrderType.SL, OrderType.SL_M])
def test_a_stop_is_modified_with_its_trigger(asked: Callable[..., dict[str, Any]], order_type: OrderType) -> None:
    change = a_change(trigger_price=Decimal("2.85E+3"), limit_price=Decimal(2851))

    fields = asked(change, order_type=order_type, trigger_price=Decimal(2840))

    assert (fields["prctyp"], fields["trgprc"], fields["prc"]) == ("SL-LMT", "2850", "2851")


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.LIMIT])
def test_what_is_no_stop_is_modified_without_a_trigger(
    asked: Callable[..., dict[str, Any]], order_type: OrderType
) -> None:
    fields = asked(a_change(trigger_price=Decimal(2850)), order_type=order_type)

    assert fields["prctyp"] == "LMT"
    assert "trgprc" not in fields


def test_a_modify_names_the_orders_own_instrument(asked: Callable[..., dict[str, Any]]) -> None:
    fields = asked(
        a_change(limit_price=Decimal("0.0025")), exchange=Exchange.NFO, symbol="NIFTY BANK", product=Product.NRML
    )

    assert (fields["exch"], fields["tsym"], fields["prc"]) == ("NFO", "NIFTY+BANK", "0.0025")


def test_a_stop_without_a_trigger_is_our_bug_and_is_not_sent(broker: NorenBroker, stub: StubBroker) -> None:
    order = a_working_order(order_type=OrderType.SL, trigger_price=Decimal(2840))

    with pytest.raises(AssertionError, match="trigger"):
        broker.modify(order, a_change())

    assert not stub.requests("ModifyOrder")


@pytest.mark.parametrize("missing", ["quantity", "limit_price"])
def test_a_modify_without_all_terms_is_our_bug_and_is_not_sent(
    broker: NorenBroker, stub: StubBroker, missing: str
) -> None:
    with pytest.raises(AssertionError, match="all terms"):
        broker.modify(a_working_order(), a_change(**{missing: None}))

    assert not stub.requests("ModifyOrder")


def test_a_change_of_an_order_without_a_number_is_our_bug(broker: NorenBroker, stub: StubBroker) -> None:
    with pytest.raises(AssertionError, match="number"):
        broker.cancel(an_order())
    with pytest.raises(AssertionError, match="number"):
        broker.modify(an_order(), a_change())
    with pytest.raises(AssertionError, match="no terms"):
        broker.modify(a_working_order(), a_change(kind=ChangeKind.CANCEL))

    assert [one.route for one in stub.asked] == ["QuickAuth"]


def test_the_oauth_dialect_sends_the_bearer_and_no_key(stub: StubBroker, clock: WallClock, route: str) -> None:
    stub.answer(route, TAKEN)
    broker = NorenBroker(settings(stub.url, dialect="oauth", access_token=SecretStr(BEARER)), clock)
    broker.log_in()

    assert ask(broker, route) == Accepted(NUMBER)
    broker.close()

    sent = stub.requests(route)[0]
    assert f"Authorization: Bearer {BEARER}" in sent.head
    assert "jKey" not in sent.body


# What comes back


@pytest.mark.parametrize(
    "answer",
    [
        TAKEN,
        {"stat": "Ok", "result": int(NUMBER)},
        {"stat": "Ok"},
        {"stat": "Ok", "result": " "},
        {"stat": "Ok", "result": None},
        reply(TAKEN, 500),
    ],
)
def test_an_ok_means_that_the_request_was_taken(
    broker: NorenBroker, stub: StubBroker, route: str, answer: object
) -> None:
    stub.answer(route, answer)

    assert ask(broker, route) == Accepted(NUMBER)


@pytest.mark.parametrize("answer", [{"stat": "Ok", "result": "26010200000018"}, reply({"stat": "Ok"}, 500)])
def test_an_ok_that_is_not_about_our_order_proves_nothing(
    broker: NorenBroker, stub: StubBroker, route: str, answer: object
) -> None:
    stub.answer(route, answer)

    assert isinstance(ask(broker, route), Unknown)


@pytest.mark.parametrize("http_status", [200, 400, 403])
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Rejected : ORA:Order not found to Cancel", Reason.BROKER_REFUSED),
        ("Rejected : ORA:Order not found", Reason.BROKER_REFUSED),
        ("SAF:order is not open to modify", Reason.BROKER_REFUSED),
        ("Trigger price invalid - 0.00", Reason.BROKER_REFUSED),
        (RATE, Reason.BROKER_RATE_LIMITED),
        ("Session Expired :  Invalid Session Key", Reason.SESSION_EXPIRED),
    ],
)
def test_the_brokers_no_is_kept_with_its_words(
    broker: NorenBroker, stub: StubBroker, route: str, message: str, reason: Reason, http_status: int
) -> None:
    stub.answer(route, reply(not_ok(message), http_status))

    assert ask(broker, route) == Refused(reason, " ".join(message.split()))

    assert broker.needs_login is (reason is Reason.SESSION_EXPIRED)
    assert len(stub.requests(route)) == 1


@pytest.mark.parametrize("answer", lost_replies(TAKEN).values(), ids=lost_replies(TAKEN).keys())
def test_whatever_is_no_answer_leaves_the_change_unknown_and_is_asked_once(
    hasty: NorenBroker, stub: StubBroker, route: str, answer: object
) -> None:
    stub.answer(route, answer)

    unknown = ask(hasty, route)

    assert isinstance(unknown, Unknown)
    assert 0 < len(unknown.cause) < 400
    assert len(stub.requests(route)) == 1


def test_a_change_before_the_login_is_refused_and_not_sent(stub: StubBroker, clock: WallClock, route: str) -> None:
    refused = ask(NorenBroker(settings(stub.url), clock), route)

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.SESSION_EXPIRED
    assert not stub.asked


def test_a_change_that_found_nobody_listening_is_refused(broker: NorenBroker, stub: StubBroker, route: str) -> None:
    stub.stop()

    refused = ask(broker, route)

    assert isinstance(refused, Refused)
    assert refused.reason is Reason.BROKER_UNREACHABLE


def test_a_dead_session_is_opened_anew_and_the_change_is_ours_to_ask_again(
    broker: NorenBroker, stub: StubBroker, route: str
) -> None:
    stub.answer(route, EXPIRED, TAKEN)
    stub.answer("QuickAuth", {**LOGIN_OK, "susertoken": "tok-of-later"})

    assert isinstance(ask(broker, route), Refused)
    assert broker.log_in() == LoggedIn("FA1")

    assert not broker.needs_login
    assert ask(broker, route) == Accepted(NUMBER)
    assert stub.requests(route)[1].body.endswith("&jKey=tok-of-later")


def test_changes_print_and_log_nothing_of_the_session(
    broker: NorenBroker, stub: StubBroker, capfd: pytest.CaptureFixture[str]
) -> None:
    logger.remove()
    lines: list[str] = []
    sink = logger.add(lines.append, level="TRACE", format="{message} {exception}", diagnose=True)
    echo = not_ok(f"echo of jKey={TOKEN} and {TOKEN}")
    said: list[ChangeReply] = []
    for one in ROUTES:
        stub.answer(one, TAKEN, echo, {"stat": "Ok", "result": TOKEN}, reply(str(echo)))
        said += [ask(broker, one) for _ in range(4)]
    logger.remove(sink)

    assert capfd.readouterr() == ("", "")
    assert lines
    assert TOKEN not in "".join(lines) + repr(said)
