"""The README fits one screen, and what it shows works: its strategy trades, its commands are there."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from actors.messages.market import PriceTicked, WatchPrice
from actors.messages.orders import SubmitOrder
from actors.strategy import StrategyActor, StrategyPorts
from console.cli.app import app
from domain.broker.snapshots import Tick
from domain.orders.types import Exchange, Intent, OrderType, Side
from domain.risk.checks import TradingState
from domain.settings import StrategySettings
from domain.snapshot import DeskSnapshot
from tests.fakes import TEN_O_CLOCK, FakeClock, FakeIds, Probe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", *(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md"))]
LINES_MAX = 60
COLUMNS_MAX = 100


def test_it_fits_one_screen() -> None:
    lines = re.sub(r"\]\([^)]+\)", "]", README).splitlines()  # nobody reads where a link leads

    assert len(lines) <= LINES_MAX
    assert [line for line in lines if len(line) > COLUMNS_MAX] == []


def test_its_strategy_buys_the_dip_and_only_the_dip() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(snippet, "README.md", "exec"), names)  # noqa: S102  our own page
    kind = cast("type[StrategyActor]", names["BuyTheDip"])
    command, market = Probe(), Probe()
    snapshot = DeskSnapshot(orders=(), positions={}, orders_today=0, trading_state=TradingState.ACTIVE, reason="")
    ports = StrategyPorts(
        supervisor=Probe(),
        command=command,
        market=market,
        exits=Probe(),
        baskets=Probe(),
        client_id="FA1",
        clock=FakeClock(),
        ids=FakeIds(),
        snapshot=snapshot,
    )
    strategy = kind(ports, StrategySettings.model_validate({"class": "my_strategies:BuyTheDip", "name": "dip"}))

    strategy.on_start()
    for price in (1400, 1399):
        tick = Tick(exchange=Exchange.NSE, symbol="RELIANCE-EQ", last_price=Decimal(price), seen_at=TEN_O_CLOCK)
        strategy.on_receive(PriceTicked(tick=tick))

    assert market.only(WatchPrice).symbol == "RELIANCE-EQ"
    sent = command.only(SubmitOrder).command
    assert (sent.intent, sent.side, sent.quantity, sent.order_type) == (Intent.ENTRY, Side.BUY, 1, OrderType.MARKET)


def test_every_command_and_target_that_a_page_names_is_there() -> None:
    commands = set(app.commands)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:python main\.py|shoonya-desk) ([a-z][a-z-]*)", text))
        made = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
        assert named <= commands, page
        assert made <= targets, page


def test_every_room_of_its_map_is_there() -> None:
    rooms = re.findall(r"^\| (`[^|]+`) \|", README, re.MULTILINE)
    assert len(rooms) > 10

    for room in rooms:
        first, *others = re.findall(r"`([^`]+)`", room)
        parent = ROOT / first.split("/")[0]
        assert (ROOT / first).exists(), first
        assert all((parent / other).exists() or (ROOT / other).exists() for other in others), room
