"""One paper broker for a module of tests, cleared of trouble before each; and others of a test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.paper.harness import Paper, Talk


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    paper = Paper(tmp_path_factory.mktemp("paper"), ("--orders-per-s-max", "0")).start()
    yield paper
    assert paper.end() == 0, paper.errors
    assert paper.errors == ""


@pytest.fixture
def paper(shared: Paper) -> Paper:
    shared.admin("DELETE", "faults")
    shared.admin("POST", "market", frozen=False)
    shared.admin("POST", "words")
    return shared


@pytest.fixture
def api(paper: Paper) -> Any:  # noqa: ANN401  the client has no types
    return paper.client()


@pytest.fixture
def talk(paper: Paper) -> Iterator[Talk]:
    opened = Talk(paper)
    yield opened
    opened.socket.shutdown()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Paper]]:
    """Start paper brokers on one folder of data; whatever still runs at the end is ended."""
    started: list[Paper] = []

    def begin(*options: str) -> Paper:
        started.append(Paper(tmp_path, options).start())
        return started[-1]

    yield begin
    for one in started:
        if not one.ended:
            assert one.end() == 0, one.errors
