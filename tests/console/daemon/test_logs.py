import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loguru import logger

from console.daemon.logs import LogWriter, clean, open_log
from console.settings_file import load_settings
from domain.redaction import secrets_of
from domain.settings import AlertSettings
from tests.scenarios.waiting import until

SECRET = "JBSWY3DPEHPK3PXQ"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[tuple[LogWriter, Path]]:
    settings = load_settings(None, mode="paper", client_id="X", broker={"totp_secret": SECRET})
    path = tmp_path / "desk.log"
    writer = open_log(path, secrets_of(settings, "the-api-token"), on_screen=False)
    yield writer, path
    logger.remove()
    logging.basicConfig(handlers=[], force=True)
    logging.captureWarnings(capture=False)


def test_no_secret_reaches_the_log_by_any_path(log: tuple[LogWriter, Path]) -> None:
    writer, path = log
    logger.info("logging in with {}", SECRET)
    logging.getLogger("pykka").error("token the-api-token")
    try:
        int(f"jKey=abcdef and {SECRET}")
    except ValueError:
        logger.exception("it broke")
    writer.close()

    message = path.read_text()

    assert "it broke" in message
    assert "pykka: token ***" in message
    assert "jKey=*** and ***" in message
    assert not any(secret in message for secret in (SECRET, "the-api-token", "abcdef"))


def test_lines_carry_the_exchanges_time_and_nothing_below_info(log: tuple[LogWriter, Path]) -> None:
    writer, path = log
    logger.debug("too fine")
    logger.info("one {} two", "{braces}")
    writer.close()

    lines = path.read_text().splitlines()

    assert len(lines) == 1
    assert lines[0].endswith(" INFO     one {braces} two")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_costs_the_lines_it_does_not_take_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "desk.log"
    path.symlink_to("/dev/full")
    writer = LogWriter(path, (), None)
    sink = logger.add(writer, format="{message}")
    for number in range(3):
        logger.info("lost {}", number)
    until(lambda: writer._dropped == 3, lambda: f"{writer._dropped} were dropped")

    path.unlink()
    logger.info("kept")
    logger.remove(sink)
    writer.close()

    told, kept = path.read_text().splitlines()
    assert told.startswith("(3 log lines were dropped here")
    assert kept.endswith("kept")


def test_a_screen_that_is_gone_does_not_end_the_log(tmp_path: Path) -> None:
    path, screen = tmp_path / "desk.log", io.StringIO()
    screen.close()
    writer = LogWriter(path, (), screen)
    sink = logger.add(writer, format="{message}")

    logger.info("one")
    logger.info("two")
    logger.remove(sink)
    writer.close()

    assert [line.split()[-1] for line in path.read_text().splitlines()] == ["one", "two"]


def test_a_log_that_is_full_goes_on_in_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.daemon.logs.FILE_BYTES_MAX", 100)
    path = tmp_path / "desk.log"
    writer = LogWriter(path, (), None)
    sink = logger.add(writer, format="{message}")

    for word in ("one", "two", "three"):
        logger.info(word + " " + "." * 20)
    logger.remove(sink)
    writer.close()

    assert "two" in path.with_suffix(".1.log").read_text()
    assert "three" in path.read_text()


def written_after(path: Path, change: Callable[[], object]) -> LogWriter:
    """Write a line, let something happen to the file, and write another."""
    writer = LogWriter(path, (), None)
    sink = logger.add(writer, format="{message}")
    logger.info("before")
    until(lambda: path.exists() and "before" in path.read_text(), "the first line is not written")
    change()
    logger.info("after")
    logger.remove(sink)
    writer.close()
    return writer


def test_a_log_that_was_moved_away_or_deleted_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """FINDINGS B9: what is written into a file that nobody finds any more is lost."""
    path = tmp_path / "desk.log"
    written_after(path, path.unlink)
    assert path.read_text().endswith("after\n")

    written_after(path, lambda: path.replace(tmp_path / "old.log"))
    assert path.read_text().endswith("after\n")
    assert (tmp_path / "old.log").read_text().endswith("before\n")


def test_a_log_goes_on_in_its_file_while_no_other_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FINDINGS B2: no descriptor is left."""
    path, moved = tmp_path / "desk.log", tmp_path / "old.log"

    def move_and_fail() -> None:
        path.rename(moved)

        def fails(*_given: object, **_named: object) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(Path, "open", fails)

    written_after(path, move_and_fail)
    monkeypatch.undo()

    assert moved.read_text().splitlines()[-1].endswith("after")


SECRETIVE = AlertSettings.model_validate(
    {
        "telegram_token": "123456:AAbbCCddEE-ff",
        "telegram_chat_id": "1",
        "urls": ["mailto://trader:pass%21word@example.com", "discord://4711471147/geheimes-wort"],
    }
)


def test_no_secret_of_an_alert_channel_reaches_the_log() -> None:
    """FINDINGS B4."""
    settings = load_settings(None, mode="paper", client_id="A", alerts=SECRETIVE)
    message = secrets_of(settings)
    line = (
        "Retrying: /bot123456:AAbbCCddEE-ff/sendMessage, mailto://trader:pass%21word@example.com gave pass!word, "
        "POST /api/webhooks/4711471147/geheimes-wort, apikey=abcdef, {'pwd': ['one', 'two']}"
    )

    told = clean(line, message)

    for secret in ("AAbbCCddEE", "pass%21word", "pass!word", "4711471147", "geheimes-wort", "abcdef", "one", "two"):
        assert secret not in told


def test_a_word_of_four_characters_is_a_secret_and_a_shorter_one_is_none() -> None:
    settings = load_settings(None, mode="paper", client_id="A")

    assert secrets_of(settings, "abcd") == ("abcd",)
    assert secrets_of(settings, "abc") == ()


def test_control_characters_are_shown_and_not_obeyed() -> None:
    """FINDINGS B8."""
    told = clean("sent\x1b[2J\rX\n2026-11-29 10:00:00 INFO     forged", ())

    assert told == "sent\\x1b[2J\\rX\n    2026-11-29 10:00:00 INFO     forged\n"


def test_a_name_that_tells_of_a_secret_masks_its_value() -> None:
    assert clean('{"susertoken":"abc","x":1}', ()) == '{"susertoken":"***","x":1}\n'
    assert clean("Authorization: Bearer abc.def", ()) == "Authorization: ***\n"
