"""What the paper broker may be told at its start."""

import ipaddress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path


class SettingsError(ValueError):
    """A setting the paper broker refuses; the sentence is meant for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperSettings:
    """Owns every limit, interval and credential of one paper broker; units stand last in the names."""

    host: str = "127.0.0.1"
    port: int = 0
    data_dir: Path = Path(".desk/paper")
    seed: int = 1
    speed: float = 1.0
    """The market's steps and the fills come this many times faster."""
    market_period_s: float = 0.25
    fill_delay_s: float = 0.05
    depth_units: int | None = None
    """How much trades at one price at a time; None takes each instrument's own depth."""
    cash: Decimal = Decimal("1000000000.00")
    fsync: bool = True
    verbose: bool = False

    exchange_hours: bool = False
    market_orders: bool = False
    """Accept MKT and SL-MKT, as before April 2026 (docs/protocol.md, price types)."""
    orders_per_s_max: int | None = 10
    orders_per_min_max: int | None = None
    requests_per_s_max: int | None = None
    """Of all routes together, as users of the same server report; so the next one."""
    requests_per_min_max: int | None = None
    hedged_margin: bool = False
    """What hedges a short option lowers its margin, and can't be sold first (see margin.py)."""
    short_delivery: bool = False
    """Accept CNC sales of shares that nobody holds."""
    single_session: bool = False
    one_socket_per_token: bool = False
    order_updates_unasked: bool = False
    """Push `om` right after the login frame; without it only after `o` (docs/protocol.md, WebSocket)."""
    blank_rejreason: bool = True
    """Healthy rows carry a `rejreason` of one space, as newer servers do; else the key is absent."""
    empty_positions_as_list: bool = False
    clock_offset_s: float = 0.0
    """How far the server's wall clock is ahead of the machine's; only tests and rehearsals of other days set it."""
    access_token: str | None = None
    """A token that is logged in from the start, as one got elsewhere by GenAcsTok is."""
    session_expired_http_status: int = 400
    """Assumption: no capture shows the status of an expired session."""

    user_id: str = "PAPER"
    password: str = "paper"  # noqa: S105  protects nothing but a loopback server
    new_password: bool = False
    """Take a password that nobody knows, and tell it beside the addresses: a desk starts its own broker so."""
    totp_secret: str = "JBSWY3DPEHPK3PXP"  # noqa: S105  as above
    vendor_code: str = "PAPER_U"
    api_secret: str = "paper-secret"  # noqa: S105  as above

    def __post_init__(self) -> None:
        try:
            loopback = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            loopback = self.host == "localhost"
        if not loopback:
            raise SettingsError(f"The paper broker listens on loopback only, and {self.host} is not loopback.")
        for name in ("speed", "market_period_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} has to be above zero.")
        if self.fill_delay_s < 0:
            raise SettingsError("fill_delay_s can't be below zero.")
        if self.depth_units is not None and self.depth_units <= 0:
            raise SettingsError("depth_units has to be above zero.")
