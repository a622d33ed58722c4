"""The channels that the settings name."""

from domain.settings import AlertSettings
from notify.apprise import Apprise
from notify.port import Channel
from notify.telegram import Telegram


def telegram_of(settings: AlertSettings) -> Telegram | None:
    """Return the Telegram chat, where one is set."""
    token = settings.telegram_token.get_secret_value()
    if not token:
        return None
    return Telegram(token, settings.telegram_chat_id, settings.telegram_api_url, settings.send_timeout_s)


def channels_of(settings: AlertSettings) -> tuple[Channel, ...]:
    """Return every channel, Telegram first, each with a name of its own; raise `ChannelError` for an impossible URL."""
    telegram = telegram_of(settings)
    others = tuple(Apprise(url.get_secret_value()) for url in settings.urls)
    for place, one in enumerate(others):
        namesakes = sum(earlier.kind == one.kind for earlier in others[:place])
        one.name = f"{one.kind} {namesakes + 1}" if namesakes else one.kind
    return others if telegram is None else (telegram, *others)
