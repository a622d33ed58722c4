"""Which settings apply: the file, the environment, and where the desk keeps its things."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from console.endpoint import DEFAULT_FILE
from console.errors import PlainError
from console.settings_file import SettingsError, load_settings
from domain.settings import Settings

TEMPLATE: Final = """\
# Shoonya Desk. Every line may also come from the environment, which wins: DESK_CLIENT_ID, DESK_API__PORT, ...
# Passwords and keys do not belong here: DESK_BROKER__PASSWORD, DESK_BROKER__TOTP_SECRET, DESK_BROKER__API_SECRET.
# Relative paths start where the command is run.

client_id = "PAPER"           # the account, as the orders table names it
mode = "paper"                # "paper": a broker of our own, no money. "live": your money.
data_dir = ".desk"            # the database, the API's token, the log, and the paper broker's books

[api]
host = "127.0.0.1"            # loopback only
port = 8711                   # 0 takes any free port

[risk]
orders_per_day_max = 500
order_quantity_max = 100000   # units in one order
order_notional_max = 10000000 # rupees in one order
# daily_loss_max = 5000        # rupees; then everything is made flat for the day

[watcher]
poll_interval_s = 1.0         # how often the broker's books are read

# mode = "live" needs the broker's addresses, and DESK_BROKER__... in the environment for the login:
# [broker]
# rest_url = "https://api.shoonya.com/NorenWClientTP/"
# websocket_url = "wss://api.shoonya.com/NorenWSTP/"

# Who hears of alarms; `alert-test` tries it. The bot's token belongs in DESK_ALERTS__TELEGRAM_TOKEN.
# [alerts]
# telegram_chat_id = "123456789"
# urls = ["ntfy://a-topic-of-yours"]   # or mailto://, slack://, ...: what Apprise understands

# Strategies start once the desk is ready. What is not class, name or a bound goes to the strategy itself.
# [[strategies]]
# class = "examples.opening_range:OpeningRange"
# name = "breakout"
# exchange = "NSE"
# symbol = "RELIANCE-EQ"
# quantity = 10
# range_s = 60
# hold_s = 300
"""
"""What `init` writes."""


def read_settings(config: Path | None) -> Settings:
    """Return the settings of this file (default: desk.toml, if there is one) and the environment."""
    path = config if config is not None or not DEFAULT_FILE.exists() else DEFAULT_FILE
    _refuse_if_nothing_is_set(path)
    try:
        return load_settings(path)
    except SettingsError as error:
        raise PlainError(str(error), 2) from None


def _refuse_if_nothing_is_set(path: Path | None) -> None:
    if path is None and not {"DESK_MODE", "DESK_CLIENT_ID"} & set(os.environ):
        raise PlainError("there is no desk.toml here; `init` writes one for paper trading, --config names another", 2)


def at_paper_broker(settings: Settings, addresses: Mapping[str, str]) -> Settings:
    """Return the settings turned to the paper broker, with the credentials that it knows: never a person's own."""
    broker = settings.broker.model_validate(
        {
            **settings.broker.model_dump(),
            **PAPER_CREDENTIALS,
            "dialect": "quickauth",
            **{name: addresses[name] for name in ("rest_url", "websocket_url", "password") if name in addresses},
        }
    )
    return settings.model_copy(update={"broker": broker})


PAPER_CREDENTIALS: Final[Mapping[str, str]] = {
    "user_id": "PAPER",
    "password": "paper",
    "totp_secret": "JBSWY3DPEHPK3PXP",
    "vendor_code": "PAPER_U",
    "api_secret": "paper-secret",
    "access_token": "",
}
"""What the paper broker lets in; they protect nothing."""


def write_template(path: Path) -> None:
    """Write a settings file for paper trading; raise `PlainError` where there is one already."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise PlainError(f"{path} exists already and was left as it is; name another file with --config") from None
    except OSError as error:
        raise PlainError(f"{path} cannot be written: {error.strerror}") from None
