import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from console.logs import LogWriter, open_log, redacted, secrets_of
from domain.settings import load_settings

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

    words = path.read_text()

    assert "it broke" in words
    assert "pykka: token ***" in words
    assert "jKey=*** and ***" in words
    assert not any(secret in words for secret in (SECRET, "the-api-token", "abcdef"))


def test_lines_carry_the_exchanges_time_and_nothing_below_info(log: tuple[LogWriter, Path]) -> None:
    writer, path = log
    logger.debug("too fine")
    logger.info("one {} two", "{braces}")
    writer.close()

    lines = path.read_text().splitlines()

    assert len(lines) == 1
    assert lines[0].endswith(" INFO     one {braces} two")


def test_a_name_that_tells_of_a_secret_masks_its_value() -> None:
    assert redacted('{"susertoken":"abc","x":1}', ()) == '{"susertoken":"***","x":1}'
    assert redacted("Authorization: Bearer abc.def", ()) == "Authorization: Bearer ***"
