"""One HTTP reply, read piece by piece within bounds, and the two ways of not getting one."""

from typing import Final

import httptools

REPLY_BYTES_MAX: Final = 64 * 1024 * 1024
HEADER_BYTES_MAX: Final = 64 * 1024
_INFORMATIONAL: Final = range(100, 200)


class TransportError(Exception):
    """An exchange without a whole answer; the sentence holds no secret."""


class NotSentError(TransportError):
    """No connection came about: proof that nothing of the request was sent."""


class ReplyLostError(TransportError):
    """The request may have arrived, and no whole answer came back."""


class ResponseReader:
    """What `httptools` reports of one reply; bounds are checked after each chunk."""

    def __init__(self) -> None:
        self.parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self.status = 0
        self.body: list[bytes] = []
        self.body_bytes = 0
        self.fed_bytes = 0
        self.headers_read = False
        self.framed = False
        self.complete = False
        self.surplus = False
        self.keep_alive = False

    def on_message_begin(self) -> None:
        """Note a second message, which nobody asked for."""
        self.surplus = self.complete

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note whether the length is announced."""
        if name.lower() in {b"content-length", b"transfer-encoding"}:
            self.framed = True

    def on_headers_complete(self) -> None:
        """Keep the status; informational replies come before the real one."""
        if self.surplus or self.parser is None:
            return
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()
        self.headers_read = self.status not in _INFORMATIONAL

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        if not self.surplus:
            self.body.append(body)
            self.body_bytes += len(body)

    def on_message_complete(self) -> None:
        """Note the end."""
        self.complete = self.headers_read

    def feed(self, chunk: bytes) -> None:
        """Take a chunk; raise `ReplyLostError` where it is no HTTP or breaks a bound."""
        assert self.parser is not None
        self.fed_bytes += len(chunk)
        try:
            self.parser.feed_data(chunk)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise ReplyLostError("the answer is not readable as HTTP") from error
            self.surplus = True
        if self.body_bytes > REPLY_BYTES_MAX:
            raise ReplyLostError(f"the answer is longer than {REPLY_BYTES_MAX} bytes")
        if self.fed_bytes - self.body_bytes > HEADER_BYTES_MAX and not self.headers_read:
            raise ReplyLostError(f"the answer's headers are longer than {HEADER_BYTES_MAX} bytes")

    def text(self) -> str:
        """Return the body as text, and let go of its pieces first: a long book is in memory twice, not three times."""
        whole = b"".join(self.body)
        self.body.clear()
        return whole.decode("utf-8", "replace")

    def end(self) -> None:
        """Take the end of the stream; raise `ReplyLostError` unless the answer is whole by that."""
        if not self.headers_read:
            raise ReplyLostError(
                "the connection was closed " + ("amid the answer" if self.fed_bytes else "without an answer")
            )
        if self.framed:
            raise ReplyLostError("the connection was closed amid the answer")
        # No length was announced, so the end of the stream is the end of the body (RFC 9112, 6.3). Where the stream
        # was in fact cut, the JSON is cut too, and a cut JSON object can't be read as a whole one.
        self.complete = True
        self.keep_alive = False
