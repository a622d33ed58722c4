"""Every text of an alert is checked for its form by a test of the domain: here those that no other table has."""

import ast
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from domain.alerts.alert import Alert, Level
from domain.alerts.text.breaks import acceptance_undone_alert
from domain.alerts.text.broker import break_alert
from domain.alerts.text.exits import shares_missing_alert
from domain.alerts.text.prices import cut_exit_alert, impossible_price_alert, odd_lot_alert, resting_alert
from domain.alerts.text.stops import adjusted_alert, counts_again_alert
from domain.broker.snapshots import Tick
from domain.exits.flatten import FlattenRequest, PositionKey, SharesMissing
from domain.exits.stops import ArmedStop
from domain.market.price import PriceSource
from domain.orders.stop_terms import StopTerms
from domain.orders.types import Exchange, InstrumentKey, Intent, Origin, Product, Side
from domain.reconciliation.breaks import Break, BreakKind, position_name
from tests.fakes import TEN_O_CLOCK, command, instrument, order

ROOT = Path(__file__).parents[3]
KEY = InstrumentKey(Exchange.NSE, "RELIANCE-EQ", Product.CNC)
OF_DIP = PositionKey("dip", KEY)
STOP = ArmedStop(
    stop_id="p1",
    position_key=OF_DIP,
    terms=StopTerms(stop_loss=Decimal(95)),
    is_long=True,
    entry_price=Decimal(100),
    best_price=Decimal(100),
    armed_at=TEN_O_CLOCK,
)
REQUEST = FlattenRequest(
    request_id="r1", position_key=OF_DIP, reason="the stop", origin=Origin.DESK, asked_at=TEN_O_CLOCK
)
TICK = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(500), seen_at=TEN_O_CLOCK)
UNDONE = Break(name=position_name(KEY), kind=BreakKind.POSITION, sentence="they differ", difference=-10, key=KEY)
ALERTS = {
    "undone": acceptance_undone_alert(UNDONE),
    "adjusted": adjusted_alert(STOP, Decimal(50), Decimal("49.9")),
    "counts again": counts_again_alert(OF_DIP),
    "cut": cut_exit_alert(command(intent=Intent.EXIT, side=Side.SELL), 1800, 200),
    "impossible": impossible_price_alert(TICK, PriceSource.TICK, instrument()),
    "of another": impossible_price_alert(TICK, PriceSource.TICK, instrument(token="1")),
    "odd lot": odd_lot_alert("RELIANCE-EQ (NSE CNC) of dip", 15, 75),
    "resting exit": resting_alert(order(intent=Intent.EXIT, side=Side.SELL), None, Level.CRITICAL),
    "resting entry": resting_alert(order(), None, Level.WARNING),
    "no shares": shares_missing_alert(REQUEST, SharesMissing(10, "no holdings")),
}


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alert_says_what_happened_what_it_means_and_what_to_do(alert: Alert) -> None:
    for message in (alert.what, alert.means, *([alert.do] if alert.do else [])):
        assert message.endswith(".")
        assert not message[0].islower() or message.startswith("trend")
    assert alert.do or alert.level is Level.INFO


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (Decimal(90), Decimal(110), "outside the day's band 90 to 110"),
        (Decimal(90), None, "against other prices of it"),
        (None, Decimal(110), "against other prices of it"),
    ],
)
def test_an_impossible_price_is_held_against_a_band_that_is_known_whole(
    low: Decimal | None, high: Decimal | None, says: str
) -> None:
    banded = replace(instrument(), lower_circuit=low, upper_circuit=high)

    assert says in impossible_price_alert(TICK, PriceSource.TICK, banded).what


@pytest.mark.parametrize(("stops_entries", "says"), [(True, "exits go on."), (False, "Entries go on.")])
def test_a_break_says_whether_entries_are_taken(*, stops_entries: bool, says: str) -> None:
    assert break_alert("x", "ours 10, theirs 0", stops_entries=stops_entries).means.endswith(says)


def test_every_text_is_made_in_a_test_of_the_domain() -> None:
    texts = {
        node.name
        for file in (ROOT / "domain" / "alerts" / "text").glob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.endswith("_alert") and not node.name.startswith("_")
    }
    tests = "\n".join(one.read_text(encoding="utf-8") for one in (ROOT / "tests" / "domain").rglob("test_*.py"))

    assert len(texts) > 40
    assert sorted(name for name in texts if not re.search(rf"\b{name}\(", tests)) == []
