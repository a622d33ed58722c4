"""With which terms an order is sent, or why it can't be: an entry waits for knowledge, an exit never."""

from decimal import Decimal

import pytest

from domain.broker.reply_types import InstrumentReply, Unavailable, UnknownInstrument
from domain.market.instrument import Objection
from domain.market.price import PriceSource, Reference
from domain.orders.pricing import OrderPricing, pricing_of
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, Intent, OrderType, Side
from tests.fakes import TEN_O_CLOCK, command

UNKNOWN = UnknownInstrument(Exchange.NSE, "RELIANCE-EQ", similar=("RELIANCE-BE",))
AWAY = Unavailable("HTTP 502", TEN_O_CLOCK)
SEEN = Reference(price=Decimal(1500), source=PriceSource.TICK, age_s=1.0)


@pytest.mark.parametrize(
    ("reply", "reason", "says"),
    [
        (UNKNOWN, Reason.UNKNOWN_INSTRUMENT, "did you mean RELIANCE-BE?"),
        (AWAY, Reason.INSTRUMENT_UNAVAILABLE, "HTTP 502"),
    ],
    ids=["unknown", "away"],
)
def test_an_entry_in_an_instrument_that_is_not_known_is_refused(
    reply: InstrumentReply, reason: Reason, says: str
) -> None:
    priced = pricing_of(command(), reply, None, None)

    assert isinstance(priced, Objection)
    assert priced.reason is reason
    assert says in priced.sentence


@pytest.mark.parametrize("reply", [UNKNOWN, AWAY], ids=["unknown", "away"])
def test_an_exit_in_an_instrument_that_is_not_known_leaves_with_what_is_assumed(reply: InstrumentReply) -> None:
    way_out = command(intent=Intent.EXIT, side=Side.SELL, order_type=OrderType.MARKET, price=None)

    priced = pricing_of(way_out, reply, SEEN.price, SEEN)

    assert isinstance(priced, OrderPricing)
    assert priced.limit_price < 1500
    assert priced.story["assumed"].startswith("tick and lot")


def test_an_exit_without_any_price_that_was_ever_seen_is_told_to_bring_one() -> None:
    way_out = command(intent=Intent.EXIT, side=Side.SELL, order_type=OrderType.MARKET, price=None)

    priced = pricing_of(way_out, AWAY, None, None)

    assert isinstance(priced, Objection)
    assert priced.reason is Reason.PRICE_UNAVAILABLE
