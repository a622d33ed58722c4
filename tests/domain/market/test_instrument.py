from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.broker.reply_types import Unavailable, UnknownInstrument
from domain.market.instrument import (
    Instrument,
    band_of,
    limit_price_of,
    objection_to,
    protected_limit,
    slices,
)
from domain.orders.pricing import OrderPricing, pricing_of
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, OrderType, Product, Side
from tests.fakes import TEN_O_CLOCK, command, instrument

TICKS = st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.10"), Decimal("0.0025"), Decimal(1)])
KINDS = st.sampled_from(["EQ", "FUTIDX", "OPTIDX", "OPTSTK"])
PRICES = st.decimals("0.01", 100_000, places=2, allow_nan=False)


def option(**overrides: object) -> Instrument:
    return instrument(exchange=Exchange.NFO, symbol="NIFTY27JAN26C25000", kind="OPTIDX", lot=75, **overrides)


@pytest.mark.parametrize(
    ("price", "band"),
    [
        ("9.95", "0.05"),
        ("10", "0.03"),
        ("100", "0.03"),
        ("100.05", "0.02"),
        ("500", "0.02"),
        ("500.05", "0.01"),
    ],
)
def test_the_band_of_an_option_follows_its_slab(price: str, band: str) -> None:
    assert band_of(Decimal(price), option()) == Decimal(band)


@pytest.mark.parametrize(("price", "band"), [("99.95", "0.02"), ("100", "0.01"), ("500", "0.01"), ("500.05", "0.005")])
def test_the_band_of_a_share_or_future_follows_its_slab(price: str, band: str) -> None:
    assert band_of(Decimal(price), instrument()) == Decimal(band)
    assert band_of(Decimal(price), instrument(kind="FUTIDX")) == Decimal(band)


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "3.10"), (Side.SELL, "3.00")])
def test_a_narrow_band_on_a_cheap_option_still_reaches_one_tick_through(side: Side, limit: str) -> None:
    # G10: 3.05 with a band of 0.5 % is narrower than a tick.
    assert protected_limit(side, Decimal("3.05"), option(), Decimal("0.005")) == Decimal(limit)


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, "2862.80"), (Side.SELL, "2834.35")])
def test_a_protected_limit_is_rounded_inwards(side: Side, limit: str) -> None:
    # 2848.57 with 0.5 %: 2862.8128… and 2834.3271….
    assert protected_limit(side, Decimal("2848.57"), instrument()) == Decimal(limit)


def test_a_protected_limit_stays_inside_the_circuit_limits() -> None:
    tight = instrument(lower_circuit=Decimal("99.02"), upper_circuit=Decimal("100.98"))

    assert protected_limit(Side.BUY, Decimal("100.90"), tight) == Decimal("100.95")
    assert protected_limit(Side.SELL, Decimal("99.10"), tight) == Decimal("99.05")


def test_a_protected_sale_never_goes_below_a_tick() -> None:
    assert protected_limit(Side.SELL, Decimal("0.05"), option()) == Decimal("0.05")


@given(side=st.sampled_from(Side), reference=PRICES, tick=TICKS, kind=KINDS)
def test_a_protected_limit_is_on_the_grid_one_tick_through_and_within_its_band(
    side: Side, reference: Decimal, tick: Decimal, kind: str
) -> None:
    traded = instrument(tick=tick, kind=kind)

    limit = protected_limit(side, reference, traded)

    beyond = (limit - reference) * side.sign
    assert limit % tick == 0
    assert limit >= tick
    assert beyond >= tick or (side is Side.SELL and limit == tick)
    assert beyond <= max(reference * band_of(reference, traded), 2 * tick)


@given(
    side=st.sampled_from(Side),
    reference=PRICES,
    tick=TICKS,
    down=st.decimals("0.05", "0.3", places=2),
    up=st.decimals("0.05", "0.3", places=2),
)
def test_a_protected_limit_is_never_outside_the_circuit_limits(
    side: Side, reference: Decimal, tick: Decimal, down: Decimal, up: Decimal
) -> None:
    assume(reference > 10 * tick)
    traded = instrument(tick=tick, lower_circuit=reference * (1 - down), upper_circuit=reference * (1 + up))

    limit = protected_limit(side, reference, traded)

    assert traded.lower_circuit is not None
    assert traded.upper_circuit is not None
    assert traded.lower_circuit <= limit <= traded.upper_circuit
    assert limit % tick == 0


@given(quantity=st.integers(1, 200_000), lot=st.integers(1, 100), lots=st.integers(2, 100), over=st.integers(0, 99))
def test_slices_stay_below_the_freeze_quantity_and_sum_to_the_whole(
    quantity: int, lot: int, lots: int, over: int
) -> None:
    traded = instrument(lot=lot, freeze_quantity=lot * lots + over % lot)
    assert traded.freeze_quantity is not None

    cut = slices(quantity, traded)

    assert sum(cut) == quantity
    assert all(0 < part < traded.freeze_quantity for part in cut)
    assert all(part % lot == 0 for part in cut[:-1])


@pytest.mark.parametrize(("freeze", "limit"), [(None, None), (1801, 1800), (1800, 1725), (76, 75)])
def test_an_order_carries_whole_lots_below_the_freeze_quantity(freeze: int | None, limit: int | None) -> None:
    assert option(freeze_quantity=freeze).order_quantity_max == limit


@pytest.mark.parametrize("freeze", [0, 1, 75])
def test_a_freeze_quantity_that_leaves_no_lot_is_not_believed(freeze: int) -> None:
    # Else an exit would be cut to nothing, or to less than nothing.
    pricing = OrderPricing(Decimal(1), option(freeze_quantity=freeze).order_quantity_max, None)

    assert pricing.sendable(150) == 150


def test_a_quantity_off_the_lot_is_objected_to() -> None:
    asked = command(exchange=Exchange.NFO, symbol="NIFTY27JAN26C25000", product=Product.NRML, quantity=100)

    objection = objection_to(asked, option())

    assert objection is not None
    assert objection.reason is Reason.QUANTITY_OFF_LOT
    assert objection.sentence == "NIFTY27JAN26C25000 trades in lots of 75; 100 is not a multiple"


def test_an_entry_at_the_freeze_quantity_is_told_how_to_cut_it() -> None:
    asked = command(exchange=Exchange.NFO, symbol="NIFTY27JAN26C25000", product=Product.NRML, quantity=1800)

    objection = objection_to(asked, option(freeze_quantity=1800))

    assert objection is not None
    assert objection.reason is Reason.FREEZE_QUANTITY_EXCEEDED
    assert objection.sentence.endswith("send 1800 as 1725 + 75")


def test_an_exit_above_the_freeze_quantity_is_cut_and_not_refused() -> None:
    asked = command(
        exchange=Exchange.NFO,
        symbol="NIFTY27JAN26C25000",
        product=Product.NRML,
        quantity=3600,
        intent=Intent.EXIT,
        side=Side.SELL,
    )

    pricing = pricing_of(asked, option(freeze_quantity=1801), None)

    assert isinstance(pricing, OrderPricing)
    assert pricing.sendable(3600) == 1800


@pytest.mark.parametrize(
    ("price", "sentence"),
    [("100.03", "price 100.03 is off RELIANCE-EQ's tick of 0.05; nearest are 100.00 and 100.05")],
)
def test_a_price_off_the_tick_is_objected_to_with_its_neighbours(price: str, sentence: str) -> None:
    objection = objection_to(command(price=Decimal(price)), instrument())

    assert objection is not None
    assert (objection.reason, objection.sentence) == (Reason.PRICE_OFF_TICK, sentence)


@pytest.mark.parametrize(("price", "fits"), [("89.95", False), ("90", True), ("110", True), ("110.05", False)])
def test_a_price_outside_the_circuit_limits_is_objected_to(price: str, *, fits: bool) -> None:
    limited = instrument(lower_circuit=Decimal(90), upper_circuit=Decimal(110))

    objection = objection_to(command(price=Decimal(price)), limited)

    assert (objection is None) == fits
    assert fits or (objection is not None and objection.reason is Reason.PRICE_OUTSIDE_CIRCUIT)


def test_a_trigger_price_is_checked_as_the_price_is() -> None:
    asked = command(order_type=OrderType.SL_M, trigger_price=Decimal("100.03"))

    objection = objection_to(asked, instrument())

    assert objection is not None
    assert objection.sentence.startswith("trigger_price 100.03 is off")


def test_a_limit_order_leaves_with_its_own_price() -> None:
    assert limit_price_of(command(price=Decimal(99)), instrument(), Decimal(100)) == Decimal(99)


def test_a_stop_market_order_leans_on_its_trigger() -> None:
    asked = command(order_type=OrderType.SL_M, trigger_price=Decimal(100))

    assert limit_price_of(asked, instrument(), Decimal(50)) == Decimal(101)


def test_a_market_order_without_a_price_has_no_terms() -> None:
    pricing = pricing_of(command(order_type=OrderType.MARKET), instrument(), None)

    assert not isinstance(pricing, OrderPricing)
    assert pricing.reason is Reason.PRICE_UNAVAILABLE


@pytest.mark.parametrize(
    ("similar", "message"),
    [
        ((), "the broker knows no RELIANCE-EQ on NSE"),
        (
            ("RELIANCE-BE", "RELINFRA-EQ"),
            "the broker knows no RELIANCE-EQ on NSE; did you mean RELIANCE-BE or RELINFRA-EQ?",
        ),
    ],
)
def test_an_unknown_symbol_has_no_terms_and_names_what_may_have_been_meant(
    similar: tuple[str, ...], message: str
) -> None:
    pricing = pricing_of(command(), UnknownInstrument(Exchange.NSE, "RELIANCE-EQ", similar), None)

    assert not isinstance(pricing, OrderPricing)
    assert (pricing.reason, pricing.sentence) == (Reason.UNKNOWN_INSTRUMENT, message)


def test_an_instrument_that_could_not_be_looked_up_stops_an_entry_and_no_priced_exit() -> None:
    away = Unavailable("the broker is away", TEN_O_CLOCK)

    entry = pricing_of(command(), away, None)
    way_out = pricing_of(command(intent=Intent.EXIT, side=Side.SELL, price=Decimal(99)), away, None)

    assert not isinstance(entry, OrderPricing)
    assert entry.reason is Reason.INSTRUMENT_UNAVAILABLE
    assert isinstance(way_out, OrderPricing)
    assert (way_out.limit_price, way_out.quantity_max) == (Decimal(99), None)
    assert "the broker is away" in way_out.story["assumed"]
