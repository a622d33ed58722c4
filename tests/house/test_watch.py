"""The tests' own guards, held to their word: each runs a small suite of its own that breaks a rule."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAD = """
import threading
import pykka
import pytest

class Actor(pykka.ThreadingActor):
    use_daemon_thread = True
    died = threading.Event()

    def on_receive(self, message):
        raise message

    def on_failure(self, *_):
        self.died.set()
"""

RULES = {
    "an actor left running": (
        "def test_it():\n    Actor.start()\n",
        "actors left running",
    ),
    "a thread left running": (
        "def test_it():\n    threading.Thread(target=threading.Event().wait, args=(1,)).start()\n",
        "threads left running",
    ),
    "a death unnoticed": (
        "def test_it():\n    Actor.start().tell(ValueError('x'))\n    assert Actor.died.wait(5)\n",
        "actors died unnoticed",
    ),
    "a request to end the process": (
        "def test_it():\n    ref = Actor.start()\n    ref.tell(SystemExit())\n    assert ref.actor_stopped.wait(5)\n",
        "actors died unnoticed",
    ),
    "a death that was expected and did not come": (
        "def test_it(deaths):\n    pass\n",
        "expected an actor to die, and none did",
    ),
}


def run(folder: Path, test: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_it.py").write_text(HEAD + test, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("broken", RULES)
def test_a_test_that_breaks_a_rule_fails(tmp_path: Path, broken: str) -> None:
    test, message = RULES[broken]

    ended = run(tmp_path, test)

    assert ended.returncode == 1, ended.stdout
    assert message in ended.stdout


def test_a_test_that_keeps_the_rules_passes(tmp_path: Path) -> None:
    ended = run(
        tmp_path, "def test_it(deaths):\n    Actor.start().tell(ValueError('x'))\n    assert Actor.died.wait(5)\n"
    )

    assert ended.returncode == 0, ended.stdout
