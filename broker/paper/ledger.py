"""What happened, on disk: append-only files of JSON lines, replayed at the start.

One file a trading day for orders and events, one for sessions. The newest line may be torn by a crash; it was never
acted upon, as nothing is answered or published before its line is on disk, and it is cut off.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from broker.paper.clock import IST
from broker.paper.engine.instruments import Instrument
from broker.paper.engine.orders import Event, Fill, Order, Report, Status, Terms
from broker.paper.engine.positions import Position

_PRIVATE: Final = 0o600
_APPENDED: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
"""As bytes: without `O_BINARY` Windows writes other line ends than ours."""


class JsonLines:
    """Owns one append-only file; what was appended is durable once `commit` has returned."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self.path = path
        self._fsync = fsync
        self._waiting: list[str] = []
        self._fd = os.open(path, _APPENDED, _PRIVATE)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the whole lines, and cut off a torn one."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._fd, whole)
        yield from records_of(self.path)

    def append(self, record: Mapping[str, object]) -> None:
        """Remember a line for the next commit."""
        self._waiting.append(json.dumps(record, separators=(",", ":")))

    def commit(self) -> None:
        """Write what waits, at once, and wait for the disk."""
        if not self._waiting:
            return
        left = memoryview(("\n".join(self._waiting) + "\n").encode())
        self._waiting.clear()
        while left:
            left = left[os.write(self._fd, left) :]
        if self._fsync:
            os.fsync(self._fd)

    def close(self) -> None:
        """Commit and let go."""
        self.commit()
        os.close(self._fd)


def order_file(data_dir: Path, day: date) -> Path:
    """Return where the orders of `day` are kept."""
    return data_dir / f"orders-{day:%Y%m%d}.jsonl"


def order_days(data_dir: Path) -> list[date]:
    """Return the days that have orders on disk, oldest first."""
    stems = sorted(one.stem.removeprefix("orders-") for one in data_dir.glob("orders-*.jsonl"))
    return [datetime.strptime(stem, "%Y%m%d").replace(tzinfo=IST).date() for stem in stems]


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a file that may be another day's."""
    content = path.read_bytes()
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        yield json.loads(line)


def conversion_record(instrument: Instrument, product: str, to: str, quantity: int) -> dict[str, object]:
    """Return a change of product as a line."""
    return {"kind": "convert", "instrument": instrument.key, "product": product, "to": to, "quantity": quantity}


def carry_record(position: Position) -> dict[str, object]:
    """Return a position that is carried into a new day as a line."""
    return {
        "kind": "carry",
        "instrument": position.instrument.key,
        "product": position.product,
        "quantity": position.net,
        "price": str(position.net_average),
    }


def terms_record(terms: Terms) -> dict[str, object]:
    """Return an order's terms as a line."""
    record: dict[str, object] = {one.name: getattr(terms, one.name) for one in fields(terms)}
    record["instrument"] = terms.instrument.key
    return {"kind": "order", **record}


def event_record(number: str, event: Event) -> dict[str, object]:
    """Return an event as a line; what has its default is left out."""
    record: dict[str, object] = {"kind": "event", "number": number}
    for one in fields(event):
        value = getattr(event, one.name)
        if value != one.default:
            record[one.name] = _plain(value)
    return record


def order_from(record: Mapping[str, Any], instrument: Instrument) -> Order:
    """Read an order back, still without events."""
    given = {one.name: record[one.name] for one in fields(Terms) if one.name in record}
    return Order(Terms(**{**given, "instrument": instrument}))


def event_from(record: Mapping[str, Any]) -> Event:
    """Read an event back."""
    given = {one.name: record[one.name] for one in fields(Event) if one.name in record}
    for name in ("price", "trigger", "original_price", "original_trigger", "turnover"):
        if given.get(name) is not None:
            given[name] = Decimal(given[name])
    given["report"], given["status"] = Report(given["report"]), Status(given["status"])
    given["at"], given["entered_at"] = _moment(given["at"]), _moment(given["entered_at"])
    if given.get("fill"):
        number, quantity, price, at = given["fill"]
        given["fill"] = Fill(number, quantity, Decimal(price), _moment(at))
    return Event(**given)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(IST)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Fill):
        return [value.number, value.quantity, str(value.price), value.at.isoformat()]
    return value
