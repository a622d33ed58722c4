"""The description of the HTTP API (`/openapi.json`): every body, every answer, and the page made of it (`/docs`).

Bodies are read by our own hand, so that numbers stay exact, and described from the same models; answers are described
by the types that they are spelled out in. The page is plain HTML: it loads nothing, runs nothing, needs no network.
"""

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from console.api.request_models import BODIES
from console.api.request_reader import RequestBody
from console.views.response_types import OutcomeAnswer

Schema = dict[str, Any]
_AT: Final = "#/components/schemas/"


class DescribedApi(FastAPI):
    """A FastAPI whose description has the bodies too, and says that an answer has no other field than those it names.

    Owns the description, once it is made.
    """

    def openapi(self) -> Schema:
        """Return the description."""
        if self.openapi_schema is None:
            described = super().openapi()
            schemas: Schema = described["components"]["schemas"]
            for answer in schemas.values():
                if answer.get("type") == "object":
                    answer["additionalProperties"] = False
            _, bodies = models_json_schema([(one, "validation") for one in BODIES], ref_template=f"{_AT}{{model}}")
            schemas |= bodies["$defs"]
        return super().openapi()


def takes(model: type[RequestBody]) -> Schema:
    """Return what a route adds to its description: its body."""
    content = {"application/json": {"schema": {"$ref": f"{_AT}{model.__name__}"}}}
    return {"requestBody": {"required": not model.may_be_empty, "content": content}}


_SENTENCES: Final[Mapping[int, str]] = {
    202: "Not known yet; `why` will tell",
    400: "The body is not JSON, or was not whole",
    401: "No token, or another's",
    404: "There is none of that name",
    409: "Not as things stand; nothing was done",
    413: "The body is too long",
    421: "The Host header names another machine",
    422: "It can't be meant; nothing was done",
    500: "Nothing is certain: ask before you send again",
    502: "The broker refused",
    503: "The desk is not ready, or did not answer",
}


def refuses(*statuses: int, answer: Any = OutcomeAnswer) -> dict[int | str, Schema]:  # noqa: ANN401  a type
    """Return the description of these answers, each in a sentence."""
    return {status: {"model": answer, "description": _SENTENCES[status]} for status in statuses}


OPEN_REFUSALS: Final = refuses(421, 500, 503)
"""What any request may be answered."""
REFUSALS: Final = refuses(401, 421, 422, 500, 503)
"""What any request that needs the token may be answered."""
BODY_REFUSALS: Final = refuses(400, 413)
"""What a request with a body may be answered besides."""


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,h2{font-family:ui-monospace,monospace}h2{font-size:1rem;margin-top:2rem}"
    "dt{font-weight:600}dd{margin:0 0 .4rem 1rem}"
)
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page_of(described: Mapping[str, Any]) -> str:
    """Return the API's description as a page for people."""
    schemas = described["components"]["schemas"]
    parts = [
        _part(path, method, one, schemas) for path, ways in described["paths"].items() for method, one in ways.items()
    ]
    title = escape(described["info"]["title"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        "<p>Every request but <code>/health</code> needs the header <code>Authorization: Bearer TOKEN</code>; the token"
        " stands in the file that <code>api.token_path</code> names. Bodies are JSON objects. The same as"
        f' <a href="/openapi.json">/openapi.json</a>.</p>{"".join(parts)}</body></html>'
    )


def _part(path: str, method: str, one: Mapping[str, Any], schemas: Mapping[str, Schema]) -> str:
    about = escape(f"{one.get('summary', '')}. {one.get('description', '')}")
    rows = [(given["name"], given["schema"], given.get("required", False)) for given in one.get("parameters", ())]
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    whole = schemas.get(body.get("$ref", "").removeprefix(_AT), {})
    rows += [(name, schema, name in whole.get("required", ())) for name, schema in whole.get("properties", {}).items()]
    fields = "".join(_row(name, schema, schemas, required=required) for name, schema, required in rows)
    return f"<h2>{method.upper()} {escape(path)}</h2><p>{about}</p>" + (f"<dl>{fields}</dl>" if fields else "")


def _row(name: str, schema: Schema, schemas: Mapping[str, Schema], *, required: bool) -> str:
    kinds = (schemas.get(one.get("$ref", "").removeprefix(_AT), {}) for one in (schema, *schema.get("anyOf", ())))
    words = [word for kind in kinds for word in kind.get("enum", ())]
    choices = f" One of {', '.join(words)}." if words else ""
    message = f"{schema.get('description', '')}{choices}{' Required.' if required else ''}"
    return f"<dt><code>{escape(name)}</code></dt><dd>{escape(message)}</dd>"
