from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from broker.paper.api.limiter import RateLimiter
from broker.paper.api.rows import Speller
from broker.paper.api.sessions import Sessions, totp
from broker.paper.api.wire import NOT_JSON, RefusalError, date_first, money, parse_body, time_first
from broker.paper.clock import IST, Moment
from broker.paper.ledger import JsonLines, event_from, event_record, order_from, terms_record
from broker.paper.settings import PaperSettings, SettingsError
from tests.broker.paper.harness import MONDAY, Timeline


def test_a_body_is_split_and_only_the_symbol_is_decoded() -> None:
    fields, key = parse_body('jData={"uid": "U", "tsym": "M%26M-EQ", "remarks": "a%26b", "qty": 5, "amo": null}&jKey=T')

    assert key == "T"
    assert fields.values == {"uid": "U", "tsym": "M&M-EQ", "remarks": "a%26b", "qty": "5"}


@pytest.mark.parametrize(
    "body", ["", "jKey=T", 'jData={"a": "x&y"}&jKey=T', "jData=[1]", "jData=" + "[" * 100_000, 'jdata={"a":"b"}']
)
def test_what_is_no_json_object_is_refused_in_the_brokers_words(body: str) -> None:
    with pytest.raises(RefusalError) as caught:
        parse_body(body)

    assert (caught.value.text, caught.value.http_status) == (NOT_JSON, 400)


@pytest.mark.parametrize("text", ["None", "", "0", "0.0"])
def test_a_trigger_of_a_plain_order_is_absent(text: str) -> None:
    fields, _ = parse_body(f'jData={{"trgprc": "{text}"}}')

    assert fields.trigger() is None


@pytest.mark.parametrize("text", ["NaN", "Infinity", "x", "1,000"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    fields, _ = parse_body(f'jData={{"prc": "{text}"}}')

    with pytest.raises(RefusalError, match="invalid input"):
        fields.number("prc")


def test_times_and_prices_are_written_as_the_broker_writes_them() -> None:
    at = datetime(2024, 10, 16, 11, 15, 20, tzinfo=IST)

    assert time_first(at) == "11:15:20 16-10-2024"
    assert date_first(at) == "16-10-2024 11:15:20"
    assert [money(Decimal(text)) for text in ("2.85", "1", "0.005", "-0.001")] == ["2.85", "1.00", "0.01", "0.00"]


def test_a_row_leaves_out_what_is_not_there_yet() -> None:
    at, speller = Timeline(), Speller("U", blank_rejreason=False)

    resting, bare = at.place(price=Decimal("1450.00")), at.place(remarks=None)
    before = speller.order(bare)
    at.later(1)

    assert not {"avgprc", "fillshares", "cancelqty", "rejreason", "rejby", "trgprc"} & speller.order(resting).keys()
    assert speller.order(resting)["remarks"] == "tag"
    assert "remarks" not in before
    assert (before["status"], speller.order(bare)["status"]) == ("OPEN", "COMPLETE")
    assert (speller.order(bare)["fillshares"], speller.order(bare)["avgprc"]) == ("10", "1500.10")
    assert all(isinstance(value, str) for value in speller.order(bare).values())


def test_history_is_newest_first_and_says_what_each_event_was() -> None:
    at, speller = Timeline(), Speller("U", blank_rejreason=True)
    order = at.place()
    at.later(1)

    rows = speller.history(order)

    assert [row["rpt"] for row in rows] == ["Fill", "New", "PendingNew", "NewAck"]
    assert rows[0]["flid"] == "380000001"
    assert rows[-1]["rejreason"] == " "
    assert "exchordid" not in rows[-1]


def test_a_refused_cancel_says_rejected_in_its_frame_and_not_in_the_book() -> None:
    at, speller = Timeline(), Speller("U", blank_rejreason=True)
    order = at.place()
    at.later(1)
    at.exchange.cancel(order, at.now)

    frame = speller.frame(order, order.state)

    assert (frame["reporttype"], frame["status"], frame["pcode"]) == ("CancelRejected", "REJECTED", "I")
    assert speller.order(order)["status"] == "COMPLETE"


def test_statuses_can_be_spelled_otherwise() -> None:
    at, speller = Timeline(), Speller("U", blank_rejreason=True)
    order = at.place()
    assert speller.order(order)["status"] == "OPEN"

    speller.use_words({"OPEN": "Working"})

    assert speller.order(order)["status"] == speller.frame(order, order.state)["status"] == "Working"


def test_a_position_shows_what_still_waits() -> None:
    at, speller = Timeline(), Speller("U", blank_rejreason=True)
    order = at.place(side="S", price=Decimal("1640.00"))
    position = at.exchange.positions.with_working([(at.scrip(), "I")])[0]

    row = speller.position(position, Decimal(1500), [order])

    assert (row["netqty"], row["opensellqty"], row["opensellamt"], row["openbuyqty"]) == ("0", "10", "16400.00", "0")


def test_orders_and_events_come_back_from_the_ledger_as_they_went(tmp_path: Path) -> None:
    at = Timeline(depth_units=4)
    order = at.place(price_type="SL-LMT", price=Decimal("1512.00"), trigger=Decimal("1510.00"))
    at.later(1)
    at.price("1511.00")
    at.exchange.cancel(order, at.now)
    lines = JsonLines(tmp_path / "x.jsonl", fsync=True)

    lines.append(terms_record(order.terms))
    for event in order.events:
        lines.append(event_record(order.terms.number, event))
    lines.commit()
    first, *rest = lines.read()
    lines.close()

    assert order_from(first, at.scrip()).terms == order.terms
    assert [event_from(one) for one in rest] == order.events


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"a":1}\n{"b":')

    lines = JsonLines(path, fsync=False)
    read = list(lines.read())
    lines.append({"c": 3})
    lines.close()

    assert read == [{"a": 1}]
    assert path.read_bytes() == b'{"a":1}\n{"c":3}\n'


def test_one_time_codes_are_those_of_the_standard(tmp_path: Path) -> None:
    # RFC 6238, appendix B: the secret is twenty ASCII digits, the time 59 s.
    assert totp("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59 // 30) == "287082"

    lines = JsonLines(tmp_path / "s.jsonl", fsync=False)
    sessions, now = Sessions(PaperSettings(), lines, Moment(MONDAY, 0.0)), Moment(MONDAY, 0.0)
    step = int(now.wall) // 30
    right = {totp("JBSWY3DPEHPK3PXP", step + shift) for shift in (-1, 0, 1)}
    assert all(sessions.code_is_right(code, now) for code in right)
    assert not sessions.code_is_right(totp("JBSWY3DPEHPK3PXP", step + 5), now)
    lines.close()


def test_a_session_ends_at_the_next_reset(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "s.jsonl", fsync=False)
    sessions = Sessions(PaperSettings(), lines, Moment(MONDAY, 0.0))

    token = sessions.open(Moment(MONDAY, 0.0))

    evening = MONDAY.replace(hour=23)
    assert sessions.is_valid(token, Moment(evening, 0.0))
    assert not sessions.is_valid(token, Moment(evening + timedelta(hours=4), 0.0))
    assert not sessions.is_valid(None, Moment(MONDAY, 0.0))
    lines.close()


def test_the_limit_holds_in_the_rolling_and_the_calendar_second() -> None:
    limiter = RateLimiter(2, None)

    def ask(seconds: float) -> str | None:
        return limiter.refusal(Moment(MONDAY + timedelta(seconds=seconds), seconds))

    assert ask(0.7) is None
    assert ask(0.8) is None
    assert ask(1.1) == "Invalid Input :  Order Recieved 3 in a current second exceeds Limit 2 for user"
    assert ask(1.75) is None
    assert ask(1.85) is None
    assert ask(1.95) is not None


def test_the_limit_holds_in_the_minute() -> None:
    limiter = RateLimiter(None, 2)

    texts = [limiter.refusal(Moment(MONDAY + timedelta(seconds=10 * n), 10.0 * n)) for n in range(3)]

    assert texts == [None, None, "Invalid Input :  Order Recieved 3 in a current minute exceeds Limit 2 for user"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com"])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(SettingsError, match="loopback"):
        PaperSettings(host=host)
