"""The command line's desk from outside: how it ends, and what it will not begin with (SCENARIOS, D5, D9 and D11)."""

import json
import math
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from broker.paper.engine.instruments import listed_at
from console.api.app import make_api
from console.api.server import ApiServer
from console.cli.app import app
from domain.orders.lifecycle import State
from domain.ports import IST
from tests.scenarios.books import assert_journal_replays, breaks, own_rows_of
from tests.scenarios.paper import HOME, Paper
from tests.scenarios.process import TOKEN, Caller, DeskProcess, an_order, command_line, environment, write_config
from tests.scenarios.scene import Scene
from tests.scenarios.waiting import WAIT_S, until
from tests.timing import patient

ON_THE_WAY = frozenset({State.CREATED, State.SENDING})


class Callers:
    """Owns one thread for each order that is sent at the same moment; keeps what each was answered."""

    def __init__(self, url: str, orders: list[dict[str, Any]]) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self._url = url
        self._threads = [threading.Thread(target=self._send, args=(order,)) for order in orders]
        for thread in self._threads:
            thread.start()

    def _send(self, order: dict[str, Any]) -> None:
        caller = Caller()
        try:
            self.answers[order["command_id"]] = caller.post(self._url, order).json()
        except requests.RequestException:
            return
        finally:
            caller.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()


@pytest.fixture
def run_desk(tmp_path: Path, paper: Paper) -> Iterator[Callable[..., DeskProcess]]:
    """Run desks on one database, one after the other."""
    desks: list[DeskProcess] = []

    def run(**times: float) -> DeskProcess:
        desks.append(DeskProcess(write_config(tmp_path / "desk", paper, **times), len(desks)))
        desks[-1].until_ready()
        return desks[-1]

    yield run
    for desk in desks:
        desk.close()


@pytest.mark.parametrize(("grace_s", "drains"), [(patient(3), True), (0.2, False)])
def test_sigterm_with_orders_in_flight_drains_or_names_them_and_leaves_nothing_unrecorded(
    run_desk: Callable[..., DeskProcess], paper: Paper, tmp_path: Path, *, grace_s: float, drains: bool
) -> None:
    """D9."""
    earlier = frozenset(one.number for one in paper.ledger().orders)
    arrived = len(paper.ledger().arrivals)
    database = tmp_path / "desk" / "desk.db"
    desk = run_desk(grace_s=grace_s, read_timeout_s=patient(1))
    paper.fault("PlaceOrder", "slow_after", seconds=0.3 if drains else patient(0.3), count=None)
    assert desk.url
    callers = Callers(desk.url, [an_order(f"{tmp_path.name}-{n}"[-60:]) for n in range(6)])
    until(lambda: len(paper.ledger().arrivals) > arrived, "no order arrived")

    code = desk.terminate()
    callers.join()

    assert code == 0, desk.said
    assert_journal_replays(database)
    rows = own_rows_of(database)
    unresolved = {name for name, row in rows.items() if row["state"] in ON_THE_WAY}
    named = {name for name in rows if name in desk.said.partition("ended with orders in flight")[2]}
    assert unresolved <= named, "what was on its way is named"
    assert bool(named) is not drains
    if drains:
        assert {name for name, answer in callers.answers.items() if answer["order"]} == set(rows)
    tags = {row["remarks_tag"] for row in rows.values() if row["state"] != State.CREATED}
    assert {tag for tag, _, _ in paper.ledger().arrivals[arrived:]} <= tags, "all that arrived is on record as sent"
    paper.clear_faults()
    run_desk()

    def differences() -> list[str]:
        ledger = paper.ledger()
        ours = frozenset(one.number for one in ledger.orders) - earlier
        return breaks(database, ledger, ours)

    until(lambda: not differences(), lambda: "; ".join(differences()))
    sent = [tag for tag, _, _ in paper.ledger().arrivals[arrived:]]
    assert len(sent) == len(set(sent)), "nothing was sent twice"


def test_a_second_desk_for_the_account_is_told_who_has_it_and_the_next_one_after_a_kill_starts(
    run_desk: Callable[..., DeskProcess], paper: Paper, tmp_path: Path
) -> None:
    """D5: the lease keeps the second out before it touches anything, and ends with the first however that ends."""
    config = tmp_path / "desk" / "desk.toml"
    began = datetime.now(tz=IST).replace(microsecond=0)
    first = run_desk()
    ready = datetime.now(tz=IST)
    logins = paper.ledger().requests["QuickAuth"]

    second = _run_to_its_end(config)

    assert second.returncode == 1
    _assert_one_sentence(second.stderr, ("the desk did not start", "the account PAPER is held by another desk"))
    assert f"process {first.process.pid} on {socket.gethostname()}" in second.stderr
    since = re.search(r"since (\S+), with (\S+)\)", second.stderr)
    assert since is not None, second.stderr
    assert began <= datetime.fromisoformat(since[1]) <= ready
    assert since[2] == str(config.parent / "desk.db")
    assert paper.ledger().requests["QuickAuth"] == logins, "the first one's session is not disturbed"
    caller, command_id = Caller(), f"{tmp_path.name}-held"[-60:]
    assert first.url, "the second did not take the first one's address away"
    assert caller.post(first.url, an_order(command_id)).json()["order"]["state"] == State.WORKING

    first.kill()
    third = run_desk()

    assert third.url
    assert caller.post(third.url, an_order(command_id)).json()["repeated"] is True
    caller.close()


def _run_to_its_end(config: Path) -> "subprocess.CompletedProcess[str]":
    """Run the desk until it ends by itself."""
    return subprocess.run(
        command_line("run", "--config", str(config)),
        capture_output=True,
        text=True,
        cwd=HOME,
        env=environment(),
        timeout=WAIT_S,
        check=False,
    )


GOOD = 'client_id = "PAPER"\nmode = "paper"\ndata_dir = "{folder}"\n'

BAD_CONFIGS = {
    'client_id = "PAPER"\nmode = "pappper"\n': ("mode", "pappper"),
    'client_id = "PAPER"\n': ("mode is missing",),
    'mode = "paper"\nclient_id = "P A"\n': ("client_id",),
    GOOD + 'mood = "good"\n': ("mood is not a setting",),
    GOOD + "[watcher]\npoll_intervall_s = 1\n": ("watcher.poll_intervall_s is not a setting",),
    GOOD + "[watcher]\npoll_interval_s = 0\n": ("watcher.poll_interval_s", "0"),
    GOOD + "[watcher]\npoll_interval_s = nan\n": ("watcher.poll_interval_s",),
    GOOD + "[proof]\nbooks = 0\n": ("proof.books",),
    GOOD + "[proof]\nwindow_s = inf\n": ("proof.window_s",),
    GOOD + "[risk]\norder_notional_max = -5\n": ("risk.order_notional_max", "-5"),
    GOOD + "[risk]\norder_notional_max = nan\n": ("risk.order_notional_max",),
    GOOD + '[api]\nhost = "0.0.0.0"\n': ("127.0.0.1 or ::1",),
    GOOD + '[broker]\npassword = "hunter2"\n': ("broker.password", "chmod 600"),
    GOOD + "[broker]\norders_per_second_max = 3\n": ("orders_reserved_for_exits",),
    GOOD + '[[strategies]]\nclass = "examples.one_shot:OneShot"\nname = "a b"\n': ("strategies.0.name",),
    'client_id = "PAPER"\nmode = "live"\n': ("broker.rest_url is not set",),
    'mode = "paper\n': ("cannot be read",),
}


@pytest.mark.parametrize("message", BAD_CONFIGS)
def test_a_config_that_cannot_be_meant_is_refused_in_one_sentence(tmp_path: Path, message: str) -> None:
    """D11."""
    config = tmp_path / "desk.toml"
    config.write_text(message.replace("{folder}", str(tmp_path / "data")), encoding="utf-8")
    config.chmod(0o644)

    result = CliRunner().invoke(app, ["run", "--config", str(config)])

    assert result.exit_code == 2
    _assert_one_sentence(result.stderr, BAD_CONFIGS[message])
    assert "hunter2" not in result.output
    assert not (tmp_path / "data").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ('client_id = "PAPER"\nmode = "pappper"\n', ("mode", "pappper")),
        (GOOD + '[[strategies]]\nclass = "examples.one_shot:OneShoot"\nname = "one"\n', ("OneShoot", "not found")),
    ],
)
def test_the_process_itself_ends_with_2_and_one_sentence(tmp_path: Path, message: str, says: tuple[str, ...]) -> None:
    """D11."""
    config = tmp_path / "desk.toml"
    config.write_text(message.replace("{folder}", str(tmp_path / "data")), encoding="utf-8")

    ended = _run_to_its_end(config)

    assert ended.returncode == 2
    assert ended.stdout == ""
    _assert_one_sentence(ended.stderr, says)


def _assert_one_sentence(said: str, wanted: tuple[str, ...]) -> None:
    assert len(said.strip().splitlines()) == 1, said
    assert "Traceback" not in said
    for word in wanted:
        assert word in said


BAD_ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "NaN price": ({"price": "NaN"}, "price must be a number above 0"),
    "infinite price": ({"price": "Infinity"}, "price must be a number above 0"),
    "negative price": ({"price": "-1"}, "price must be a number above 0"),
    "negative quantity": ({"quantity": -5}, "quantity must be a whole number of units from 1"),
    "no quantity": ({"quantity": 0}, "quantity must be a whole number of units from 1"),
    "half a unit": ({"quantity": 1.5}, "quantity must be a whole number"),
    "quantity beyond memory": ({"quantity": "1e999999999"}, "quantity must be a whole number"),
    "symbol with &": ({"symbol": "M&M-EQ"}, "contains '&'"),
    "unknown symbol": ({"symbol": "RELIANS-EQ"}, "he broker knows no RELIANS-EQ on NSE"),
    "price off tick": ({"price": "1500.03"}, "off RELIANCE-EQ's tick of 0.10; nearest are 1500.00 and 1500.10"),
    "price outside circuit": ({"price": "9000.00"}, "outside RELIANCE-EQ's circuit limits"),
    "quantity above freeze": ({"quantity": 33_001}, "send 33001 as 33000 + 1"),
    "limit without price": ({"price": None}, "a LIMIT order needs a price"),
    "market with price": ({"order_type": "MARKET"}, "takes no price"),
    "stop on the wrong side": ({"order_type": "SL", "trigger_price": "1510"}, "must be at or above its trigger_price"),
    "product of another segment": ({"product": "NRML"}, "product NRML cannot be used on NSE"),
    "unknown side": ({"side": "BYE"}, "side must be one of BUY, SELL"),
    "unknown field": ({"stop_los": "1400"}, "unknown field 'stop_los'"),
    "another client": ({"client_id": "SOMEBODY"}, "this desk trades for 'PAPER' only"),
    "a tag that would cut the request": ({"command_id": "a&b=c"}, "command_id must be"),
    "no name": ({"command_id": None}, "give the order a command_id"),
}


@pytest.fixture
def api(scene: Scene, tmp_path: Path) -> Iterator[str]:
    """Serve the scene's desk over HTTP."""
    server = ApiServer(scene.settings.api.model_copy(update={"port": 0}), tmp_path)
    server.start(make_api(scene.desk, scene.settings, TOKEN), {})
    yield server.url
    server.stop()


def _a_future() -> str:
    """Return the NIFTY future, which trades in lots of 65."""
    listed = listed_at(datetime.now(tz=IST))
    return next(one.symbol for one in listed if one.kind == "FUTIDX" and one.underlying == "NIFTY")


def test_an_order_that_cannot_be_meant_is_refused_in_one_sentence_and_nothing_is_sent(
    scene: Scene, paper: Paper, api: str
) -> None:
    """D11: 422 and a sentence, in full, for each; the broker hears of none."""
    before = paper.ledger()
    caller = Caller()

    for number, (name, (given, message)) in enumerate(BAD_ORDERS.items()):
        order = {**an_order(f"{scene.name}-bad-{number}"), **given}
        answer = caller.post(api, {field: value for field, value in order.items() if value is not None})
        sentence = answer.json()["sentence"]
        assert answer.status_code == 422, f"{name}: {answer.status_code} {sentence}"
        assert message in sentence, name
        assert "\n" not in sentence
    off_lot = {"exchange": "NFO", "symbol": _a_future(), "product": "NRML", "quantity": 66, "price": "26000.00"}
    answer = caller.post(api, an_order(f"{scene.name}-off-lot", **off_lot))
    caller.close()

    assert answer.status_code == 422
    assert "trades in lots of 65; 66 is not a multiple" in answer.json()["sentence"]
    after = paper.ledger()
    assert (len(after.orders), len(after.arrivals)) == (len(before.orders), len(before.arrivals))
    assert {row["state"] for row in own_rows_of(scene.path).values()} <= {State.BLOCKED}
    good = scene.submit(scene.command("good"))
    assert good.state is State.WORKING
    scene.until_state(good.command, State.FILLED)
    scene.until_books_agree()


def test_a_number_that_is_none_is_refused_before_it_becomes_an_order(scene: Scene, api: str) -> None:
    """D11: JSON's NaN, which Python would read."""
    body = json.dumps({**an_order(f"{scene.name}-nan"), "price": math.nan})
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = session.post(f"{api}/orders", data=body, headers=headers, timeout=WAIT_S)

    assert answer.status_code == 422
    assert "NaN is not a number an order can have" in answer.json()["sentence"]
