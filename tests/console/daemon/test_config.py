"""The file that `init` writes says what would hold without it, so that taking a line out changes nothing."""

import tomllib

import pytest

from console.daemon.config import TEMPLATE
from domain.settings import ApiSettings, RiskSettings, WatcherSettings

WRITTEN = tomllib.loads(TEMPLATE)


@pytest.mark.parametrize(
    ("section", "name", "default"),
    [
        ("api", "host", ApiSettings().host),
        ("api", "port", ApiSettings().port),
        ("risk", "orders_per_day_max", RiskSettings().orders_per_day_max),
        ("risk", "order_quantity_max", RiskSettings().order_quantity_max),
        ("watcher", "poll_interval_s", WatcherSettings().poll_interval_s),
    ],
)
def test_the_first_settings_are_the_defaults(section: str, name: str, default: object) -> None:
    assert WRITTEN[section][name] == default
