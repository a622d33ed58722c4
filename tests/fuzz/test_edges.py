"""Hostile bytes and shapes at every other edge: one clear error, nothing taken, nobody dead."""

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from broker.feed.connection import ConnectionLostError
from broker.feed.dispatch import FrameDispatch
from broker.http.response import ReplyLostError, ResponseReader
from broker.noren.instruments import find_in_search, instrument_from
from broker.noren.row_fields import UnreadableRowError
from broker.noren.row_parsers import order_row, position_row, trade_row
from broker.noren.updates import order_update
from console.settings_file import SettingsError, load_settings
from domain.broker.snapshots import OrderUpdate, Tick
from domain.market.instrument import Instrument
from domain.orders.command import OrderCommand
from domain.orders.types import Exchange
from domain.orders.validation import InvalidOrderError
from domain.settings import StorageSettings
from storage.database import StorageError, open_database
from storage.repository import OrderRepository
from tests.fakes import TEN_O_CLOCK, FakeClock, instrument
from tests.fuzz.hostile import ANYTHING, SCALARS, shaped

ROW: Final[dict[str, Any]] = {
    "norenordno": "26010500000001",
    "status": "OPEN",
    "remarks": "sd0123456789abcdef01",
    "exch": "NSE",
    "tsym": "RELIANCE-EQ",
    "trantype": "B",
    "prd": "I",
    "qty": "10",
    "fillshares": "0",
    "avgprc": "0",
    "prc": "100.05",
    "prctyp": "LMT",
    "rejreason": "",
    "flid": "1",
    "flqty": "10",
    "flprc": "100",
    "fltm": "05-01-2026 10:00:00",
    "netqty": "10",
    "netavgprc": "100",
    "lp": "100",
    "rpnl": "0",
    "urmtom": "0",
    "t": "om",
    "reporttype": "New",
    "e": "NSE",
    "tk": "2885",
    "s": "OK",
    "pcode": "I",
}
INFO: Final[dict[str, Any]] = {
    "stat": "Ok",
    "token": "2885",
    "tsym": "RELIANCE-EQ",
    "exch": "NSE",
    "ls": "1",
    "ti": "0.05",
    "frzqty": "1000",
    "lc": "90",
    "uc": "110",
    "instname": "EQ",
}
SETTINGS: Final = (
    'mode = "paper"',
    'client_id = "FA1"',
    "[risk]",
    "daily_loss_max = 500",
    "[broker]",
    'rest_url = "http://127.0.0.1/"',
    "[[strategies]]",
    'name = "one"',
    'class = "examples.straddle:Straddle"',
    "square_off = 15:10:00",
    "[calendar]",
    "extra_holidays = [2026-01-26]",
    "exits_only = maybe",
    "poll_interval_s = nan",
    "[watcher]",
    "books = -1",
)
ROWS: Final = shaped(tuple(ROW), ROW)
FRAMES: Final = st.tuples(ROWS, st.sampled_from(["om", "tk", "tf", "ck", "ak", "hk", None])).map(
    lambda made: {**made[0], "t": made[1]}
)


def refusal(kind: type[Exception] | tuple[type[Exception], ...], attempt: Callable[[], object]) -> str | None:
    """Return the words with which an attempt was refused, or None where it was not; any other error is a failure."""
    try:
        attempt()
    except kind as error:
        return str(error)
    return None


@examples(max_examples=200)
@given(ROWS)
def test_a_broken_row_is_named_as_unreadable_or_read(row: dict[str, Any]) -> None:
    for read in (order_row, trade_row, position_row, lambda raw: order_update(raw, TEN_O_CLOCK)):
        try:
            read(row)
        except (UnreadableRowError, KeyError, TypeError):
            continue  # what every caller of these expects


@examples(max_examples=300)
@given(
    st.one_of(FRAMES.map(json.dumps), ROWS.map(json.dumps), ANYTHING.map(json.dumps), st.text(max_size=50)).map(
        lambda one: one.encode("utf-8", "surrogatepass")
    )
    | st.binary(max_size=80)
)
def test_no_frame_of_the_feed_kills_its_thread(frame: bytes) -> None:
    told: list[OrderUpdate | Tick] = []
    watched: dict[tuple[str, str], Instrument] = {("NSE", "2885"): instrument()}
    hearing = FrameDispatch(FakeClock(), watched, told.append, told.extend)

    try:
        hearing.hear(frame)
    except ConnectionLostError:
        hearing.tell_updates()
        assert not told, "a feed that took the login back told something"


@examples(max_examples=300)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"Content-Length: 3\r\n\r\n",
                b"\r\n",
                b"{}",
                b"Transfer-Encoding: chunked\r\n\r\n",
                b"5\r\nhello\r\n",
                b"0\r\n\r\n",
            ]
        ),
        max_size=8,
    )
)
def test_no_bytes_for_an_answer_are_more_than_a_lost_reply(chunks: list[bytes]) -> None:
    reader = ResponseReader()

    def read() -> None:
        for chunk in chunks:
            reader.feed(chunk)
            if reader.complete:
                break
        else:
            reader.end()
        reader.text()

    assert refusal(ReplyLostError, read) != ""


@examples(max_examples=200)
@given(st.just(INFO) | shaped(tuple(INFO), INFO), shaped(tuple(INFO), INFO))
def test_an_instrument_is_sound_or_unreadable(found: dict[str, Any], info: dict[str, Any]) -> None:
    try:
        match = find_in_search({"values": [found]}, Exchange.NSE, "RELIANCE-EQ")
        made = None if match is None else instrument_from(match, info, Exchange.NSE, "RELIANCE-EQ")
    except UnreadableRowError:
        return
    if made is not None:
        assert made.lot > 0
        assert made.tick > 0
        assert made.freeze_quantity is None or made.freeze_quantity > 0


@examples(max_examples=200)
@given(st.lists(st.sampled_from(SETTINGS), max_size=12).map("\n".join) | st.text(max_size=80) | st.binary(max_size=80))
def test_a_settings_file_is_taken_whole_or_refused_in_a_sentence(text: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))

        assert refusal(SettingsError, lambda: load_settings(path)) != ""


@examples(max_examples=200)
@given(shaped(tuple(OrderCommand.__dataclass_fields__), {}))
def test_an_order_is_sound_or_refused_in_a_sentence(fields: dict[str, Any]) -> None:
    made: list[OrderCommand] = []

    refused = refusal(InvalidOrderError, lambda: made.append(OrderCommand.parse(fields)))

    assert refused != ""
    assert all(one.quantity > 0 for one in made)


LEGACY: Final = (
    "client_id TEXT, command_id TEXT, broker_order_id TEXT, status TEXT, tag TEXT, exchange TEXT, symbol TEXT,"
    " side TEXT, quantity INTEGER, order_type TEXT, price FLOAT, created_at TIMESTAMP, updated_at TIMESTAMP"
)


def _read_orders(path: Path) -> None:
    database = open_database(StorageSettings(path=path))
    try:
        OrderRepository(database, "FA1").open_orders()
    finally:
        database.close()


STORED: Final = SCALARS.filter(lambda one: not isinstance(one, int) or abs(one) < 2**63).map(
    lambda one: one.encode("utf-8", "replace").decode() if isinstance(one, str) else one
)


@examples(max_examples=40)
@given(st.lists(st.lists(STORED, min_size=13, max_size=13), max_size=3))
def test_a_legacy_table_is_taken_over_or_refused_and_keeps_its_rows(rows: list[list[Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "desk.db"
        with closing(sqlite3.connect(path)) as legacy:
            legacy.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, {LEGACY})")
            places = ", ".join("?" * 13)
            legacy.executemany(f"INSERT INTO orders VALUES (NULL, {places})", rows)  # noqa: S608  our own places
            legacy.commit()
        assert refusal((StorageError, ValueError), lambda: _read_orders(path)) != ""
        with closing(sqlite3.connect(path)) as after:
            assert after.execute("SELECT COUNT(*) FROM orders").fetchone() == (len(rows),)
