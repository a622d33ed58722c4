from collections.abc import Iterator

import pytest

from tests.notify.bot_api import BotApi


@pytest.fixture
def api() -> Iterator[BotApi]:
    api = BotApi()
    yield api
    api.stop()
