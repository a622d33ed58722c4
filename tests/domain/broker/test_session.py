"""When a login may be tried again: brokers lock accounts for wrong tries, and for none that they did not answer."""

import pytest

from domain.broker.reply_types import LoggedIn, LoginFailed
from domain.broker.session import EXIT_LOGIN_S, LoginPace
from domain.settings import BrokerSettings

SETTINGS = BrokerSettings(login_retry_s=5, login_retry_s_max=60, login_refusals_max=3)
REFUSED = LoginFailed("Invalid Input : Wrong password", final=False, answered=True)
UNANSWERED = LoginFailed("HTTP 502", final=False)
USELESS = LoginFailed("account is blocked", final=True, answered=True)


def after(*replies: LoggedIn | LoginFailed, every_s: float = 100.0) -> LoginPace:
    pace = LoginPace()
    for number, reply in enumerate(replies):
        pace = pace.after(reply, number * every_s, SETTINGS)
    return pace


def test_refused_logins_are_tried_so_many_times_and_then_wait_for_a_person() -> None:
    later = 1_000_000.0

    assert after(REFUSED, REFUSED).allows(later)
    assert not after(REFUSED, REFUSED, REFUSED).allows(later)
    assert after(REFUSED, REFUSED, REFUSED).is_final


def test_a_broker_that_does_not_answer_is_tried_for_ever() -> None:
    assert after(*[UNANSWERED] * 50).allows(1_000_000.0)


def test_tries_that_were_not_answered_between_refusals_do_not_wash_them_away() -> None:
    assert after(REFUSED, UNANSWERED, REFUSED, UNANSWERED, REFUSED).is_final


def test_a_login_that_is_useless_is_never_tried_again() -> None:
    assert not after(USELESS).allows(1_000_000.0)
    assert after(USELESS, UNANSWERED).is_final


def test_a_session_forgets_earlier_refusals() -> None:
    assert not after(REFUSED, REFUSED, LoggedIn("FA1"), REFUSED, REFUSED).is_final


@pytest.mark.parametrize(("failures", "rest_s"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (40, 60)])
def test_the_rest_between_tries_doubles_up_to_a_bound(failures: int, rest_s: int) -> None:
    pace = after(*[UNANSWERED] * failures, every_s=0.0)

    assert not pace.allows(rest_s - 0.1)
    assert pace.allows(float(rest_s))


def test_a_session_that_dies_soon_after_its_login_is_not_opened_again_at_once() -> None:
    slow = after(LoggedIn("FA1"), LoggedIn("FA1"), every_s=5.0)
    quick = after(LoggedIn("FA1"), LoggedIn("FA1"), every_s=4.9)

    assert slow.allows(5.0)
    assert not quick.allows(9.8)
    assert quick.allows(9.9)


def test_a_way_out_waits_no_long_rest_for_a_broker_that_did_not_answer() -> None:
    pace = after(*[UNANSWERED] * 6, every_s=0.0)

    assert not pace.allows(EXIT_LOGIN_S - 0.1, is_exit=True)
    assert pace.allows(EXIT_LOGIN_S, is_exit=True)


@pytest.mark.parametrize("last", [REFUSED, LoggedIn("FA1")])
def test_a_way_out_hastens_no_login_that_the_broker_has_judged(last: LoggedIn | LoginFailed) -> None:
    pace = after(UNANSWERED, last, last, every_s=0.0)

    assert not pace.allows(4.9, is_exit=True)


def test_a_way_out_logs_in_no_more_once_a_person_has_to() -> None:
    assert not after(USELESS, UNANSWERED).allows(1_000_000.0, is_exit=True)
