"""What the HTTP API answers about orders, stops and baskets, as types.

What spells one out is held to it by mypy, and `/openapi.json` describes it. The desk itself: `desk_response_types.py`.
Decimals are text, times ISO 8601. A field is always there; null says that there is none.
"""

from typing import Any, Literal

from typing_extensions import TypedDict


class ChangeForm(TypedDict):
    """A cancel or modify that is not resolved yet."""

    change_id: str
    kind: str
    stage: str
    asked_at: str
    quantity: int | None
    limit_price: str | None
    trigger_price: str | None


class StopTermsForm(TypedDict):
    """The stops that were asked for; null where one was not."""

    stop_loss: str | None
    target: str | None
    trailing_type: str | None
    trailing_value: str | None
    trail_activation: str | None


class OrderForm(StopTermsForm):
    """Every field of an order. `quantity` is what was sent, `requested_quantity` what was asked for."""

    command_id: str
    client_id: str
    strategy: str
    intent: str
    origin: str
    exchange: str
    symbol: str
    side: str
    quantity: int
    requested_quantity: int
    product: str
    order_type: str
    price: str | None
    trigger_price: str | None
    limit_price: str | None
    comment: str
    state: str
    status: str
    is_terminal: bool
    tag: str | None
    note: str
    broker_order_id: str | None
    remarks_tag: str | None
    filled_quantity: int
    average_price: str | None
    wire_trigger_price: str | None
    day: str
    amo: bool
    change: ChangeForm | None
    created_at: str
    updated_at: str


class OrdersAnswer(TypedDict):
    """Orders, newest first."""

    orders: list[OrderForm]


class OutcomeAnswer(TypedDict):
    """What came of a request about an order, and every refusal: one sentence, and the order where there is one."""

    command_id: str | None
    sentence: str
    reason: str | None
    repeated: bool
    order: OrderForm | None


class StepsForm(TypedDict):
    """When an order was registered, and the milliseconds from then to each later step (null: not yet)."""

    registered_at: str | None
    sent_ms: float | None
    answered_ms: float | None
    filled_ms: float | None


class LineForm(TypedDict):
    """A line of an order's journal: a decision, its inputs, what it changed, and a sentence."""

    at: str
    event: str
    state_before: str | None
    state_after: str
    tag: str | None
    note: str
    inputs: dict[str, Any]
    changes: dict[str, Any]
    sentence: str
    decided_from: str


class TimelineForm(TypedDict):
    """An order and its journal."""

    order: OrderForm
    steps: StepsForm
    lines: list[LineForm]


class StopsForm(StopTermsForm):
    """A position under stops: the stop in force, what was asked for, and the last price."""

    strategy: str
    exchange: str
    symbol: str
    product: str
    words: str
    stop: str | None
    entry_price: str | None
    best_price: str | None
    last_price: str | None
    price_age_s: float | None
    armed_at: str


class StopsAnswer(TypedDict):
    """What is under stops."""

    stops: list[StopsForm]


class StopsSetAnswer(TypedDict):
    """A position is under these stops now; null: under none."""

    sentence: str
    stops: StopsForm | None


class BasketForm(TypedDict):
    """A basket: its legs, how it stands, and in words how it ended."""

    basket_id: str
    strategy: str
    legs: list[str]
    command_ids: list[str]
    state: str
    asked_at: str
    sentence: str


class BasketsAnswer(TypedDict):
    """The baskets, oldest first."""

    baskets: list[BasketForm]


class BasketRunningAnswer(TypedDict):
    """A basket that has not ended yet."""

    basket_id: str
    state: Literal["RUNNING"]
    sentence: str


class AcceptedAnswer(TypedDict):
    """The break that was accepted, or whose acceptance was taken back."""

    name: str
    sentence: str


class SentenceAnswer(TypedDict):
    """That it was done, in one sentence."""

    sentence: str
