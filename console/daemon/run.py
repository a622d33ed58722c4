"""Running a desk in this process until it is told to end, or one of its actors dies."""

import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

from actors.account import Lease, hold_account
from actors.desk import Desk
from actors.errors import DeskStartError, DeskUnavailableError
from actors.runtime.clock import SystemClock
from actors.strategy_loading import load_strategy
from console.api.app import make_api
from console.api.server import ApiServer
from console.chat import Chat
from console.daemon.config import at_paper_broker
from console.daemon.limits import raise_descriptor_limit
from console.daemon.logs import open_log
from console.daemon.paper import PaperBroker, lasting_paper, remembered_paper
from console.daemon.private import guard_files
from console.daemon.systemd import Notifier
from console.endpoint import token_in
from console.errors import PlainError
from console.views.text import taken_text
from domain.read_models import Readiness, TradingStateNow
from domain.redaction import secrets_of
from domain.risk.checks import TradingState
from domain.settings import Mode, Settings
from notify.channels import channels_of, telegram_of
from notify.port import ChannelError
from notify.telegram_chat import Person, TelegramChat

LOOK_EVERY_S: Final = 0.1
SHORT_LOOK_S: Final = 0.02
TELL_EVERY_S: Final = 5.0
TAKES: Final[Mapping[TradingState, str]] = {
    TradingState.ACTIVE: "takes orders",
    TradingState.EXITS_ONLY: "takes exits only, until `resume`,",
    TradingState.HALTED: "is halted, until `resume`, and answers",
}


class EndingDesk(Protocol):
    """What is asked of a desk while it begins and ends."""

    has_lost_a_file: bool

    def readiness(self) -> Readiness:
        """Return whether entries are taken, and why not."""

    def trading_state(self) -> TradingStateNow:
        """Return what may be sent."""

    def wait_for_failure(self, timeout_s: float) -> str | None:
        """Wait so long for an actor's death."""

    def stop(self, grace_s: float | None = None) -> tuple[str, ...]:
        """Stop in order; return what is still in flight."""


class Ending:
    """Owns the request to end: the first signal asks for an orderly end, the second ends the process at once."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def listen(self) -> None:
        """Hear SIGINT and SIGTERM from now on."""
        signal.signal(signal.SIGINT, self._hear)
        signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked.is_set():
            os._exit(1)
        self.asked.set()


def run_desk(settings: Settings) -> int:
    """Run the desk with its API until it ends; return the exit code."""
    ending = Ending()
    ending.listen()
    sys.path.append(str(Path.cwd()))
    if missing := settings.missing_credentials:
        raise PlainError(f"live money needs a login, and nobody has given {', '.join(missing)}: set them", 2)
    check_strategies(settings)
    check_channels(settings)
    if repaired := guard_files(settings):
        _say(repaired)
    raise_descriptor_limit()
    token = settings.api.token.get_secret_value() or token_in(settings.api.token_path)
    writer = open_log(settings.data_dir / "desk.log", secrets_of(settings, token), on_screen=True)
    try:
        server = ApiServer(settings.api, settings.data_dir)
        try:
            lease = _hold_account(settings)
            try:
                paper = _paper_of(settings)
                if paper is None:
                    return _run(settings, lease, server, token, ending)
                code = _run(at_paper_broker(settings, paper.addresses), lease, server, token, ending)
                _say(what_becomes_of(paper, settings.data_dir))
                return code
            finally:
                lease.release()
        finally:
            server.stop()
    finally:
        writer.close()


def what_becomes_of(paper: PaperBroker, data_dir: Path) -> str:
    """Say whether the paper broker outlives the desk, and how it is ended."""
    if remembered_paper(data_dir) is None:
        return "the paper broker has ended too; the next `run` starts another one"
    pid = paper.addresses["pid"]
    return f"the paper broker goes on, as a real one would, as process {pid}; `kill {pid}` ends it"


def check_channels(settings: Settings) -> None:
    """See that every alert channel can be made before anything starts; raise `PlainError` naming the one that can't."""
    try:
        channels_of(settings.alerts)
    except ChannelError as error:
        raise PlainError(str(error), 2) from None


def check_strategies(settings: Settings) -> None:
    """Find every strategy's class before anything starts; raise `PlainError` naming the one that is missing."""
    for chosen in settings.strategies:
        try:
            load_strategy(chosen)
        except DeskStartError as error:
            raise PlainError(str(error), 2) from None


def _paper_of(settings: Settings) -> PaperBroker | None:
    """Return the paper broker that is ours: none with live money, or where the settings name one."""
    is_named = settings.mode is Mode.LIVE or settings.broker.rest_url
    return None if is_named else lasting_paper(settings.data_dir)


def _hold_account(settings: Settings) -> Lease:
    try:
        return hold_account(settings, SystemClock().now())
    except DeskStartError as error:
        raise PlainError(f"the desk did not start: {error}") from None


def _run(settings: Settings, lease: Lease, server: ApiServer, token: str, ending: Ending) -> int:
    desk, notifier = Desk(settings, lease=lease), Notifier()
    try:
        desk.start()
    except DeskStartError as error:
        raise PlainError(f"the desk did not start: {error}") from None
    if desk.taken_up:
        _say(f"taken up from earlier runs: {desk.taken_up}")
    listener = listen_in_chat(desk, settings)
    try:
        server.start(make_api(desk, settings, token), {"client_id": settings.client_id})
        failure = _serve(desk, settings, server.url, ending, notifier)
    except DeskStartError as error:
        desk.stop()
        raise PlainError(str(error), 2) from None
    except DeskUnavailableError as error:
        desk.stop(grace_s=0)
        raise PlainError(f"{error}; start it again with `run`: it recovers from its database") from None
    except BaseException:
        desk.stop(grace_s=0)
        raise
    finally:
        if listener is not None:
            listener.stop()
    notifier.stopping()
    return end_desk(desk, failure)


def listen_in_chat(desk: Desk, settings: Settings) -> TelegramChat | None:
    """Hear what is said in the chat, where one is set up."""
    alerts, clock = settings.alerts, SystemClock()
    telegram = telegram_of(alerts)
    if telegram is None:
        return None
    user = alerts.telegram_user_id or alerts.telegram_chat_id
    person = Person(user, alerts.telegram_chat_id, may_be_group=alerts.telegram_allow_group)
    listener = TelegramChat(telegram, person, clock, Chat(desk, clock).answer, desk.warn_of_stranger)
    desk.keep_alive(listener.thread)
    return listener


def _serve(desk: Desk, settings: Settings, url: str, ending: Ending, notifier: Notifier) -> str | None:
    """Wait until the desk is ready, say so, and go on until it must end; return why, if that was not asked for."""

    def tell(message: str) -> None:
        _say(message)
        notifier.status(message)

    failure = wait_until_ready(desk, ending, tell)
    if failure is not None or ending.asked.is_set():
        return failure
    takes = TAKES[desk.status().trading.state]
    sys.stdout.write(f"ready: {settings.client_id} ({settings.mode}) {takes} at {url}\n")
    sys.stdout.flush()
    desk.start_strategies()
    notifier.ready()
    return watch(desk, ending, notifier)


def watch(desk: EndingDesk, ending: Ending, notifier: Notifier) -> str | None:
    """Go on until the desk must end, telling the service manager how it is: one that hangs is not told alive."""
    clock = SystemClock()
    tell_every_s = min(notifier.watchdog_s or TELL_EVERY_S, TELL_EVERY_S)
    tell_at = clock.monotonic()
    failure = None
    while failure is None and not ending.asked.is_set():
        failure = desk.wait_for_failure(LOOK_EVERY_S)
        if failure is None and clock.monotonic() >= tell_at:
            tell_at = clock.monotonic() + tell_every_s
            _tell_how_it_is(desk, notifier)
    return failure


def _tell_how_it_is(desk: EndingDesk, notifier: Notifier) -> None:
    try:
        blockers, state = desk.readiness().blockers, desk.trading_state().state
    except DeskUnavailableError as error:
        notifier.status(f"does not answer: {error}")
        return
    notifier.alive()
    notifier.status(f"exits only: {'; '.join(map(str, blockers))}" if blockers else taken_text(state))


def wait_until_ready(
    desk: EndingDesk, ending: Ending, say: Callable[[str], None], within_s: float = math.inf
) -> str | None:
    """Wait until nothing speaks against taking orders, saying what does; return the failure that came instead."""
    clock = SystemClock()
    ends_at = clock.monotonic() + within_s
    said: tuple[str, ...] = ()
    while not ending.asked.is_set():
        reasons = _reasons(desk)
        if not reasons:
            return None
        if reasons != said:
            say(f"not ready yet: {'; '.join(reasons)}")
            said = reasons
        if clock.monotonic() > ends_at:
            return f"it was not ready within {within_s:g} s ({'; '.join(reasons)})"
        failure = desk.wait_for_failure(SHORT_LOOK_S)
        if failure is not None:
            return failure
    return None


def _reasons(desk: EndingDesk) -> tuple[str, ...]:
    """Return what speaks against entries; a desk whose actor has just died does not answer, and soon says why."""
    try:
        return tuple(map(str, desk.readiness().blockers))
    except DeskUnavailableError as error:
        return (str(error),)


def _say(message: str) -> None:
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def end_desk(desk: EndingDesk, failure: str | None) -> int:
    """Stop the desk in order, saying what it leaves; return the exit code."""
    orphans = desk.stop()
    if orphans:
        _say(f"ended with orders in flight, which the next start finds at the broker: {', '.join(orphans)}")
    if failure is not None and desk.has_lost_a_file:
        _say(f"the desk ended because {failure}; put the file back as it was before you start it again, or restore one")
        return 2
    if failure is not None:
        _say(f"the desk ended because {failure}; start it again with `run`: it recovers from its database")
        return 1
    _say("the desk has ended; orders at the broker stay as they are")
    return 0
