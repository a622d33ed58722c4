"""The fixed list of ways in which a line of code may be wrong, and every place where each of them fits.

What changes no behaviour is left alone: words for people (f-strings, logs, what an error says), assertions,
annotations, decorators. SQL is code: it is changed inside f-strings too.
"""

import ast
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

Operator: TypeAlias = Callable[[ast.AST], Iterator[ast.AST]]
"""Yields what may stand in the place of a node; nothing where the operator does not fit."""


@dataclass(frozen=True, slots=True)
class Change:
    """One operator at one place of a parsed module; `make` changes that tree."""

    operator: str
    where: str
    line: int
    before: str
    after: str
    make: Callable[[], None]


def changes(module: ast.Module) -> Iterator[Change]:
    """Yield every change that the operators find, in the order of the code."""
    for place in _places(module, ""):
        for operator, apply in OPERATORS.items():
            for instead in apply(place.node):
                before, after = ast.unparse(place.node), ast.unparse(instead)
                if before != after:
                    yield Change(operator, place.where, place.node.lineno, before, after, place.putting(instead))


# the operators


def _reconciled(swaps: dict[type[ast.cmpop], type[ast.cmpop]]) -> Operator:
    def apply(node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.Compare):
            for number, one in enumerate(node.ops):
                other = swaps.get(type(one))
                if other is not None:
                    instead = deepcopy(node)
                    instead.ops[number] = other()
                    yield instead

    return apply


def _and_or(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), deepcopy(node.values))


def _part_dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        for number in range(len(node.values)):
            rest = [deepcopy(one) for place, one in enumerate(node.values) if place != number]
            yield rest[0] if len(rest) == 1 else ast.BoolOp(deepcopy(node.op), rest)


def _not_dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield deepcopy(node.operand)


def _condition_turned(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If | ast.IfExp) and not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        instead = deepcopy(node)
        instead.test = ast.UnaryOp(ast.Not(), instead.test)
        yield instead


def _plus_minus(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        if any(isinstance(one, ast.JoinedStr) or _is_text(one) for one in ast.iter_child_nodes(node)):
            return
        instead = deepcopy(node)
        instead.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield instead


def _sign_dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield deepcopy(node.operand)


def _number(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str() as text)]):
            try:
                yield ast.Call(deepcopy(node.func), [ast.Constant(str(Decimal(text) + 1))], [])
            except InvalidOperation:
                return
        case _:
            return


def _called_otherwise(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TWINS:
        yield ast.Call(ast.Name(_TWINS[node.func.id], ast.Load()), deepcopy(node.args), deepcopy(node.keywords))


_TWINS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}


def _arguments_swapped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Call) and not _name_of(node.func) & _TWO_ALIKE:
        for number, (one, other) in enumerate(zip(node.args, node.args[1:], strict=False)):
            if not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred):
                instead = deepcopy(node)
                instead.args[number : number + 2] = [deepcopy(other), deepcopy(one)]
                yield instead


_TWO_ALIKE: Final = frozenset({"min", "max", "isinstance", "getattr", "setattr", "post", "map", "filter", "chain"})


def _call_dropped(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def _update_dropped(node: ast.AST) -> Iterator[ast.AST]:
    """Leave out what changes a part of something: an attribute of self, an item; the first value of a field stays."""
    match node:
        case ast.Delete() | ast.AugAssign() | ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
        case _:
            return


def _way_out_dropped(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(body=[*_, ast.Return() | ast.Raise() | ast.Continue()], orelse=[]):
            yield ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break():
            yield ast.Pass()
        case _:
            return


def _sql(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SQL.search(node.value):
        for old, new in _SQL_SWAPS:
            for found in re.finditer(old, node.value):
                yield ast.Constant(node.value[: found.start()] + new + node.value[found.end() :])


_SQL: Final = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|ORDER BY|ON CONFLICT)\b|^ AND ")
_SQL_SWAPS: Final = (
    (r" AND ", " OR "),
    (r" OR ", " AND "),
    (r"IS NULL", "IS NOT NULL"),
    (r"IS NOT NULL", "IS NULL"),
    (r" < ", " <= "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" <> ", " = "),
    (r" DESC\b", ""),
    (r"ORDER BY id(?! DESC)", "ORDER BY id DESC"),
)

OPERATORS: Final[dict[str, Operator]] = {
    "boundary": _reconciled({ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}),
    "comparison turned": _reconciled(
        {
            ast.Lt: ast.GtE,
            ast.LtE: ast.Gt,
            ast.Gt: ast.LtE,
            ast.GtE: ast.Lt,
            ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq,
            ast.Is: ast.IsNot,
            ast.IsNot: ast.Is,
            ast.In: ast.NotIn,
            ast.NotIn: ast.In,
        }
    ),
    "condition turned": _condition_turned,
    "and for or": _and_or,
    "part of a condition dropped": _part_dropped,
    "not dropped": _not_dropped,
    "plus for minus": _plus_minus,
    "sign dropped": _sign_dropped,
    "another constant": _number,
    "min for max": _called_otherwise,
    "arguments swapped": _arguments_swapped,
    "call dropped": _call_dropped,
    "update dropped": _update_dropped,
    "way out dropped": _way_out_dropped,
    "sql": _sql,
}


# where they look


@dataclass(frozen=True, slots=True)
class _Place:
    """A statement or expression, in the field of its owner in which it stands."""

    node: ast.stmt | ast.expr
    where: str
    owner: ast.AST
    field: str
    number: int | None

    def putting(self, instead: ast.AST) -> Callable[[], None]:
        """Return what puts another node here."""

        def put() -> None:
            ast.copy_location(instead, self.node)
            if self.number is None:
                setattr(self.owner, self.field, instead)
            else:
                getattr(self.owner, self.field)[self.number] = instead
            ast.fix_missing_locations(self.owner)

        return put


def _places(owner: ast.AST, where: str) -> Iterator[_Place]:
    """Yield what may be changed, outermost first."""
    for field, value in ast.iter_fields(owner):
        if field in _FIELDS_LEFT_ALONE:
            continue
        for number, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _is_left_alone(node, owner):
                continue
            inside = f"{where}.{node.name}".lstrip(".") if isinstance(node, _NAMED) else where
            if isinstance(node, ast.stmt | ast.expr):
                yield _Place(node, inside, owner, field, number if isinstance(value, list) else None)
            if not isinstance(node, ast.Raise):
                yield from _places(node, inside)


_NAMED: Final = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FIELDS_LEFT_ALONE: Final = frozenset({"annotation", "returns", "decorator_list", "bases"})
_CALLS_LEFT_ALONE: Final = frozenset({"logger", "assert_never", "TypeVar"})
_KEYWORDS_LEFT_ALONE: Final = frozenset({"strict", "note", "words", "sentence", "comment"})
_METHODS_LEFT_ALONE: Final = frozenset({"__repr__", "__str__"})


def _is_left_alone(node: ast.AST, owner: ast.AST) -> bool:
    match node:
        case ast.Assert() | ast.Import() | ast.ImportFrom() | ast.FormattedValue():
            left = True
        case ast.FunctionDef():
            left = node.name in _METHODS_LEFT_ALONE
        case ast.keyword():
            left = node.arg in _KEYWORDS_LEFT_ALONE
        case ast.Call(func=function) | ast.Expr(value=ast.Call(func=function)):
            left = bool(_name_of(function) & _CALLS_LEFT_ALONE)
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            left = True
        case ast.Constant(value=str() as text):
            left = isinstance(owner, ast.Expr) or (isinstance(owner, ast.JoinedStr) and not _SQL.search(text))
        case _:
            left = False
    return left


def _name_of(function: ast.AST) -> frozenset[str]:
    """Return the names that a called expression is made of: logger and info of `logger.info`."""
    names = (node for node in ast.walk(function) if isinstance(node, ast.Name | ast.Attribute))
    return frozenset(one.id if isinstance(one, ast.Name) else one.attr for one in names)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
