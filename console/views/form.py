"""The shape of what the desk shows, and how a person names an order there."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from domain.orders.reference import UNIQUE_CHARACTERS_MIN, unique_part

Form: TypeAlias = Mapping[str, Any]
"""What the desk knows, as it came as JSON: `console.views.response_types` has the shapes."""

SHORT_CHARACTERS: Final = 8


def short_id(command_id: str) -> str:
    """Return enough of the id for a person; `why` takes it as well."""
    unique = unique_part(command_id)
    return unique[:SHORT_CHARACTERS] if len(unique) >= UNIQUE_CHARACTERS_MIN else unique


def short_ids(command_ids: Iterable[str]) -> dict[str, str]:
    """Return what each of these ids is shown as: short, and whole where two would look alike."""
    names = list(command_ids)
    times = Counter(map(short_id, set(names)))
    return {name: short_id(name) if times[short_id(name)] == 1 else unique_part(name) for name in names}
