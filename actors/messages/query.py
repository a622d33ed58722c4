"""What is asked and waited for, by callers outside the actors alone."""

from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Query(Generic[Answer]):
    """A question, or a person's order that is answered at once: `ask` of it returns an `Answer`."""

    __slots__ = ()
