"""Which mutants a seed draws, and which tests are likely to see each: the code itself tells both."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import chain, takewhile, zip_longest
from pathlib import Path
from typing import Final

from tests.mutation.mutant import ROOT
from tests.mutation.operators import OPERATORS, changes

ACTORS: Final = ("command/actor", "risk/actor", "risk/loss_monitor", "exits/actor", "exits/stops", "watcher")
"""Those that decide about orders, and about getting out."""
TESTS: Final = ("tests/domain", "tests/actors", "tests/storage")
"""The tests without threads and processes, where a mutant is looked for first."""
SCENARIOS: Final = {
    "domain/reconciliation domain/broker/snapshots domain/orders/external domain/orders/resolution actors/watcher": (
        "books days external updates"
    ),
    "domain/orders/change": "changes",
    "domain/orders actors/command domain/risk/rate domain/broker": "desk replies repeats changes",
    "domain/exits/stop actors/exits/stops storage/armed_stops": "stops",
    "domain/exits actors/exits": "exits guard",
    "domain/risk domain/positions/pnl actors/risk": "risk",
    "domain/positions": "guard exits external",
    "domain/baskets storage/baskets": "baskets",
    "domain/alerts storage/alerts": "alerts",
    "domain/market/calendar domain/market/trading_days domain/ports": "clock days",
    "storage": "storage",
    "domain/market": "desk",
    "domain/settings": "tests/console/test_settings_file.py desk",
    "domain/redaction": "tests/console/daemon/test_logs.py",
}
"""Which scenarios are about which modules, by how their paths begin, or other tests that are: the first that fits."""
AWAY_MAX: Final = 2
NEAR_MAX: Final = 6
"""So many files of tests are looked at before all of them are."""
LINE_MAX: Final = 90


@dataclass(frozen=True, slots=True)
class Drawn:
    """One mutant: the `number`th change of the module at `path`; `name` stays its own while its code stays."""

    path: str
    number: int
    name: str
    where: str
    line: int

    def source(self, root: Path = ROOT) -> str:
        """Return the broken module."""
        module = ast.parse((root / self.path).read_text(encoding="utf-8"))
        list(changes(module))[self.number].make()
        return ast.unparse(module)


def paths() -> tuple[str, ...]:
    """Return the modules that are broken: domain, storage, and the actors of command, risk, exits and watcher."""
    rooms = sorted(chain((ROOT / "domain").rglob("*.py"), (ROOT / "storage").glob("*.py")))
    found = [path.relative_to(ROOT).as_posix() for path in rooms if path.name != "__init__.py"]
    return (*(f"actors/{name}.py" for name in ACTORS), *found)


@cache
def mutants(path: str) -> tuple[tuple[str, Drawn], ...]:
    """Return every mutant of a module with its operator."""
    found: list[tuple[str, Drawn]] = []
    seen: defaultdict[str, int] = defaultdict(int)
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for number, one in enumerate(changes(module)):
        name = f"{path} {one.where}: {one.operator}: {_told(one.before, one.after)}"
        seen[name] += 1
        again = f" ({seen[name]})" if seen[name] > 1 else ""
        found.append((one.operator, Drawn(path, number, name + again, one.where, one.line)))
    return tuple(found)


def draw(seed: int, count: int, of: Iterable[str] | None = None) -> tuple[Drawn, ...]:
    """Draw so many mutants, as many of each operator as there are.

    A mutant's place in the draw depends on the seed and its own code alone: a change elsewhere draws the same again.
    """
    hats: dict[str, list[Drawn]] = {operator: [] for operator in OPERATORS}
    for path in of or paths():
        for operator, one in mutants(path):
            hats[operator].append(one)
    for hat in hats.values():
        hat.sort(key=lambda one: sha256(f"{seed} {one.name}".encode()).digest())
    in_turn = chain.from_iterable(zip_longest(*hats.values()))
    return tuple(one for one in in_turn if one is not None)[:count]


def nearest_tests(path: str) -> tuple[str, ...]:
    """Return the tests that meet a module first: of its own name, then some that import it, or what imports it."""
    module = path.removesuffix(".py").replace("/", ".")
    users = {name for name, imported in _imports(_code()).items() if module in imported}
    found = _imports(tuple(sorted(chain.from_iterable((ROOT / folder).rglob("test_*.py") for folder in TESTS))))
    name = f"tests/{path.rpartition('/')[0]}/test_{Path(path).stem}.py"

    def nearness(test: str) -> int:
        if test == name:
            return 0
        return 1 if module in found[test] else AWAY_MAX if found[test] & users else AWAY_MAX + 1

    near = sorted((nearness(test), test) for test in found)
    return tuple(test for away, test in near if away <= AWAY_MAX)[:NEAR_MAX]


def nearest_scenarios(path: str) -> tuple[str, ...]:
    """Return the scenarios on real threads that a module has most to do with."""
    told = next((told for rooms, told in SCENARIOS.items() if path.startswith(tuple(rooms.split()))), "desk")
    return tuple(name if "/" in name else f"tests/scenarios/test_{name}.py" for name in told.split())


def _code() -> tuple[Path, ...]:
    return tuple(path for room in ("domain", "actors", "storage") for path in (ROOT / room).rglob("*.py"))


@cache
def _imports(files: tuple[Path, ...]) -> dict[str, set[str]]:
    """Return what each file imports; a file of the code by its module's name, a test by its path."""
    found = {}
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        key = name if name.startswith("tests/") else name.removesuffix(".py").replace("/", ".")
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        found[key] = {one.module for one in nodes if isinstance(one, ast.ImportFrom) and one.module}
    return found


def _told(before: str, after: str) -> str:
    """Return what becomes of what, in a line: where both are long, the part in which they differ."""
    one, other = (" ".join(code.split()) for code in (before, after))
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    start = max(0, same - 30) if max(len(one), len(other)) > LINE_MAX else 0
    shown = (f"{'…' if start else ''}{code[start : start + LINE_MAX]}" for code in (one, other))
    return " -> ".join(shown)
