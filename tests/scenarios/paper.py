"""The paper broker as another process: its faults are ours to ask for, and its ledger is the judge."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from domain.orders.lifecycle import State
from tests.forked import Forked
from tests.scenarios.waiting import WAIT_S, until

HOME: Final = Path(__file__).resolve().parents[2]
QUICK: Final = ("--no-fsync", "--orders-per-s-max", "0", "--fill-delay-s", "0.02")
"""The paper broker stays up in these tests, so its disk proves nothing; and it fills at once."""


@dataclass(frozen=True, slots=True)
class Placed:
    """One order at the broker, as its ledger has it: what happened, not what was told."""

    number: str
    remarks: str | None
    symbol: str
    side: str
    product: str
    quantity: int
    price: str
    price_type: str
    status: str
    filled: int
    reject_reason: str

    @property
    def state(self) -> State:
        """Return the state that an order of ours must reach."""
        match self.status:
            case "COMPLETE":
                return State.FILLED
            case "CANCELED":
                return State.CANCELED
            case "REJECTED":
                return State.REJECTED
            case _:
                return State.PARTIALLY_FILLED if self.filled else State.WORKING


@dataclass(frozen=True, slots=True)
class Ledger:
    """What arrived at the broker, and what became of it. `arrivals`: tag, monotonic and wall seconds of each place."""

    orders: tuple[Placed, ...]
    fills: Counter[str]
    requests: dict[str, int]
    arrivals: tuple[tuple[str | None, float, float], ...]

    def tagged(self, remarks: str) -> tuple[Placed, ...]:
        """Return the orders that carry this tag."""
        return tuple(one for one in self.orders if one.remarks == remarks)

    def times_sent(self, remarks: str) -> int:
        """Return how often a request to place this order arrived."""
        return sum(tag == remarks for tag, _, _ in self.arrivals)


@dataclass(slots=True)
class Paper:
    """A paper broker that listens."""

    addresses: dict[str, Any]
    process: Forked
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def port(self) -> int:
        return int(self.addresses["rest_url"].split(":")[2].split("/")[0])

    @property
    def books_read(self) -> int:
        """Return how often the order book has been asked for."""
        return self.ledger().requests.get("OrderBook", 0)

    def fault(self, route: str, kind: str, **given: Any) -> int:  # noqa: ANN401  any field of a fault
        """Ask for trouble, once unless `count` says otherwise (None: until it is cleared)."""
        return int(self._admin("POST", "faults", route=route, kind=kind, **given)["id"])

    def fired(self, fault: int) -> int:
        """Return how many requests have met this fault."""
        known = {one["id"]: int(one["fired"]) for one in self._admin("GET", "faults")["faults"]}
        assert fault in known, f"the paper broker knows the faults {sorted(known)}, and not {fault}"
        return known[fault]

    def end_fault(self, fault: int) -> None:
        """End this fault; the slow requests that it holds are answered now."""
        self._admin("DELETE", "faults", id=fault)

    def clear_faults(self) -> None:
        self._admin("DELETE", "faults")

    def cancel(self, number: str) -> None:
        """Cancel an order from the phone."""
        self._admin("POST", "cancel", norenordno=number)

    def phone(self, side: str, quantity: int, price: str, symbol: str = "RELIANCE-EQ", product: str = "I") -> str:
        """Place a limit order from the phone; return its number."""
        exchange = "NSE" if symbol.endswith("-EQ") else "NFO"
        order = {"exch": exchange, "tsym": symbol, "trantype": side, "prd": product, "qty": quantity, "prc": price}
        return str(self._admin("POST", "orders", **order)["norenordno"])

    def fill(self, number: str, quantity: int) -> None:
        """Let an order trade."""
        self._admin("POST", "fill", norenordno=number, qty=quantity)

    def modify(self, number: str, **terms: Any) -> None:  # noqa: ANN401  quantity or price
        """Change an order from the phone."""
        self._admin("POST", "modify", norenordno=number, **terms)

    def convert(self, symbol: str, quantity: int, before: str, after: str) -> None:
        """Change the product of a position from the phone."""
        self._admin("POST", "convert", exch="NSE", tsym=symbol, qty=quantity, prevprd=before, prd=after)

    def square_off(self) -> None:
        """Let the broker close every MIS position, as it does at its cut-off."""
        self._admin("POST", "square_off")

    def open_market(self) -> None:
        """Let every after-market order go to the exchange."""
        self._admin("POST", "open_market")

    def next_day(self) -> float:
        """Put the broker's clock on to the next opening; return how many seconds it is ahead of the machine's."""
        return float(self._admin("POST", "clock", next_day=True)["offset_s"])

    def revise(self, exchange: str, symbol: str, **terms: Any) -> None:  # noqa: ANN401  any term
        """Change an instrument from the next trading day on."""
        self._admin("POST", "instruments", exch=exchange, tsym=symbol, **{"from": "tomorrow"}, **terms)

    def close_sockets(self) -> None:
        """Drop every WebSocket connection."""
        self._admin("POST", "sockets", close=True)

    def set_price(self, exchange: str, symbol: str, price: str) -> None:
        """Put a price and keep it there."""
        self._admin("POST", "market", exch=exchange, tsym=symbol, price=price)

    def spell(self, **message: str) -> None:
        """Spell these statuses otherwise; called without any, as usual."""
        self._admin("POST", "words", **message)

    def change_instrument(self, exchange: str, symbol: str, **given: Any) -> None:  # noqa: ANN401  any term
        """Change band, lot, tick, freeze quantity, expiry or name: `from_="tomorrow"` for the next trading day."""
        begins = given.pop("from_", "now")
        self._admin("POST", "instruments", exch=exchange, tsym=symbol, **{"from": begins}, **given)

    def hold_shares(self, symbol: str, quantity: int) -> None:
        """Put shares into the demat account."""
        self._admin("POST", "holdings", exch="NSE", tsym=symbol, qty=quantity)

    def rules(self, **given: Any) -> None:  # noqa: ANN401  any rule
        """Change money, margin, delivery or limits; they stay so until they are changed again."""
        self._admin("POST", "rules", **given)

    def ledger(self) -> Ledger:
        """Read the truth."""
        shown = self._admin("GET", "ledger")
        fills: Counter[str] = Counter()
        for fill in shown["fills"]:
            fills[fill["norenordno"]] += fill["flqty"]
        return Ledger(
            orders=tuple(_placed(one) for one in shown["orders"]),
            fills=fills,
            requests=shown["requests"],
            arrivals=tuple((one["remarks"], one["monotonic"], one["wall"]) for one in shown["place_arrivals"]),
        )

    def stop(self) -> None:
        """Close the port; nothing happens the second time."""
        self.session.close()
        self.process.terminate()
        self.process.wait(WAIT_S)

    def _admin(self, method: str, what: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
        answer = self.session.request(
            method, f"{self.addresses['admin_url']}/{what}", json=given or None, timeout=WAIT_S
        )
        assert answer.ok, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


def _placed(shown: dict[str, Any]) -> Placed:
    return Placed(
        number=shown["norenordno"],
        remarks=shown["remarks"],
        symbol=shown["tsym"],
        side=shown["trantype"],
        product=shown["prd"],
        quantity=shown["qty"],
        price=shown["prc"],
        price_type=shown["prctyp"],
        status=shown["status"],
        filled=shown["fillshares"],
        reject_reason=shown["rejreason"],
    )


MakePaper = Callable[..., Paper]


def start_paper(data_dir: Path, *options: str, port: int = 0) -> Paper:
    """Start a paper broker whose market stands still, and wait until it listens."""
    message = ["--port", str(port), "--data-dir", str(data_dir), *QUICK, *options]
    program = HOME / "broker" / "paper" / "__main__.py"
    out = data_dir.with_suffix(".out")
    out.write_text("", encoding="utf-8")
    process = Forked(program, *message, folder=HOME, environment=dict(os.environ), out=out)

    def listens() -> bool:
        assert process.poll() is None, f"the paper broker ended with {process.returncode} before it listened"
        return out.read_text(encoding="utf-8").endswith("\n")

    until(listens, "the paper broker does not listen")
    paper = Paper(json.loads(out.read_text(encoding="utf-8")), process)
    paper.session.trust_env = False
    paper._admin("POST", "market", frozen=True)
    return paper


def until_books_are_read(paper: Paper, times: int) -> None:
    """Let the desk read the order book so many times more."""
    enough = paper.books_read + times
    until(lambda: paper.books_read >= enough, f"the order book was not read {times} times")
