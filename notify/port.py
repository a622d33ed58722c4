"""What a channel is: somewhere a text can be sent to, that may be slow and may fail."""

from typing import Protocol


class ChannelError(Exception):
    """The channel did not take a text; says why. `retry_after_s` is what the channel itself asks for."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One way to a person."""

    name: str

    def send(self, text: str) -> None:
        """Send a text, within the channel's own timeout; raise `ChannelError`."""
