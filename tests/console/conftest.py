from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from console.api.app import make_api
from console.api.server import ApiServer
from console.settings_file import load_settings
from tests.console.fakes import FakeDesk
from tests.timing import patient

TOKEN = "the-token-of-the-tests"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own DESK_ variables out."""
    for name in ("MODE", "CLIENT_ID", "CONFIG", "API__TOKEN", "API__PORT", "BROKER__REST_URL"):
        monkeypatch.delenv(f"DESK_{name}", raising=False)


@pytest.fixture(scope="session")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeDesk, ApiServer]]:
    """Serve one fake desk for all tests: a server takes a while to stop."""
    folder = tmp_path_factory.mktemp("api")
    api = {"port": 0, "answer_wait_s_max": 0.2, "token_path": folder / "api-token"}
    settings = load_settings(None, mode="paper", client_id="PAPER", data_dir=folder, api=api)
    desk, running = FakeDesk(), ApiServer(settings.api, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.api.app.HEALTH_KEPT_S", 0.0)  # a test changes the desk, and asks at once
        running.start(make_api(desk, settings, TOKEN), {"client_id": settings.client_id})
        yield desk, running
        running.stop()


@pytest.fixture
def desk(one_server: tuple[FakeDesk, ApiServer]) -> FakeDesk:
    """Return the fake desk, with nothing in it."""
    one_server[0].begin_anew()
    return one_server[0]


@pytest.fixture
def server(one_server: tuple[FakeDesk, ApiServer], desk: FakeDesk) -> ApiServer:
    del desk
    return one_server[1]


@pytest.fixture
def ask(server: ApiServer) -> Iterator[Callable[..., requests.Response]]:
    """Ask the API as a caller who knows the token."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {TOKEN}"

        def send(method: str, path: str, **given: Any) -> requests.Response:  # noqa: ANN401  whatever requests takes
            return session.request(method, server.url + path, timeout=patient(5), **given)

        yield send
