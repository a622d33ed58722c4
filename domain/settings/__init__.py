"""Every limit, interval and bound, with its unit in its name: models alone, a module a subject.

Read from `desk.toml` and the environment by `console/settings_file.py`. A key that stands in no table here is refused.
"""

from domain.settings.alerts import AlertSettings
from domain.settings.broker import BrokerSettings, ProofSettings, WatcherSettings
from domain.settings.calendar import CalendarSettings, SpecialSession
from domain.settings.process import ApiSettings, StorageSettings, SupervisorSettings
from domain.settings.trading import ExitSettings, RiskSettings, StopSettings, StrategySettings
from domain.settings.whole import Mode, Settings

__all__ = [
    "AlertSettings",
    "ApiSettings",
    "BrokerSettings",
    "CalendarSettings",
    "ExitSettings",
    "Mode",
    "ProofSettings",
    "RiskSettings",
    "Settings",
    "SpecialSession",
    "StopSettings",
    "StorageSettings",
    "StrategySettings",
    "SupervisorSettings",
    "WatcherSettings",
]
