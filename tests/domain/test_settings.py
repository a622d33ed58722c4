from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from domain.settings import Settings


def _fields(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field.description
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _fields(kind, f"{path}{name}.")


def test_every_setting_says_what_it_is() -> None:
    fields = dict(_fields(Settings))

    assert "calendar.special_sessions.opens" in fields
    assert [name for name, description in fields.items() if not description] == []
