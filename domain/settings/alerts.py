"""Alerts: whom to tell, and how often."""

from datetime import time
from typing import Self

from pydantic import SecretStr, model_validator

from domain.broker.addresses import address_objection
from domain.settings.fields import Count, Seconds, Section, TimeOfDay


class AlertSettings(Section):
    """Whom to tell, and how often. Without a channel alerts stand in the log and in `alerts` alone."""

    urls: tuple[SecretStr, ...] = ()
    """Channels as apprise writes them, such as `mailto://…` or `ntfy://…`; they hold secrets."""
    telegram_token: SecretStr = SecretStr("")
    """The token of the Telegram bot; `telegram_chat_id` belongs to it. Secret."""
    telegram_chat_id: str = ""
    """The one chat that is told; a private chat may give orders too."""
    telegram_user_id: str = ""
    """The one person who may give orders; without it the person of the private chat, whose id is the chat's."""
    telegram_allow_group: bool = False
    """Whether that person may give orders in a group too: every member of it reads the answers."""
    telegram_api_url: str = "https://api.telegram.org"
    """Where Telegram's bot API is: https, or http on this machine."""
    quiet_from: TimeOfDay | None = None
    """From this time (IST) on only alarms are told; `quiet_to` belongs to it."""
    quiet_to: TimeOfDay | None = None
    """Between these times (IST) only alarms are told."""
    repeat_s: Seconds = 300.0
    """Seconds in which the same words about the same subject are told once."""
    digest_s: Seconds = 60.0
    """Seconds over which news is gathered into one text."""
    escalate_s: Seconds = 120.0
    """Seconds after which an alarm is told again until somebody acknowledges it."""
    waiting_max: Count = 500
    """Alerts that may wait to be told together; beyond them the oldest news is dropped, and that is told."""
    send_timeout_s: Seconds = 10.0
    """Seconds in which a channel has to take a text."""
    retry_s: Seconds = 2.0
    """Seconds before a text that a channel did not take is sent again, doubled with each failure."""
    retry_s_max: Seconds = 60.0
    """Seconds: the longest such pause."""
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
