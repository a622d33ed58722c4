"""Any channel that apprise knows: mail, ntfy, Slack, Matrix and a hundred more, each by its URL."""

from notify.port import ChannelError


class Apprise:
    """One of apprise's channels. Raises `ChannelError` when made from a URL that apprise does not understand."""

    def __init__(self, url: str) -> None:
        from apprise import Apprise as Library  # noqa: PLC0415  0.3 s, for which a desk without it need not wait

        self.name = self.kind = url.partition("://")[0] or "alerts.urls"
        # The channel itself, without apprise's pool of threads: the sender has one already.
        channel = Library.instantiate(url)
        if channel is None:
            raise ChannelError(f"alerts.urls holds a {self.kind} URL that apprise does not understand; see its manual")
        self._channel = channel

    def send(self, text: str) -> None:
        """Send a text; raise `ChannelError`."""
        if not self._channel.notify(body=text):
            raise ChannelError(f"{self.name} did not take the text")
