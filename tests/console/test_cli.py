import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner, Result

from actors.messages.books import AcceptanceUndone
from actors.messages.orders import OrderAnswered, OrderDeclined
from console.api.server import ApiServer
from console.cli.app import app
from domain.blocker import Blocker, BlockerKind
from domain.market.watching import Unwatched
from domain.orders.change import Change, ChangeKind, ChangeStage
from domain.orders.lifecycle import Event
from domain.orders.order import OrderEvent
from domain.orders.reasons import Reason
from domain.orders.types import Exchange
from domain.reconciliation.breaks import Break, BreakKind
from domain.risk.checks import TradingState
from domain.settings import StorageSettings
from storage.database import open_database
from tests.console.conftest import TOKEN
from tests.console.fakes import ACCEPTED, FILLED, SENT, TEN_O_CLOCK, FakeDesk, blocked
from tests.timing import patient

Desk = Callable[..., Result]
BUY = ("submit", "--symbol", "RELIANCE-EQ", "--side", "B", "--quantity", "10")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(here: Path) -> Desk:
    del here
    return lambda *message: CliRunner().invoke(app, list(message))


@pytest.fixture
def configured(here: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find the fake desk."""
    port = server.url.rpartition(":")[2]
    (here / "desk.toml").write_text(f'mode = "paper"\nclient_id = "PAPER"\n[api]\nport = {port}\n')
    monkeypatch.setenv("DESK_API__TOKEN", TOKEN)


@pytest.mark.parametrize("command", ["run", "orders", "status", "halt"])
def test_without_any_settings_a_command_says_how_to_make_some(call: Desk, command: str) -> None:
    answer = call(command)

    assert answer.exit_code == 2
    assert answer.stderr == "there is no desk.toml here; `init` writes one for paper trading, --config names another\n"


def test_a_mode_that_is_misspelled_refuses_to_start(call: Desk, here: Path) -> None:
    (here / "desk.toml").write_text('mode = "pappper"\nclient_id = "A"\n')

    answer = call("run")

    assert (answer.exit_code, answer.stderr) == (
        2,
        "desk.toml: mode: Input should be 'paper' or 'live', not 'pappper'\n",
    )


def test_a_strategy_that_does_not_exist_refuses_to_start(call: Desk, here: Path) -> None:
    message = '[[strategies]]\nclass = "examples.nothing:Nobody"\nname = "n"\n'
    (here / "desk.toml").write_text(f'mode = "paper"\nclient_id = "A"\n{message}')

    answer = call("run")

    assert answer.exit_code == 2
    assert "strategy 'n': class 'examples.nothing:Nobody' not found" in answer.stderr
    assert not (here / ".desk").exists()


def test_init_writes_settings_that_can_be_read_and_never_overwrites(call: Desk, here: Path) -> None:
    assert call("init").exit_code == 0
    written = (here / "desk.toml").read_text()

    again = call("init")

    assert (again.exit_code, (here / "desk.toml").read_text()) == (1, written)
    assert "was left as it is" in again.stderr
    assert "no desk is running at http://127.0.0.1:8711" in call("orders").stderr


def test_when_no_desk_runs_a_command_says_so(call: Desk, here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    (here / "desk.toml").write_text(f'mode = "paper"\nclient_id = "A"\n[api]\nport = {port}\n')

    answer = call(*BUY)

    message = f"no desk is running at http://127.0.0.1:{port}; start it with `run`\n"
    assert (answer.exit_code, answer.stderr) == (1, message)


@pytest.mark.usefixtures("configured")
def test_an_accepted_order_exits_with_0_and_tells_its_id(call: Desk, desk: FakeDesk) -> None:
    answer = call(*BUY, "--command-id", "one", "--stop-loss", "1400", "--comment", "by hand")

    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "Accepted: BUY 10 RELIANCE-EQ at limit 2,461.60" in answer.stdout
    command = desk.taken["one"].order.command
    assert (command.origin, command.strategy, str(command.stops and command.stops.stop_loss)) == (
        "HUMAN",
        "manual",
        "1400",
    )
    assert call(*BUY, "--command-id", "one").stdout.startswith("Repeated:")


@pytest.mark.usefixtures("configured")
def test_every_submit_makes_an_id_of_its_own(call: Desk, desk: FakeDesk) -> None:
    call(*BUY)
    call(*BUY)

    assert len(desk.taken) == 2


@pytest.mark.usefixtures("configured")
def test_a_blocked_order_exits_with_1_and_says_why(call: Desk, desk: FakeDesk) -> None:
    desk.fate = (blocked(Reason.TRADING_HALTED),)

    answer = call(*BUY)

    assert answer.exit_code == 1
    assert "Blocked, never sent (TRADING_HALTED)" in answer.stderr
    assert json.loads(call(*BUY, "--json").stdout)["reason"] == "TRADING_HALTED"


@pytest.mark.usefixtures("configured")
def test_a_repeat_of_a_blocked_order_exits_with_1_as_the_first_did(call: Desk, desk: FakeDesk) -> None:
    desk.fate = (blocked(Reason.TRADING_HALTED),)
    first = call(*BUY, "--command-id", "one")

    again = call(*BUY, "--command-id", "one")

    assert (first.exit_code, again.exit_code, again.stdout) == (1, 1, "")
    assert again.stderr.startswith("Repeated:")
    assert "Blocked, never sent (TRADING_HALTED)" in again.stderr


@pytest.mark.usefixtures("configured")
def test_an_order_that_cannot_be_is_not_even_sent(call: Desk, desk: FakeDesk) -> None:
    answer = call(*BUY, "--type", "LIMIT")

    message = "Invalid: a LIMIT order needs a price. Nothing was sent to the desk.\n"
    assert (answer.exit_code, answer.stderr, desk.taken) == (2, message, {})


@pytest.mark.usefixtures("configured")
def test_why_takes_the_beginning_of_an_id(call: Desk, desk: FakeDesk) -> None:
    desk.fate = (SENT, ACCEPTED, FILLED)
    call(*BUY, "--command-id", "alpha-1")
    call(*BUY, "--command-id", "alpha-2")

    assert "All 10 bought at 2,450.35 on average." in call("why", "alpha-1").stdout
    assert json.loads(call("why", "alpha-2", "--json").stdout)["steps"]["filled_ms"] == 6.0
    several = call("why", "alpha")
    assert (several.exit_code, several.stderr[:54]) == (1, "'alpha' may mean several orders: alpha-2, alpha-1; giv")
    assert "there is no order 'beta'" in call("why", "beta").stderr


@pytest.mark.usefixtures("configured")
def test_reading_commands_print_words_or_json(call: Desk) -> None:
    call(*BUY, "--command-id", "one")

    for command in ("orders", "positions", "status"):
        assert call(command).exit_code == 0
        json.loads(call(command, "--json").stdout)
    assert "one" in call("orders", "--open").stdout


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("command", "state"), [("halt", "HALTED"), ("exits-only", "EXITS_ONLY"), ("resume", "ACTIVE")])
def test_trading_is_turned_with_a_reason(call: Desk, desk: FakeDesk, command: str, state: str) -> None:
    answer = call(command, "--reason", "lunch")

    assert (answer.exit_code, desk.trading.state, desk.trading.reason) == (0, state, "lunch")
    assert answer.stdout == f"Trading is {state} (lunch), 3 orders today.\n"


@pytest.mark.usefixtures("configured")
def test_a_wrong_token_is_told_where_the_right_one_is(call: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_API__TOKEN", "not-the-token-of-the-desk")

    answer = call("status")

    assert answer.exit_code == 1
    assert "does not know this desk's token, so nothing was sent to it" in answer.stderr
    assert "api.token_path" in answer.stderr
    assert "not-the-token" not in answer.output


def test_a_token_that_can_be_guessed_is_refused(call: Desk, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "desk.toml").write_text('mode = "paper"\nclient_id = "A"\n')
    monkeypatch.setenv("DESK_API__TOKEN", "a")

    answer = call("run")

    assert answer.exit_code == 2
    assert "token must have at least 16 characters" in answer.stderr


class Impostor:
    """Holds a port, and keeps whatever is sent to it. With `real` it passes the challenge on to the real desk."""

    def __init__(self, real: str = "") -> None:
        self.heard: list[str] = []
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                impostor.heard.append(f"{self.path} {self.headers}")
                body = requests.get(real + self.path, timeout=patient(5)).content if real else b'{"proof": "00"}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  the library's name

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize("passes_on", [False, True])
@pytest.mark.usefixtures("configured")
def test_whoever_else_holds_the_port_gets_no_token(
    call: Desk,
    here: Path,
    server: ApiServer,
    desk: FakeDesk,
    passes_on: bool,  # noqa: FBT001
) -> None:
    """FINDINGS B3: also not by passing the challenge on to the real desk."""
    impostor = Impostor(server.url if passes_on else "")
    (here / "desk.toml").write_text(f'mode = "paper"\nclient_id = "PAPER"\n[api]\nport = {impostor.port}\n')

    for message in (("status",), ("halt",), BUY, ("flatten",)):
        answer = call(*message)
        assert answer.exit_code == 1
        assert "does not know this desk's token" in answer.stderr

    impostor.stop()
    assert len(impostor.heard) == 4
    assert all(one.startswith("/challenge?") for one in impostor.heard)
    assert not any(TOKEN in one or "Authorization" in one for one in impostor.heard)
    assert (desk.taken, desk.flattened, desk.trading.state) == ({}, [], TradingState.ACTIVE)


@pytest.mark.usefixtures("configured")
def test_a_token_file_that_others_may_read_is_refused(call: Desk, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESK_API__TOKEN")
    token = here / ".desk" / "api-token"
    token.parent.mkdir()
    token.write_text(TOKEN)
    token.chmod(0o644)

    assert "others may read the token" in call("status").stderr
    token.chmod(0o600)
    assert call("status").exit_code == 0


@pytest.mark.usefixtures("configured")
def test_a_cancel_takes_the_beginning_of_an_id_and_exits_with_0_when_taken(call: Desk, desk: FakeDesk) -> None:
    call(*BUY, "--command-id", "alpha-1")
    order = desk.taken["alpha-1"].order
    asked = Change(change_id="x1", kind=ChangeKind.CANCEL, asked_at=TEN_O_CLOCK, stage=ChangeStage.ACCEPTED)
    desk.change_answer = OrderAnswered(order=replace(order, change=asked))

    answer = call("cancel", "alph", "--reason", "enough", "--change-id", "x1")

    assert (answer.exit_code, answer.stdout[:26]) == (0, "Cancel taken by the broker")
    (request,) = desk.changes
    assert (request.command_id, request.kind, request.reason, request.origin) == (
        "alpha-1",
        "CANCEL",
        "enough",
        "HUMAN",
    )
    assert json.loads(call("cancel", "alpha-1", "--json").stdout)["order"]["change"]["stage"] == "ACCEPTED"
    assert len({request.change_id for request in desk.changes}) == 2


@pytest.mark.usefixtures("configured")
def test_a_change_that_was_declined_exits_with_1_and_says_why(call: Desk, desk: FakeDesk) -> None:
    call(*BUY, "--command-id", "one")
    desk.change_answer = OrderDeclined(command_id="one", reason=Reason.NOT_CHANGEABLE, message="the order is FILLED")

    answer = call("modify", "one", "--quantity", "20", "--price", "1,5")
    declined = call("modify", "one", "--quantity", "20")

    message = "Invalid: price must be a number, not '1,5'; write it without commas. Nothing was sent to the desk.\n"
    assert (answer.exit_code, answer.stderr) == (2, message)
    assert (declined.exit_code, declined.stderr) == (1, "Not done (NOT_CHANGEABLE): The order is FILLED.\n")
    assert [request.quantity for request in desk.changes] == [20]


@pytest.mark.usefixtures("configured")
def test_an_order_is_resolved_with_a_reason_only(call: Desk, desk: FakeDesk) -> None:
    call(*BUY, "--command-id", "one")
    desk.change_answer = OrderAnswered(order=desk.taken["one"].order)

    unsaid = call("resolve", "one", "--not-placed")
    given = ((), ("--placed", "7", "--not-placed"), ("--placed", "7", "--ended", "7"))
    unclear = [call("resolve", "one", *one, "--reason", "x") for one in given]
    answer = call("resolve", "one", "--placed", "7", "--reason", "seen", "--filled", "4", "--price", "10.5")

    assert unsaid.exit_code == 2
    one_of_them = "give --placed NUMBER, --ended NUMBER or --not-placed, one of them. Nothing was changed.\n"
    assert [(one.exit_code, one.stderr) for one in unclear] == [(2, one_of_them)] * 3
    assert (answer.exit_code, answer.stdout[:17]) == (0, "Resolved by hand.")
    ((name, resolution),) = desk.resolutions
    assert (name, resolution.placed, resolution.filled_quantity, resolution.broker_order_id) == ("one", True, 4, "7")
    assert str(resolution.average_price) == "10.5"


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("given", "placed", "number"),
    [(("--placed", "7"), True, "7"), (("--ended", "7"), False, "7"), (("--not-placed",), False, None)],
)
def test_a_person_can_say_that_an_order_was_there_and_is_over(
    call: Desk,
    desk: FakeDesk,
    given: tuple[str, ...],
    number: str | None,
    *,
    placed: bool,
) -> None:
    call(*BUY, "--command-id", "one")
    desk.change_answer = OrderAnswered(order=desk.taken["one"].order)

    call("resolve", "one", *given, "--reason", "seen")

    ((_, resolution),) = desk.resolutions
    assert (resolution.placed, resolution.broker_order_id) == (placed, number)


@pytest.mark.usefixtures("configured")
def test_status_names_each_break_with_its_mend_and_accept_takes_it(call: Desk, desk: FakeDesk) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    desk.blockers = (Blocker(BlockerKind.RECONCILIATION_BREAK, "the books differ: the account holds 5"),)
    desk.breaks = (Break(name=name, kind=BreakKind.POSITION, sentence="the account holds 5"),)

    shown = call("status").stdout
    accepted = call("accept", name, "--reason", "converted by phone")

    assert f"{name} (stops entries): the account holds 5. To end it: look at the broker; `accept '{name}'" in shown
    assert "In effect it is EXITS_ONLY for now" in shown
    assert (
        "Broker: LOGGED_IN (logged in); 0 waiting, 1 placed since the start; feed logged in; last whole order book"
        in shown
    )
    assert (accepted.exit_code, accepted.stdout[:30]) == (0, "Accepted: the account holds 5.")
    assert call("accept", "fills:1", "--reason", "x").exit_code == 1


@pytest.mark.usefixtures("configured")
def test_an_acceptance_is_taken_back_by_its_name(call: Desk, desk: FakeDesk) -> None:
    name = "position:NSE|RELIANCE-EQ|MIS"
    gone = Break(name=name, kind=BreakKind.POSITION, sentence="", difference=-10)
    desk.undone = lambda asked: AcceptanceUndone(name=asked, undone=gone)
    taken_back = call("accept", name, "--undo", "--reason", "the order has been found")
    desk.undone = lambda asked: AcceptanceUndone(name=asked, undone=None)
    nothing = call("accept", name, "--undo", "--reason", "again")
    desk.undone = lambda asked: AcceptanceUndone(name=asked, undone=None, cause="disk full")
    unwritten = call("accept", name, "--undo", "--reason", "again")

    assert (taken_back.exit_code, f"Taken back: {name}. +10 units of it count no more." in taken_back.stdout) == (
        0,
        True,
    )
    assert (nothing.exit_code, unwritten.exit_code) == (1, 1)
    assert "disk full" in unwritten.stderr + unwritten.stdout


@pytest.mark.usefixtures("configured")
def test_a_login_is_asked_for_and_an_after_market_order_is_marked(call: Desk, desk: FakeDesk) -> None:
    assert (call("login").exit_code, desk.logins) == (0, 1)

    call(*BUY, "--amo", "--command-id", "night")

    assert desk.taken["night"].order.command.amo
    assert "MARKET AMO" in call("orders").stdout


@pytest.mark.usefixtures("configured")
def test_a_backup_needs_no_running_desk_and_never_overwrites(call: Desk, here: Path) -> None:
    missing = call("backup", "copy.db")
    database = open_database(StorageSettings(path=here / ".desk" / "desk.db"))
    database.close()

    answer = call("backup", "copy.db")

    assert (missing.exit_code, "there is no database at .desk/desk.db" in missing.stderr) == (1, True)
    assert (answer.exit_code, answer.stdout[:38]) == (0, "copy.db holds 0 orders and 0 lines of ")
    assert "copy.db is there already" in call("backup", "copy.db").stderr
    assert json.loads(call("backup", "other.db", "--json").stdout)["orders"] == 0


@pytest.mark.usefixtures("configured")
def test_status_names_a_watched_symbol_that_brings_no_prices(call: Desk, desk: FakeDesk) -> None:
    missing = Unwatched(
        key=(Exchange.NSE, "RELIANCE"), strategies=("trend",), since_s=0.0, again_s=1.0, is_unknown=True
    )
    desk.unwatched = (missing,)

    shown = call("status")

    assert "trend gets no prices: the broker knows no RELIANCE on NSE." in " ".join(shown.stdout.split())
    assert json.loads(call("status", "--json").stdout)["unwatched"] == [
        "trend gets no prices: the broker knows no RELIANCE on NSE"
    ]


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("state", TradingState)
def test_status_says_ready_for_what_is_sent_and_no_more(call: Desk, desk: FakeDesk, state: TradingState) -> None:
    desk.set_trading_state(state, "a test")

    shown = " ".join(call("status").stdout.split())

    assert ("Ready: takes orders." in shown) is (state is TradingState.ACTIVE)
    assert ("only, until `resume`." in shown) is (state is not TradingState.ACTIVE)


@pytest.mark.usefixtures("configured")
def test_an_entry_until_flat_is_refused_before_anything_is_sent(call: Desk, desk: FakeDesk) -> None:
    answer = call(*BUY, "--until-flat")

    assert (answer.exit_code, desk.taken) == (2, {})
    assert answer.stderr == "--until-flat is for --intent EXIT. Nothing was sent to the desk.\n"


@pytest.mark.usefixtures("configured")
def test_an_exit_until_flat_that_finds_no_session_goes_on_and_is_a_success(call: Desk, desk: FakeDesk) -> None:
    desk.fate = (SENT, OrderEvent(kind=Event.REFUSED, tag=Reason.SESSION_EXPIRED, note="no session"))

    answer = call(*BUY, "--intent", "EXIT", "--until-flat")

    assert (answer.exit_code, len(desk.seen_to_flat)) == (0, 1)
    assert "is on its way to flat instead" in answer.stdout


def test_the_list_of_commands_is_whole_at_80_columns(call: Desk) -> None:
    told = call("--help").stdout.split("Commands:")[1]

    assert "..." not in told
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.usefixtures("configured")
def test_what_cannot_be_meant_exits_with_2(call: Desk) -> None:
    answer = call("protect", "RELIANCE-EQ")

    assert (answer.exit_code, answer.stderr) == (2, "give --stop-loss, --target or --trail. Nothing was changed.\n")
