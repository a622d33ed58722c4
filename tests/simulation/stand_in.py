"""Put something else in the place of an attribute, for a while."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def standing_in(put: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    """Let each (owner, name, value) stand until the end; then everything is as it was."""
    kept = []
    try:
        for owner, name, value in put:
            kept.append((owner, name, name in vars(owner), vars(owner).get(name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, was_there, value in reversed(kept):
            if was_there:
                setattr(owner, name, value)
            else:
                delattr(owner, name)
