import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.paper import MakePaper, Paper, start_paper
from tests.scenarios.scene import MakeScene, Scene, ShiftedClock, settings_for


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own DESK_ variables out."""
    for name in [one for one in os.environ if one.startswith("DESK_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def one_paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    """Start one paper broker for most tests: a start costs half a second."""
    paper = start_paper(tmp_path_factory.mktemp("paper"))
    yield paper
    paper.stop()


@pytest.fixture
def paper(one_paper: Paper) -> Iterator[Paper]:
    """Return the paper broker without faults, its words and prices as usual."""
    _as_usual(one_paper)
    yield one_paper
    _as_usual(one_paper)


def _as_usual(paper: Paper) -> None:
    paper.clear_faults()
    paper.spell()
    paper.set_price("NSE", "RELIANCE-EQ", "1500.00")


@pytest.fixture
def make_paper(tmp_path: Path) -> Iterator[MakePaper]:
    """Start paper brokers of the test's own; the same `port` again means the same books again."""
    papers: list[Paper] = []

    def make(*options: str, port: int = 0) -> Paper:
        papers.append(start_paper(tmp_path / "paper", *options, port=port))
        return papers[-1]

    yield make
    for paper in papers:
        paper.stop()


@pytest.fixture
def make_scene(tmp_path: Path) -> Iterator[MakeScene]:
    """Start desks, each on a database of its own; at the end each journal must replay to its orders table."""
    scenes: list[Scene] = []

    def make(
        paper: Paper,
        clock: ShiftedClock | None = None,
        kind: type[Scene] = Scene,
        **sections: Any,  # noqa: ANN401  any section
    ) -> Scene:
        path = tmp_path / f"desk-{len(scenes)}.db"
        scenes.append(kind(paper, path, settings_for(paper, path, **sections), clock or ShiftedClock()))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.close()


@pytest.fixture
def scene(paper: Paper, make_scene: MakeScene) -> Scene:
    """Return a desk that takes orders, at the shared paper broker."""
    return make_scene(paper)
