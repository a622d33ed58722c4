"""Every limit, interval and bound, with its unit in its name.

Read from `desk.toml` and the environment (`DESK_…`, sections joined by `__`), the environment winning. A key that
stands in neither table below is refused by name; secrets come from the environment or a file of mode 0600 only.
"""

import os
import stat
import tomllib
from contextlib import suppress
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariableError

from domain.broker.addresses import (
    AddressFamily,
    AddressRules,
    address_objection,
    family_objection,
    host_of,
    is_loopback_host,
)
from domain.orders.types import Exchange
from domain.texts import decoded

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]

DATA_DIR: Final = Path(".desk")
SECRET_FIELDS: Final = frozenset(
    {
        "user_id",
        "password",
        "totp_secret",
        "vendor_code",
        "api_secret",
        "imei",
        "access_token",
        "token",
        "telegram_token",
        "urls",
    }
)
_SECRETS_IN_TOML: Final = (
    ("broker", "password"),
    ("broker", "totp_secret"),
    ("broker", "api_secret"),
    ("broker", "access_token"),
    ("api", "token"),
    ("alerts", "telegram_token"),
    ("alerts", "urls"),
)


class SettingsError(ValueError):
    """Settings that cannot be used; the sentence names the key and the mend."""


class Mode(StrEnum):
    """Whose money: `paper` is the embedded broker's, `live` is yours."""

    PAPER = "paper"
    LIVE = "live"


class Section(BaseModel):
    """A table of the settings file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BrokerSettings(Section):
    """Where the broker is, how we identify ourselves, and how long we wait."""

    rest_url: str | None = None
    """The broker's REST address; none on paper: the embedded paper broker is started."""
    websocket_url: str | None = None
    """The broker's WebSocket address, for prices and order updates."""
    address_family: AddressFamily | None = None
    """Whether orders and the feed leave by "ipv4", "ipv6" or "any". None: "ipv4" with live money, as orders count from
    the registered static IP only, and any on paper."""
    dialect: Literal["quickauth", "oauth"] = "quickauth"
    """How to log in: with user, password and code, or with an access token of the browser's login."""
    connect_timeout_s: Seconds = 3.0
    """Deadline for connecting: name, TCP and TLS together."""
    read_timeout_s: Seconds = 7.0
    """Deadline for the whole answer after connecting; an order without one is UNCONFIRMED."""
    look_up_timeout_s: Seconds = 2.0
    """Deadline of a search, a security info or a quote, connecting included: an exit waits no longer for one, and is
    sent without it."""
    orders_per_second_max: Count = 10
    """Place, modify and cancel requests in any one second; above 10 with live money needs `algo_id`."""
    orders_reserved_for_exits: Annotated[int, Field(ge=0)] = 3
    """How many of `orders_per_second_max` only exits and cancels may use."""
    rate_wait_s_max: Seconds = 30.0
    """An entry that has waited this long for its turn is refused instead of sent late."""
    orders_waiting_max: Count = 5_000
    """Maximum number of orders on their way inside the desk; further entries are declined."""
    feed_silence_s_max: Seconds = 16.0
    """A feed that is silent this long (three unanswered heartbeats and a margin) is reconnected."""
    feed_retry_s_max: Seconds = 30.0
    """Longest pause between two attempts to connect the feed."""
    login_retry_s: Seconds = 5.0
    """First pause between two logins; it doubles up to `login_retry_s_max`."""
    login_retry_s_max: Seconds = 60.0
    """Longest pause between two logins."""
    login_refusals_max: Count = 3
    """After this number of refused logins in a row a person has to say `login`: brokers lock accounts."""
    algo_id: str | None = None
    """The exchange's id of your algo: needed above 10 orders a second with live money. It is not sent to the broker."""
    user_id: str = ""
    """The broker's user; without it the `client_id`."""
    password: SecretStr = SecretStr("")
    """The broker's password."""
    totp_secret: SecretStr = SecretStr("")
    """The secret of the one-time codes, as the broker showed it (base32)."""
    vendor_code: str = ""
    """The vendor code that the broker gave with the API key."""
    api_secret: SecretStr = SecretStr("")
    """The API key's secret."""
    imei: str = "shoonya-desk"
    """The device that the login names."""
    access_token: SecretStr = SecretStr("")
    """A token of the browser's login, for the dialect `oauth`."""

    @model_validator(mode="after")
    def _leave_room_for_entries(self) -> Self:
        if self.orders_reserved_for_exits >= self.orders_per_second_max:
            raise ValueError("orders_reserved_for_exits must be below orders_per_second_max, or no entry could pass")
        return self


class StorageSettings(Section):
    """Where the database lies."""

    path: Path = DATA_DIR / "desk.db"
    """The database file; without it `desk.db` in `data_dir`."""
    commit_linger_ms: Annotated[int, Field(ge=0, le=1_000)] = 10
    """How long a group of writes that nobody waits for is held open for others to join."""
    busy_timeout_ms: Annotated[int, Field(ge=0)] = 2_000
    """How long a write waits for another process's lock before it fails; exits do not wait."""


class WatcherSettings(Section):
    """How often the books are read (guide, step 6: 1.0 s)."""

    poll_interval_s: Seconds = 1.0
    """Pause between two readings of the broker's books."""
    books_unavailable_s_max: Seconds = 5.0
    """Entries stop when no whole order book has been compared for this long."""
    book_away_s_max: Seconds = 600.0
    """A book that could not be read for this long is an alert: what waits for it needs a person."""
    breaks_seen_min: Count = 3
    """A reconciliation break counts after this number of rounds in a row."""
    break_s_min: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 3.0
    """A reconciliation break counts after this time at least: the books are read one after the other."""


class ProofSettings(Section):
    """The proof of absence: this many healthy books, spread over at least this long."""

    books: Count = 3
    """Rounds of healthy books that must not show an order before it is NOT_PLACED."""
    window_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 90.0
    """The time over which these rounds are spread at least."""


TOKEN_CHARACTERS_MIN: Final = 16


class ApiSettings(Section):
    """The loopback HTTP API."""

    host: str = "127.0.0.1"
    """The address to listen on: 127.0.0.1 or ::1."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8_711
    """The port to listen on; 0 takes any free one."""
    token: SecretStr = SecretStr("")
    """The token that each request needs, of 16 characters or more; without it the desk makes one."""
    token_path: Path = DATA_DIR / "api-token"
    """The file that holds the token; without it `api-token` in `data_dir`."""
    answer_wait_s_max: Seconds = 15.0
    """How long an order's request waits for its outcome; then it answers with the state so far."""

    @model_validator(mode="after")
    def _stay_on_loopback(self) -> Self:
        # Not `localhost`: which of the two it leads to is decided anew each time.
        if self.host not in {"127.0.0.1", "::1"}:
            raise ValueError(f"host must be 127.0.0.1 or ::1, not {self.host!r}")
        if 0 < len(self.token.get_secret_value()) < TOKEN_CHARACTERS_MIN:
            raise ValueError(
                f"token must have at least {TOKEN_CHARACTERS_MIN} characters that nobody can guess; "
                "leave it out, and the desk makes one"
            )
        return self


Rupees = Annotated[Decimal, Field(gt=0)]


class RiskSettings(Section):
    """The day's limits. None means no limit of ours."""

    orders_per_day_max: Count = 500
    """After this number of orders in a day, exits counted, entries are blocked."""
    order_quantity_max: Count = 100_000
    """Maximum units of one entry."""
    order_notional_max: Rupees | None = Decimal(10_000_000)
    """Maximum value of one entry: units times price."""
    open_positions_max: Count | None = None
    """Maximum number of open positions, those being entered included, of all strategies together."""
    price_collar_percent: Annotated[Decimal, Field(gt=0, le=100)] | None = None
    """How far an entry's limit may lie from the last price."""
    daily_loss_max: Rupees | None = None
    """Rupees the account may lose in a day, realised and open, delivery apart. Then all is made flat."""
    breach_sells_delivery: bool = False
    """Whether a broken loss limit, or a strategy's, sells what is held in CNC too, although its sum leaves it out."""
    trailing_step: Rupees | None = None
    """For each whole step of the day's peak profit, the loss limit rises by one step."""
    loss_warning_share: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """The share of the loss limit at which a warning is sent."""
    losing_days_max: Count | None = None
    """After this number of losing trading days in a row, entries are blocked for `cooldown_days`."""
    cooldown_days: Count = 1
    """For how many trading days entries are blocked then, weekends and holidays between included."""
    resume_cooloff_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 900.0
    """How long after a breach `resume` is refused."""
    prices_stale_s_max: Seconds = 30.0
    """A held position without a price for this long, from feed or books, makes the day's loss unknown."""
    pnl_difference_max: Rupees = Decimal(1_000)
    """How far our figure and the broker's may differ before you are told; the worse one always counts."""
    look_s: Seconds = 1.0
    """Pause between two looks at the day's profit and loss."""


def _day(given: object) -> date:
    """Take a date of TOML or text; a bare number would be read as seconds since 1970."""
    if type(given) is date:
        return given
    with suppress(ValueError):
        if isinstance(given, str) and len(given) == len("YYYY-MM-DD"):
            return date.fromisoformat(given)
    raise ValueError("must be a day written YYYY-MM-DD")


def _time_of_day(given: object) -> time:
    """Take a local time of TOML or text, in IST; a bare number would be read as seconds since midnight."""
    if isinstance(given, time) and given.tzinfo is None:
        return given
    with suppress(ValueError):
        if isinstance(given, str) and len(given) in {len("HH:MM"), len("HH:MM:SS")}:
            return time.fromisoformat(given)
    raise ValueError("must be a time written HH:MM")


Day = Annotated[date, BeforeValidator(_day)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class SpecialSession(Section):
    """Hours (IST) that an exchange announced for one day, such as the Muhurat hour of Diwali."""

    date: Day
    """The day, as YYYY-MM-DD."""
    exchanges: Annotated[tuple[Exchange, ...], Field(min_length=1)]
    """The exchanges that have this session."""
    opens: TimeOfDay
    """When it opens (IST)."""
    closes: TimeOfDay
    """When it closes (IST)."""

    @model_validator(mode="after")
    def _open_before_closing(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError(f"opens ({self.opens:%H:%M}) must be before closes ({self.closes:%H:%M}) on the same day")
        return self


class CalendarSettings(Section):
    """What the exchanges announced and the desk can't know. A day's special sessions replace all its other hours."""

    enforced: bool | None = None
    """Whether an order outside its segment's hours is refused. None: with live money, and not on paper."""
    extra_holidays: tuple[Day, ...] = ()
    """Days on which every segment is closed although they seem to be trading days."""
    no_holidays: tuple[Day, ...] = ()
    """Days with regular hours although they seem to be none, such as the Saturday of a budget."""
    special_sessions: tuple[SpecialSession, ...] = ()
    """Sessions that an exchange announced for one day; they replace all other hours of that day."""
    holidays_checked_until: Annotated[int, Field(ge=2_000, le=2_200)] | None = None
    """The last year whose holidays a person has compared with the exchange's circular: the desk doubts later ones."""

    @model_validator(mode="after")
    def _say_one_thing_of_a_day(self) -> Self:
        if both := {*self.extra_holidays} & {*self.no_holidays}:
            raise ValueError(f"{min(both)} stands in extra_holidays and in no_holidays; take it out of one")
        every = self.special_sessions
        hours = sorted((name, one.date, one.opens, one.closes) for one in every for name in one.exchanges)
        for (*earlier, _, closes), (*later, opens, _) in pairwise(hours):
            if earlier == later and opens <= closes:
                raise ValueError(f"special sessions of {later[0]} on {later[1]} overlap or touch; write them as one")
        return self


class ExitSettings(Section):
    """How a position is seen through to flat."""

    cancel_wait_s: Seconds = 2.0
    """How long an exit waits for evidence that working orders of its position are gone; then it is sent anyway."""
    cancel_again_s: Seconds = 2.0
    """Pause before a cancel of the same working order is asked for again."""
    flat_for_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    """How long a position must stay flat before its flatten task ends: a fill may still be on its way."""
    hedge_wait_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """How long a long position waits for the shorts of its underlying that are made flat with it and bought back
    first."""
    stuck_s: Seconds = 15.0
    """Where nothing of what is made flat together becomes flat for this long, a CRITICAL alert names what is left."""
    unfilled_s: Seconds = 1.5
    """An exit that has not filled for so long is taken back, and leaves again at a worse price. A market exit that was
    sent by hand or by a strategy is modified to the next price instead. Without a feed it takes another
    `watcher.poll_interval_s` to see that it is back: no exit stays longer than 3 s at one price."""
    retry_s: Seconds = 0.5
    """First pause between two attempts of a refused exit; it doubles up to `retry_s_max`."""
    retry_s_max: Seconds = 4.0
    """Longest pause between two attempts of a refused exit while the market is open."""
    retry_closed_s: Seconds = 300.0
    """Longest pause while the calendar says that the market is closed: the calendar may be wrong, the broker is not."""


class StopSettings(Section):
    """How stops are watched, and when a day's positions are squared off."""

    look_s: Seconds = 1.0
    """Pause between two comparisons of armed stops with what is held; best prices are written then."""
    price_age_s_max: Annotated[float, Field(ge=6, le=3_600)] = 15.0
    """A price that is older, in an open market, leaves a stop blind: the desk says so and asks the broker again. The
    broker's position book stands in for a feed that is silent for 3 s, so much less could not be kept."""
    at_broker: bool = False
    """Whether a stop order of the broker stands behind each stop, for the time in which no desk runs."""
    at_broker_change_s: Seconds = 5.0
    """Shortest pause between two changes of that order when the stop moves."""
    square_off_before_close_min: Annotated[int, Field(ge=1, le=240)] | None = 20
    """Minutes before its segment closes, positions in MIS are made flat and no more are taken, where the calendar is
    enforced: the broker's own square-off comes later, and costs. [assumption] Shoonya's comes 10 minutes before."""


class AlertSettings(Section):
    """Whom to tell, and how often. Without a channel alerts stand in the log and in `alerts` alone."""

    urls: tuple[SecretStr, ...] = ()
    """Channels as apprise writes them, such as `mailto://…` or `ntfy://…`; they hold secrets."""
    telegram_token: SecretStr = SecretStr("")
    """The Telegram bot's token."""
    telegram_chat_id: str = ""
    """The one chat that is told; a private chat may give orders too."""
    telegram_user_id: str = ""
    """The one person who may give orders; without it the person of the private chat, whose id is the chat's."""
    telegram_allow_group: bool = False
    """Whether that person may give orders in a group too: every member of it reads the answers."""
    telegram_api_url: str = "https://api.telegram.org"
    """The address of Telegram's bot API."""
    quiet_from: TimeOfDay | None = None
    """When quiet hours begin (IST): until `quiet_to` only CRITICAL alerts are sent."""
    quiet_to: TimeOfDay | None = None
    """When quiet hours end (IST)."""
    repeat_s: Seconds = 300.0
    """The same alert about the same topic is sent once in this time, with how often it came."""
    digest_s: Seconds = 60.0
    """Pause between two digests of INFO alerts."""
    escalate_s: Seconds = 120.0
    """Pause after which a CRITICAL alert that nobody acknowledged is sent again."""
    waiting_max: Count = 500
    """Maximum number of alerts that wait for a digest; older ones are dropped and counted, INFO first."""
    send_timeout_s: Seconds = 10.0
    """Deadline of one message to a channel."""
    retry_s: Seconds = 2.0
    """First pause before a channel is tried again; it doubles up to `retry_s_max`."""
    retry_s_max: Seconds = 60.0
    """Longest pause before a channel is tried again."""
    summary_at: TimeOfDay | None = time(15, 45)
    """When the day is summed up (IST)."""

    @model_validator(mode="after")
    def _be_whole(self) -> Self:
        if bool(self.telegram_token.get_secret_value()) != bool(self.telegram_chat_id):
            raise ValueError("telegram_token and telegram_chat_id must be given together")
        # The bot's token stands in the path of each request.
        if objection := address_objection("telegram_api_url", self.telegram_api_url, "http", paper=False):
            raise ValueError(objection)
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet_from and quiet_to must be given together")
        return self


class SupervisorSettings(Section):
    """How deaths are answered."""

    restarts_max: Count = 5
    """Maximum number of the watcher's restarts in `restart_window_s`; one more ends the desk."""
    restart_window_s: Seconds = 60.0
    """The time in which restarts are counted."""
    restart_delay_s: Seconds = 0.2
    """First pause before the watcher is started again; it doubles with each restart in the window."""
    heartbeat_s: Seconds = 2.0
    """Pause between two heartbeats that the watcher is asked for."""
    heartbeat_missed_max: Count = 5
    """After more missed heartbeats than this the watcher is replaced."""
    shutdown_grace_s: Seconds = 10.0
    """How long a stop waits for orders on their way; then it names them."""
    start_wait_s_max: Seconds = 30.0
    """Not used any more: a start takes orders as soon as the books have been compared. Older files may name it."""


class StrategySettings(BaseModel):
    """One strategy: its class as `module:Class` or `module.Class`, its name, and its own parameters."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    class_path: str = Field(alias="class")
    """The class, as `module:Class`; `module.py` lies where `run` is started, or where Python finds it."""
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """The strategy's name; its orders and positions are kept under it."""
    orders_in_flight_max: Count = 50
    """Maximum number of its orders that are not over; exits do not count."""
    orders_per_minute_max: Count = 120
    """Maximum number of its orders in a minute; exits are never held back."""
    loss_max: Rupees | None = None
    """Rupees the strategy may lose in a day; then it is made flat and takes nothing new until the next."""
    square_off: TimeOfDay | None = None
    """At this time (IST) all that the strategy holds is made flat, and until midnight it takes nothing new."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the strategy's own constructor is given."""
        return dict(self.model_extra or {})


class Settings(BaseSettings):
    """Everything the desk can be told. `mode` has no default: it must be spelled `paper` or `live`."""

    model_config = SettingsConfigDict(
        env_prefix="DESK_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    mode: Mode
    """Whose money: `paper` trades with the embedded paper broker, `live` with yours."""
    client_id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """The account; it names the rows of the database and the lease."""
    exits_only: bool = False
    """Start without taking entries, until `resume`; for this run only."""
    data_dir: Path = DATA_DIR
    """The folder of the database, the API's token, the log, the lease and the paper broker's books."""
    broker: BrokerSettings = BrokerSettings()
    storage: StorageSettings = StorageSettings()
    watcher: WatcherSettings = WatcherSettings()
    exits: ExitSettings = ExitSettings()
    stops: StopSettings = StopSettings()
    alerts: AlertSettings = AlertSettings()
    proof: ProofSettings = ProofSettings()
    api: ApiSettings = ApiSettings()
    risk: RiskSettings = RiskSettings()
    calendar: CalendarSettings = CalendarSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    strategies: tuple[StrategySettings, ...] = ()

    @model_validator(mode="after")
    def _live_is_meant(self) -> Self:
        """Live money needs an address, and an algo id above the regulator's 10 orders a second."""
        if self.mode is Mode.LIVE and not self.broker.rest_url:
            raise ValueError("mode is live but broker.rest_url is not set")
        fast = self.broker.orders_per_second_max > REGULATOR_ORDERS_PER_SECOND
        if self.mode is Mode.LIVE and fast and not self.broker.algo_id:
            limit = REGULATOR_ORDERS_PER_SECOND
            raise ValueError(f"live mode above {limit} orders a second needs broker.algo_id (SEBI retail-algo rules)")
        names = [strategy.name for strategy in self.strategies]
        if len(set(names)) != len(names):
            raise ValueError("two strategies have the same name")
        return self

    @model_validator(mode="after")
    def _trade_only_where_the_mode_may(self) -> Self:
        """Hold the word `paper` or `live` against the addresses that take the orders."""
        addresses = (("rest_url", "http", self.broker.rest_url), ("websocket_url", "ws", self.broker.websocket_url))
        for name, scheme, url in addresses:
            if url is None:
                continue
            objection = address_objection(f"broker.{name}", url, scheme, paper=self.mode is Mode.PAPER)
            if objection is None and not is_loopback_host(host_of(url)):
                wrong = family_objection(host_of(url), self.address_rules.family)
                objection = wrong and f"broker.{name}: {wrong}"
            if objection is not None:
                raise ValueError(objection)
        return self

    @property
    def missing_credentials(self) -> tuple[str, ...]:
        """Return the environment's names of what a login with live money needs and nobody has given."""
        if self.mode is not Mode.LIVE:
            return ()
        broker = self.broker
        needed: dict[str, str] = {"access_token": broker.access_token.get_secret_value()}
        if broker.dialect == "quickauth":
            secrets = {name: getattr(broker, name).get_secret_value() for name in ("password", "totp_secret")}
            needed = {**secrets, "vendor_code": broker.vendor_code, "api_secret": broker.api_secret.get_secret_value()}
        return tuple(f"DESK_BROKER__{name.upper()}" for name, value in needed.items() if not value)

    @property
    def address_rules(self) -> AddressRules:
        """Return which addresses a connection to the broker may lead to."""
        usual = AddressFamily.IPV4 if self.mode is Mode.LIVE else AddressFamily.ANY
        return AddressRules(loopback_only=self.mode is Mode.PAPER, family=self.broker.address_family or usual)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which comes in as the initial values."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


REGULATOR_ORDERS_PER_SECOND: Final = 10


def load_settings(path: Path | None, **defaults: Any) -> Settings:  # noqa: ANN401  any section may be given
    """Read `path` (when given), then the environment; `defaults` fill what neither says.

    Raises `SettingsError` naming the file and all that is wrong.
    """
    _refuse_unknown_variables()
    given = {**defaults, **_read_file(path)} if path is not None else dict(defaults)
    try:
        return _gathered(Settings(**given))
    except ValidationError as error:
        said = "; ".join(map(_sentence, error.errors()))
        in_file = path is not None and not all(_variable_of(one) for one in error.errors())
        raise SettingsError(f"{path}: {said}" if in_file else said) from None
    except UnreadableVariableError as error:
        raise SettingsError(_sentence_of_variables(str(error))) from None


def _refuse_unknown_variables() -> None:
    """Refuse a variable whose section is misspelled: it would be passed over in silence."""
    for name in os.environ:
        if name.upper().startswith("DESK_") and name.upper() != "DESK_CONFIG":
            section = name[len("DESK_") :].split("__", 1)[0].lower()
            if section not in Settings.model_fields:
                raise SettingsError(f"the environment's {name} is not a setting; check its spelling")


def _gathered(settings: Settings) -> Settings:
    """Let the database and the token follow `data_dir`, unless they were placed elsewhere; name the broker's user."""
    storage, api, broker = settings.storage, settings.api, settings.broker
    if not broker.user_id:
        broker = broker.model_copy(update={"user_id": settings.client_id})
    if storage.path == DATA_DIR / "desk.db":
        storage = storage.model_copy(update={"path": settings.data_dir / "desk.db"})
    if api.token_path == DATA_DIR / "api-token":
        api = api.model_copy(update={"token_path": settings.data_dir / "api-token"})
    return settings.model_copy(update={"storage": storage, "api": api, "broker": broker})


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong with one setting, and where it was set if that is not the file."""
    where, kind, given = ".".join(str(part) for part in error["loc"]), error["type"], error["input"]
    variable = _variable_of(error)
    from_outside = f" (from the environment's {variable})" if variable else ""
    if kind == "missing":
        return f"{where} is missing: set it in desk.toml or as DESK_{where.upper().replace('.', '__')}"
    if kind == "extra_forbidden":
        return f"{where} is not a setting; check its spelling{from_outside}"
    leaf = where.rsplit(".", 1)[-1]
    shown = "" if leaf in SECRET_FIELDS or isinstance(given, dict | BaseModel) else f", not {given!r}"
    message = f"{error['msg'].removeprefix('Value error, ')}{shown}{from_outside}"
    return f"{where}: {message}" if where else message


def _variable_of(error: ErrorDetails) -> str:
    """Return the environment's variable that the setting came from; an empty text where it was the file."""
    variable = f"DESK_{'__'.join(str(part) for part in error['loc']).upper()}"
    return next((name for name in os.environ if name.upper() == variable), "")


def _sentence_of_variables(message: str) -> str:
    """Say which variables of the environment hold no JSON though their setting is a list or a table."""
    section = message.partition('"')[2].partition('"')[0]
    suspects = sorted(name for name in os.environ if name.upper().startswith(f"DESK_{section.upper()}"))
    return (
        f"the environment's {' or '.join(suspects)} cannot be read: a list or a table is written as JSON there, "
        """such as DESK_ALERTS__URLS='["mailto://…"]'"""
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(decoded(path.read_bytes()))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist; `init` writes one, or name another with --config") from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    private = not stat.S_IMODE(path.stat().st_mode) & 0o077
    for section, key in _SECRETS_IN_TOML:
        table = given.get(section)
        if isinstance(table, dict) and table.get(key) and not private and os.name == "posix":
            raise SettingsError(
                f"{path} holds {section}.{key} but others may read it: set DESK_{section.upper()}__{key.upper()} "
                f"instead, or `chmod 600 {path}`"
            )
    return given


__all__ = [
    "ApiSettings",
    "BrokerSettings",
    "CalendarSettings",
    "Mode",
    "ProofSettings",
    "RiskSettings",
    "Settings",
    "SettingsError",
    "SpecialSession",
    "StorageSettings",
    "StrategySettings",
    "SupervisorSettings",
    "WatcherSettings",
    "load_settings",
]
