"""What the HTTP API answers about the desk, as types: its state, positions, exits and alerts (`response_types.py`)."""

from typing_extensions import TypedDict


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


class FlattenAnswer(TypedDict):
    """The positions on their way to flat, and whether a restart would know of it."""

    positions: list[str]
    stored: bool
    sentence: str


class DifferencesAnswer(TypedDict):
    """Each difference between our fills and the broker's positions."""

    differences: list[str]
    sentence: str
