"""Every answer of the HTTP API, as a type: what spells one out is held to it by mypy, and `/openapi.json` describes it.

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


class HeldForm(TypedDict):
    """Units of a strategy in one instrument."""

    strategy: str
    exchange: str
    symbol: str
    product: str
    quantity: int


class AccountRowForm(TypedDict):
    """A position as the broker has it."""

    exchange: str
    symbol: str
    product: str
    quantity: int
    average_price: str | None
    last_price: str | None
    realised: str | None
    unrealised: str | None


class PnlRowForm(HeldForm):
    """A position's day in rupees."""

    average_price: str | None
    last_price: str | None
    realised: str | None
    open: str | None


class PnlForm(TypedDict):
    """The day in rupees; `limit_breaks_at` is null where there is no loss limit."""

    rows: list[PnlRowForm]
    realised: str | None
    open: str | None
    total: str | None
    unpriced: list[str]
    account: str | None
    account_age_s: float | None
    limit_breaks_at: str | None
    breach: str


class PositionsForm(TypedDict):
    """What is held. `account` is null, and `account_unavailable` says why, when the broker could not be asked."""

    strategies: list[HeldForm]
    sold_from_holdings: list[HeldForm]
    pnl: PnlForm
    account: list[AccountRowForm] | None
    account_unavailable: str | None


class TradingForm(TypedDict):
    """What may be sent, why, the day's count, and whether a restart would know of it."""

    state: str
    reason: str
    orders_today: int
    stored: bool


class ExitForm(TypedDict):
    """A position on its way to flat, and how often an exit was sent for it."""

    position: str
    tries: int


class StayForm(TypedDict):
    """A position that is held though its way out has ended."""

    position: str
    units: int


class ExitsAnswer(TypedDict):
    """What is on its way to flat, and what stays held."""

    exits: list[ExitForm]
    stays: list[StayForm]


class BlockerForm(TypedDict):
    """What speaks against entries: its kind for programs, its detail in words."""

    kind: str
    detail: str


class BreakForm(TypedDict):
    """What the books tell differently, and what a person can do about it."""

    name: str
    sentence: str
    stops_entries: bool
    difference: int | None
    fix: str


class ReadinessForm(TypedDict):
    """Whether entries are taken, what speaks against it, and what the books differ about."""

    ready: bool
    blockers: list[BlockerForm]
    breaks: list[BreakForm]


class ChannelForm(TypedDict):
    """How a channel of the alerts delivers: `failing_since` is null where it does."""

    channel: str
    last_told_at: str | None
    failing_since: str | None
    why: str
    waiting: int


class OpenAlertsForm(TypedDict):
    """The topics of open alarms, how each channel delivers, and why nobody is told, where that is so."""

    open: list[str]
    channels: list[ChannelForm]
    trouble: str


class BrokerForm(TypedDict):
    """How the broker is seen; `session_state` is null in the middle of a request."""

    session: str
    session_state: str | None
    feed: str
    book_asked_at: str | None
    book_age_s: float | None
    waiting: int
    placed: int
    address_refused: str
    idle_s: float


class StatusForm(ReadinessForm):
    """The desk at a glance."""

    client_id: str
    mode: str
    trading: TradingForm
    effective: str
    in_flight: list[str]
    exits: list[ExitForm]
    stays: list[StayForm]
    unwatched: list[str]
    unprotected: str
    alerts: OpenAlertsForm
    broker: BrokerForm


class HealthForm(TypedDict):
    """What needs no token: kinds and states, no words of the account."""

    ready: bool
    blockers: list[str]
    sentence: str
    trading: str
    effective: str
    session_state: str | None
    feed: str
    book_age_s: float | None
    breaks: int


class AlertForm(TypedDict):
    """An alert: what, what it means, what to do, and whom it was told."""

    raised_at: str
    level: str
    topic: str
    what: str
    means: str
    do: str
    told_at: str | None
    owed: list[str]
    acknowledged_at: str | None


class AlertsAnswer(OpenAlertsForm):
    """The last alerts, oldest first."""

    alerts: list[AlertForm]


class AcknowledgedAnswer(TypedDict):
    """The topics that were acknowledged."""

    topics: list[str]
    sentence: str


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


class FlattenAnswer(TypedDict):
    """The positions on their way to flat, and whether a restart would know of it."""

    positions: list[str]
    stored: bool
    sentence: str


class DifferencesAnswer(TypedDict):
    """Each difference between our fills and the broker's positions."""

    differences: list[str]
    sentence: str


class AcceptedAnswer(TypedDict):
    """The break that was accepted, or whose acceptance was taken back."""

    name: str
    sentence: str


class SentenceAnswer(TypedDict):
    """That it was done, in one sentence."""

    sentence: str
