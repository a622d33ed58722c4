"""Start the paper broker by itself: `python -m broker.paper`."""

import argparse
import sys
from decimal import Decimal
from pathlib import Path

from broker.paper.server import serve
from broker.paper.settings import PaperSettings, SettingsError


def main(arguments: list[str] | None = None) -> int:
    """Read the options and serve; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    try:
        serve(PaperSettings(**given))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    default = PaperSettings()
    parser = argparse.ArgumentParser(prog="python -m broker.paper", description="A Noren server of our own, on paper.")
    add = parser.add_argument
    add("--host", default=default.host, help="a loopback address (default %(default)s)")
    add("--port", type=int, default=default.port, help="0 takes a free one (default %(default)s)")
    add("--data-dir", type=Path, default=default.data_dir, help="where the ledgers are kept (default %(default)s)")
    add("--seed", type=int, default=default.seed, help="of the market and of fault chances (default %(default)s)")
    add("--speed", type=float, default=default.speed, help="market and fills this many times faster")
    add("--market-period-s", type=float, default=default.market_period_s, help="between two steps (%(default)s)")
    add("--fill-delay-s", type=float, default=default.fill_delay_s, help="acceptance to fill (default %(default)s)")
    add("--depth-units", type=int, default=default.depth_units, help="what fills at once (default: by instrument)")
    add("--cash", type=Decimal, default=default.cash, help="of the account, in rupees (default %(default)s)")
    add("--orders-per-s-max", type=_limit, default=default.orders_per_s_max, help="0 lifts it (default %(default)s)")
    add("--orders-per-min-max", type=_limit, default=default.orders_per_min_max, help="0 lifts it (default: none)")
    add("--requests-per-s-max", type=_limit, default=None, help="of all routes together (default: none)")
    add("--requests-per-min-max", type=_limit, default=None, help="of all routes together (default: none)")
    add("--clock-offset-s", type=float, default=default.clock_offset_s, help="the wall clock ahead of the machine's")
    add("--access-token", help="a token that is logged in from the start")
    add("--no-fsync", dest="fsync", action="store_false", help="for benchmarks only: a crash may lose orders")
    for name, what in (
        ("exchange-hours", "trade Monday to Friday 09:15 to 15:30 IST only, square MIS off at 15:20"),
        ("market-orders", "accept MKT and SL-MKT, as before April 2026"),
        ("hedged-margin", "what hedges a short option lowers its margin, and can't be sold first"),
        ("short-delivery", "accept CNC sales of shares that nobody holds"),
        ("single-session", "a login ends earlier sessions and closes their WebSockets, close code 1000"),
        ("one-socket-per-token", "a second WebSocket evicts the first, close code 1000"),
        ("order-updates-unasked", "push om without being subscribed to"),
        ("empty-positions-as-list", "answer an empty PositionBook by []"),
        ("new-password", "take a password that nobody knows, and print it beside the addresses"),
        ("verbose", "log at INFO"),
    ):
        add(f"--{name}", action="store_true", help=what)
    add("--absent-rejreason", dest="blank_rejreason", action="store_false", help="leave out a healthy row's rejreason")
    add(
        "--session-expired-http-status",
        type=int,
        default=default.session_expired_http_status,
        help="of an expired session's answer (default %(default)s)",
    )
    for name in ("user-id", "password", "totp-secret", "vendor-code", "api-secret"):
        add(f"--{name}", default=getattr(default, name.replace("-", "_")), help="of the paper account")
    return parser


def _limit(text: str) -> int | None:
    return int(text) or None


if __name__ == "__main__":
    sys.exit(main())
