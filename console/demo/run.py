"""The demo: a paper broker, a desk and three strategies in a fresh folder, and every order's six steps to be seen."""

import json
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, cast

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from actors.desk import Desk
from actors.errors import DeskStartError
from actors.runtime.clock import SystemClock
from console.daemon.config import PAPER_CREDENTIALS
from console.daemon.logs import open_log
from console.daemon.paper import start_paper
from console.daemon.run import Ending, wait_until_ready
from console.demo.straddle import MarketScript, straddle_table
from console.demo.strategies import STRATEGIES, DemoStrategy
from console.errors import PlainError
from console.views.form import Form
from console.views.render import screen, steps_line, steps_table
from console.views.serializers import pnl_form, tally, timeline_form
from console.views.status_tables import pnl_lines
from domain.orders.command import OrderCommand
from domain.orders.order import Order
from domain.orders.types import Intent, Origin, Side
from domain.ports import IST
from domain.redaction import secrets_of
from domain.settings import Settings

LOOK_EVERY_S: Final = 0.25
ROWS_MAX: Final = 20
ORDERS_MAX: Final = 5_000
READY_S_MAX: Final = 30.0
QUIET_S_MAX: Final = 15.0
EXIT_WAIT_S: Final = 5.0
_TOLD: Final = ("basket:", "stops:", "exit:", "risk")


class DemoSettings(Settings):
    """Settings that no environment can turn towards a real account."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what the demo itself says."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def demo_settings(folder: Path, addresses: dict[str, Any], strategy: DemoStrategy, seconds: float) -> Settings:
    """Return the settings of a desk that keeps everything in `folder` and trades at the paper broker."""
    straddle = straddle_table(SystemClock().now(), seconds)
    given: dict[str, Any] = {
        "mode": "paper",
        "client_id": "DEMO",
        "data_dir": folder,
        "broker": {
            **PAPER_CREDENTIALS,
            **{name: addresses[name] for name in ("rest_url", "websocket_url", "password")},
        },
        "storage": {"path": folder / "desk.db"},
        "api": {"token_path": folder / "api-token"},
        "watcher": {"poll_interval_s": 0.25},
        "strategies": STRATEGIES.get(strategy, (straddle,)),
    }
    return DemoSettings(**given)


def run_demo(seconds: float, strategy: DemoStrategy, *, as_json: bool) -> int:
    """Show a desk at work for so many seconds after it is ready; return the exit code."""
    ending = Ending()
    ending.listen()
    folder = Path(tempfile.mkdtemp(prefix="shoonya-demo-"))
    paper = start_paper(folder / "paper")
    try:
        settings = demo_settings(folder, paper.addresses, strategy, seconds)
        script = MarketScript.of(paper.addresses["admin_url"], SystemClock().now())
        writer = open_log(folder / "desk.log", secrets_of(settings), on_screen=False)
        try:
            told = script if strategy is DemoStrategy.STRADDLE else None
            counts = _Show(Desk(settings), ending, told, as_json=as_json).run(seconds)
        finally:
            writer.close()
    except (PlainError, DeskStartError) as error:
        raise PlainError(f"{error}. The log is {folder / 'desk.log'}") from None
    finally:
        paper.stop()
    shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        sys.stdout.write(json.dumps(counts) + "\n")
    return 0


class _Show:
    """Owns the demo's desk and what is shown of it."""

    def __init__(self, desk: Desk, ending: Ending, script: MarketScript | None, *, as_json: bool) -> None:
        self._desk = desk
        self._ending = ending
        self._script = script
        self._told = 0
        self._clock = SystemClock()
        self._seen: dict[str, tuple[Order, Form]] = {}
        self._screen = screen()
        self._live = self._screen.is_terminal and not as_json
        self._quiet = as_json

    def run(self, seconds: float) -> dict[str, int]:
        """Trade for so long, give up what is held, and count."""
        self._desk.start()
        try:
            failure = wait_until_ready(self._desk, self._ending, lambda _message: None, READY_S_MAX)
            if failure is None:
                failure = self._trade(seconds)
            if failure is not None:
                raise PlainError(f"the demo's desk ended because {failure}")
            counts = tally([form["order"] for _, form in self._seen.values()])
            pnl = pnl_form(self._desk.pnl())
        finally:
            self._desk.stop()
        self._sum_up(counts, pnl)
        return counts

    def _trade(self, seconds: float) -> str | None:
        self._say("A paper broker and a desk are running; strategies trade now. No account, no money.")
        if self._script is not None:
            self._script.begin()
        self._desk.start_strategies()
        with self._picture() as show:
            ends_at = self._clock.monotonic() + seconds
            while not self._ending.asked.is_set() and (left := ends_at - self._clock.monotonic()) > 0:
                if self._script is not None:
                    self._script.play(1 - left / seconds)
                show(f"{left:.0f} s left")
                failure = self._desk.wait_for_failure(min(LOOK_EVERY_S, left))
                if failure is not None:
                    return failure
            self._desk.stop_strategies()
            self._give_up_positions()
            failure = self._wait_until_nothing_is_open(show)
            show("over")
            return failure

    def _give_up_positions(self) -> None:
        """Get out as a person would: an exit for whatever a strategy still holds."""
        self._wait_until_nothing_is_open(lambda _message: None)
        for strategy, held in self._desk.holdings().positions.items():
            for key, quantity in held.items():
                given = {
                    "command_id": f"{strategy}.{secrets.token_hex(16)}",
                    "client_id": "DEMO",
                    "strategy": strategy,
                    "intent": Intent.EXIT,
                    "exchange": key.exchange,
                    "symbol": key.symbol,
                    "side": Side.SELL if quantity > 0 else Side.BUY,
                    "quantity": abs(quantity),
                    "product": key.product,
                    "order_type": "MARKET",
                    "comment": "the demo is over",
                    "origin": Origin.HUMAN,
                }
                self._desk.submit(OrderCommand.parse(given), EXIT_WAIT_S)

    def _wait_until_nothing_is_open(self, show: Callable[[str], None]) -> str | None:
        ends_at = self._clock.monotonic() + QUIET_S_MAX
        while self._desk.orders(ROWS_MAX, open_only=True) and self._clock.monotonic() < ends_at:
            show("closing")
            failure = self._desk.wait_for_failure(LOOK_EVERY_S)
            if failure is not None:
                return failure
        return None

    def _picture(self) -> "AbstractContextManager[Callable[[str], None]]":
        if self._live:
            return _LivePicture(self, self._screen)
        return nullcontext(self.tell_news)

    def look(self) -> list[Form]:
        """Return the timelines of all orders, newest first, and which of them moved."""
        return [self._form_of(order) for order in self._desk.orders(ORDERS_MAX)]

    def _form_of(self, order: Order) -> Form:
        name = order.command.command_id
        known = self._seen.get(name)
        if known is None or known[0] != order:
            timeline = self._desk.timeline(name)
            assert timeline is not None, "the order was just read"
            known = self._seen[name] = (timeline.order, timeline_form(timeline))
        return known[1]

    def tell_news(self, _message: str) -> None:
        """Tell each order that moved in a line of its own, oldest first."""
        before = {name: order for name, (order, _) in self._seen.items()}
        for form in reversed(self.look()):
            name = form["order"]["command_id"]
            if before.get(name) != self._seen[name][0] and not self._quiet:
                sys.stdout.write(steps_line(form) + "\n")
        sys.stdout.flush()
        self.tell_alerts()

    def _say(self, message: str) -> None:
        if not self._quiet:
            self._screen.print(message)

    def tell_alerts(self) -> None:
        """Tell what a person would be told: baskets, stops, exits, limits."""
        records = self._desk.alerts().records
        for one in records[self._told :]:
            if one.alert.topic.startswith(_TOLD):
                self._say(f"  {one.raised_at.astimezone(IST):%H:%M:%S} {one.alert.what}")
        self._told = len(records)

    def pnl_now(self) -> Text:
        """Return the day in one line, as it stands."""
        now = pnl_form(self._desk.pnl())
        return Text(f"P&L now: {now['total']} rupees (realised {now['realised']}, open {now['open']})", style="bold")

    def _sum_up(self, counts: dict[str, int], pnl: Form) -> None:
        for one in pnl_lines(pnl, self._screen.width):
            if not self._quiet:
                self._screen.print(one)
        message = ", ".join(f"{count} {name}" for name, count in counts.items())
        self._say(f"{message}. Each was stored before it was sent, and sent once.")


class _LivePicture(AbstractContextManager[Callable[[str], None]]):
    """A table on the terminal that is drawn anew as orders move."""

    def __init__(self, show: _Show, console: Console) -> None:
        self._show = show
        # The same console as the lines that are told: they appear above the table, and not beneath it.
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self) -> Callable[[str], None]:
        self._live.__enter__()
        return self._draw

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*cast("tuple[None, None, None]", error))

    def _draw(self, message: str) -> None:
        timelines = self._show.look()
        counts = tally([form["order"] for form in timelines])
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        table = steps_table(timelines[:ROWS_MAX], self._live.console.width)
        counted = Text(f"{told} ({message}); times count from registration", style="dim")
        drawing = Group(table, self._show.pnl_now(), counted)
        self._show.tell_alerts()
        self._live.update(drawing, refresh=True)
