"""The package as others get it: a wheel in an environment of its own, run from an empty folder."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.timing import patient

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, check=False, timeout=patient(90)
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_wheel_in_an_empty_environment_shows_the_desk_from_an_empty_folder(tmp_path: Path) -> None:
    python, empty, source = tmp_path / "venv" / "bin" / "python", tmp_path / "empty", tmp_path / "source"
    empty.mkdir()
    # A build leaves its own folder beside the sources, and packs what an earlier one has left there.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests"))
    run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", tmp_path, source, folder=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    # Without a pip of its own, and nothing compiled that the demo does not load: half the time.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", folder=tmp_path)
    install = ("--python", python, "install", "-qq", "--no-compile", "--constraint", ROOT / "constraints.txt", wheel)
    run(sys.executable, "-m", "pip", *install, folder=tmp_path)

    shown = run(python.with_name("shoonya-desk"), "demo", "--seconds", "3", folder=empty)

    assert "0 unresolved. Each was stored before it was sent, and sent once." in shown
    assert list(empty.iterdir()) == []
    tools = subprocess.run([python, "-m", "pytest", "--version"], cwd=empty, capture_output=True, check=False)
    assert tools.returncode != 0, "what only tests need comes with `dev`"
