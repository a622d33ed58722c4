"""Alerts: tells a person what happened, through every channel that is set up."""

from typing import Final, assert_never

from loguru import logger

from actors.actor import DeskActor
from actors.messages import NotifierInbox, RaiseAlert
from domain.alert import Level

_LOG_LEVELS: Final = {Level.NEWS: "INFO", Level.WARNING: "WARNING", Level.ALARM: "CRITICAL"}


class NotifierActor(DeskActor):
    """Owns what has been told and what is still to be told."""

    def on_receive(self, message: NotifierInbox) -> None:
        """Tell it."""
        match message:
            case RaiseAlert():
                alert = message.alert
                logger.log(_LOG_LEVELS[alert.level], "{} {} {}", alert.what, alert.means, alert.do)
            case _:
                assert_never(message)
