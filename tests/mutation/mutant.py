"""One place of our code broken on purpose, found by what the code says and not by how it is laid out.

A mutant lives in the memory of one process alone: a module that is imported after `apply` is compiled from its broken
tree. No file is changed.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from types import CodeType, ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

PositionKey = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class MisplacedError(ValueError):
    """The code that a mutant breaks does not stand in its place, or stands there more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One break: in `where` of the module at `path`, the code `old` (which stands there once) becomes `new`.

    `where` is a function or class by its qualified name, as `GuardLedger.reserve`; empty for the whole module. `old`
    and `new` are two expressions or two runs of statements; an empty `new` takes the statements away. Only the tree
    counts: comments, quotes, line breaks, indentation and needless parentheses make no difference.
    """

    name: str
    path: str
    where: str
    old: str
    new: str
    theme: str = "everything"
    """Where the simulation begins its hunt: the stories about what this breaks."""

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")

    def tree(self) -> ast.Module:
        """Return the broken module; raise `MisplacedError` where the code is not in its place exactly once."""
        module = ast.parse((ROOT / self.path).read_text(encoding="utf-8"))
        try:
            replace_once(module, self.where, self.old, self.new)
        except MisplacedError as why:
            raise MisplacedError(f"mutant {self.name!r}: {self.path}: {why}") from None
        return module


def replace_once(module: ast.Module, where: str, old: str, new: str) -> None:
    """Change the tree: the one place in `where` that says `old` says `new`; raise `MisplacedError` if it is not one."""
    position_key = scope_of(module, where)
    wanted, instead = _fragments(old, new)
    places = list(_places(position_key, wanted))
    if len(places) != 1:
        code = dedent(old).strip()
        raise MisplacedError(f"{where or 'the module'} has {len(places)} places that say {code!r}, not one")
    places[0].put(instead)


def scope_of(module: ast.Module, where: str) -> PositionKey:
    """Return the one function or class of this qualified name; the module itself for an empty name."""
    found = [position_key for name, position_key in position_keys(module) if name == where]
    if len(found) != 1:
        raise MisplacedError(f"{len(found)} functions or classes are called {where!r}, not one")
    return found[0]


def position_keys(module: ast.Module) -> Iterator[tuple[str, PositionKey]]:
    """Yield the module under an empty name, then every function and class under its qualified name."""
    inside: list[tuple[str, ast.AST]] = [("", module)]
    while inside:
        name, node = inside.pop()
        if isinstance(node, PositionKey):
            yield name, node
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                inside.append((f"{name}.{child.name}".lstrip("."), child))
            else:
                inside.append((name, child))


@dataclass(frozen=True, slots=True)
class _Place:
    """Some nodes of a tree that follow each other: `length` of them from `start` on in a field of their owner."""

    owner: ast.AST
    field: str
    start: int
    nodes: Sequence[ast.AST]

    def put(self, instead: Sequence[ast.AST]) -> None:
        """Put other nodes here, told as if they stood on the lines of these."""
        for node in instead:
            for part in ast.walk(node):
                ast.copy_location(part, self.nodes[0])
        row = getattr(self.owner, self.field)
        if isinstance(row, list):
            row[self.start : self.start + len(self.nodes)] = instead
        else:
            setattr(self.owner, self.field, instead[0])


def _places(position_key: ast.AST, wanted: Sequence[ast.AST]) -> Iterator[_Place]:
    """Yield every place inside a scope that says what is wanted."""
    dumps = [ast.dump(node) for node in wanted]
    for owner in ast.walk(position_key):
        for field, value in ast.iter_fields(owner):
            row = value if isinstance(value, list) else [value]
            for start in range(len(row) - len(wanted) + 1):
                nodes = row[start : start + len(wanted)]
                is_alike = all(type(one) is type(other) for one, other in zip(nodes, wanted, strict=True))
                if is_alike and [ast.dump(node) for node in nodes] == dumps:
                    yield _Place(owner, field, start, nodes)


def _fragments(old: str, new: str) -> tuple[Sequence[ast.AST], Sequence[ast.AST]]:
    """Parse two pieces of code: both as an expression if both are one, else both as statements."""
    old, new = dedent(old).strip(), dedent(new).strip()
    try:
        return [ast.parse(old, mode="eval").body], [ast.parse(new, mode="eval").body]
    except SyntaxError:
        return ast.parse(old).body, ast.parse(new).body or [ast.Pass()]


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads the broken tree instead of the file."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(ROOT / mutant.path))
        self._broken = mutant.tree()

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._broken, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module that is broken."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self._mutant.module:
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(self._mutant))


def apply(mutant: Mutant) -> None:
    """Break this process: the module must not have been imported yet."""
    assert mutant.module not in sys.modules, f"{mutant.module} is here already, whole"
    sys.meta_path.insert(0, _Finder(mutant))
