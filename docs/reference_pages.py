"""Writes the pages of docs/reference/ from the code: the settings, the commands, and the HTTP API.

The site is built from them (`docs/conf.py` calls `write`), so they are never committed and can't say anything else than
the code does. `python -m docs.reference_pages` writes them alone.
"""

import ast
import inspect
import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from click.testing import CliRunner
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from console.api.app import make_api
from console.cli.app import app
from domain.settings import Settings, StrategySettings

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "reference"
UNITS: Final = {
    "_ms": "milliseconds",
    "_s": "seconds",
    "_min": "minutes",
    "_percent": "percent",
    "_days": "trading days",
}
"""What the end of a name says of its unit."""
IN_RUPEES: Final = ("loss_max", "_notional_max", "trailing_step", "pnl_difference_max")
BOUNDS: Final = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most", "min_length": "entries: at least"}
COLUMNS: Final = "80"
SETTINGS_HEAD: Final = (
    "Made from the settings' models. A setting stands in `desk.toml`, or in the variable of the environment below its "
    "name, which wins. An unknown key stops the start, by name. [Running the desk](../operations.md) says which ones "
    "matter."
)
HTTP_HEAD: Final = (
    "Made from the description that a running desk gives at `/openapi.json`. Every request but `/health` needs the "
    "header `Authorization: Bearer TOKEN`; the token stands in the file that `api.token_path` names."
)

Schema = Mapping[str, Any]


def settings_page() -> str:
    """Return every setting: its name, type, default, unit, bounds, meaning and variable of the environment."""
    lines = ["# Settings", "", SETTINGS_HEAD]
    for title, about, model, prefix in tables():
        lines += ["", f"## {title}", "", about, ""]
        lines += ["| setting, variable | type | default | unit | bounds | meaning |", "|---|---|---|---|---|---|"]
        lines += [
            _row(
                f"`{field.alias or name}`" + ("" if prefix is None else f"<br>`DESK_{prefix}{name.upper()}`"),
                _type_of(field.annotation),
                _default(field),
                unit_of(name),
                _bounds(field),
                meaning,
            )
            for name, field, meaning in settings_of(model)
        ]
    return "\n".join([*lines, ""])


def tables() -> Iterator[tuple[str, str, type[BaseModel], str | None]]:
    """Yield each table of the settings file: its title, what it is for, its model, its prefix in the environment."""
    yield "Without a table", _about(Settings), Settings, ""
    for name, field in Settings.model_fields.items():
        model = _section(field.annotation)
        if model is not None and model is not StrategySettings:
            yield f"`[{name}]`", _about(model), model, f"{name.upper()}__"
            for inner, one in model.model_fields.items():
                if nested := _section(one.annotation):
                    yield f"Each of `{name}.{inner}`", _about(nested), nested, None
    yield "`[[strategies]]`", _about(StrategySettings), StrategySettings, None


def settings_of(model: type[BaseModel]) -> list[tuple[str, FieldInfo, str]]:
    """Return the settings of one table with their meaning; its sections are tables of their own."""
    said = meanings(model)
    return [
        (name, field, field.description or said.get(name, ""))
        for name, field in model.model_fields.items()
        if model is not Settings or _section(field.annotation) is None
    ]


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring below each field of a model, on one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, after in zip(body.body, body.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                found[name] = " ".join(said.split())
            case _:
                pass
    return found


def _about(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _section(annotation: object) -> type[BaseModel] | None:
    """Return the model of a table, or of each entry of a list of tables."""
    kinds = get_args(annotation) if get_origin(annotation) is tuple else (annotation,)
    return next((one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _type_of(annotation: Any) -> str:  # noqa: ANN401  any type that a field may have
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_of(given[0])
    if origin in {Union, UnionType}:
        return " or ".join(_type_of(one) for one in given if one is not type(None))
    if origin is tuple:
        return f"list of {_type_of(given[0])}"
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in given)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{one.value}`" for one in annotation)
    if annotation is SecretStr:
        return "text (secret)"
    words = {"str": "text", "int": "whole number", "float": "number", "Decimal": "number", "bool": "true or false"}
    named = getattr(annotation, "__name__", str(annotation))
    return words.get(named, named.lower() if named in {"Path", "date", "time"} else "table")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    value = field.default
    if isinstance(value, SecretStr) or value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    limits = [
        f"{word} {getattr(one, key)}"
        for one in [*field.metadata, *_inner_metadata(field.annotation)]
        for key, word in BOUNDS.items()
        if getattr(one, key, None) is not None
    ]
    if pattern := next((one.pattern for one in field.metadata if getattr(one, "pattern", None)), None):
        limits.append(f"`{pattern}`")
    return " and ".join(limits)


def _inner_metadata(annotation: Any) -> list[Any]:  # noqa: ANN401  any type that a field may have
    """Return the bounds of `X | None` where X is the one that is bounded."""
    if get_origin(annotation) is Annotated:
        return [one for extra in annotation.__metadata__ for one in getattr(extra, "metadata", [extra])]
    return [one for part in get_args(annotation) for one in _inner_metadata(part)]


def unit_of(name: str) -> str:
    """Return the unit that a setting's name tells, or nothing."""
    if name.endswith(IN_RUPEES):
        return "rupees"
    bare = re.sub(r"_max$|_min$", "", name) if re.search(r"_(s|ms)_(max|min)$", name) else name
    return next((unit for end, unit in UNITS.items() if bare.endswith(end) and bare != "breaks_seen_min"), "")


def commands_page() -> str:
    """Return what each command says of itself under `--help`, at the width of a terminal."""
    lines = ["# Commands", "", "What `--help` says. [Which command when](../commands.md) says which one you want.", ""]
    runner, names = CliRunner(), list(app.commands)
    for name in names:
        said = runner.invoke(app, [name, "--help"], prog_name="shoonya-desk", env={"COLUMNS": COLUMNS, "NO_COLOR": "1"})
        assert said.exit_code == 0, said.output
        lines += [f"## {name}", "", "```text", said.output.strip(), "```", ""]
    return "\n".join(lines)


def http_page(described: Schema) -> str:
    """Return the API's own description (`/openapi.json`) as a page: each request, what it takes, what it answers."""
    requests = [
        (f"{way.upper()} {path}", one) for path, ways in described["paths"].items() for way, one in ways.items()
    ]
    common = _common_answers([one for _, one in requests])
    lines = ["# HTTP API", "", HTTP_HEAD, "", "## Answers that any request may get"]
    lines += _answers(common, described)
    for title, one in requests:
        own = {status: what for status, what in one.get("responses", {}).items() if common.get(status) != what}
        lines += [
            "",
            f"## {title}",
            "",
            f"**{one.get('summary', '')}.** {inspect.cleandoc(one.get('description', ''))}",
        ]
        lines += _parameters(one.get("parameters", []), described)
        if body := one.get("requestBody"):
            lines += _fields("The body", _content(body), described)
        lines += _answers(own, described)
    answers = [what for _, one in requests for what in one.get("responses", {}).values()]
    shown = {_name_of(one["requestBody"]) for _, one in requests if "requestBody" in one} - set(map(_name_of, answers))
    for name, model in described.get("components", {}).get("schemas", {}).items():
        if name not in shown and (fields := _fields("Its fields", model, described, needs=False)):
            lines += ["", f"## {name}", "", inspect.cleandoc(model.get("description", "")), *fields]
    return "\n".join([*lines, ""])


def _common_answers(requests: list[Schema]) -> Schema:
    """Return the answers that most requests share to the word."""
    every = [(status, what) for one in requests for status, what in one.get("responses", {}).items()]
    return {
        status: what for status, what in every if every.count((status, what)) > len(requests) / 2 and status != "200"
    }


def _parameters(given: list[Schema], described: Schema) -> list[str]:
    rows = [
        _row(f"`{one['name']}`", f"{one['in']}, {_shape(one.get('schema', {}), described)}", _meaning(one, described))
        for one in given
    ]
    return ["", "| parameter | where, type | meaning |", "|---|---|---|", *rows] if rows else []


def _fields(title: str, schema: Schema, described: Schema, *, needs: bool = True) -> list[str]:
    known = _resolved(schema, described)
    needed = known.get("required", [])
    rows = [
        _row(
            f"`{name}`",
            _shape(one, described),
            *(["yes" if name in needed else ""] if needs else []),
            _meaning(one, described),
        )
        for name, one in known.get("properties", {}).items()
    ]
    head = (
        ["| field | type | needed | meaning |", "|---|---|---|---|"]
        if needs
        else ["| field | type | meaning |", "|---|---|---|"]
    )
    return ["", f"{title}:", "", *head, *rows] if rows else []


def _answers(given: Schema, described: Schema) -> list[str]:
    rows = [
        _row(status, one.get("description", ""), _shape(_content(one), described))
        for status, one in sorted(given.items())
    ]
    return ["", "| answer | when | body |", "|---|---|---|", *rows] if rows else []


def _name_of(one: Schema) -> str:
    """Return the name of the component that a body or an answer is."""
    return str(_content(one).get("$ref", "")).rpartition("/")[2]


def _content(one: Schema) -> Schema:
    first: Schema = next(iter(one.get("content", {}).values()), {})
    return cast("Schema", first.get("schema", {}))


def _resolved(schema: Schema, described: Schema) -> Schema:
    """Follow a reference into the description's components."""
    if "$ref" in schema:
        found: Any = described
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return _resolved(found, described)
    only = [one for one in schema.get("allOf", []) if one]
    return _resolved(only[0], described) if len(only) == 1 else schema


def _shape(schema: Schema, described: Schema) -> str:
    """Return a type in words: its name, or the words it may be, and its bounds."""
    named = str(schema.get("$ref", "")).rpartition("/")[2]
    known = _resolved(schema, described)
    if named and "properties" in known:
        return f"[{named}](#{named.lower()})"
    several = known.get("anyOf") or known.get("oneOf")
    if several:
        return " or ".join(dict.fromkeys(_shape(one, described) for one in several if one.get("type") != "null"))
    if "enum" in known or "const" in known:
        return " ".join(f"`{one}`" for one in known.get("enum", [known.get("const")]))
    if known.get("type") == "array":
        return f"list of {_shape(known.get('items', {}), described)}"
    kinds = known.get("type", "any")
    words = kinds if isinstance(kinds, str) else " or ".join(kinds)
    limits = (("minimum", "at least"), ("exclusiveMinimum", "above"), ("maximum", "at most"), ("maxLength", "up to"))
    told = [f"{word} {known[key]}" for key, word in limits if key in known]
    return ", ".join([words, *told])


def _meaning(one: Schema, described: Schema) -> str:
    return str(one.get("description") or _resolved(one, described).get("description", ""))


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def described_api() -> Schema:
    """Return the description of the API of a desk that nobody runs."""
    settings = Settings.model_construct(**{name: one.default for name, one in Settings.model_fields.items()})
    return make_api(cast("Any", object()), settings, "a token that opens nothing").openapi()


def pages() -> dict[str, str]:
    """Return the pages by the name of their file; those that stand beside docs/ come along with their links mended."""
    beside = {f"{name.lower()}.md": _beside(name) for name in ("CHANGELOG", "CONTRIBUTING")}
    made = {"settings.md": settings_page(), "commands.md": commands_page(), "http.md": http_page(described_api())}
    return {**made, **beside}


def _beside(name: str) -> str:
    text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
    for link, there in (("docs/", "../"), ("README.md", "../index.md"), ("CHANGELOG.md", "changelog.md")):
        text = text.replace(f"]({link}", f"]({there}")
    return text


def write() -> None:
    """Write the pages where they are not what the code says."""
    for name, text in pages().items():
        page = FOLDER / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", COLUMNS)
    write()
