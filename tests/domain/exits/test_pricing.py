"""An exit is shaped by what the exchange demands, and refused for nothing that we do not know."""

from decimal import Decimal

import pytest

from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.exits.pricing import ExitShape, assumed_instrument, whole_lots
from domain.market.price import PriceSource, Reference
from domain.orders.command import OrderCommand
from domain.orders.pricing import OrderPricing, pricing_of
from domain.orders.types import Exchange, Intent, OrderType, Side
from tests.fakes import TEN_O_CLOCK, command, instrument

AWAY = Unavailable("HTTP 502", TEN_O_CLOCK)
UNKNOWN = UnknownInstrument(Exchange.NSE, "RELIANCE-EQ")
BANDED = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240))
AT_100 = Reference(price=Decimal(100), source=PriceSource.POSITION, age_s=1.0)


def way_out(side: Side = Side.SELL, price: str | None = None, quantity: int = 10) -> OrderCommand:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    asked = None if price is None else Decimal(price)
    return command(intent=Intent.EXIT, side=side, price=asked, order_type=kind, quantity=quantity)


def pricing(asked: OrderCommand, found: InstrumentReply = BANDED, reference: Reference | None = AT_100) -> OrderPricing:
    """Return the terms of an exit: there are some."""
    found_pricing = pricing_of(asked, found, None, reference)
    assert isinstance(found_pricing, OrderPricing)
    return found_pricing


@pytest.mark.parametrize("found", [BANDED, AWAY, UNKNOWN])
@pytest.mark.parametrize("price", [None, "99", "300", "1", "100.03"])
@pytest.mark.parametrize("quantity", [10, 7, 5_000])
def test_no_exit_is_refused_whatever_is_known(found: InstrumentReply, price: str | None, quantity: int) -> None:
    assert pricing(way_out(price=price, quantity=quantity), found).limit_price > 0


@pytest.mark.parametrize(
    ("side", "asked", "sent"),
    [
        (Side.SELL, "300", "240"),
        (Side.SELL, "45", "60"),
        (Side.BUY, "300", "240"),
        (Side.SELL, "100.03", "100.05"),
        (Side.BUY, "100.03", "100.00"),
    ],
)
def test_a_limit_is_cut_to_the_band_and_moved_onto_the_grid_without_giving_more_away(
    side: Side, asked: str, sent: str
) -> None:
    found = pricing(way_out(side, asked))

    assert found.limit_price == Decimal(sent)
    assert found.story["price_asked"] == asked


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "price", "sent_trigger", "sent_price"),
    [
        (Side.SELL, OrderType.SL, "100.03", "99.98", "100.05", "100.00"),
        (Side.BUY, OrderType.SL, "100.03", "100.08", "100.00", "100.05"),
        (Side.SELL, OrderType.SL, "45", "40", "60", "60"),
        (Side.BUY, OrderType.SL_M, "300", None, "240", "240"),
    ],
)
def test_a_trigger_is_shaped_as_its_limit_is(
    side: Side, kind: OrderType, trigger: str, price: str | None, sent_trigger: str, sent_price: str
) -> None:
    own = None if price is None else Decimal(price)
    asked = command(intent=Intent.EXIT, side=side, price=own, trigger_price=Decimal(trigger), order_type=kind)

    found = pricing(asked)

    assert (found.trigger_price, found.limit_price) == (Decimal(sent_trigger), Decimal(sent_price))
    assert found.story["trigger_price_asked"] == trigger


def test_a_market_exit_goes_by_the_best_price_known_and_says_which() -> None:
    old = Reference(price=Decimal(100), source=PriceSource.STORED, age_s=3600)

    fresh, late = pricing(way_out()), pricing(way_out(), reference=old)

    assert late.limit_price < fresh.limit_price < 100
    assert late.story["reference"] == "100 (stored price, 3600 s old)"


def test_a_market_exit_without_any_price_goes_to_the_edge_of_the_band() -> None:
    assert pricing(way_out(), reference=None).limit_price == 60
    assert pricing(way_out(Side.BUY), reference=None).limit_price == 240


@pytest.mark.parametrize(
    ("held", "lot", "sent", "left"), [(65, 50, 50, 15), (75, 65, 65, 10), (15, 50, 15, 15), (130, 65, 130, 0)]
)
def test_whole_lots_leave_and_the_rest_is_named(held: int, lot: int, sent: int, left: int) -> None:
    found = pricing(way_out(), instrument(lot=lot))

    assert (found.sendable(held), found.odd(held)) == (sent, left)


@pytest.mark.parametrize(("quantity", "lot", "whole"), [(10, 1, 10), (65, 50, 50), (49, 50, 49), (100, 50, 100)])
def test_less_than_a_lot_is_left_to_the_broker_to_judge(quantity: int, lot: int, whole: int) -> None:
    assert whole_lots(quantity, lot) == whole


@pytest.mark.parametrize(
    ("symbol", "is_option"),
    [("NIFTY01DEC26C26000", True), ("SENSEX26D0376800CE", True), ("NIFTY29DEC26F", False), ("CRUDEOIL19DEC26", False)],
)
def test_an_option_is_known_by_its_symbol(symbol: str, *, is_option: bool) -> None:
    assert assumed_instrument(Exchange.NFO, symbol).is_option is is_option


@pytest.mark.parametrize(
    ("shape", "cut"),
    [
        (ExitShape(side=Side.SELL, quantity=10), False),
        (ExitShape(side=Side.SELL, quantity=1_000_000), True),
        (ExitShape(side=Side.SELL, quantity=10, price=Decimal(60)), True),
        (ExitShape(side=Side.SELL, quantity=10, price=Decimal(61)), False),
        (ExitShape(side=Side.SELL, quantity=10, price=Decimal("61.01")), True),
        (ExitShape(side=Side.SELL, quantity=10, price=Decimal(99), trigger=Decimal("99.01")), True),
        (ExitShape(side=Side.SELL, quantity=10, price=Decimal(99), trigger=Decimal(240)), True),
        (ExitShape(side=Side.SELL, quantity=10, unfilled=30), False),
        (ExitShape(side=Side.SELL, quantity=10, refused=True), True),
    ],
)
def test_what_the_exchanges_rules_would_cut_is_known_before(shape: ExitShape, *, cut: bool) -> None:
    limited = instrument(lower_circuit=Decimal(60), upper_circuit=Decimal(240), freeze_quantity=1_001)

    assert shape.is_cut_by(limited, AT_100) is cut


@pytest.mark.parametrize(
    ("exchange", "symbol", "tick"),
    [
        (Exchange.MCX, "CRUDEOIL18DEC26", "1"),
        (Exchange.MCX, "CRUDEOIL16DEC26C6000", "0.05"),
        (Exchange.CDS, "USDINR29DEC26F", "0.0025"),
        (Exchange.NSE, "RELIANCE-EQ", "0.05"),
    ],
)
def test_a_cheap_option_is_not_priced_by_its_futures_tick(exchange: Exchange, symbol: str, tick: str) -> None:
    assert assumed_instrument(exchange, symbol).tick == Decimal(tick)
