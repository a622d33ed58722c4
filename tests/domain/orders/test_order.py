from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.change import ChangeKind
from domain.orders.command import OrderCommand
from domain.orders.lifecycle import Event, State
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange, InstrumentKey, Intent, OrderType, Origin, Product, Side, TrailingType
from domain.orders.validation import PRICE_MAX, QUANTITY_MAX, InvalidOrderError
from tests.fakes import TEN_O_CLOCK, change, command, order

LOOSE: dict[str, Any] = {
    "command_id": "c1",
    "client_id": "FA1",
    "strategy": "trend",
    "intent": "entry",
    "exchange": "nse",
    "symbol": "reliance-eq",
    "side": "b",
    "quantity": "10",
    "product": "i",
    "order_type": "lmt",
    "price": "100.05",
}

ONE_SENTENCE: list[tuple[dict[str, Any], str]] = [
    ({"command_id": ""}, "command_id must be 1 to 64 of A-Z a-z 0-9 _ . : -, not ''"),
    ({"command_id": "x" * 65}, f"command_id must be 1 to 64 of A-Z a-z 0-9 _ . : -, not '{'x' * 65}'"),
    ({"command_id": "a b"}, "command_id must be 1 to 64 of A-Z a-z 0-9 _ . : -, not 'a b'"),
    ({"command_id": "c1\n"}, "command_id must be 1 to 64 of A-Z a-z 0-9 _ . : -, not 'c1\\n'"),
    ({"client_id": "FA/1"}, "client_id must be 1 to 40 of A-Z a-z 0-9 _ . -, not 'FA/1'"),
    ({"strategy": ""}, "strategy must be 1 to 40 of A-Z a-z 0-9 _ . -, not ''"),
    (
        {"symbol": "M&M-EQ"},
        "symbol 'M&M-EQ' contains '&', which cuts the broker's requests short; it cannot be traded here",
    ),
    (
        {"symbol": "reliance-eq"},
        "symbol must be the exchange's trading symbol in capitals, such as RELIANCE-EQ, not 'reliance-eq'",
    ),
    ({"quantity": 0}, f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not 0"),
    ({"quantity": -10}, f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not -10"),
    ({"quantity": True}, f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not True"),
    ({"quantity": 1.0}, f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not 1.0"),
    (
        {"quantity": QUANTITY_MAX + 1},
        f"quantity must be a whole number of units from 1 to {QUANTITY_MAX}, not {QUANTITY_MAX + 1}",
    ),
    ({"product": Product.NRML}, "product NRML cannot be used on NSE; use one of: CNC, MIS"),
    (
        {"exchange": Exchange.BFO, "product": Product.MIS},
        "product MIS cannot be used on BFO; use one of: NRML",
    ),
    ({"price": Decimal("NaN")}, f"price must be a number above 0 and at most {PRICE_MAX}, not NaN"),
    ({"price": Decimal("sNaN")}, f"price must be a number above 0 and at most {PRICE_MAX}, not sNaN"),
    ({"price": Decimal("Infinity")}, f"price must be a number above 0 and at most {PRICE_MAX}, not Infinity"),
    ({"price": Decimal(0)}, f"price must be a number above 0 and at most {PRICE_MAX}, not 0"),
    ({"price": Decimal(-5)}, f"price must be a number above 0 and at most {PRICE_MAX}, not -5"),
    ({"price": PRICE_MAX + 1}, f"price must be a number above 0 and at most {PRICE_MAX}, not {PRICE_MAX + 1}"),
    ({"price": Decimal("1.00001")}, "price must have at most 4 decimals, not 1.00001"),
    ({"stop_loss": Decimal(-1)}, f"stop_loss must be a number above 0 and at most {PRICE_MAX}, not -1"),
    ({"target": Decimal("NaN")}, f"target must be a number above 0 and at most {PRICE_MAX}, not NaN"),
    ({"price": None}, "a LIMIT order needs a price"),
    ({"order_type": OrderType.MARKET, "price": Decimal(1)}, "a MARKET order takes no price; leave it out"),
    ({"trigger_price": Decimal(1)}, "a LIMIT order takes no trigger_price; leave it out"),
    ({"order_type": OrderType.SL_M}, "a SL-M order needs a trigger_price"),
    ({"order_type": OrderType.SL, "price": Decimal(1)}, "a SL order needs a trigger_price"),
    (
        {"order_type": OrderType.SL, "price": Decimal(99), "trigger_price": Decimal(100)},
        "the price of an SL BUY must be at or above its trigger_price",
    ),
    (
        {"order_type": OrderType.SL, "side": Side.SELL, "price": Decimal(101), "trigger_price": Decimal(100)},
        "the price of an SL SELL must be at or below its trigger_price",
    ),
    ({"trailing_type": TrailingType.POINTS}, "trailing_type and trailing_value must be given together"),
    ({"trailing_value": Decimal(1)}, "trailing_type and trailing_value must be given together"),
    (
        {"trail_activation": Decimal(1)},
        "trail_activation says when a trail begins; give trailing_type and trailing_value too",
    ),
    (
        {"intent": Intent.EXIT, "stop_loss": Decimal(90)},
        "an EXIT order takes no stop_loss; stops belong to the entry, or to `protect`",
    ),
    ({"stop_loss": Decimal(100)}, "the stop_loss of a BUY must be below its price, not 100 with 100"),
    ({"target": Decimal(99)}, "the price of a BUY must be below its target, not 100 with 99"),
    (
        {"side": Side.SELL, "stop_loss": Decimal(97), "target": Decimal(98), "order_type": OrderType.MARKET}
        | {"price": None},
        "the stop_loss of a SELL must be above its target, not 97 with 98",
    ),
    ({"comment": "x" * 201}, "comment must be one line of at most 200 characters"),
    ({"comment": "two\nlines"}, "comment must be one line of at most 200 characters"),
]


@pytest.mark.parametrize(("wrong", "sentence"), ONE_SENTENCE)
def test_an_order_that_cannot_be_is_refused_with_one_clear_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidOrderError) as refused:
        command(**wrong)

    assert str(refused.value) == sentence


def test_a_price_with_digits_beyond_what_arithmetic_keeps_is_refused() -> None:
    with pytest.raises(InvalidOrderError, match="price must have at most 4 decimals"):
        command(price=Decimal("100.00000000000000000000000000000001"))


@pytest.mark.parametrize(
    "prices",
    [
        {"order_type": OrderType.SL, "price": Decimal(100), "trigger_price": Decimal(100)},
        {"order_type": OrderType.SL, "side": Side.SELL, "price": Decimal(99), "trigger_price": Decimal(100)},
        {"order_type": OrderType.SL_M, "trigger_price": Decimal(100)},
        {"order_type": OrderType.MARKET},
        {"price": PRICE_MAX},
        {"price": Decimal("0.0001")},
        {"quantity": QUANTITY_MAX},
        {"trailing_type": TrailingType.PERCENT, "trailing_value": Decimal(1), "trail_activation": Decimal(110)},
    ],
)
def test_an_order_at_the_edge_of_what_can_be_is_made(prices: dict[str, Any]) -> None:
    assert command(**prices).quantity > 0


@pytest.mark.parametrize(
    ("field", "spelled", "meant"),
    [
        ("side", "B", Side.BUY),
        ("side", " sell ", Side.SELL),
        ("side", "S", Side.SELL),
        ("order_type", "LMT", OrderType.LIMIT),
        ("order_type", "limit", OrderType.LIMIT),
        ("product", "I", Product.MIS),
        ("product", "C", Product.CNC),
        ("product", "mis", Product.MIS),
        ("intent", "Exit", Intent.EXIT),
        ("symbol", " infy-eq ", "INFY-EQ"),
        ("quantity", 10.0, 10),
        ("quantity", "1e2", 100),
        ("price", 100, Decimal(100)),
        ("price", " 99.95 ", Decimal("99.95")),
        ("origin", "human", Origin.HUMAN),
    ],
)
def test_usual_spellings_are_understood_at_the_edge(field: str, spelled: object, meant: object) -> None:
    assert getattr(OrderCommand.parse(LOOSE | {field: spelled}), field) == meant


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [("MKT", OrderType.MARKET), ("SL-MKT", OrderType.SL_M), ("slm", OrderType.SL_M), ("SL-LMT", OrderType.SL)],
)
def test_order_types_are_understood_with_the_prices_they_take(spelled: str, meant: OrderType) -> None:
    prices = {
        "price": "101" if meant is OrderType.SL else None,
        "trigger_price": None if meant is OrderType.MARKET else "100",
    }

    assert OrderCommand.parse(LOOSE | prices | {"order_type": spelled}).order_type is meant


def test_the_letter_m_means_nrml_where_it_can_be_used() -> None:
    asked = OrderCommand.parse(LOOSE | {"exchange": "NFO", "symbol": "NIFTY27JAN26F", "product": "M"})

    assert asked.key == InstrumentKey(Exchange.NFO, "NIFTY27JAN26F", Product.NRML)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"side": "BYU"}, "side must be one of BUY, SELL, not 'BYU'"),
        ({"side": "M"}, "side must be one of BUY, SELL, not 'M'"),
        ({"exchange": "NYSE"}, "exchange must be one of NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCX, not 'NYSE'"),
        ({"quantity": "ten"}, "quantity must be a whole number, not 'ten'"),
        ({"quantity": "1.5"}, "quantity must be a whole number, not '1.5'"),
        ({"quantity": True}, "quantity must be a whole number, not True"),
        ({"quantity": float("nan")}, "quantity must be a whole number, not nan"),
        ({"quantity": float("inf")}, "quantity must be a whole number, not inf"),
        ({"quantity": "1e1000000"}, "quantity must be a whole number, not '1e1000000'"),
        ({"price": "cheap"}, "price must be a number, not 'cheap'"),
        ({"price": True}, "price must be a number, not True"),
        ({"price": "nan"}, f"price must be a number above 0 and at most {PRICE_MAX}, not NaN"),
        ({"symbol": None}, "symbol is missing"),
        ({"command_id": None}, "command_id is missing"),
    ],
)
def test_a_loosely_spelled_order_that_cannot_be_is_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidOrderError) as refused:
        OrderCommand.parse(LOOSE | wrong)

    assert str(refused.value) == sentence


def test_a_misspelled_field_is_refused_by_name_so_that_no_stop_is_lost() -> None:
    with pytest.raises(InvalidOrderError, match=r"^unknown field 'stop_los'; the fields are: amo, .*stop_loss"):
        OrderCommand.parse(LOOSE | {"stop_los": "95"})


PRICES = st.decimals("0.05", 1_000_000, places=2, allow_nan=False)


@given(
    quantity=st.integers(1, QUANTITY_MAX),
    price=PRICES,
    side=st.sampled_from(Side),
    target=st.none() | st.decimals(1, 1000, places=2, allow_nan=False),
    comment=st.text("abc ", max_size=20).map(str.strip),
)
def test_a_command_survives_being_written_as_text_and_parsed(
    quantity: int, price: Decimal, side: Side, target: Decimal | None, comment: str
) -> None:
    way = 1 if side is Side.BUY else -1
    far = None if target is None else max(price + target * way, price / 2 if way < 0 else price + target)
    made = command(quantity=quantity, price=price, side=side, target=far, comment=comment)
    written = {name: None if value is None else str(value) for name, value in made.as_given().items()}

    assert OrderCommand.parse(written) == made


def test_an_entrys_trail_that_would_never_be_reached_is_refused() -> None:
    # Arming it after the fill would be too late: the position would be held without a stop.
    with pytest.raises(InvalidOrderError, match="give less than 100"):
        command(trailing_type=TrailingType.PERCENT, trailing_value=Decimal(150))


def test_a_stored_command_comes_back_as_it_was() -> None:
    made = command(stop_loss=Decimal(90), comment="why not")

    assert replace(made, unchecked=True) == made


def test_fills_never_go_down_and_an_older_average_is_not_taken() -> None:
    filled = order(state=State.PARTIALLY_FILLED, filled_quantity=6, average_price=Decimal(101))

    after = filled.after(
        OrderEvent(kind=Event.PARTIALLY_FILLED, filled_quantity=4, average_price=Decimal(99)), TEN_O_CLOCK
    )

    assert (after.filled_quantity, after.average_price) == (6, Decimal(101))


def test_an_event_that_says_nothing_of_a_fact_leaves_it() -> None:
    before = order(
        state=State.WORKING,
        broker_order_id="B1",
        note="as it was",
        tag=Reason.EXIT_CLAMPED,
        limit_price=Decimal(99),
        filled_quantity=0,
    )

    after = before.after(OrderEvent(kind=Event.NOTED), TEN_O_CLOCK)

    assert after == before


def test_a_tag_goes_with_the_state_it_explains() -> None:
    lost = order(state=State.SENDING).after(OrderEvent(kind=Event.REPLY_LOST, tag=Reason.REPLY_LOST), TEN_O_CLOCK)

    found = lost.after(OrderEvent(kind=Event.FILLED, filled_quantity=10), TEN_O_CLOCK)

    assert (lost.tag, found.tag) == (Reason.REPLY_LOST, None)


def test_an_order_that_is_over_has_nothing_open() -> None:
    canceled = order(state=State.CANCELED, quantity=10, filled_quantity=4)

    assert (canceled.open_quantity, order(state=State.WORKING, quantity=10, filled_quantity=4).open_quantity) == (0, 6)


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        (ChangeKind.CANCEL, Reason.CANCELED_AS_ASKED),
        (ChangeKind.MODIFY, Reason.BROKER_CANCELED),
        (None, Reason.BROKER_CANCELED),
    ],
)
def test_whoever_tells_that_it_is_canceled_the_order_knows_whether_that_was_asked_for(
    kind: ChangeKind | None, tag: Reason
) -> None:
    """A book may have been compared with what was known before the cancel was asked for."""
    asked = None if kind is None else change(change_id="k1", kind=kind)
    known = replace(order(state=State.WORKING), change=asked)

    now = known.after(OrderEvent(kind=Event.CANCELED, tag=Reason.BROKER_CANCELED), TEN_O_CLOCK)

    assert (now.tag, now.change) == (tag, None)


def test_what_an_event_does_not_bring_stays_as_it_was() -> None:
    before = replace(
        order(state=State.PARTIALLY_FILLED, quantity=10),
        tag=Reason.EXIT_CLAMPED,
        note="10 of 20",
        broker_order_id="26112800000001",
        limit_price=Decimal("100.05"),
        filled_quantity=4,
        average_price=Decimal("100.00"),
        wire_trigger_price=Decimal("99.00"),
        change=change(kind=ChangeKind.CANCEL),
        day="2026-11-28",
    )
    assert not any(getattr(before, one.name) in {None, "", 0} for one in fields(before)), "each says something"

    after = before.after(OrderEvent(kind=Event.NOTED), TEN_O_CLOCK)

    assert after == replace(before, updated_at=TEN_O_CLOCK)


@pytest.mark.parametrize(
    ("before", "event", "late"),
    [
        (State.CANCELED, OrderEvent(kind=Event.CANCELED, filled_quantity=6), 2),
        (State.CANCELED, OrderEvent(kind=Event.CANCELED, filled_quantity=4), 0),
        (State.CANCELED, OrderEvent(kind=Event.FILLED, filled_quantity=10), 6),
        (State.PARTIALLY_FILLED, OrderEvent(kind=Event.CANCELED, filled_quantity=6), 0),
        (State.CANCELED, OrderEvent(kind=Event.REPLY_LOST), 0),
    ],
    ids=["canceled, and more has traded", "canceled as before", "filled after all", "not over", "no news of trades"],
)
def test_more_that_has_traded_of_what_was_over_contradicts_its_end(before: State, event: OrderEvent, late: int) -> None:
    one = order(state=before, filled_quantity=4)

    assert (one.is_late(event), one.late_quantity(event)) == (late > 0, late)
    assert (one.after(event, TEN_O_CLOCK).tag is Reason.LATE_TRUTH) is (late > 0)
