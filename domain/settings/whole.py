"""Everything the desk can be told, and what one part of it demands of another."""

from enum import StrEnum
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.broker.addresses import (
    AddressFamily,
    AddressRules,
    address_objection,
    family_objection,
    host_of,
    is_loopback_host,
)
from domain.settings.alerts import AlertSettings
from domain.settings.broker import BrokerSettings, ProofSettings, WatcherSettings
from domain.settings.calendar import CalendarSettings
from domain.settings.process import DATA_DIR, ApiSettings, StorageSettings, SupervisorSettings
from domain.settings.trading import ExitSettings, RiskSettings, StopSettings, StrategySettings

REGULATOR_ORDERS_PER_SECOND: Final = 10


class Mode(StrEnum):
    """Whose money: `paper` is the embedded broker's, `live` is yours."""

    PAPER = "paper"
    LIVE = "live"


class Settings(BaseModel):
    """Everything the desk can be told. `mode` has no default: it must be spelled `paper` or `live`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    mode: Mode
    """Whose money: "paper" or "live". It has no default."""
    client_id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """The account, as the orders table names it: 1 to 40 letters, digits, `_`, `.` or `-`."""
    exits_only: bool = False
    """Whether only exits are taken."""
    data_dir: Path = DATA_DIR
    """The folder of the database, the API's token, the log and the paper broker's books."""
    broker: BrokerSettings = BrokerSettings()
    """The broker."""
    storage: StorageSettings = StorageSettings()
    """The database."""
    watcher: WatcherSettings = WatcherSettings()
    """Reading the books."""
    exits: ExitSettings = ExitSettings()
    """Exits."""
    stops: StopSettings = StopSettings()
    """Stops and the square-off."""
    alerts: AlertSettings = AlertSettings()
    """Alerts."""
    proof: ProofSettings = ProofSettings()
    """The proof that an order is absent."""
    api: ApiSettings = ApiSettings()
    """The HTTP API."""
    risk: RiskSettings = RiskSettings()
    """The day's limits."""
    calendar: CalendarSettings = CalendarSettings()
    """The calendar."""
    supervisor: SupervisorSettings = SupervisorSettings()
    """Restarts."""
    strategies: tuple[StrategySettings, ...] = ()
    """The strategies that start with the desk, a table each."""

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
