"""Whole stories, as a trader reads them: made by the rules that make them in a running desk."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from console.views.story import sentences
from console.views.text import LABELS, decided_from
from domain.broker.snapshots import BrokerStatus, OrderRow, OrderUpdate, ReportType
from domain.orders.change import Change, ChangeKind
from domain.orders.external import external_order
from domain.orders.lifecycle import Event
from domain.orders.order import JournalLine, Order, OrderEvent
from domain.orders.reasons import Reason
from domain.orders.resolution import Resolution, resolved_by_hand
from domain.orders.types import Side
from domain.read_models import Timeline
from domain.reconciliation.order_rows import match_order_row, match_order_update
from tests.console.fakes import ACCEPTED, LOST, SENT, TEN_O_CLOCK, lived, order_of, row_of

Happening = OrderEvent | Callable[[Order], OrderEvent | None]
NUMBER = "26100500000001"
CANCEL = Change(change_id="x1", kind=ChangeKind.CANCEL, asked_at=TEN_O_CLOCK)
MODIFY = replace(CANCEL, kind=ChangeKind.MODIFY, quantity=20, limit_price=Decimal(2451))


def row(**shown: Any) -> OrderRow:  # noqa: ANN401  any field of a row
    given: dict[str, Any] = {
        "broker_order_id": NUMBER,
        "status": BrokerStatus.OPEN,
        "status_text": "OPEN",
        "remarks": "SD0123456789",
        "exchange": "NSE",
        "symbol": "RELIANCE-EQ",
        "side": Side.BUY,
        "product": "I",
        "quantity": 10,
        "filled_quantity": 0,
        "average_price": None,
        "reject_reason": "",
        "price": Decimal("2461.60"),
    }
    return OrderRow(**(given | shown))


COMPLETE: dict[str, Any] = {
    "status": BrokerStatus.COMPLETE,
    "status_text": "COMPLETE",
    "filled_quantity": 10,
    "average_price": Decimal("2450.35"),
}
GONE: dict[str, Any] = {"status": BrokerStatus.CANCELED, "status_text": "CANCELED"}


def shown(**terms: Any) -> Callable[[Order], OrderEvent | None]:  # noqa: ANN401  any field of a row
    """Let a book that was asked for a minute later show the order like this."""
    return lambda order: match_order_row(order, row(**terms), order.updated_at + timedelta(minutes=1))


def pushed(report: ReportType, **terms: Any) -> Callable[[Order], OrderEvent | None]:  # noqa: ANN401  any field of a row
    """Let the broker push the order like this."""
    return lambda order: match_order_update(order, OrderUpdate(report, row(**terms), order.updated_at))


def by_hand(**found: Any) -> Callable[[Order], OrderEvent]:  # noqa: ANN401  any field of a settlement
    """Let a person resolve the order like this."""
    return lambda order: resolved_by_hand(order, Resolution(**found))


def change(event: Event, asked: Change, tag: Reason | None = None, note: str | None = None, **told: str) -> OrderEvent:
    inputs = {"change_id": asked.change_id, "change": asked.kind.value, **told}
    return OrderEvent(kind=event, change=asked, tag=tag, note=note, inputs=inputs)


def missed(books: int) -> OrderEvent:
    return OrderEvent(kind=Event.NOTED, tag=Reason.REPLY_LOST, inputs={"healthy_books": str(books)})


def story(*happenings: Happening, **asked: object) -> list[str]:
    """Tell the story of a market order to buy 10, to which this happened, without its first line."""
    events: list[OrderEvent] = []
    for one in happenings:
        event = one if isinstance(one, OrderEvent) else one(lived(order_of(**asked), *events).order)
        assert event is not None, "this brings no news"
        events.append(event)
    return list(sentences(lived(order_of(**asked), *events)))[1:]


SENT_WORDS = (
    "Passed risk and guard; stored before the wire, then sent once: BUY 10 at limit 2,461.60 (pay at most that)."
)
ACCEPTED_WORDS = f"The broker took it as order {NUMBER}. It is in the market and may trade."
LOST_WORDS = (
    "The broker's reply was lost; the order may be live. It is being searched for and is never sent again. "
    "Reason given: “no answer within 7 s”. Until it is found or proved absent its units count as taken: "
    "do not send it again by hand."
)
CANCEL_ASKED = change(Event.CHANGE_REQUESTED, CANCEL, asked_by="HUMAN", reason="changed my mind")
CANCEL_ASKED_WORDS = (
    "A person asked to cancel what is open of it (10 of 10 units), because “changed my mind”. "
    "Sent once; until the books show it canceled, it may trade."
)
CANCEL_TAKEN_WORDS = (
    "The broker took the cancel. That is a request taken, not a cancel: a fill may win; the books will tell."
)
MODIFY_ASKED = change(
    Event.CHANGE_REQUESTED, MODIFY, quantity="20", limit_price="2451", asked_by="STRATEGY", reason="", wanted_open="20"
)
MODIFY_ASKED_WORDS = (
    "The strategy asked to modify it to 20 units, limit 2,451.00. "
    "Stored before the wire, then sent once; until the books show these terms, the old ones hold."
)
MODIFY_TAKEN_WORDS = (
    "The broker took the modify. That is a request taken: the old terms hold until the books show the new ones."
)


def test_a_lost_reply_and_an_order_found_by_its_tag() -> None:
    assert story(SENT, LOST, missed(1), shown(), pushed(ReportType.FILL, **COMPLETE)) == [
        SENT_WORDS,
        LOST_WORDS,
        "One more healthy book without it (1 of 3). That proves nothing yet: it may still be live.",
        (
            f"Found by its tag, as order {NUMBER}: it had arrived. The broker's book shows it working, "
            f"as order {NUMBER}. It may trade."
        ),
        "The broker pushed: all 10 bought at 2,450.35 on average.",
    ]


def test_a_lost_reply_and_an_order_proved_absent() -> None:
    proved = OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.PROVED_ABSENT, inputs={"healthy_books": "9"})

    assert story(SENT, LOST, missed(2), missed(3), proved)[2:] == [
        "One more healthy book without it (2 of 3). That proves nothing yet: it may still be live.",
        (
            "One more healthy book without it (3 of 3). They must also lie far enough apart (proof.window_s), "
            "as an order may enter a book late: it may still be live."
        ),
        (
            "The broker's books prove that the order never arrived; it is not in the market. "
            "Nothing traded, and its units are free again: a new order may be sent."
        ),
    ]


def test_a_cancel_that_was_taken_and_lost_to_a_fill() -> None:
    assert story(SENT, ACCEPTED, CANCEL_ASKED, change(Event.CHANGE_ACCEPTED, CANCEL), shown(**COMPLETE)) == [
        SENT_WORDS,
        ACCEPTED_WORDS,
        CANCEL_ASKED_WORDS,
        CANCEL_TAKEN_WORDS,
        (
            "All 10 bought at 2,450.35 on average. The cancel came too late: the fill won, and what it traded is held. "
            "Exit it if it is not wanted."
        ),
    ]


def test_a_cancel_that_took_the_rest() -> None:
    part = shown(filled_quantity=4, average_price=Decimal(2450))
    gone = shown(**GONE, filled_quantity=4, average_price=Decimal(2450))

    assert story(SENT, ACCEPTED, CANCEL_ASKED, part, change(Event.CHANGE_ACCEPTED, CANCEL), gone)[3:] == [
        "4 of 10 bought at 2,450.00 on average. The cancel is still open for the rest.",
        CANCEL_TAKEN_WORDS,
        "Canceled, as asked. 4 of 10 bought at 2,450.00 on average. The rest is not in the market.",
    ]


def test_a_modify_that_was_taken_and_done() -> None:
    done = shown(quantity=20, price=Decimal(2451))

    assert story(SENT, ACCEPTED, MODIFY_ASKED, change(Event.CHANGE_ACCEPTED, MODIFY), done)[2:] == [
        MODIFY_ASKED_WORDS,
        MODIFY_TAKEN_WORDS,
        "The modify is done: the order now stands at 20 units, limit 2,451.00.",
    ]


def test_a_modify_that_the_exchange_rejected() -> None:
    no = pushed(ReportType.REPLACE_REJECTED, reject_reason="price outside the band")

    assert story(SENT, ACCEPTED, MODIFY_ASKED, change(Event.CHANGE_ACCEPTED, MODIFY), no)[3:] == [
        MODIFY_TAKEN_WORDS,
        (
            "The exchange rejected the modify after the broker had taken it: “price outside the band”. "
            "The order stands as it was (10 units, limit 2,461.60) and may trade."
        ),
    ]


def test_a_modify_that_was_lost_and_never_seen() -> None:
    lost = change(Event.CHANGE_REPLY_LOST, MODIFY, Reason.CHANGE_REPLY_LOST, "no answer within 7 s")
    lapsed = OrderEvent(
        kind=Event.CHANGE_LAPSED, tag=Reason.CHANGE_NOT_SEEN, change=MODIFY, inputs={"healthy_books": "3"}
    )

    assert story(SENT, ACCEPTED, MODIFY_ASKED, lost, lapsed)[3:] == [
        (
            "The reply to the modify was lost (“no answer within 7 s”). It may be done or not, and is never sent "
            "again; the books will tell. Until then count on the larger of both quantities."
        ),
        (
            "The modify took no effect: 3 healthy books never showed it. The order stands as it was "
            "(10 units, limit 2,461.60) and may trade. Ask for it again if it is still wanted."
        ),
    ]


def test_a_cancel_refused_twice_is_told_twice() -> None:
    no = change(Event.CHANGE_REFUSED, CANCEL, Reason.CHANGE_REFUSED, "Order is not open to cancel")
    message = (
        "The cancel was not made: “Order is not open to cancel”. "
        "The order stands as it was (10 units, limit 2,461.60) and may trade."
    )

    assert story(SENT, ACCEPTED, CANCEL_ASKED, no, CANCEL_ASKED, no)[2:] == [CANCEL_ASKED_WORDS, message] * 2


def test_a_desk_that_stopped_while_a_cancel_was_on_its_way() -> None:
    restarted = OrderEvent(kind=Event.CHANGE_REPLY_LOST, tag=Reason.CHANGE_REPLY_LOST, change=CANCEL)

    assert story(SENT, ACCEPTED, CANCEL_ASKED, restarted)[-1] == (
        "The desk stopped while the cancel was on its way. It may be done or not, and is never sent again; "
        "the books will tell. Until then it may trade."
    )


def test_new_terms_that_nobody_here_asked_for() -> None:
    assert story(SENT, ACCEPTED, shown(quantity=5))[-1] == (
        "Someone changed it elsewhere, not this desk: it now stands at 5 units, limit 2,461.60, "
        "and may trade on these terms."
    )


def test_a_session_that_had_expired_when_the_order_came() -> None:
    refused = OrderEvent(kind=Event.REFUSED, tag=Reason.SESSION_EXPIRED, note="Session Expired :  Invalid Session Key")

    assert story(SENT, refused)[1:] == [
        (
            "There was no valid session at the broker, so the order was not taken; it is not in the market. "
            "Reason given: “Session Expired :  Invalid Session Key”. "
            "Nothing traded; send a new order once `status` shows a session."
        ),
    ]


def test_an_order_that_a_person_settled_as_found_and_one_as_absent() -> None:
    found = by_hand(placed=True, reason="in the app", broker_order_id=NUMBER, filled_quantity=4)
    absent = by_hand(placed=False, reason="the broker's desk says so")

    assert story(SENT, LOST, found, shown(**GONE, filled_quantity=4))[2:] == [
        (
            f"A person resolved it: found at the broker as order {NUMBER}, because “in the app”. 4 of 10 bought. "
            "It may trade on; the books take it from here."
        ),
        (
            "The rest of the order was canceled at the broker. This desk did not ask for that. 4 of 10 bought. "
            "The rest is not in the market."
        ),
    ]
    assert story(SENT, LOST, absent)[2:] == [
        (
            "A person resolved it: not at the broker, because “the broker's desk says so”. Nothing traded. "
            "Should the broker show it after all, that is a late truth."
        ),
    ]


def test_an_order_that_ended_with_its_day() -> None:
    ended = OrderEvent(
        kind=Event.CANCELED,
        tag=Reason.DAY_ENDED,
        inputs={"order_of": "2026-10-05", "resolved_on": "2026-10-06", "filled": "0"},
    )

    assert story(SENT, ACCEPTED, ended)[-1] == (
        "It ended with its trading day, 2026-10-05: the books of 2026-10-06 do not show it. "
        "Nothing traded. It is not in the market."
    )


def test_an_order_that_lived_on_after_its_end_was_believed() -> None:
    refused = OrderEvent(kind=Event.REFUSED, tag=Reason.BROKER_REFUSED, note="RED:Margin Shortfall")

    assert story(SENT, refused, shown(**COMPLETE))[1:] == [
        (
            "The broker refused the order; it is not in the market. Reason given: “RED:Margin Shortfall”. "
            "Nothing traded; mend what the broker names, then send a new order."
        ),
        (
            "LATE TRUTH: the order was REFUSED, and is not. All 10 bought at 2,450.35 on average. "
            "The position is not what it was believed to be: look at `positions` now."
        ),
    ]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "It may trade, and its units count as EXTERNAL; `cancel` takes it out of the market."),
        (
            COMPLETE,
            "All 10 bought at 2,450.35 on average. These units count as EXTERNAL: no strategy exits them.",
        ),
        (GONE, "It is over; nothing traded."),
    ],
)
def test_an_order_from_the_phone_is_told_from_its_first_line_on(terms: dict[str, Any], message: str) -> None:
    seen = external_order(row(remarks="", source="MOB", price_type="LMT", **terms), "PAPER", TEN_O_CLOCK)
    assert seen is not None
    line = JournalLine(
        seen.command.command_id, TEN_O_CLOCK, "SEEN", None, seen.state, None, seen.note, row_of(seen), {}
    )

    told = sentences(Timeline(order=seen, lines=(line,)))

    assert told == (
        (
            "Not placed by this desk (placed by MOB), and seen in the broker's book: "
            f"BUY 10 RELIANCE-EQ on NSE, LIMIT MIS, at 2,461.60. {message}"
        ),
    )


def test_an_after_market_order_waits_for_its_session() -> None:
    told = sentences(lived(order_of(amo=True), SENT, ACCEPTED))

    assert told[0].endswith("Nothing has been sent yet. It is for the session of 2026-10-05.")
    assert told[-1] == f"The broker took it as order {NUMBER}. It waits there for the session of 2026-10-05."


def test_a_reply_that_comes_after_the_books_is_told_as_late() -> None:
    assert story(SENT, shown(**COMPLETE), ACCEPTED)[1:] == [
        "All 10 bought at 2,450.35 on average.",
        f"The broker took it as order {NUMBER}. The books had told of it before this reply.",
    ]
    assert story(SENT, shown(), LOST)[-1] == (
        "The reply to it was lost as well; the books have told of it, so nothing is in doubt."
    )


def test_a_word_that_nobody_knows_holds_the_order() -> None:
    strange = shown(status=BrokerStatus.UNKNOWN, status_text="FROZEN")

    assert story(SENT, ACCEPTED, strange)[-1] == (
        "The broker gave the order a status this desk does not know; it is held as it was. Look at the broker. "
        "Its word is “FROZEN”; if that stays, `resolve` the order."
    )


def test_a_second_order_at_the_broker_is_named() -> None:
    assert story(SENT, ACCEPTED, shown(broker_order_id="26100500000002"))[-1] == (
        "The broker shows a second order with this order's tag. Check the position at the broker now. "
        "The second one is 26100500000002: cancel it there if it is not wanted."
    )


def test_every_event_has_a_sentence_of_its_own() -> None:
    told = {event: sentences(_told_of(event))[-1] for event in Event}

    assert not [event for event, message in told.items() if message.startswith("Noted: ")]
    assert all(message.endswith((".", "”")) for message in told.values())


def _told_of(event: Event) -> Timeline:
    order = lived(order_of()).order
    line = JournalLine(order.command.command_id, TEN_O_CLOCK, event, "WORKING", "WORKING", None, "", {}, {})
    return Timeline(order=order, lines=(line,))


def test_what_a_decision_was_made_from_is_told_in_words() -> None:
    inputs = dict.fromkeys(LABELS, "1") | {"reason": "quoted in the sentence", "asked_by": "HUMAN"}

    told = decided_from(inputs)

    assert "_" not in told
    assert "quoted" not in told
    assert "asked by a person" in told
    assert decided_from({"update_seen_at": TEN_O_CLOCK.isoformat()}) == "report seen at 10:00:00.000"


def test_an_order_that_never_left_says_so() -> None:
    restarted = OrderEvent(kind=Event.RESTARTED, tag=Reason.RESTARTED_IN_FLIGHT)
    absent = OrderEvent(kind=Event.PROVED_ABSENT, tag=Reason.NEVER_LEFT)

    assert story(SENT, restarted, absent)[-1] == (
        "The desk stopped before the order's turn came: no request for it was made, and none will be. "
        "Nothing traded, and its units are free again: a new order may be sent."
    )


def test_an_exit_of_the_exit_journal_says_where_it_was_kept() -> None:
    lived_through = lived(order_of(intent="EXIT", side="SELL"))
    first = replace(lived_through.lines[0], inputs={"kept_in": "exit journal"})

    (message,) = sentences(replace(lived_through, lines=(first,)))

    assert message.endswith(
        "The database could not be written; it was kept in the exit journal, so that it could leave."
    )
