"""Where mutants are run: private copies of the tree, one mutant at a time in each, the likeliest tests first."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from tests.mutation.draw import TESTS, nearest_scenarios, nearest_tests
from tests.mutation.mutant import ROOT

NOT_COPIED: Final = shutil.ignore_patterns(
    ".git", ".venv", "build", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "*.db*", ".desk"
)
STORIES_S: Final = 25
"""So long the simulation tells stories to a mutant that the tests without threads have let live."""

_NOT_RUN: Final = "ERROR: file or directory not found"
AnyMutant = TypeVar("AnyMutant")


@dataclass(frozen=True, slots=True)
class Stage:
    """One look at a mutant: a command, and after how many seconds a run counts as hanging."""

    name: str
    command: tuple[str, ...]
    seconds_max: float
    is_quick: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mutant: what has seen it, empty where it lives; and after how many seconds."""

    killed_by: str
    seconds: float


PYTEST: Final = (sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider")
QUICK: Final = (*PYTEST, "-p", "tests.mutation.quick")


def nearest_look(tests: tuple[str, ...]) -> Stage:
    """Return the look by the tests that are about a mutant."""
    return Stage("its own tests", (*QUICK, *tests), 240, is_quick=True)


def stages_of(path: str) -> Iterator[Stage]:
    """Yield the looks at a mutant of this module, the quickest first."""
    near = nearest_tests(path)
    if near:
        yield nearest_look(near)
    yield Stage("tests without threads", (*QUICK, *TESTS), 600, is_quick=True)
    stories = (sys.executable, "-m", "tests.mutation", "stories", "--seconds", str(STORIES_S))
    yield Stage("simulation", stories, 20 * STORIES_S)
    yield Stage("scenarios", (*PYTEST, *nearest_scenarios(path)), 1_200)


class Bench:
    """Owns a copy, in which at most one module is broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: subprocess.Popen[str] | None = None
        self._is_over = False

    def end(self) -> None:
        """End what runs here, from another thread; its outcome means nothing, and nothing is run after it."""
        self._is_over = True
        if self._running is not None:
            _end(self._running)

    def check(self, looks: Mapping[str, Sequence[Stage]]) -> None:
        """Make sure that the tests are green here on code that is written anew, and red where a module is broken."""
        for path in looks:
            target = self.folder / path
            self._write(target, ast.unparse(ast.parse(target.read_text(encoding="utf-8"))))
        path, stages = next(iter(looks.items()))
        quick = [stage for stage in stages if stage.is_quick]
        red = self.judge(path, (self.folder / path).read_text(encoding="utf-8"), quick).killed_by
        assert not red, f"red without a mutant: {red}"
        assert self.judge(path, "raise AssertionError", quick).killed_by, "a broken module is not seen"

    def judge(self, path: str, broken: str, stages: Iterable[Stage]) -> Outcome:
        """Run the stages against a broken module until one of them sees it."""
        began = time.monotonic()
        target = self.folder / path
        whole = target.read_text(encoding="utf-8")
        try:
            self._write(target, broken)
            for stage in stages:
                red = self._red(stage)
                if red:
                    return Outcome(red, time.monotonic() - began)
        finally:
            self._write(target, whole)
        return Outcome("", time.monotonic() - began)

    def _write(self, target: Path, text: str) -> None:
        target.write_text(text, encoding="utf-8")
        # Python knows what it has compiled by time and size: neither may differ here.
        for compiled in (target.parent / "__pycache__").glob(f"{target.stem}.*.pyc"):
            compiled.unlink()

    def _red(self, stage: Stage) -> str:
        """Run a stage; return what was red, empty where all was green."""
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(self.folder)}
        with in_a_group(stage.command, self.folder, environment) as running:
            self._running = running
            if self._is_over:
                return "nothing: the run is over"
            try:
                said, _ = running.communicate(timeout=stage.seconds_max)
            except subprocess.TimeoutExpired:
                return f"{stage.name}: no end within {stage.seconds_max:.0f} s"
        if running.returncode == 0:
            return ""
        if _NOT_RUN in said:
            raise RuntimeError(f"{stage.name} could not be run: {said}")
        marks = ("FAILED ", "ERROR ", "BROKEN ")
        reds = (line.removeprefix(mark) for line in said.splitlines() for mark in marks if line.startswith(mark))
        last = said.strip().splitlines()[-1:] or ["no word"]
        return next(reds, f"{stage.name}: {last[0]}").split(" - ")[0]


@contextmanager
def in_a_group(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a group of its own; in the end it and all that it has started are ended."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            _end(running)


def _end(running: subprocess.Popen[str]) -> None:
    """End what was started, and what that has started."""
    try:
        os.killpg(running.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def benches(count: int, looks: Mapping[str, Sequence[Stage]] | None = None) -> Iterator[tuple[Bench, ...]]:
    """Copy the tree so many times, and take the copies away at the end; the first is checked with these looks."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        first = Bench(Path(name) / "0")
        shutil.copytree(ROOT, first.folder, ignore=NOT_COPIED)
        if looks is not None:
            first.check(looks)
        others = [Path(name) / str(number) for number in range(1, count)]
        yield (first, *(Bench(shutil.copytree(first.folder, other)) for other in others))


def judge_all(
    mutants: Sequence[AnyMutant], judge: Callable[[Bench, AnyMutant], Outcome], on: Sequence[Bench]
) -> Generator[tuple[AnyMutant, Outcome], None, None]:
    """Judge as many mutants at a time as there are benches, and yield each with its outcome as it comes.

    What is being judged when the iterator is closed is ended.
    """
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in on:
        free.put(bench)

    def judge_one(mutant: AnyMutant) -> tuple[AnyMutant, Outcome]:
        bench = free.get()
        try:
            return mutant, judge(bench, mutant)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(on)) as threads:
        waiting = [threads.submit(judge_one, mutant) for mutant in mutants]
        try:
            for done in as_completed(waiting):
                yield done.result()
        finally:
            for one in waiting:
                one.cancel()
            for bench in on:
                bench.end()
