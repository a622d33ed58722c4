"""Trading: the day's limits, exits, stops and strategies."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.settings.fields import Count, Rupees, Seconds, SecondsOrNone, Section, TimeOfDay


class RiskSettings(Section):
    """The day's limits. None means no limit of ours."""

    orders_per_day_max: Count = 500
    """Maximum number of orders a day. Exits count, but this holds none of them back."""
    order_quantity_max: Count = 100_000
    """Maximum units of one entry."""
    order_notional_max: Rupees | None = Decimal(10_000_000)
    """Maximum rupees of one entry, price times units."""
    open_positions_max: Count | None = None
    """Maximum number of open positions, those being entered included, of all strategies together."""
    price_collar_percent: Annotated[Decimal, Field(gt=0, le=100)] | None = None
    """An entry's limit may lie so far from the last price."""
    daily_loss_max: Rupees | None = None
    """Rupees the account may lose in a day, realised and open, delivery apart. Then all is made flat."""
    breach_sells_delivery: bool = False
    """Whether a broken loss limit, or a strategy's, sells what is held in CNC too, although its sum leaves it out."""
    trailing_step: Rupees | None = None
    """For each whole step that the day's peak is above zero, the limit rises by a step."""
    loss_warning_share: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """From this share of `daily_loss_max` a loss is told; above 0 and below 1."""
    losing_days_max: Count | None = None
    """After this number of trading days in a row that ended with a loss, entries rest."""
    cooldown_days: Count = 1
    """For this number of trading days after the last of them, and over the weekends and holidays between."""
    resume_cooloff_s: SecondsOrNone = 900.0
    """So long after a breach nobody can resume."""
    prices_stale_s_max: Seconds = 30.0
    """A held position without a price for so long, from the feed or the books, makes the day's loss unknown."""
    pnl_difference_max: Rupees = Decimal(1_000)
    """Our sum and the broker's may differ by so much before a person is told; the worse one counts always."""
    look_s: Seconds = 1.0
    """Seconds between two looks at the day's profit and loss."""


class ExitSettings(Section):
    """How a position is seen through to flat."""

    cancel_wait_s: Seconds = 2.0
    """So long an exit waits for evidence that working orders of its position are gone; then it goes all the same."""
    cancel_again_s: Seconds = 2.0
    """Seconds before a cancel that showed no effect is asked for again."""
    flat_for_s: SecondsOrNone = 1.0
    """A position has to be flat for so long: an order that was asked for just before may be on its way to the guard."""
    hedge_wait_s: SecondsOrNone = 10.0
    """So long a long position of an underlying waits, where its shorts are made flat with it: they are bought back
    first."""
    stuck_s: Seconds = 15.0
    """Where nothing of what is made flat together has become so for so long, an alarm names what is left."""
    unfilled_s: Seconds = 1.5
    """An exit that has not filled for so long is taken back, and leaves again at a worse price. A market exit that was
    sent by hand or by a strategy is modified to the next price instead. Without a feed it takes another
    `watcher.poll_interval_s` to see that it is back: no exit stays longer than 3 s at one price."""
    retry_s: Seconds = 0.5
    """Seconds between an exit that was refused and the next, doubled with each refusal."""
    retry_s_max: Seconds = 4.0
    """The pause between two tries doubles from the first to the second: a broker that takes orders again after a while
    gets the exit within that."""
    retry_closed_s: Seconds = 300.0
    """So long it grows while the calendar says that the market is closed: the calendar may be wrong, the broker not."""


class StopSettings(Section):
    """How stops are watched, and when a day's positions are squared off."""

    look_s: Seconds = 1.0
    """So often armed stops are held against what is held, and their peaks are written."""
    price_age_s_max: Annotated[float, Field(ge=6, le=3_600)] = 15.0
    """A price that is older, in an open market, leaves a stop blind: the desk says so and asks the broker again. The
    broker's position book stands in for a feed that is silent for 3 s, so much less could not be kept."""
    at_broker: bool = False
    """Whether a stop order of the broker stands behind each stop, for the time in which no desk runs."""
    at_broker_change_s: Seconds = 5.0
    """No oftener is it moved after the stop, or laid again."""
    square_off_before_close_min: Annotated[int, Field(ge=1, le=240)] | None = 20
    """Minutes before its segment closes, positions in MIS are made flat and no more are taken, where the calendar is
    enforced: the broker's own square-off comes later, and costs. [assumption] Shoonya's comes 10 minutes before."""


class StrategySettings(BaseModel):
    """One strategy: its class as `module:Class` or `module.Class`, its name, and its own parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, use_attribute_docstrings=True)

    class_path: str = Field(alias="class")
    """The class, as `module:Class` or `module.Class`."""
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """Its name in orders and reports: 1 to 40 letters, digits, `_`, `.` or `-`."""
    orders_in_flight_max: Count = 50
    """Maximum number of its orders that have no outcome yet."""
    orders_per_minute_max: Count = 120
    """Maximum number of its orders a minute."""
    loss_max: Rupees | None = None
    """Rupees the strategy may lose in a day; then it is made flat and takes nothing new until the next."""
    square_off: TimeOfDay | None = None
    """At this time (IST) all that the strategy holds is made flat, and until midnight it takes nothing new."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the strategy's own constructor is given."""
        return dict(self.model_extra or {})
