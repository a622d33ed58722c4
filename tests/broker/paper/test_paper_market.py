from datetime import timedelta
from decimal import Decimal

from broker.paper.api.scrips import bars, delta, touchline
from broker.paper.engine.instruments import Catalogue
from broker.paper.engine.market import Market
from tests.broker.paper.harness import MONDAY


def walked(seed: int, steps: int, symbol: str = "NIFTY24NOV26C26000") -> list[Decimal]:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, seed, MONDAY)
    scrip = next(one for one in catalogue.listed() if one.symbol == symbol)
    path = []
    for step in range(steps):
        market.step(MONDAY + timedelta(seconds=step / 4))
        path.append(market.quote(scrip).last)
    return path


def test_the_same_seed_moves_the_market_the_same_way() -> None:
    assert walked(7, 50) == walked(7, 50)
    assert walked(7, 50) != walked(8, 50)


def test_prices_stay_on_the_grid_above_zero_and_within_the_circuits() -> None:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, 3, MONDAY)

    for step in range(2_000):
        market.step(MONDAY + timedelta(seconds=step))

        for one in catalogue.listed():
            quote = market.quote(one)
            assert quote.last > 0
            assert quote.last % one.tick == 0
            assert not one.tradable or one.lower_circuit <= quote.last <= one.upper_circuit
            assert quote.bid <= quote.last < quote.ask


def test_a_range_of_ten_seconds_is_broken_within_the_next_minute_almost_always() -> None:
    path = walked(5, 280 * 20, "RELIANCE-EQ")

    broken = 0
    for start in range(0, len(path), 280):
        opening, after = path[start : start + 40], path[start + 40 : start + 280]
        broken += any(not min(opening) <= price <= max(opening) for price in after)

    assert broken >= 18


def test_calls_rise_and_puts_fall_with_their_index() -> None:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, 1, MONDAY)
    index, call, put = (
        next(one for one in catalogue.listed() if one.symbol == symbol)
        for symbol in ("Nifty 50", "NIFTY24NOV26C26000", "NIFTY24NOV26P26000")
    )
    call_before, put_before = market.quote(call).last, market.quote(put).last

    market.freeze([index], frozen=True)
    market.set_price(index, Decimal("26300.00"), MONDAY)
    market.step(MONDAY)

    assert market.quote(call).last > call_before + 100
    assert Decimal(0) < market.quote(put).last < put_before


def test_a_frozen_price_stays_and_the_rest_moves() -> None:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, 1, MONDAY)
    still, moving = (
        next(one for one in catalogue.listed() if one.symbol == name) for name in ("INFY-EQ", "RELIANCE-EQ")
    )
    before = market.quote(still).last

    market.freeze([still], frozen=True)
    seen = set()
    for step in range(20):
        market.step(MONDAY + timedelta(seconds=step))
        seen.add(market.quote(moving).last)

    assert market.quote(still).last == before
    assert len(seen) > 5


def test_minutes_become_candles_newest_first() -> None:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, 1, MONDAY)
    scrip = next(one for one in catalogue.listed() if one.symbol == "RELIANCE-EQ")
    for minute, price in enumerate(("1500.00", "1510.00", "1490.00", "1495.00")):
        market.set_price(scrip, Decimal(price), MONDAY + timedelta(minutes=minute))

    single = bars(market.quote(scrip), 0, MONDAY.timestamp() * 2, 1)
    triple = bars(market.quote(scrip), 0, MONDAY.timestamp() * 2, 3)

    assert [row["intc"] for row in single] == ["1495.00", "1490.00", "1510.00", "1500.00"]
    assert single[-1]["time"] == "23-11-2026 10:00:00"
    assert [(row["into"], row["inth"], row["intl"], row["intc"], row["intv"]) for row in triple] == [
        ("1495.00", "1495.00", "1495.00", "1495.00", "1"),
        ("1500.00", "1510.00", "1490.00", "1490.00", "3"),
    ]


def test_a_delta_frame_holds_what_changed_and_whose_it_is() -> None:
    before = {"t": "tk", "e": "NSE", "tk": "2885", "lp": "1.00", "v": "5", "ft": "1"}

    assert delta("tf", before, before | {"lp": "2.00"}) == {"t": "tf", "e": "NSE", "tk": "2885", "lp": "2.00"}
    assert delta("tf", before, before | {"ft": "2"}) is None


def test_an_index_has_no_bid_and_no_ask() -> None:
    catalogue = Catalogue(MONDAY)
    market = Market(catalogue, 1, MONDAY)
    index = next(one for one in catalogue.listed() if one.symbol == "Nifty 50")

    frame = touchline(index, market.quote(index), MONDAY)

    assert "lp" in frame
    assert not {"bp1", "sp1"} & frame.keys()
