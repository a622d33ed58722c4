"""What the exits know of the guard's exposures, and from when on that is enough to act on.

A part of ExitsActor, in its thread. While a task goes by it the guard tells of a change by itself, so nobody waits for
a poll. But a change may be on its way: a word about a position (it filled, its exit was answered, a person sets its
stops) often comes before the guard has been told of the order behind it. So whatever has to be judged by what the guard
holds *after* a word waits for the answer to a question that left after it.

Why that is enough. A mailbox keeps the order in which messages are put into it. Whoever tells the exits of an order has
told the guard before, so the guard takes that up before a question that the word caused, and its answer knows of it.
One question is under way at a time: its answer is known by being one, and needs no number. What comes meanwhile waits
for the next, which leaves as soon as the answer is there. What the guard tells later knows all that it told before.
"""

from collections.abc import Collection
from typing import Final, TypeAlias

from actors.messages.exits import ExitCut, FlattenAll
from actors.messages.guard import AskForExposures, ExposuresTold
from actors.messages.inboxes import GuardInbox
from actors.messages.stops import SetStops
from actors.runtime.address import Address, post
from domain.exits.flatten import PositionKey
from domain.orders.order import Order

Word: TypeAlias = FlattenAll | SetStops | ExitCut | Order | PositionKey
"""What waits for an answer: a request, an exit that has traded late, or a position of which something was heard."""

NOTHING_TOLD: Final = ExposuresTold(exposures={})


class GuardKnowledge:
    """Owns what the guard told last, the question under way, and what waits for its answer or for the next one."""

    def __init__(self, guard: Address[GuardInbox]) -> None:
        self._guard = guard
        self.told = NOTHING_TOLD
        self._is_following = False
        """The guard tells of the next change by itself."""
        self._asked: list[Word] | None = None
        """What the question under way was asked for; None while there is none."""
        self._waiting: list[Word] = []

    @property
    def is_current(self) -> bool:
        """Say whether the guard would have told of any change: what it told last still holds."""
        return self.told is not NOTHING_TOLD and self._is_following and self._asked is None and not self._waiting

    @property
    def stale(self) -> Collection[PositionKey]:
        """Return the positions of which something was heard that the guard may not have told of yet."""
        return {one for one in (*(self._asked or ()), *self._waiting) if isinstance(one, PositionKey)}

    def note(self, word: Word) -> None:
        """Let something wait for the next question, which nobody is in a hurry for."""
        self._waiting.append(word)

    def renew(self, *words: Word, follows: bool = False) -> None:
        """Ask the guard for these and all that waits; where a question is under way, as soon as it is answered.

        `follows`: the guard tells of the next change too. A change is told whole, and entries bring many: it is asked
        for only while something is done by it.
        """
        self._waiting.extend(words)
        if self._asked is None:
            self._asked, self._waiting = self._waiting, []
            self._is_following = self._is_following or follows
            post(self._guard, AskForExposures(follows=follows))

    def take(self, told: ExposuresTold) -> list[Word]:
        """Take over what the guard holds; return what may be judged by it now."""
        self.told = told
        if not told.answers:
            self._is_following = False
            return []
        due, self._asked = self._asked or [], None
        if self._waiting:
            self.renew()
        return due

    def follow(self) -> None:
        """Be told of the next change, unless that is so already."""
        if not self._is_following:
            self._is_following = True
            post(self._guard, AskForExposures(follows=True, answers=False))
