"""Knowledge that is missing, old or wrong: exits get out with what there is, and nothing moves by an untrue price."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest

from actors.messages.exits import FlattenAll
from domain.alerts.alert import Level
from domain.orders.lifecycle import State
from tests.scenarios.paper import MakePaper, Paper, Placed
from tests.scenarios.scene import MakeScene, Scene, listen
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

QUICK: Final[dict[str, Any]] = {
    "exits": {
        "unfilled_s": patient(0.25),
        "cancel_again_s": patient(0.15),
        "retry_s": 0.1,
        "retry_s_max": 0.4,
        "flat_for_s": 0.3,
    },
    "stops": {"look_s": 0.1, "price_age_s_max": 6},
}
MISSING: Final = {
    "quotes": ("GetQuotes",),
    "look-ups": ("SearchScrip", "GetSecurityInfo"),
    "quotes and look-ups": ("GetQuotes", "SearchScrip", "GetSecurityInfo", "Limits"),
}
KINDS: Final = ("over_quota", "html_502", "reset_before")


@pytest.fixture
def paper(make_paper: MakePaper) -> Paper:
    """Return a paper broker of the test's own: what is changed of its instruments stays changed."""
    paper = make_paper()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    return paper


@pytest.fixture
def scene(make_scene: MakeScene, paper: Paper) -> Scene:
    return make_scene(paper, **QUICK)


def enter(scene: Scene, name: str = "held", **given: Any) -> str:  # noqa: ANN401  any field of a command
    command = scene.command(name, **given)
    scene.submit(command)
    scene.until_state(command, State.FILLED)
    return command.strategy


def exits_at_broker(scene: Scene) -> list[Placed]:
    return [one for one in scene.paper.ledger().orders if one.side == "S" and one.number not in scene.earlier]


def until_flat(scene: Scene, units: int = 10) -> None:
    until(lambda: sum(one.filled for one in exits_at_broker(scene)) == units, lambda: f"{exits_at_broker(scene)}")
    until(lambda: not scene.desk.exits().under_way, lambda: f"not flat: {scene.desk.exits()}", WAIT_S)


def by_hand(scene: Scene) -> None:
    scene.submit(scene.command("out", side="SELL", intent="EXIT", order_type="MARKET", origin="HUMAN"))


WAYS_OUT: Final[dict[str, Callable[[Scene], object]]] = {
    "flatten": lambda scene: scene.desk.flatten("a test"),
    "stop": lambda scene: scene.paper.set_price("NSE", "RELIANCE-EQ", "1485.00"),
    "hand exit": by_hand,
    "loss limit": lambda scene: scene.desk._wiring.exits.tell(FlattenAll(reason="the day's loss limit")),
}


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("missing", MISSING)
def test_every_way_out_leaves_while_the_broker_refuses_to_be_asked(
    scene: Scene, paper: Paper, missing: str, way: str
) -> None:
    """K1: quotes, look-ups and security info refused for quota or failing, and no feed; the position book is there."""
    enter(scene, stop_loss="1490")
    kind = KINDS[(list(MISSING).index(missing) + list(WAYS_OUT).index(way)) % len(KINDS)]
    for route in MISSING[missing]:
        paper.fault(route, kind, count=None)

    WAYS_OUT[way](scene)

    until_flat(scene)
    scene.until_books_agree()


def test_a_start_that_can_look_nothing_up_gets_out_of_what_it_holds(scene: Scene, paper: Paper) -> None:
    enter(scene)
    scene.stop()
    for route in MISSING["quotes and look-ups"]:
        if route != "Limits":
            paper.fault(route, "over_quota", count=None)
    scene.start()

    scene.desk.flatten("a test")

    until_flat(scene)


def test_an_exit_by_an_old_price_alone_is_priced_anew_until_it_fills(scene: Scene, paper: Paper) -> None:
    """The price has fallen far below the last one known, and nobody tells: each unfilled exit goes further down."""
    enter(scene)
    for route in ("GetQuotes", "SearchScrip", "GetSecurityInfo", "PositionBook"):
        paper.fault(route, "html_502", count=None)
    paper.set_price("NSE", "RELIANCE-EQ", "1400.00")

    scene.desk.flatten("a test")

    until_flat(scene)
    limits = [Decimal(one.price) for one in exits_at_broker(scene)]
    assert len(limits) > 1
    assert limits == sorted(limits, reverse=True)


def test_a_refusal_makes_no_exit_cheaper(scene: Scene, paper: Paper) -> None:
    """K8: refused for the address again and again; the price stays where the market is."""
    enter(scene)
    paper.fault("PlaceOrder", "ip_refused", count=5)

    scene.desk.flatten("a test")

    until_flat(scene)
    (sold,) = [one for one in exits_at_broker(scene) if one.filled]
    assert Decimal(sold.price) == Decimal("1492.50"), "the first protected limit of 1500"


def test_a_tick_nobody_could_trade_at_fires_no_stop(scene: Scene, paper: Paper) -> None:
    """K2: the index's price under the share's own name, by quote and position book; told once when it repeats."""
    enter(scene, stop_loss="1490", target="1700")
    heard = listen(scene)
    for route in ("GetQuotes", "PositionBook"):
        paper.fault(route, "wrong_price", price="24631.20", count=None)

    until(lambda: any("24631.20" in one.what for one in heard), "nothing was said", patient(15))

    assert exits_at_broker(scene) == []
    (told,) = [one for one in heard if "24631.20" in one.what]
    assert told.level is Level.WARNING
    paper.clear_faults()
    paper.set_price("NSE", "RELIANCE-EQ", "1485.00")
    until_flat(scene)


@pytest.mark.parametrize(("price", "band"), [("1750.00", {"uc": "2000.00"}), ("1100.00", {"lc": "1000.00"})])
def test_a_band_that_widens_in_the_day_stops_no_exit(
    scene: Scene, paper: Paper, price: str, band: dict[str, str]
) -> None:
    """K3: read once in the morning, a band cut a target's exit off, or held a stop's above the market for ever."""
    paper.change_instrument("NSE", "RELIANCE-EQ", lc="1400.00", uc="1600.00")
    enter(scene, stop_loss="1450", target="1590")

    paper.change_instrument("NSE", "RELIANCE-EQ", **({"lc": "1400.00", "uc": "1600.00"} | band))
    paper.set_price("NSE", "RELIANCE-EQ", price)

    until_flat(scene)
    sold = exits_at_broker(scene)[-1]
    assert abs(Decimal(sold.price) / Decimal(price) - 1) < Decimal("0.05")


def test_a_hand_exit_outside_the_band_is_cut_to_its_edge(scene: Scene, paper: Paper) -> None:
    paper.change_instrument("NSE", "RELIANCE-EQ", lc="1400.00", uc="1600.00")
    enter(scene)

    order = scene.submit(scene.command("out", side="SELL", intent="EXIT", price="1700.00", origin="HUMAN"))

    assert order.limit_price == Decimal("1600.00")
    line = next(one for one in scene.journal(order.command) if "price_asked" in one.inputs)
    assert line.inputs["price_asked"] == "1700.00"


def test_a_hand_stop_off_the_tick_is_moved_onto_it(scene: Scene, paper: Paper) -> None:
    """Its trigger as its limit: the broker would refuse either."""
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")
    enter(scene)
    asked = {"order_type": "SL", "trigger_price": "1450.03", "price": "1440.03"}

    order = scene.submit(scene.command("stop", side="SELL", intent="EXIT", origin="HUMAN", **asked))

    assert order.state is State.WORKING, order.note
    assert (order.wire_trigger_price, order.limit_price) == (Decimal("1450.10"), Decimal("1440.10"))
    line = next(one for one in scene.journal(order.command) if "trigger_price_asked" in one.inputs)
    assert line.inputs["trigger_price_asked"] == "1450.03"


def test_whole_lots_leave_and_the_odd_units_are_an_alarm_once(scene: Scene, paper: Paper) -> None:
    """K3: the lot was changed over night; the whole lots leave, and what is left is named with what to do."""
    enter(scene, quantity=65)
    heard = listen(scene)
    paper.change_instrument("NSE", "RELIANCE-EQ", ls=50)

    scene.desk.flatten("a test")

    until_flat(scene, units=50)
    until(lambda: any("15 units" in one.what for one in heard), "nothing was said of the rest")
    assert len([one for one in heard if "15 units" in one.what]) == 1
    assert not any("is flat after" in one.what for one in heard)
    assert scene.held() == 15


def test_a_market_exit_that_rests_is_told_and_priced_anew(scene: Scene, paper: Paper) -> None:
    """Sent as a protected limit it did not fill, and the market went away from it."""
    enter(scene)
    heard = listen(scene)
    paper.fault("PlaceOrder", "no_fill")
    out = scene.command("out", side="SELL", intent="EXIT", order_type="MARKET", origin="HUMAN")
    scene.submit(out)

    paper.set_price("NSE", "RELIANCE-EQ", "1400.00")

    until(lambda: Decimal(exits_at_broker(scene)[0].price) < 1400, lambda: f"{exits_at_broker(scene)}")
    assert any("rests at 1492.50" in one.what and one.level is Level.WARNING for one in heard)


def test_a_market_entry_that_rests_is_told(scene: Scene, paper: Paper) -> None:
    heard = listen(scene)
    paper.fault("PlaceOrder", "no_fill")
    scene.submit(scene.command("in", order_type="MARKET"))

    until(lambda: any("rests at" in one.what for one in heard), "nothing was said")

    (told,) = [one for one in heard if "rests at" in one.what]
    assert told.level is Level.WARNING


def test_quotes_of_another_instrument_are_asked_for_once_more(scene: Scene, paper: Paper) -> None:
    paper.fault("GetQuotes", "wrong_instrument", other="NSE|26000", count=1)

    bought = scene.submit(scene.command("in", order_type="MARKET"))

    assert bought.limit_price is not None
    assert bought.limit_price < 1520
