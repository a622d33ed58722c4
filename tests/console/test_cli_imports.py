"""A command of a client loads what a client needs: what the desk is made of would cost each of them its time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.api.server import ApiServer
from tests.console.conftest import TOKEN
from tests.timing import patient

ROOT = Path(__file__).resolve().parents[2]
OF_THE_DESK = {
    *("actors", "aiohttp", "anyio", "apprise", "broker", "fastapi", "loguru", "notify", "peewee", "pydantic"),
    *("pydantic_settings", "pykka", "requests", "starlette", "storage", "uvicorn", "domain.settings"),
}
SCRIPT = """
import json, sys
sys.argv = ["main.py", *sys.argv[1:]]
from main import main
try:
    main()
except SystemExit as ended:
    print("\\n" + json.dumps([ended.code, sorted(sys.modules)]))
"""


def loaded_by(folder: Path, *words: str) -> tuple[int, set[str]]:
    """Return the exit code of a command in a process of its own, and the modules that it loaded."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=patient(30),
        check=True,
    )
    code, modules = json.loads(ran.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.fixture
def here(tmp_path: Path, server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which the fake desk is found."""
    port = server.url.rpartition(":")[2]
    (tmp_path / "desk.toml").write_text(f'mode = "paper"\nclient_id = "PAPER"\n[api]\nport = {port}\n')
    monkeypatch.setenv("DESK_API__TOKEN", TOKEN)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("orders",),
        ("positions",),
        ("stops",),
        ("baskets",),
        ("alerts",),
        ("halt",),
        ("submit", "--symbol", "RELIANCE-EQ", "--side", "B", "--quantity", "10", "--command-id", "one"),
    ],
    ids=" ".join,
)
def test_a_client_command_loads_nothing_of_the_desk(here: Path, words: tuple[str, ...]) -> None:
    code, modules = loaded_by(here, *words)

    assert code == 0
    assert not modules & OF_THE_DESK


@pytest.mark.parametrize("words", [("--help",), ("--version",), ()], ids=" ".join)
def test_the_list_of_commands_loads_none_of_them(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, modules = loaded_by(tmp_path, *words)

    assert code in {0, 2}
    assert not modules & {*OF_THE_DESK, "http.client", "rich", "console.cli.options"}
