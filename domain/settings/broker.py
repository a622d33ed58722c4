"""The broker: where it is, who we are there, how long we wait, and how its books are read."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from domain.broker.addresses import AddressFamily
from domain.settings.fields import Count, Seconds, SecondsOrNone, Section


class BrokerSettings(Section):
    """Where the broker is, how we identify ourselves, and how long we wait."""

    rest_url: str | None = None
    """The address of the broker's HTTP API. Needed with live money; the paper broker is found without it."""
    websocket_url: str | None = None
    """The address of the broker's feed. None: no feed, prices and updates come from the books."""
    address_family: AddressFamily | None = None
    """Whether orders and the feed leave by "ipv4", "ipv6" or "any". None: "ipv4" with live money, as orders count from
    the registered static IP only, and any on paper."""
    dialect: Literal["quickauth", "oauth"] = "quickauth"
    """How to log in: "quickauth" with password and one-time code, "oauth" with an access token."""
    connect_timeout_s: Seconds = 3.0
    """Seconds in which a connection to the broker has to open, TLS included."""
    read_timeout_s: Seconds = 7.0
    """Seconds in which the broker has to answer a request."""
    look_up_timeout_s: Seconds = 2.0
    """A search, a security info or a quote is given up after so long, connecting included: an exit may wait behind one,
    and gets out without what it would have told."""
    orders_per_second_max: Count = 10
    """Requests a second that place, change or cancel orders. Above 10 live money needs `algo_id`."""
    orders_reserved_for_exits: Annotated[int, Field(ge=0)] = 3
    """So many of them an entry never takes; below `orders_per_second_max`."""
    rate_wait_s_max: Seconds = 30.0
    """Seconds after which an entry that has waited for its turn is refused (RATE_LIMITED)."""
    orders_waiting_max: Count = 5_000
    """Orders that may wait at once; beyond them the desk answers DESK_BUSY."""
    feed_silence_s_max: Seconds = 16.0
    """A feed that is silent for so long, three unanswered heartbeats and a bit, is dialled anew."""
    feed_retry_s_max: Seconds = 30.0
    """Seconds: the longest pause between two tries to connect the feed; it doubles up to this."""
    login_retry_s: Seconds = 5.0
    """Seconds before a failed login is tried again, doubled with each failure."""
    login_retry_s_max: Seconds = 60.0
    """Seconds: the longest such pause."""
    login_refusals_max: Count = 3
    """After this number of refused logins in a row a person has to say `login`: brokers lock accounts."""
    algo_id: str | None = None
    """The algo id that the exchange gave; needed above 10 orders a second with live money."""
    user_id: str = ""
    """The broker's user. Empty: `client_id`."""
    password: SecretStr = SecretStr("")
    """The password of the login. Secret."""
    totp_secret: SecretStr = SecretStr("")
    """The secret that one-time codes are made from, in base 32. Secret."""
    vendor_code: str = ""
    """The vendor code of the API key."""
    api_secret: SecretStr = SecretStr("")
    """The API key. Secret."""
    imei: str = "shoonya-desk"
    """What the login names as the device."""
    access_token: SecretStr = SecretStr("")
    """The token of an "oauth" session. Secret."""

    @model_validator(mode="after")
    def _leave_room_for_entries(self) -> Self:
        if self.orders_reserved_for_exits >= self.orders_per_second_max:
            raise ValueError("orders_reserved_for_exits must be below orders_per_second_max, or no entry could pass")
        return self


class WatcherSettings(Section):
    """How often the books are read (guide, step 6: 1.0 s)."""

    poll_interval_s: Seconds = 1.0
    """Seconds between two rounds of reading the books (guide, step 6: 1.0)."""
    books_unavailable_s_max: Seconds = 5.0
    """Seconds without a whole order book after which entries are refused."""
    book_away_s_max: Seconds = 600.0
    """A book that could not be read for so long is told: what waits for it needs a person."""
    breaks_seen_min: Count = 3
    """In so many rounds in a row a break has to be seen before it counts."""
    break_s_min: SecondsOrNone = 3.0
    """The books are read one after the other: a break counts after this number of cycles over at least this time."""


class ProofSettings(Section):
    """The proof of absence: this many healthy books, spread over at least this long."""

    books: Count = 3
    """In so many whole rounds of books an order has to be absent."""
    window_s: SecondsOrNone = 90.0
    """Over at least so many seconds these rounds have to be spread; 0 or more."""
